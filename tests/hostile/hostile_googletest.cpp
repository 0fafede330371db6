// The bad things as tests of GoogleTest: Hostile.NAME.

#include <gtest/gtest.h>

#include <string>

#include "hexcore/testing/gtest.hpp"
#include "hostile/bad_things.hpp"

namespace {

class Hostile : public testing::Test {
public:
    explicit Hostile(const hostile::BadThing& thing) : thing_(thing) {}
    void TestBody() override {
        try {
            thing_.act();
        } catch (const hostile::Failed& failed) {
            FAIL() << failed.why;
        } catch (const hostile::Skipped& skipped) {
            GTEST_SKIP() << skipped.why;
        }
    }

private:
    const hostile::BadThing& thing_;
};

}  // namespace

int main(int argc, char** argv) {
    for (const hostile::BadThing& thing : hostile::bad_things()) {
        testing::RegisterTest("Hostile", thing.name, nullptr, nullptr, __FILE__, __LINE__,
                              [&thing]() -> testing::Test* { return new Hostile(thing); });
        const std::string name = std::string("Hostile.") + thing.name;
        if (thing.budget != nullptr) {
            hexcore::testing::detail::ToldBudget(name.c_str(), "memory", thing.budget);
        }
        if (thing.hangs) {
            hexcore::testing::detail::ToldBudget(name.c_str(), "timeout", "1500ms");
        }
    }
    testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}
