#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "hexcore/isolate/ctest_properties.hpp"
#include "hexcore/isolate/test_suite.hpp"

namespace hexcore {

/// The tests of a build folder as `ctest` lists them, each run here and judged by its properties as
/// CTest would. Which tests, of which folder and configuration, the user's own command says (-R,
/// -L, -C, --test-dir, --preset).
///
/// A budget is a label (`memory:1GiB`, `device:cuda:0=4GiB`): of properties that it does not know
/// itself, CTest lists none.
class CtestSuite final : public TestSuite {
public:
    explicit CtestSuite(std::vector<std::string> command) : command_(std::move(command)) {}

    [[nodiscard]] Framework framework() const override { return Framework::ctest; }
    [[nodiscard]] Result<std::vector<TestCase>> list(const std::atomic<bool>* stop) override;
    [[nodiscard]] TestLaunch launch(const TestCase& test,
                                    const std::filesystem::path& scratch) const override;
    [[nodiscard]] TestJudgement judge(const TestCase& test, const CageOutcome& outcome,
                                      const std::filesystem::path& scratch) const override;

    [[nodiscard]] std::vector<std::string> notes() const override;

private:
    std::vector<std::string> command_;
    std::unordered_map<std::string, CtestProperties> properties_;  ///< by id
};

}  // namespace hexcore
