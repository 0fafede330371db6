#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <unordered_map>

#include "hexcore/recording/told_records.hpp"

namespace hexcore {

/// The call stacks of this process, numbered: each is told once. Nothing is looked up by name here;
/// that is left to reports. For one thread at a time.
class CallStacks {
public:
    /// Two numbers a frame, the innermost first: its module's, and the address in it.
    using TellStack = std::function<bool(std::span<const std::uint64_t> numbers)>;
    using TellModule = std::function<bool(std::uint64_t number, std::string_view path)>;

    /// Loads what unwinding needs, which takes memory and locks.
    void warm_up();
    /// The number of the caller's stack, told before by these if it is new. 0: it could not be
    /// told, or there were too many.
    [[nodiscard]] std::uint64_t number_of_now(const TellModule& tell_module,
                                              const TellStack& tell_stack);
    /// All are new again, under new numbers.
    void forget_told();

private:
    static constexpr std::size_t stacks_max = 16384;
    static constexpr std::size_t modules_max = 1024;

    std::uint64_t last_ = 0;
    std::unordered_map<std::uint64_t, std::uint64_t> stacks_;  ///< by a hash of their addresses
    std::unordered_map<const void*, std::uint64_t> modules_;   ///< by the loader's entry
};

}  // namespace hexcore
