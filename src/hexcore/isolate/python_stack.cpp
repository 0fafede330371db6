#include "hexcore/isolate/python_stack.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "hexcore/base/printable.hpp"

namespace hexcore {
namespace {

constexpr std::string_view fatal_words = "Fatal Python error: ";
constexpr std::string_view thread_words = "Current thread ";
constexpr std::size_t longest_python_frame = 400;

/// A line of the tests or of what they test, not of Python or what is installed.
bool is_users(std::string_view file) {
    constexpr std::array others = {"/site-packages/", "/dist-packages/", "/lib/python",
                                   "/pytest_hexcore/"};
    return !file.starts_with('<') && std::ranges::none_of(others, [file](const char* folder) {
        return file.find(folder) != std::string_view::npos;
    });
}

/// `  File "/x/test_a.py", line 5 in test_x`
std::optional<CrashStack::Frame> frame_in(std::string_view line) {
    constexpr std::string_view begin = "  File \"";
    const std::size_t end = line.rfind("\", line ");
    const std::size_t in = line.rfind(" in ");
    if (!line.starts_with(begin) || end == std::string_view::npos || in == std::string_view::npos ||
        in < end) {
        return std::nullopt;
    }
    const std::string_view file = line.substr(begin.size(), end - begin.size());
    const std::size_t number = end + std::string_view("\", line ").size();
    if (number > in) {
        return std::nullopt;
    }
    return CrashStack::Frame{shortened(fmt::format("{} at {}:{}", line.substr(in + 4), file,
                                                   line.substr(number, in - number)),
                                       longest_python_frame),
                             is_users(file)};
}

}  // namespace

CrashStack python_stack(std::string_view output) {
    const std::size_t fatal = output.rfind(fatal_words);
    const std::size_t thread =
        fatal == std::string_view::npos ? fatal : output.find(thread_words, fatal);
    CrashStack stack;
    if (thread != std::string_view::npos) {
        std::string_view rest = output.substr(thread);
        while (!rest.empty()) {
            const std::size_t end = std::min(rest.find('\n'), rest.size());
            const std::string_view line = rest.substr(0, end);
            rest.remove_prefix(std::min(end + 1, rest.size()));
            if (auto frame = frame_in(line)) {
                stack.frames.push_back(*std::move(frame));
            } else if (!stack.frames.empty()) {
                break;
            }
        }
    }
    if (stack.frames.empty()) {
        stack.note = "no stack: Python's faulthandler wrote none";
    }
    return stack;
}

}  // namespace hexcore
