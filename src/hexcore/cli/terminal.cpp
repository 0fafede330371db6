#include "hexcore/cli/terminal.hpp"

#include <langinfo.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <clocale>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "hexcore/base/end_now.hpp"
#include "hexcore/base/printable.hpp"
#include "hexcore/base/text_file.hpp"
#include "hexcore/base/whole_number.hpp"
#include "hexcore/cli/in_options.hpp"

namespace hexcore {
namespace {

/// Of the terminal that the file is; else what COLUMNS says, or 80. Between 10 and 1000.
std::size_t columns_of(int file) {
    winsize size{};
    std::uint64_t columns = ioctl(file, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
    if (columns == 0) {
        const char* said = std::getenv("COLUMNS");
        columns = whole_number(said == nullptr ? "" : said).value_or(0);
    }
    return columns == 0 ? 80 : std::clamp<std::uint64_t>(columns, 10, 1000);
}

TextStyle style_of(int file) {
    constexpr std::size_t least_columns = 40;  // less is no place for a table
    std::setlocale(LC_CTYPE, "");
    const bool utf8 = std::strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    const char* no_color = std::getenv("NO_COLOR");
    const bool color = understands_escapes(file) && (no_color == nullptr || *no_color == '\0');
    return {.charset = utf8 ? Charset::unicode : Charset::ascii,
            .color = color ? Color::ansi : Color::never,
            .columns = std::max(columns_of(file), least_columns)};
}

}  // namespace

bool stdin_is_terminal() { return isatty(STDIN_FILENO) == 1; }
bool stdout_is_terminal() { return isatty(STDOUT_FILENO) == 1; }
bool stderr_is_terminal() { return isatty(STDERR_FILENO) == 1; }

bool understands_escapes(int file) {
    const char* term = std::getenv("TERM");
    return isatty(file) == 1 && term != nullptr && *term != '\0' && std::strcmp(term, "dumb") != 0;
}

bool stderr_has_cursor() { return understands_escapes(STDERR_FILENO); }

TextStyle stdout_style() { return style_of(STDOUT_FILENO); }
TextStyle stderr_style() { return style_of(STDERR_FILENO); }

std::size_t stdout_columns() { return columns_of(STDOUT_FILENO); }
std::size_t stderr_columns() { return columns_of(STDERR_FILENO); }

bool write_whole(std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
        if (written >= 0) {
            text.remove_prefix(static_cast<std::size_t>(written));
        } else if (errno == EAGAIN) {  // whoever shares the file may have asked for that
            pollfd output{STDOUT_FILENO, POLLOUT, 0};
            ::poll(&output, 1, -1);
        } else if (errno != EINTR) {  // as by Ctrl-C while a terminal is stopped (Ctrl-S)
            return false;
        }
    }
    return true;
}

void print(std::string_view text) {
    if (write_whole(text)) {
        return;
    }
    if (errno != EPIPE) {
        complain(fmt::format("standard output cannot be written: {}", std::strerror(errno)));
    }
    end_now(static_cast<int>(ErrorCode::negative));
}

void print_aside(std::string_view text) {
    // Not fmt::print(), which throws where stderr is closed or its disk is full.
    std::fwrite(text.data(), 1, text.size(), stderr);
    std::fflush(stderr);
}

void print_paragraph_aside(std::string_view text) {
    if (!stderr_is_terminal()) {
        print_aside(fmt::format("{}\n", text));
        return;
    }
    std::string lines;
    for (const std::string& line : wrap_text(text, std::min(stderr_columns(), report_columns))) {
        lines += line + '\n';
    }
    print_aside(lines);
}

void print_line_aside(std::string_view text) {
    if (stderr_is_terminal()) {
        print_aside("\n");
    }
    print_paragraph_aside(text);
}

void complain(std::string_view message) {
    print_paragraph_aside(fmt::format("hexcore: {}", printable(message)));
}

int report_error(const Error& error) {
    complain(told(error, in_options));
    return static_cast<int>(error.code);
}

Result<std::string> read_file(const std::string& path, const std::atomic<bool>* stop) {
    return path == "-" ? read_text(STDIN_FILENO, "standard input", stop)
                       : read_text_file(path, path, stop);
}

}  // namespace hexcore
