#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "hexcore/isolate/run_events.hpp"
#include "hexcore/report/text_style.hpp"

namespace hexcore {

/// Shows a run of tests as it goes: a line a test, on a terminal a bar below them.
class TestShown : public RunEvents {
public:
    /// `lines_aside`: stdout is for a document, and lines go to stderr.
    TestShown(bool lines_aside, std::size_t known);
    ~TestShown() override;

    void begins(const TestRun& run, std::size_t selected) override;
    void test_begins(const TestCase& test) override;
    void tries_again(const TestCase& test, const Attempt& attempt, const std::string& why) override;
    void test_ends(const TestResult& result) override;
    void says(const std::string& sentence) override;
    void progress(const RunProgress& progress, bool asked) override;
    void ends(const TestRun& run) override;

    /// Where lines go; without the bar.
    void lines(const std::string& text);
    [[nodiscard]] const TextStyle& style() const { return style_; }

private:
    void hide_bar();

    bool lines_aside_;
    std::size_t known_;
    TextStyle style_;
    bool has_bar_;
    bool bar_shown_ = false;
    std::string bar_;
    std::map<std::string, int> called_slow_;  ///< tests, and how many minutes were said
};

}  // namespace hexcore
