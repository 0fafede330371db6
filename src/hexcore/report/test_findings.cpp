#include "hexcore/report/test_findings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "hexcore/base/printable.hpp"
#include "hexcore/isolate/repeat_levels.hpp"

namespace hexcore {
namespace {

constexpr std::size_t most_frames = 5;

bool is_frameworks(std::string_view name) {
    constexpr std::array begins = {"testing::", "void testing::", "bool testing::", "Catch::"};
    return name.find("/_pytest/") != std::string_view::npos ||
           std::ranges::any_of(begins,
                               [name](const char* begin) { return name.starts_with(begin); });
}

}  // namespace

std::vector<std::string> crash_lines(const CrashStack& stack) {
    std::vector<std::string> lines;
    auto frame = std::ranges::find_if(stack.frames, [](const CrashStack::Frame& one) {
        return one.is_own && !is_frameworks(one.name);
    });
    if (frame == stack.frames.end()) {
        frame = stack.frames.begin();
    }
    for (; frame != stack.frames.end() && lines.size() < most_frames; ++frame) {
        if (!lines.empty() && is_frameworks(frame->name)) {
            break;
        }
        lines.push_back((lines.empty() ? "in " : "called by ") + printable(frame->name));
    }
    if (!stack.note.empty()) {
        lines.push_back(printable(stack.note));
    }
    return lines;
}

std::string whole_stack(const CrashStack& stack) {
    std::string text;
    for (const CrashStack::Frame& frame : stack.frames) {
        text += printable(frame.name) + '\n';
    }
    return stack.note.empty() ? text : text + printable(stack.note) + '\n';
}

std::vector<std::string> growth_lines(const Attempt& attempt) {
    std::vector<std::string> lines;
    for (const auto& [device, judgement] : attempt.growth) {
        if (judgement.verdict == Verdict::leak) {
            lines.push_back(fmt::format("leaks {} of {} each time, over {} repeats",
                                        to_string(bytes_a_repeat(judgement)), printable(device),
                                        judgement.repeats));
        } else if (judgement.verdict == Verdict::inconclusive) {
            lines.push_back(fmt::format("whether it leaks {} is not known: {}", printable(device),
                                        judgement.why));
        }
    }
    return lines;
}

std::string left_by_line(const TestResult& result) {
    const TestsOfProcess* tests = result.left_by_one_of();
    return tests == nullptr ? "" : "left by " + one_of(*tests);
}

}  // namespace hexcore
