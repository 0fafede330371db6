#pragma once

#include <optional>

#include "hexcore/base/result.hpp"
#include "hexcore/cli/test_flags.hpp"
#include "hexcore/isolate/test_results.hpp"
#include "hexcore/report/report_file.hpp"

namespace hexcore {

/// The files that a run of tests is written to.
class TestReports {
public:
    /// Looks at their places before tests run for an hour. Fails with ErrorCode::usage.
    [[nodiscard]] static Result<TestReports> open(const TestFlags& flags);
    /// Once. One that cannot be written keeps none of the others from being there.
    [[nodiscard]] Result<void> write(const TestRun& run);

private:
    using Place = std::optional<ReportPlace>;  ///< none: it is not wanted
    TestReports(Place junit, Place html, Place json);

    Place junit_;
    Place html_;
    Place json_;
};

}  // namespace hexcore
