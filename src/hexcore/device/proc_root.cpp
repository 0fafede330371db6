#include "hexcore/device/proc_root.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "hexcore/base/file_descriptor.hpp"
#include "hexcore/base/whole_number.hpp"

namespace hexcore {
namespace {

constexpr std::string_view blanks = " \t\n";

}  // namespace

Result<std::optional<std::string>> ProcRoot::read_if_there(std::string_view absolute) const {
    const std::string name = path(absolute);
    const FileDescriptor file(name.c_str());
    if (!file.is_open() && (file.open_error() == ENOENT || file.open_error() == ENOTDIR)) {
        return std::nullopt;
    }
    int error = file.open_error();
    if (file.is_open()) {
        // The kernel's files say a size of 0, so they are read until they end.
        std::string text;
        std::array<char, 16384> buffer;
        ssize_t count = 0;
        while ((count = file.read(buffer.data(), buffer.size())) > 0) {
            text.append(buffer.data(), static_cast<std::size_t>(count));
        }
        if (count == 0) {
            return text;
        }
        error = errno;
    }
    return fail(ErrorCode::bad_input, "{} cannot be read: {}; check its permissions", name,
                std::strerror(error));
}

Result<std::string> ProcRoot::read(std::string_view absolute) const {
    HEXCORE_TRY(text, read_if_there(absolute));
    if (!text) {
        return fail(ErrorCode::bad_input,
                    "{} is not there; Hexcore learns from it what memory the machine has, so /proc "
                    "must be mounted",
                    path(absolute));
    }
    return std::move(*text);
}

std::optional<std::string> ProcRoot::read_link(std::string_view absolute) const {
    std::array<char, 4096> target;
    const ssize_t length = ::readlink(path(absolute).c_str(), target.data(), target.size());
    if (length < 0) {
        return std::nullopt;
    }
    return std::string(target.data(), static_cast<std::size_t>(length));
}

std::string_view take_line(std::string_view& text) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return line;
}

std::string_view take_word(std::string_view& line) {
    line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
    const std::string_view word = line.substr(0, line.find_first_of(blanks));
    line.remove_prefix(word.size());
    return word;
}

std::uint64_t number_of_key(std::string_view text, std::string_view key) {
    while (!text.empty()) {
        std::string_view line = take_line(text);
        if (take_word(line) == key) {
            return whole_number(take_word(line)).value_or(0);
        }
    }
    return 0;
}

std::string_view trimmed(std::string_view text) {
    text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
    return text.substr(0, text.find_last_not_of(blanks) + 1);
}

}  // namespace hexcore
