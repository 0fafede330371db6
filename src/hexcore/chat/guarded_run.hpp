#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace hexcore {

/// The stack of a guarded run: address space, of which only what is used becomes memory. The
/// longest template that is taken, nested all along, needs a third of it
/// (tests/chat/hostile_template_test.cpp).
inline constexpr std::size_t guarded_stack_bytes = std::size_t{128} << 20;

/// How a run ended.
struct GuardedEnd {
    enum class How { done, threw, no_thread, too_much, too_deep };
    How how = How::done;
    std::string what = {};  ///< of the exception
};

/// Runs what others wrote on a thread with a stack for deep recursion, catches what it throws, and
/// stops templates that make more than that many values in it, keep two million of them, or take
/// 30 s of processor time. Nothing that `work` does outlives the call.
[[nodiscard]] GuardedEnd run_guarded(std::uint64_t values_max, const std::function<void()>& work);

/// The same on this thread, for what is known to be small and makes no values of templates.
[[nodiscard]] GuardedEnd run_caught(const std::function<void()>& work);

/// How deep brackets lie within each other, whatever they mean: an upper bound of how deep those
/// recurse who read the text.
[[nodiscard]] std::size_t bracket_depth(std::string_view text);

}  // namespace hexcore
