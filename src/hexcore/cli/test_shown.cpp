#include "hexcore/cli/test_shown.hpp"

#include <fmt/format.h>

#include "hexcore/cli/terminal.hpp"
#include "hexcore/report/test_status.hpp"

namespace hexcore {

TestShown::TestShown(bool lines_aside, std::size_t known)
    : lines_aside_(lines_aside),
      known_(known),
      style_(lines_aside ? stderr_style() : stdout_style()),
      has_bar_(stderr_has_cursor()) {}

TestShown::~TestShown() { hide_bar(); }

void TestShown::hide_bar() {
    if (bar_shown_) {
        print_aside("\r\x1b[K");
        bar_shown_ = false;
    }
}

void TestShown::lines(const std::string& text) {
    hide_bar();
    if (lines_aside_) {
        print_aside(text);
    } else {
        print(text);
    }
}

void TestShown::begins(const TestRun& run, std::size_t selected) {
    lines(run_heading(run, selected, known_, style_));
}

void TestShown::test_begins(const TestCase&) {}

void TestShown::tries_again(const TestCase& test, const Attempt& attempt, const std::string& why) {
    lines(attempt_line(test, attempt, why, style_));
}

void TestShown::test_ends(const TestResult& result) {
    called_slow_.erase(result.test.id);
    lines(test_line(result, style_));
}

void TestShown::says(const std::string& sentence) {
    hide_bar();
    print_aside(hanging_paragraph("hexcore: ", sentence, style_.columns));
}

void TestShown::progress(const RunProgress& progress, bool asked) {
    using namespace std::chrono_literals;
    for (const RunningTest& test : progress.running) {
        if (test.since < 1min || test.id.empty()) {
            continue;
        }
        int& said = called_slow_[test.id];
        if (test.since >= 1min * (1 << said)) {
            lines(slow_line(test, style_));
            said += 1;
        }
    }
    if (asked) {
        hide_bar();
        print_aside(running_lines(progress, stderr_style()));
    }
    if (!has_bar_) {
        return;
    }
    TextStyle style = stderr_style();
    style.columns -= 1;  // a terminal may break a line after its last column
    std::string bar = progress_line(progress, style);
    if (!bar_shown_ || bar != bar_) {
        bar_ = std::move(bar);
        print_aside("\r\x1b[K" + bar_);
        bar_shown_ = true;
    }
}

void TestShown::ends(const TestRun&) { hide_bar(); }

}  // namespace hexcore
