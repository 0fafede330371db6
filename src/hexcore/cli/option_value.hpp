#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>

namespace hexcore {

// Checks for option values, each with a message of its own. Unlike CLI::Range they refuse NaN,
// which compares as being within any range.

/// A number from `least` to `most`, both included.
[[nodiscard]] CLI::Validator number_between(double least, double most);
/// A whole number from `least` to `most`, both included.
[[nodiscard]] CLI::Validator whole_between(std::uint64_t least, std::uint64_t most);
/// A number from `least` on.
[[nodiscard]] CLI::Validator number_from(double least);
/// A size as parse_bytes() reads it.
[[nodiscard]] CLI::Validator byte_size();

// These change what they check to a plain number, so they are given to CLI::Option::transform().

/// A whole number of tokens from 1 to `most`, in which `k` stands for 1024 and `m` for 1024 * 1024.
[[nodiscard]] CLI::Validator token_count(std::uint64_t most);
/// The same, or a size with a unit that ends in B, which stays.
[[nodiscard]] CLI::Validator token_count_or_size(std::uint64_t most);
/// Whether a value of that is such a size.
[[nodiscard]] bool is_size(const std::string& value);
/// A whole number from 1 on, or -1, which becomes `unlimited`.
[[nodiscard]] CLI::Validator count_or_unlimited(std::uint32_t unlimited);
/// A whole number from 0 to 2^30, or -1, which becomes the latter: more than there are.
[[nodiscard]] CLI::Validator count_or_all();
/// A whole number of 32 bits, or -1, which becomes `random`.
[[nodiscard]] CLI::Validator seed_or_random(std::uint32_t random);

}  // namespace hexcore
