#include "hexcore/cli/question_text.hpp"

namespace hexcore {
namespace {

constexpr std::string_view mark = R"(""")";

/// Where the text begins that a block may be: behind a command, if there is one.
std::size_t start_of_text(std::string_view typed) {
    constexpr std::string_view command = "/system ";
    return typed.starts_with(command) ? typed.find_first_not_of(' ', command.size()) : 0;
}

}  // namespace

bool goes_on(std::string_view typed) {
    if (typed.ends_with('\\')) {
        return true;
    }
    const std::size_t start = start_of_text(typed);
    if (start == std::string_view::npos || !typed.substr(start).starts_with(mark)) {
        return false;
    }
    return !typed.substr(start + mark.size()).ends_with(mark);
}

std::string meant_by(std::string_view typed) {
    const std::size_t start = start_of_text(typed);
    std::string text(typed);
    if (start == std::string_view::npos || !typed.substr(start).starts_with(mark) ||
        !typed.substr(start + mark.size()).ends_with(mark)) {
        return std::string(typed);
    }
    std::string_view inner = typed.substr(start + mark.size());
    inner.remove_suffix(mark.size());
    if (inner.starts_with('\n')) {
        inner.remove_prefix(1);
    }
    if (inner.ends_with('\n')) {
        inner.remove_suffix(1);
    }
    return std::string(typed.substr(0, start)).append(inner);
}

}  // namespace hexcore
