#pragma once

// What bad tests do, for each framework the same: a table of functions with the verdict that
// `hexcore test` has to give. Not to be run otherwise: though nothing here harms for longer than
// two minutes, much of it does until then.

#include <string>
#include <vector>

namespace hostile {

/// Verdicts are as hexcore.test/1 has them; `a|b`: either, where the machine decides.
struct BadThing {
    const char* name;
    void (*act)();
    const char* verdict;              ///< where the framework reports that a test came to its end
    const char* by_exit = nullptr;    ///< by the exit code alone, as CTest; null: the same
    const char* in_catch2 = nullptr;  ///< whose report is an open file; null: the same
    const char* memory = "clean";
    const char* budget = nullptr;  ///< of main memory
    bool hangs = false;            ///< so it gets a short timeout
};

/// All of them, in an order that never changes.
[[nodiscard]] const std::vector<BadThing>& bad_things();

// Parts of it, by what they are about.
[[nodiscard]] std::vector<BadThing> bad_ends();
[[nodiscard]] std::vector<BadThing> bad_signals();
[[nodiscard]] std::vector<BadThing> bad_hangs();
[[nodiscard]] std::vector<BadThing> bad_leftovers();
[[nodiscard]] std::vector<BadThing> bad_memory();
[[nodiscard]] std::vector<BadThing> bad_output();
[[nodiscard]] std::vector<BadThing> bad_names();

/// A test is to fail, or to be skipped, in the way of its framework.
struct Failed {
    std::string why;
};
struct Skipped {
    std::string why;
};

/// Whatever is left of this process or its children ends by itself after two minutes, should
/// nothing else end it.
void end_in_the_end();

}  // namespace hostile
