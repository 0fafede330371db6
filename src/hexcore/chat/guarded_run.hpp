#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace hexcore {

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
