#include "hexcore/cli/load_progress.hpp"

#include "hexcore/cli/terminal.hpp"
#include "hexcore/report/progress_bar.hpp"

namespace hexcore {

using Clock = std::chrono::steady_clock;

LoadProgress::LoadProgress(Bytes total) : total_(total), start_(Clock::now()) {}

LoadProgress::~LoadProgress() {
    if (drawn_) {
        print_aside("\r\033[K");
    }
}

void LoadProgress::update(double fraction) {
    const auto now = Clock::now();
    if (!stderr_is_terminal() || (drawn_ && now - last_ < std::chrono::milliseconds(50))) {
        return;
    }
    last_ = now;
    const double seconds = std::chrono::duration<double>(now - start_).count();
    const Bytes done(static_cast<std::uint64_t>(fraction * total_.as_double()));
    const Progress progress{.label = "loading",
                            .done = done,
                            .total = total_,
                            .bytes_per_s = seconds > 0.1 ? done.as_double() / seconds : 0};
    print_aside(
        fmt::format("\r{}", progress_bar(progress, stderr_columns() - 1, stdout_style().charset)));
    drawn_ = true;
}

}  // namespace hexcore
