#include "hexcore/cli/terminal.hpp"

#include <langinfo.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <clocale>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "hexcore/base/printable.hpp"
#include "hexcore/base/text_file.hpp"
#include "hexcore/base/whole_number.hpp"
#include "hexcore/cli/in_options.hpp"
#include "hexcore/device/server_wait.hpp"

namespace hexcore {
namespace {

// A signal handler can reach nothing but globals.
std::atomic<bool> interrupted{false};
std::atomic<std::int64_t> first_at_ms{0};  // of those not yet taken note of; 0: there is none
std::atomic<bool> quit{false};
static_assert(std::atomic<bool>::is_always_lock_free &&
              std::atomic<std::int64_t>::is_always_lock_free);

void on_signal(int signal) {
    // What comes closer to the first is the same wish: timeout(1) signals a child and its group.
    constexpr std::int64_t another_ms = 200;
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    const std::int64_t now_ms = std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
    std::int64_t first_ms = 0;
    if (!first_at_ms.compare_exchange_strong(first_ms, now_ms) && now_ms - first_ms >= another_ms) {
        // Whatever keeps the program from ending in order: what it holds goes with it.
        ::_exit(static_cast<int>(ErrorCode::interrupted));
    }
    interrupted.store(true);
    if (signal == SIGTERM) {
        quit.store(true);
    }
}

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
    const bool color = isatty(file) == 1 && (no_color == nullptr || *no_color == '\0');
    return {.charset = utf8 ? Charset::unicode : Charset::ascii,
            .color = color ? Color::ansi : Color::never,
            .columns = std::max(columns_of(file), least_columns)};
}

/// One line; on a terminal broken between words.
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

}  // namespace

bool stdin_is_terminal() { return isatty(STDIN_FILENO) == 1; }
bool stdout_is_terminal() { return isatty(STDOUT_FILENO) == 1; }
bool stderr_is_terminal() { return isatty(STDERR_FILENO) == 1; }

TextStyle stdout_style() { return style_of(STDOUT_FILENO); }
TextStyle stderr_style() { return style_of(STDERR_FILENO); }

std::size_t stderr_columns() { return columns_of(STDERR_FILENO); }

void print(std::string_view text) {
    // Of a long text, fwrite itself writes the most, and what it could not write is no longer there
    // for fflush to fail at.
    const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
    if (std::fflush(stdout) != 0 || !written) {
        if (errno != EPIPE) {
            complain(fmt::format("standard output cannot be written: {}", std::strerror(errno)));
        }
        std::_Exit(static_cast<int>(ErrorCode::negative));
    }
}

void print_aside(std::string_view text) {
    // Not fmt::print(), which throws where stderr is closed or its disk is full.
    std::fwrite(text.data(), 1, text.size(), stderr);
    std::fflush(stderr);
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

Interrupt::Interrupt() {
    clear();
    give_up_waiting_on(&interrupted);
    struct sigaction action {};
    action.sa_handler = on_signal;
    // No SA_RESTART: reading the next line of a chat must end too.
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
}

Interrupt::~Interrupt() {
    give_up_waiting_on(nullptr);
    std::signal(SIGINT, SIG_DFL);
    std::signal(SIGTERM, SIG_DFL);
}

const std::atomic<bool>* Interrupt::flag() const { return &interrupted; }
bool Interrupt::happened() const { return interrupted.load(); }
bool Interrupt::should_quit() const { return quit.load(); }
void Interrupt::is_of_answers() { give_up_waiting_on(&quit); }

void Interrupt::clear() {
    first_at_ms.store(0);
    interrupted.store(quit.load());
}

Result<std::string> read_file(const std::string& path, const std::atomic<bool>* stop) {
    return path == "-" ? read_text(STDIN_FILENO, "standard input", stop)
                       : read_text_file(path, path, stop);
}

}  // namespace hexcore
