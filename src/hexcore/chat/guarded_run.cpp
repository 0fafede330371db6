#include "hexcore/chat/guarded_run.hpp"

#include <algorithm>
#include <cstdint>
#include <exception>

#include "hexcore/base/deep_stack.hpp"
#include "value_limit.hpp"

namespace hexcore {
namespace {

constexpr std::size_t stack_margin = std::size_t{32} << 20;  // for what makes no values

// Some hundred MiB. Templates of this world keep some dozen for each message.
constexpr std::int64_t values_live_max = 2'000'000;

// The slowest of the templates of llama.cpp's tests takes five for a conversation of 400 turns.
constexpr std::int64_t processor_seconds_max = 30;

struct Run {
    std::uint64_t values_max;
    const std::function<void()>& work;
    GuardedEnd end = {};
};

void run_within_limits(Run& run) {
    HexcoreValueLimit& limit = hexcore_value_limit();
    limit.values_left = run.values_max;
    limit.live_max = values_live_max;
    limit.seconds_max = processor_seconds_max;
    limit.stack_end = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)) -
                      (guarded_stack_bytes - stack_margin);
    run.end = run_caught(run.work);
    // The interpreter itself catches exceptions in places and goes on.
    if (limit.too_deep) {
        run.end.how = GuardedEnd::How::too_deep;
    } else if (limit.too_much) {
        run.end.how = GuardedEnd::How::too_much;
    }
}

}  // namespace

GuardedEnd run_caught(const std::function<void()>& work) {
    try {
        work();
        return {};
    } catch (const std::exception& error) {
        return {GuardedEnd::How::threw, error.what()};
    } catch (...) {
        return {GuardedEnd::How::threw, "an exception without a word"};
    }
}

GuardedEnd run_guarded(std::uint64_t values_max, const std::function<void()>& work) {
    Run guarded{values_max, work};
    const bool ran = DeepStack(guarded_stack_bytes).run([&] { run_within_limits(guarded); });
    return ran ? guarded.end : GuardedEnd{GuardedEnd::How::no_thread};
}

std::size_t bracket_depth(std::string_view text) {
    std::size_t depth = 0;
    std::size_t deepest = 0;
    for (const char byte : text) {
        if (byte == '(' || byte == '[' || byte == '{') {
            deepest = std::max(deepest, ++depth);
        } else if ((byte == ')' || byte == ']' || byte == '}') && depth > 0) {
            --depth;
        }
    }
    return deepest;
}

}  // namespace hexcore
