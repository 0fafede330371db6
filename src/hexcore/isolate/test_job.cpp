#include "hexcore/isolate/test_job.hpp"

#include <utility>

#include "hexcore/base/check.hpp"

namespace hexcore {
namespace {

/// One test in a process of its own.
class ProcessJob : public TestJob {
public:
    ProcessJob(const TestSuite& suite, const TestCase& test, std::filesystem::path scratch,
               std::unique_ptr<Cage> cage)
        : suite_(suite), test_(test), scratch_(std::move(scratch)), cage_(std::move(cage)) {}

    Cage& cage() override { return *cage_; }
    std::vector<int> descriptors() const override { return cage_->descriptors(); }

    bool step(std::vector<JobEvent>& events) override {
        if (!has_begun_) {
            has_begun_ = true;
            events.push_back({.kind = JobEvent::Kind::begins});
        }
        const bool is_over = cage_->step();
        if (!is_over && !cage_->is_kept()) {
            return false;
        }
        const CageOutcome& outcome = cage_->outcome();
        if (!outcome.began || outcome.ended_by_us != EndedByUs::no) {
            return is_over;
        }
        TestJudgement judgement = suite_.judge(test_, outcome, scratch_);
        if (!is_over && judgement.kind != TestJudgement::Kind::passed) {
            cage_->let_go();  // nobody uses what it set up
            return false;
        }
        events.push_back({.kind = JobEvent::Kind::ends, .judgement = std::move(judgement)});
        return true;
    }
    bool is_kept() const override { return cage_->is_kept(); }

private:
    const TestSuite& suite_;
    const TestCase& test_;
    std::filesystem::path scratch_;
    std::unique_ptr<Cage> cage_;
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
    return std::make_unique<ProcessJob>(suite, test, request.scratch, std::move(cage));
}

}  // namespace hexcore
