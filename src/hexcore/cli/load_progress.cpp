#include "hexcore/cli/load_progress.hpp"

#include "hexcore/cli/terminal.hpp"
#include "hexcore/report/progress_bar.hpp"

namespace hexcore {

using Clock = std::chrono::steady_clock;

LoadProgress::LoadProgress() = default;

LoadProgress::~LoadProgress() {
    if (drawn_) {
        print_aside("\r\033[K");
    }
}

void LoadProgress::update(ReadProgress read) {
    const auto now = Clock::now();
    if (start_ == Clock::time_point{}) {
        start_ = now;  // planning and allocating before it are not the reader's time
    }
    if (!stderr_has_cursor()) {
        tell_once(read, now - start_);
        return;
    }
    if (drawn_ && now - last_ < std::chrono::milliseconds(50)) {
        return;
    }
    last_ = now;
    const double seconds = std::chrono::duration<double>(now - start_).count();
    const Progress progress{.label = "loading",
                            .done = read.done,
                            .total = read.total,
                            .bytes_per_s = seconds > 0.1 ? read.done.as_double() / seconds : 0};
    print_aside(
        fmt::format("\r{}", progress_bar(progress, stderr_columns() - 1, stdout_style().charset)));
    drawn_ = true;
}

void LoadProgress::tell_once(ReadProgress read, Clock::duration since_start) {
    if (!told_ && since_start >= std::chrono::seconds(1)) {
        told_ = true;
        complain(fmt::format("loading: after a second {} of {} are read", to_string(read.done),
                             to_string(read.total)));
    }
}

}  // namespace hexcore
