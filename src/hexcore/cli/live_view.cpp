#include "hexcore/cli/live_view.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <vector>

#include "hexcore/cli/curses_screen.hpp"
#include "hexcore/cli/terminal.hpp"
#include "hexcore/process/held_signals.hpp"
#include "hexcore/recording/recordings_in_progress.hpp"
#include "hexcore/report/live_screen.hpp"

namespace hexcore {
namespace {

using std::chrono::steady_clock;

/// A live view on a screen, and the keys that change it.
class LiveLoop {
public:
    LiveLoop(CursesScreen& screen, const HeldSignals& signals, Charset charset)
        : screen_(screen),
          signals_(signals),
          charset_(charset),
          sources_({.notes = recording_notes(), .interval = interval}) {}

    void run() {
        auto next = steady_clock::now();
        while (!is_left_ && !screen_.is_gone()) {
            if (steady_clock::now() >= next) {
                const bool all_read = sources_.step();
                next = steady_clock::now();
                next += all_read ? steady_clock::duration(interval) : steady_clock::duration(0);
                show_now();
            }
            draw();
            signals_.wait(next, STDIN_FILENO);
            take_signals();
            take_keys();
        }
    }

private:
    static constexpr std::chrono::milliseconds interval{500};

    void show_now() {
        if (!view_.paused || shown_.empty()) {
            shown_ = sources_.sources();
        }
    }
    void draw() { screen_.draw(live_screen(view_, shown_, screen_.size(), charset_)); }

    void take_signals() {
        while (const auto signal = signals_.take()) {
            switch (*signal) {
                case SIGWINCH:
                    screen_.resize();
                    break;
                case SIGTSTP:
                    screen_.leave();
                    signals_.let_happen(SIGTSTP);
                    screen_.enter();
                    break;
                case SIGCONT:  // others may have had the terminal
                    screen_.enter();
                    break;
                default:
                    is_left_ = true;
            }
        }
    }

    void take_keys() {
        while (const auto key = screen_.key()) {
            press(*key, shown_, view_);
            if (*key == LiveKey::mark) {
                sources_.set_mark();
            } else if (*key == LiveKey::baseline) {
                sources_.toggle_baseline();
            }
            is_left_ = is_left_ || *key == LiveKey::quit;
            show_now();
        }
    }

    CursesScreen& screen_;
    const HeldSignals& signals_;
    Charset charset_;
    LiveSources sources_;
    LiveView view_;
    std::vector<LiveSource> shown_;
    bool is_left_ = false;
};

/// Until somebody ends it.
void print_lines() {
    const HeldSignals signals{SIGINT, SIGTERM, SIGHUP};
    LiveSources sources({.notes = recording_notes(), .interval = std::chrono::seconds(1)});
    auto next = steady_clock::now();
    do {
        while (!sources.step()) {
        }
        print(live_lines(sources.sources()));
        next = std::max(next + std::chrono::seconds(1), steady_clock::now());
        signals.wait(next, -1);
    } while (!signals.take());
}

}  // namespace

int show_live_view() {
    const TextStyle style = stdout_style();
    const RecordingViewer viewer(recording_notes());
    {
        const HeldSignals signals{SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH};
        if (const auto screen = CursesScreen::open(style.color)) {
            LiveLoop(*screen, signals, style.charset).run();
            return 0;
        }
    }
    print_lines();
    return 0;
}

}  // namespace hexcore
