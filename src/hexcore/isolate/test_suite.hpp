#pragma once

#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "hexcore/base/result.hpp"
#include "hexcore/cage/cage.hpp"
#include "hexcore/cage/outcome.hpp"
#include "hexcore/isolate/test_case.hpp"
#include "hexcore/isolate/test_results.hpp"

namespace hexcore {

class TestJob;
struct JobRequest;

/// What a framework says of a test that has run. What Hexcore knows by itself (a timeout, a budget)
/// is the runner's to say, and goes before this.
struct TestJudgement {
    enum class Kind {
        passed,
        failed,
        skipped,
        crashed,
        not_run,      ///< it could not even begin: a failure
        over_budget,  ///< by a budget that it told only while it ran
    };
    Kind kind = Kind::not_run;
    std::string reason = {};  ///< one line; may hold any bytes
    /// What the framework's report says of failures beyond what the test printed; may be empty.
    std::string output = {};
    double duration_ms = 0;  ///< as the framework measured it; 0: it did not say
    CrashStack stack = {};   ///< of one that crashed
};

/// How a test is started, with result files in the scratch folder.
struct TestLaunch {
    CageCommand command;
};

/// The tests of one command, by one framework.
class TestSuite {
public:
    TestSuite() = default;
    TestSuite(const TestSuite&) = delete;
    TestSuite& operator=(const TestSuite&) = delete;
    virtual ~TestSuite() = default;

    [[nodiscard]] virtual Framework framework() const = 0;

    /// Lists the tests, by running the command in a way that runs none of them; ids are unique.
    /// Fails with what the command said if it lists nothing that can be read.
    [[nodiscard]] virtual Result<std::vector<TestCase>> list(const std::atomic<bool>* stop) = 0;

    /// For frameworks with a process a test: the command that runs this test alone. `scratch` is
    /// this test's own empty folder.
    [[nodiscard]] virtual TestLaunch launch(const TestCase& test,
                                            const std::filesystem::path& scratch) const;
    /// The same, after its end: what its exit, its output and the files in `scratch` say.
    [[nodiscard]] virtual TestJudgement judge(const TestCase& test, const CageOutcome& outcome,
                                              const std::filesystem::path& scratch) const;

    /// Starts tests in one process; unless a framework keeps a process for several tests, what
    /// start_in_process() of test_job.hpp does.
    [[nodiscard]] virtual Result<std::unique_ptr<TestJob>> start(const JobRequest& request,
                                                                 CageYard& yard);

    /// Sentences for whoever runs the tests, after list().
    [[nodiscard]] virtual std::vector<std::string> notes() const { return {}; }
    /// Why the framework wants no more tests to start (its own limit of failures); empty: it goes
    /// on. Asked after each step of a job.
    [[nodiscard]] virtual std::string stop_reason() { return {}; }
    /// A framework may combine coverage at its end.
    static constexpr std::chrono::milliseconds longest_finish = std::chrono::seconds(60);
    /// After the last test: the framework writes its own reports, for which it has so long.
    virtual void finish(std::chrono::milliseconds most) { (void)most; }
};

/// The suite of `command`: by its name (ctest, pytest, python -m pytest), else by what the program
/// says of itself when it is asked for help. Fails with ErrorCode::usage for a program that is none
/// of the four.
[[nodiscard]] Result<std::unique_ptr<TestSuite>> recognise(const std::vector<std::string>& command,
                                                           const std::atomic<bool>* stop);

}  // namespace hexcore
