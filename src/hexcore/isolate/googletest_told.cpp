#include "hexcore/isolate/googletest_told.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "hexcore/base/whole_number.hpp"
#include "hexcore/cage/kept_output.hpp"
#include "hexcore/isolate/program_tests.hpp"

namespace hexcore {
namespace {

using JudgementKind = TestJudgement::Kind;

constexpr std::string_view begin_mark = "[ RUN      ] ";
constexpr std::array end_marks = {
    std::pair<std::string_view, JudgementKind>{"[       OK ] ", JudgementKind::passed},
    std::pair<std::string_view, JudgementKind>{"[  FAILED  ] ", JudgementKind::failed},
    std::pair<std::string_view, JudgementKind>{"[  SKIPPED ] ", JudgementKind::skipped}};
constexpr std::string_view suite_mark = "[----------] ";
constexpr std::string_view failure_line = ": Failure\n";
/// A mark is found in what a test printed without a line feed, as far as that is not longer.
constexpr std::size_t longest_unread = std::size_t{64} << 10U;
constexpr std::size_t kept_of_longest = std::size_t{8} << 10U;
constexpr std::size_t most_output = std::size_t{64} << 10U;

/// `file:line: Failure` and what follows, up to an empty line; the same of `Skipped`.
std::string told_place(std::string_view output, std::string_view word) {
    const std::size_t at = output.find(word);
    if (at == std::string_view::npos) {
        return {};
    }
    const std::size_t before = output.rfind('\n', at);
    const std::size_t begin = before == std::string_view::npos ? 0 : before + 1;
    const std::size_t words = at + word.size();
    std::string told(output.substr(begin, at - begin));
    told += ": ";
    std::size_t end = output.find("\n\n", words);
    end = end == std::string_view::npos ? output.size() : end;
    return one_line(told += output.substr(words, end - words));
}

class GoogletestTold final : public ToldTests {
public:
    explicit GoogletestTold(std::unordered_set<std::string> names) : names_(std::move(names)) {}

    void take(std::string_view text, std::vector<ToldTest>& told) override {
        unread_ += text;
        std::size_t begin = 0;
        for (std::size_t end = unread_.find('\n'); end != std::string::npos;
             end = unread_.find('\n', begin)) {
            take_line(std::string_view(unread_).substr(begin, end + 1 - begin), told);
            begin = end + 1;
        }
        unread_.erase(0, begin);
        if (unread_.size() > longest_unread) {
            output_.take(std::string_view(unread_).substr(0, unread_.size() - kept_of_longest));
            unread_.erase(0, unread_.size() - kept_of_longest);
        }
    }

    [[nodiscard]] std::string output() const override {
        return output_.head() + output_.tail() + unread_;
    }

private:
    void take_line(std::string_view line, std::vector<ToldTest>& told) {
        if (running_.empty()) {
            const std::size_t at = line.find(begin_mark);
            if (at != std::string_view::npos) {
                std::string name(line.substr(at + begin_mark.size()));
                name.pop_back();
                if (names_.contains(name)) {
                    running_ = name;
                    for (std::size_t i = 0; i < end_marks.size(); ++i) {
                        ends_[i] = std::string(end_marks[i].first) + name;
                    }
                    output_ = KeptOutput(most_output);
                    told.push_back({ToldTest::Kind::begins, std::move(name)});
                }
            } else {
                take_between(line);
            }
            return;
        }
        for (std::size_t i = 0; i < end_marks.size(); ++i) {
            const auto& [mark, kind] = end_marks[i];
            const std::size_t at = line.find(ends_[i]);
            if (at == std::string_view::npos) {
                continue;
            }
            const std::string_view rest = line.substr(at + mark.size() + running_.size());
            if (rest == "\n" || rest.starts_with(" (") || rest.starts_with(", where ")) {
                output_.take(line.substr(0, at));
                TestJudgement judgement = judged(kind, rest);
                blame_set_up(judgement);
                told.push_back(
                    {ToldTest::Kind::ends, std::exchange(running_, {}), std::move(judgement)});
                return;
            }
        }
        output_.take(line);
    }

    /// Keeps the first failure of what is set up for several tests.
    void take_between(std::string_view line) {
        if (line.starts_with(suite_mark)) {
            const bool is_end = line.find(" ms total)") != std::string_view::npos;
            is_in_suite_ = !is_end && line.find(" from ") != std::string_view::npos;
            suite_failure_.clear();  // of the one before, where it is that of a tear-down
            if (!is_end && !is_in_suite_) {
                environment_failure_.clear();
            }
            is_in_failure_ = false;
            return;
        }
        std::string& failure = is_in_suite_ ? suite_failure_ : environment_failure_;
        if (line.ends_with(failure_line) && failure.empty()) {
            failure = line.substr(0, line.size() - failure_line.size());
            failure += ": ";
            is_in_failure_ = true;
        } else if (is_in_failure_) {
            is_in_failure_ = line != "\n" && failure.size() < kept_of_longest;
            failure += line;
        }
    }

    /// GoogleTest skips the tests of what could not be set up, without a word of why.
    void blame_set_up(TestJudgement& judgement) const {
        const std::string& failure = suite_failure_.empty() ? environment_failure_ : suite_failure_;
        const bool is_unexplained = judgement.reason.empty() || judgement.reason.back() == ':';
        if (judgement.kind == JudgementKind::skipped && is_unexplained && !failure.empty()) {
            judgement.kind = JudgementKind::failed;
            judgement.reason = one_line("in a set-up: " + failure);
        }
    }

    [[nodiscard]] TestJudgement judged(JudgementKind kind, std::string_view rest) const {
        TestJudgement judgement{.kind = kind};
        const std::string written = output_.head() + output_.tail();
        if (kind == JudgementKind::failed) {
            judgement.reason = told_place(written, ": Failure\n");
            judgement.output = written;
            if (judgement.reason.empty()) {
                judgement.reason = "GoogleTest says that it failed, and not where";
            }
        } else if (kind == JudgementKind::skipped) {
            judgement.reason = told_place(written, ": Skipped\n");
        }
        const std::size_t open = rest.rfind('(');
        const auto ms =
            open == std::string_view::npos
                ? std::nullopt
                : whole_number(rest.substr(open + 1,
                                           std::min(rest.find(' ', open), rest.size()) - open - 1));
        judgement.duration_ms = static_cast<double>(ms.value_or(0));
        return judgement;
    }

    std::unordered_set<std::string> names_;
    std::string unread_;
    std::string running_;                             ///< empty: between two
    std::array<std::string, end_marks.size()> ends_;  ///< how each end of it begins
    KeptOutput output_{most_output};
    // Of what was printed between tests.
    bool is_in_suite_ = false;
    bool is_in_failure_ = false;
    std::string suite_failure_;  ///< of the set-up of the suite that runs; empty: none
    std::string environment_failure_;
};

}  // namespace

std::unique_ptr<ToldTests> googletest_told(std::unordered_set<std::string> names) {
    return std::make_unique<GoogletestTold>(std::move(names));
}

}  // namespace hexcore
