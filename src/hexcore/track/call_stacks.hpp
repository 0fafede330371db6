#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
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
    static void warm_up();
    /// The number of the caller's stack, told before by these if it is new. 0: it could not be
    /// told, or there were too many.
    [[nodiscard]] std::uint64_t number_of_now(const TellModule& tell_module,
                                              const TellStack& tell_stack);
    /// All are told again, under the same numbers.
    void forget_told() { ++time_; }

private:
    static constexpr std::size_t stacks_max = 16384;
    static constexpr std::size_t modules_max = 1024;

    /// How often something was forgotten before a thing was told.
    using Time = std::uint64_t;
    struct Module {
        std::uint64_t number = 0;
        std::string path;
        Time told = 0;
    };
    struct Stack {
        std::uint64_t number = 0;
        Time told = 0;
    };
    struct Frame {
        Module* module = nullptr;  ///< null: not known
        std::uint64_t offset = 0;
    };

    /// Of each address, in which module it is, and where there.
    void resolve(std::span<void* const> addresses, std::span<Frame> frames);
    [[nodiscard]] Module* module_named(std::string_view name);

    Time time_ = 1;
    std::unordered_map<std::uint64_t, Stack> stacks_;  ///< by a hash of their frames
    /// By the loader's name: where a library was, another may be loaded once it is not needed.
    std::map<std::string, Module, std::less<>> modules_;
};

}  // namespace hexcore
