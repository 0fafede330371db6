#include "hexcore/cli/curses_screen.hpp"

#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#define NCURSES_NOMACROS
#include <ncurses.h>
#include <term.h>
// term.h gives these names to its own fields.
#undef columns
#undef lines

#include "hexcore/base/end_now.hpp"
#include "hexcore/cli/terminal.hpp"

namespace hexcore {
namespace {

constexpr short n_device_colors = 6;
constexpr short warning_pair = n_device_colors + 1;

// A signal handler can reach nothing but globals. They are set before the handlers are.
termios found;
std::array<char, 256> restoring;
std::size_t restoring_bytes = 0;

/// Whatever ncurses is in the middle of.
void give_back() {
    (void)!::write(STDOUT_FILENO, restoring.data(), restoring_bytes);
    ::tcsetattr(STDIN_FILENO, TCSANOW, &found);
}

constexpr std::array faults{SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};

void on_fault(int signal) {
    give_back();
    std::signal(signal, SIG_DFL);
    ::raise(signal);
}

/// A capability's sequence without its notes on delays, `$<5>`.
std::string sequence(const char* capability) {
    const char* text = ::tigetstr(capability);
    constexpr std::intptr_t no_text = -1;  // of a capability that is none
    if (text == nullptr || reinterpret_cast<std::intptr_t>(text) == no_text) {
        return {};
    }
    std::string result;
    for (std::string_view rest(text); !rest.empty();) {
        const std::size_t end = rest.starts_with("$<") ? rest.find('>') : std::string_view::npos;
        if (end != std::string_view::npos) {
            rest.remove_prefix(end + 1);
        } else {
            result += rest.front();
            rest.remove_prefix(1);
        }
    }
    return result;
}

bool can_move_the_cursor() {
    int error = 0;
    return ::setupterm(nullptr, STDOUT_FILENO, &error) == OK && !sequence("cup").empty() &&
           !sequence("clear").empty();
}

std::optional<LiveKey> meaning_of(int key) {
    switch (key) {
        case KEY_UP:
        case 'k':
            return LiveKey::up;
        case KEY_DOWN:
        case 'j':
            return LiveKey::down;
        case KEY_ENTER:
        case '\n':
        case '\r':
            return LiveKey::enter;
        case KEY_BACKSPACE:
        case '\x7f':
        case '\b':
        case '\x1b':
            return LiveKey::leave;
        case '\t':
            return LiveKey::device;
        case ' ':
        case 'p':
            return LiveKey::pause;
        case 'm':
            return LiveKey::mark;
        case 'b':
            return LiveKey::baseline;
        case 's':
            return LiveKey::sort;
        case '?':
        case 'h':
            return LiveKey::help;
        case 'q':
            return LiveKey::quit;
        default:
            return std::nullopt;
    }
}

class Screen : public CursesScreen {
public:
    explicit Screen(SCREEN* screen, Color color) : screen_(screen) {
        const std::string text =
            sequence("sgr0") + sequence("rmkx") + sequence("cnorm") + sequence("rmcup");
        restoring_bytes = text.copy(restoring.data(), restoring.size());
        for (const int fault : faults) {
            std::signal(fault, on_fault);
        }
        before_end_now(give_back);
        ::noecho();
        ::cbreak();
        ::nodelay(stdscr, true);
        ::keypad(stdscr, true);
        ::set_escdelay(50);
        ::curs_set(0);
        if (color == Color::ansi && ::has_colors() && ::start_color() == OK) {
            set_up_colors();
        }
    }
    ~Screen() override {
        ::endwin();
        before_end_now(nullptr);
        for (const int fault : faults) {
            std::signal(fault, SIG_DFL);
        }
        ::delscreen(screen_);
    }

    LiveSize size() const override {
        return {static_cast<std::size_t>(::getmaxy(stdscr)),
                static_cast<std::size_t>(::getmaxx(stdscr))};
    }
    void draw(const std::vector<LiveLine>& lines) override {
        ::erase();
        for (std::size_t row = 0; row < lines.size(); ++row) {
            ::move(static_cast<int>(row), 0);
            for (const LiveSpan& span : lines[row]) {
                ::attr_set(attributes_of(span), pair_of(span), nullptr);
                ::addstr(span.text.c_str());
            }
        }
        ::attr_set(A_NORMAL, 0, nullptr);
        ::refresh();
    }
    std::optional<LiveKey> key() override {
        for (int key = ::getch(); key != ERR; key = ::getch()) {
            if (const auto meaning = meaning_of(key)) {
                return meaning;
            }
        }
        return std::nullopt;
    }
    bool is_gone() const override {
        termios now{};
        return ::tcgetattr(STDIN_FILENO, &now) != 0;
    }
    void resize() override {
        winsize now{};
        if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &now) == 0 && now.ws_row > 0 && now.ws_col > 0) {
            ::resizeterm(now.ws_row, now.ws_col);
            ::clearok(stdscr, true);
        }
    }
    void leave() override { ::endwin(); }
    void enter() override {
        ::reset_prog_mode();
        resize();
        ::clearok(stdscr, true);
        ::refresh();
    }

private:
    void set_up_colors() {
        constexpr std::array<short, n_device_colors> colors{
            COLOR_CYAN, COLOR_GREEN, COLOR_YELLOW, COLOR_MAGENTA, COLOR_BLUE, COLOR_RED};
        constexpr short usual = -1;
        ::use_default_colors();
        for (short i = 0; i < n_device_colors; ++i) {
            ::init_pair(static_cast<short>(i + 1), colors[static_cast<std::size_t>(i)], usual);
        }
        ::init_pair(warning_pair, COLOR_RED, usual);
        has_colors_ = true;
    }
    [[nodiscard]] short pair_of(const LiveSpan& span) const {
        if (!has_colors_) {
            return 0;
        }
        if (span.look == LiveLook::warning) {
            return warning_pair;
        }
        return span.look == LiveLook::device
                   ? static_cast<short>(1 + span.device % static_cast<std::size_t>(n_device_colors))
                   : short{0};
    }
    static attr_t attributes_of(const LiveSpan& span) {
        switch (span.look) {
            case LiveLook::heading:
                return A_REVERSE;
            case LiveLook::dim:
                return A_DIM;
            case LiveLook::chosen:
            case LiveLook::warning:
                return A_BOLD;
            case LiveLook::plain:
            case LiveLook::device:
                break;
        }
        return A_NORMAL;
    }

    SCREEN* screen_;
    bool has_colors_ = false;
};

}  // namespace

std::unique_ptr<CursesScreen> CursesScreen::open(Color color) {
    if (!stdin_is_terminal() || !stdout_is_terminal() || !can_move_the_cursor() ||
        ::tcgetattr(STDIN_FILENO, &found) != 0) {
        return nullptr;
    }
    SCREEN* screen = ::newterm(nullptr, stdout, stdin);
    if (screen == nullptr) {
        return nullptr;
    }
    return std::make_unique<Screen>(screen, color);
}

}  // namespace hexcore
