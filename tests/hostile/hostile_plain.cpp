// The bad things by themselves, for CTest: `hostile_plain NUMBER` does one; without a number it
// prints the table of all.

#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>

#include "hostile/bad_things.hpp"

namespace {

int do_one(const hostile::BadThing& thing) {
    constexpr int skips = 77;
    try {
        thing.act();
    } catch (const hostile::Failed& failed) {
        std::fprintf(stderr, "%s\n", failed.why.c_str());
        return EXIT_FAILURE;
    } catch (const hostile::Skipped& skipped) {
        std::fprintf(stderr, "%s\n", skipped.why.c_str());
        return skips;
    } catch (...) {
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
    const auto& things = hostile::bad_things();
    if (argc > 1) {
        return do_one(things.at(static_cast<std::size_t>(std::atoi(argv[1]))));
    }
    nlohmann::json table = nlohmann::json::array();
    for (const hostile::BadThing& thing : things) {
        const auto or_verdict = [&thing](const char* other) {
            return std::string(other == nullptr ? thing.verdict : other);
        };
        table.push_back({{"name", thing.name},
                         {"googletest", thing.verdict},
                         {"catch2", or_verdict(thing.in_catch2)},
                         {"ctest", or_verdict(thing.by_exit)},
                         {"memory", thing.memory},
                         {"budget", thing.budget == nullptr ? "" : thing.budget},
                         {"hangs", thing.hangs}});
    }
    std::puts(table.dump(1).c_str());
    return EXIT_SUCCESS;
}
