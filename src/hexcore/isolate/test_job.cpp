#include "hexcore/isolate/test_job.hpp"

#include <system_error>
#include <utility>

#include "hexcore/base/check.hpp"
#include "hexcore/isolate/crash_look.hpp"

namespace hexcore {
namespace {

/// One test in a process of its own.
class ProcessJob : public TestJob {
public:
    ProcessJob(const TestSuite& suite, const JobRequest& request, CageYard& yard,
               std::unique_ptr<Cage> cage)
        : suite_(suite),
          test_(*request.tests.front()),
          limits_(request.limits),
          shares_(request.shares),
          scratch_(request.scratch),
          tracer_(request.tracer),
          yard_(yard),
          cage_(std::move(cage)) {}

    Cage& cage() override { return look_ != nullptr ? *look_ : *cage_; }
    std::vector<int> descriptors() const override {
        return look_ != nullptr ? look_->descriptors() : cage_->descriptors();
    }
    bool is_looking() const override { return look_ != nullptr; }

    bool step(std::vector<JobEvent>& events) override {
        if (!has_begun_) {
            has_begun_ = true;
            events.push_back({.kind = JobEvent::Kind::begins});
        }
        if (look_ != nullptr) {
            return step_look(events);
        }
        const bool is_over = cage_->step();
        if (!is_over && !cage_->is_kept()) {
            return false;
        }
        const CageOutcome& outcome = cage_->outcome();
        if (!outcome.began || outcome.ended_by_us != EndedByUs::no) {
            return is_over;
        }
        judgement_ = suite_.judge(test_, outcome, scratch_);
        if (!is_over && judgement_.kind != TestJudgement::Kind::passed) {
            cage_->let_go();  // nobody uses what it set up
            return false;
        }
        if (judgement_.kind == TestJudgement::Kind::crashed && begin_look()) {
            return false;
        }
        end_test(events);
        return true;
    }
    bool is_kept() const override { return cage_->is_kept(); }

private:
    /// Runs it again, watched by the tracer; false: there is nothing to be seen by that.
    bool begin_look() {
        std::string why_not;
        if (tracer_.empty() || !is_worth_a_look(cage_->outcome(), why_not)) {
            judgement_.stack.note = why_not;
            return false;
        }
        const std::filesystem::path folder = scratch_ / "look";
        std::error_code error;
        if (std::filesystem::create_directories(folder / "tmp", error)) {
            TestLaunch launch = suite_.launch(test_, folder);
            launch.command.shares = shares_;
            launch.command.words = traced_words(tracer_, folder / seen_name, launch.command.words);
            if (auto started = yard_.start(launch.command, limits_)) {
                look_ = *std::move(started);
            }
        }
        return look_ != nullptr;
    }

    bool step_look(std::vector<JobEvent>& events) {
        if (!look_->step()) {
            return false;
        }
        judgement_.stack =
            seen_crash(scratch_ / "look" / seen_name, cage_->outcome(), look_->outcome());
        look_.reset();
        end_test(events);
        return true;
    }

    void end_test(std::vector<JobEvent>& events) {
        events.push_back({.kind = JobEvent::Kind::ends, .judgement = std::move(judgement_)});
    }

    static constexpr const char* seen_name = "hexcore-seen";

    const TestSuite& suite_;
    const TestCase& test_;
    CageLimits limits_;
    CageShares shares_;
    std::filesystem::path scratch_;
    std::filesystem::path tracer_;
    CageYard& yard_;
    std::unique_ptr<Cage> cage_;
    std::unique_ptr<Cage> look_;  ///< where it runs once more
    TestJudgement judgement_;
    bool has_begun_ = false;
};

}  // namespace

Result<std::unique_ptr<TestJob>> start_in_process(const TestSuite& suite, const JobRequest& request,
                                                  CageYard& yard) {
    HEXCORE_CHECK(request.tests.size() == 1, request.tests.size(), 1);
    const TestCase& test = *request.tests.front();
    TestLaunch launch = suite.launch(test, request.scratch);
    launch.command.shares = request.shares;
    launch.command.keeps = request.keeps;
    HEXCORE_TRY(cage, yard.start(launch.command, request.limits));
    return std::make_unique<ProcessJob>(suite, request, yard, std::move(cage));
}

}  // namespace hexcore
