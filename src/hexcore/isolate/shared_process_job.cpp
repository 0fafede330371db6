// Where several tests share a process, the process itself says which runs. Its memory at the ends
// of tests is what its listeners tell, if it has those of integrations/cpp; else what the kernel
// says when the end is read here, a moment after it, in which the next test may have begun.
// Where several ends are read at once, only of the last is that known; what was left since the one
// that was known before is then nobody's.
//
// A test's end is told on at once, so that it does not pay for what runs after it, and once more
// with the end of the process where that changes it: an exit code without a failure is the last
// one's.

#include "hexcore/isolate/shared_process_job.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "hexcore/base/file_descriptor.hpp"
#include "hexcore/cage/members.hpp"
#include "hexcore/isolate/crash_look.hpp"
#include "hexcore/isolate/program_tests.hpp"

namespace hexcore {
namespace {

/// For writing, too, so that it has no end before the program opens it or after.
Result<FileDescriptor> make_pipe(const std::filesystem::path& path) {
    if (::mkfifo(path.c_str(), S_IRUSR | S_IWUSR) != 0) {
        return fail(ErrorCode::does_not_fit, "cannot make {}: {}", path.string(),
                    std::strerror(errno));
    }
    FileDescriptor pipe(::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
    if (!pipe.is_open()) {  // the program would wait for a reader of it
        return fail(ErrorCode::does_not_fit, "cannot open {}: {}", path.string(),
                    std::strerror(errno));
    }
    return pipe;
}

constexpr int catch2_all_skipped = 4;  ///< the exit code of version 3

class SharedProcessJob final : public TestJob {
public:
    SharedProcessJob(const JobRequest& request, std::unique_ptr<ToldTests> tests,
                     FileDescriptor levels, std::optional<FileDescriptor> report)
        : cases_(request.tests),
          repeats_(request.repeats),
          told_(std::move(tests)),
          levels_pipe_(std::move(levels)),
          report_(std::move(report)),
          ended_(cases_.size(), false) {}

    void take_cage(std::unique_ptr<Cage> cage) { cage_ = std::move(cage); }
    /// Whoever reads the command's output may be told of it here.
    void take_output(std::string_view text) {
        if (!report_) {
            take_text(text);
        }
    }

    Cage& cage() override { return *cage_; }
    std::vector<int> descriptors() const override {
        std::vector<int> all = cage_->descriptors();
        all.push_back(levels_pipe_.get());
        if (report_) {
            all.push_back(report_->get());
        }
        return all;
    }

    bool step(std::vector<JobEvent>& events) override {
        const bool is_over = cage_->step();
        read_report();
        read_levels();
        if (is_over) {
            end_all();
        }
        events.insert(events.end(), std::make_move_iterator(events_.begin()),
                      std::make_move_iterator(events_.end()));
        events_.clear();
        return is_over;
    }

private:
    void read_levels() {
        std::array<char, 65536> buffer;
        ssize_t size = 0;
        while ((size = levels_pipe_.read(buffer.data(), buffer.size())) > 0) {
            levels_.take({buffer.data(), static_cast<std::size_t>(size)});
        }
    }

    void read_report() {
        std::array<char, 65536> buffer;
        ssize_t size = 0;
        while (report_ && (size = report_->read(buffer.data(), buffer.size())) > 0) {
            take_text({buffer.data(), static_cast<std::size_t>(size)});
        }
    }

    void take_text(std::string_view text) {
        std::vector<ToldTest> told;
        told_->take(text, told);
        if (!told.empty()) {
            read_levels();  // what listeners tell of an end comes before the framework's own word
        }
        const auto last_end = std::find_if(told.rbegin(), told.rend(), [](const ToldTest& one) {
            return one.kind == ToldTest::Kind::ends;
        });
        is_late_ = last_end != told.rend();
        for (ToldTest& one : told) {
            is_late_ = is_late_ && &one != &*last_end;
            if (one.kind == ToldTest::Kind::begins) {
                begin_test(one.name);
            } else if (running_) {
                end_test(std::move(one.judgement));
            }
        }
    }

    [[nodiscard]] std::optional<Bytes> resident() const {
        const Bytes bytes = cage_ == nullptr || cage_->pid() == 0
                                ? Bytes()
                                : memory_of_member(cage_->pid(), MemberReading::exact);
        return bytes == Bytes() ? std::nullopt : std::optional(bytes);  // it may be gone by now
    }

    /// The next of this name that has not ended. Others of the program may run beside ours, where
    /// a filter cannot tell them apart.
    void begin_test(const std::string& name) {
        if (waiting_ && cases_[waiting_->test]->name == name && runs_ < repeats_) {
            running_ = waiting_->test;  // once more
            return;
        }
        send_waiting();
        for (std::size_t test = 0; test < cases_.size(); ++test) {
            if (!ended_[test] && cases_[test]->name == name) {
                running_ = test;
                runs_ = 0;
                events_.push_back({.kind = JobEvent::Kind::begins,
                                   .test = test,
                                   .held = resident(),
                                   .is_late = is_late_});
                return;
            }
        }
    }

    void end_test(TestJudgement judgement) {
        const std::size_t test = *std::exchange(running_, std::nullopt);
        const std::string& name = cases_[test]->name;
        JobEvent end{
            .kind = JobEvent::Kind::ends, .test = test, .held = resident(), .is_late = is_late_};
        std::vector<MemoryLevel> levels;
        const auto begun = levels_.take_begin(name);
        if (runs_ == 0 && begun) {
            first_held_ = begun->resident;
        }
        if (auto told = levels_.take_end(name)) {
            levels = std::move(told->levels);
            end.is_late = end.is_late && !told->resident;
            end.held = told->resident ? told->resident : end.held;
        } else if (end.held && !end.is_late) {
            levels.push_back({"host", *end.held, MemoryLevel::Basis::sampled});
        }
        end.held_before = first_held_;
        if (end.held && !end.is_late) {
            if (!first_held_ && n_unknown_ > 0) {
                end.held_before = last_known_;
                end.is_blurred = true;
            }
            last_known_ = end.held;
            n_unknown_ = 0;
        } else {
            n_unknown_ += 1;
        }
        if (cases_.size() == 1) {
            end.is_blurred = false;
            judgement.output.clear();  // all that the process writes is its own
        }
        ended_[test] = true;
        runs_ += 1;
        if (repeats_ > 1) {
            events_.push_back(
                {.kind = JobEvent::Kind::repeat_ends, .test = test, .levels = levels});
            if (judgement.kind == TestJudgement::Kind::failed) {
                judgement.reason =
                    fmt::format("in repeat {} of {}: {}", runs_, repeats_, judgement.reason);
            }
        }
        // A failure in an earlier repeat counts.
        const bool has_failed = waiting_ && waiting_->test == test &&
                                waiting_->judgement.kind == TestJudgement::Kind::failed;
        end.judgement = has_failed ? std::move(waiting_->judgement) : std::move(judgement);
        end.levels = std::move(levels);
        is_any_bad_ |= end.judgement.kind != TestJudgement::Kind::passed &&
                       end.judgement.kind != TestJudgement::Kind::skipped;
        are_all_skipped_ &= end.judgement.kind == TestJudgement::Kind::skipped;
        waiting_ = std::move(end);
        if (runs_ >= repeats_) {
            send_waiting();
        }
    }

    void send_waiting() {
        if (waiting_) {
            last_ = Last{waiting_->test, waiting_->judgement.kind};
            events_.push_back(*std::exchange(waiting_, std::nullopt));
        }
        first_held_.reset();
    }

    void end_all() {
        const CageOutcome& outcome = cage_->outcome();
        const bool is_ours = !outcome.began || outcome.ended_by_us != EndedByUs::no;
        if (running_ && !is_ours) {
            end_in_the_middle(outcome);
            return;
        }
        if (waiting_ && !is_ours && !outcome.signalled && outcome.code == 0 &&
            waiting_->judgement.kind == TestJudgement::Kind::passed) {
            waiting_->judgement.kind = TestJudgement::Kind::failed;
            waiting_->judgement.reason =
                fmt::format("{} after {} of {} repeats", ending_text(outcome), runs_, repeats_);
        }
        send_waiting();
        if (is_ours) {
            return;
        }
        if (last_) {
            judge_last_again(outcome);
        } else if (!outcome.signalled) {
            judge_untold(outcome);
        }
    }

    /// By how the process ended, where no test says why. A signal after a test that passed counts
    /// without this.
    void judge_last_again(const CageOutcome& outcome) {
        const bool is_skipped = last_->kind == TestJudgement::Kind::skipped;
        const bool is_good_code = outcome.code == 0 || (report_ && are_all_skipped_ &&
                                                        outcome.code == catch2_all_skipped);
        const bool is_bad = outcome.signalled ? is_skipped : !is_good_code;
        if (!is_bad || is_any_bad_) {
            return;
        }
        JobEvent end{.kind = JobEvent::Kind::ends, .test = last_->test};
        if (outcome.signalled) {
            end.judgement = judge_ending(outcome, true);
        } else {
            end.judgement = {.kind = TestJudgement::Kind::failed,
                             .reason = ending_text(outcome) +
                                       ", though no test of the process failed: in a set-up, a "
                                       "tear-down or at exit"};
        }
        events_.push_back(std::move(end));
    }

    void end_in_the_middle(const CageOutcome& outcome) {
        JobEvent end{.kind = JobEvent::Kind::ends, .test = *running_};
        end.judgement = judge_ending(outcome, false);
        if (end.judgement.kind == TestJudgement::Kind::passed) {
            end.judgement.kind = TestJudgement::Kind::crashed;
            end.judgement.reason = ending_text(outcome) + " in the middle of the test";
        }
        if (repeats_ > 1) {
            end.judgement.reason += fmt::format(", in repeat {} of {}", runs_ + 1, repeats_);
        }
        if (cases_.size() > 1) {
            end.judgement.output = told_->output();
        }
        if (is_own_fault(outcome)) {
            end.judgement.stack.note =
                "no stack: it crashed in a process that it shared; run it by itself for one";
        }
        if (waiting_ && waiting_->test == *running_) {
            waiting_.reset();  // an earlier repeat of it
        }
        send_waiting();
        events_.push_back(std::move(end));
        running_.reset();
    }

    /// The program says nothing of its tests as they run, or ran none of them.
    void judge_untold(const CageOutcome& outcome) {
        for (std::size_t test = 0; test < cases_.size(); ++test) {
            JobEvent end{.kind = JobEvent::Kind::ends, .test = test, .is_blurred = true};
            end.judgement.kind = TestJudgement::Kind::not_run;
            end.judgement.reason = "the program ran no test of this name, or did not tell of it (" +
                                   ending_text(outcome) + ")";
            events_.push_back({.kind = JobEvent::Kind::begins, .test = test});
            events_.push_back(std::move(end));
        }
    }

    struct Last {
        std::size_t test = 0;
        TestJudgement::Kind kind = TestJudgement::Kind::passed;
    };

    std::vector<const TestCase*> cases_;
    std::uint32_t repeats_;
    std::unique_ptr<ToldTests> told_;
    FileDescriptor levels_pipe_;
    std::optional<FileDescriptor> report_;
    std::unique_ptr<Cage> cage_;
    ToldLevels levels_;
    std::vector<JobEvent> events_;
    std::vector<bool> ended_;             ///< by test: at least once
    std::optional<std::size_t> running_;  ///< the test that has begun
    std::uint32_t runs_ = 0;              ///< of it, or of the last one, that have ended
    std::optional<JobEvent> waiting_;     ///< an end to be told after the last repeat
    std::optional<Last> last_;            ///< the last end that was told
    std::optional<Bytes> first_held_;     ///< before the first repeat, as it was told
    bool is_late_ = false;                ///< what is read is of a time that is over
    std::optional<Bytes> last_known_;     ///< after the last end of which that is known
    std::size_t n_unknown_ = 0;           ///< ends since
    bool is_any_bad_ = false;             ///< of the ends
    bool are_all_skipped_ = true;
};

}  // namespace

Result<std::unique_ptr<TestJob>> start_shared_process(const JobRequest& request,
                                                      SharedLaunch launch, CageYard& yard) {
    HEXCORE_TRY(levels, make_pipe(request.scratch / levels_pipe));
    std::optional<FileDescriptor> report;
    if (!launch.report.empty()) {
        HEXCORE_TRY(opened, make_pipe(launch.report));
        report.emplace(std::move(opened));
    }
    auto job = std::make_unique<SharedProcessJob>(request, std::move(launch.tests),
                                                  std::move(levels), std::move(report));
    launch.command.on_output = [told = job.get()](std::string_view text) {
        told->take_output(text);
    };
    HEXCORE_TRY(cage, yard.start(launch.command, request.limits));
    job->take_cage(std::move(cage));
    return job;
}

}  // namespace hexcore
