#pragma once

#include <string>

namespace hexcore {

/// Whether a program may be one with GoogleTest or Catch2, by what its file holds: a script may be
/// anything, a binary has words, symbols or libraries of theirs. Asking a program that is neither
/// would run it.
[[nodiscard]] bool may_have_tests(const std::string& program);

}  // namespace hexcore
