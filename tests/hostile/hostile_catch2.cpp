// The bad things as test cases of Catch2. Version 2 cannot skip: those that would are left out.

#define CATCH_CONFIG_RUNNER
#ifdef HEXCORE_SAMPLE_CATCH2_3
#include <catch2/catch_session.hpp>
#include <catch2/catch_test_macros.hpp>
#else
#include <catch2/catch.hpp>
#endif

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "hostile/bad_things.hpp"

namespace {

constexpr std::size_t most = 200;

template <std::size_t index>
void run_thing() {
    try {
        hostile::bad_things()[index].act();
    } catch (const hostile::Failed& failed) {
        FAIL(failed.why);
    }
}

template <std::size_t... index>
constexpr std::array<void (*)(), most> runners(std::index_sequence<index...>) {
    return {run_thing<index>...};
}

void add(std::size_t index, const hostile::BadThing& thing) {
    constexpr std::array<void (*)(), most> run = runners(std::make_index_sequence<most>());
    std::string tags;
    if (thing.budget != nullptr) {
        tags += "[memory:" + std::string(thing.budget) + "]";
    }
    tags += thing.hangs ? "[timeout:1500ms]" : "";
    // What TEST_CASE is made of.
    const Catch::AutoReg added(Catch::makeTestInvoker(run[index]), CATCH_INTERNAL_LINEINFO,
                               Catch::StringRef(), Catch::NameAndTags{thing.name, tags});
}

}  // namespace

int main(int argc, char** argv) {
    const std::vector<hostile::BadThing>& things = hostile::bad_things();
    for (std::size_t index = 0; index < things.size() && index < most; ++index) {
        if (std::string(things[index].verdict) != "skipped") {
            add(index, things[index]);
        }
    }
    return Catch::Session().run(argc, argv);
}
