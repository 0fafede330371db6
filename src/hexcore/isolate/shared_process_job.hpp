#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "hexcore/isolate/test_job.hpp"
#include "hexcore/isolate/told_tests.hpp"

namespace hexcore {

/// How one process of a C++ program runs several tests, or one several times.
struct SharedLaunch {
    CageCommand command;
    std::unique_ptr<ToldTests> tests;
    /// A pipe with a name in the scratch folder that the framework writes its report to; empty: it
    /// tells on its output.
    std::filesystem::path report = {};
};

/// The name of the pipe that listeners of integrations/cpp tell levels by.
inline constexpr const char* levels_pipe = "hexcore-levels";
/// The variable that says where it is.
inline constexpr const char* levels_variable = "HEXCORE_TEST_LEVELS";

/// Starts it. Where nothing is told of any test, none has run.
[[nodiscard]] Result<std::unique_ptr<TestJob>> start_shared_process(const JobRequest& request,
                                                                    SharedLaunch launch,
                                                                    CageYard& yard);

}  // namespace hexcore
