#include "hexcore/isolate/test_suite.hpp"

#include "hexcore/base/check.hpp"
#include "hexcore/isolate/test_job.hpp"

namespace hexcore {

TestLaunch TestSuite::launch(const TestCase& test, const std::filesystem::path& /*scratch*/) const {
    HEXCORE_CHECK(false, "tests of this framework have no process of their own", test.id.size());
    return {};
}

TestJudgement TestSuite::judge(const TestCase& test, const CageOutcome& /*outcome*/,
                               const std::filesystem::path& /*scratch*/) const {
    HEXCORE_CHECK(false, "tests of this framework have no process of their own", test.id.size());
    return {};
}

Result<std::unique_ptr<TestJob>> TestSuite::start(const JobRequest& request, CageYard& yard) {
    return start_in_process(*this, request, yard);
}

}  // namespace hexcore
