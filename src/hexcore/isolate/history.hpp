#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "hexcore/base/result.hpp"
#include "hexcore/isolate/history_database.hpp"
#include "hexcore/isolate/test_results.hpp"

namespace hexcore {

/// What earlier runs of the same tests took: an SQLite file in state_home() that all runners of a
/// user share. docs/formats/test-history.md. For one thread.
class TestHistory {
public:
    /// `tests.sqlite` in state_home(); empty where that is not known.
    [[nodiscard]] static std::filesystem::path default_file();
    /// Opens or makes it. Fails with ErrorCode::negative, as all below, where that cannot be, and
    /// where the file is of a later version: that one stays as it is.
    [[nodiscard]] static Result<std::unique_ptr<TestHistory>> open(
        const std::filesystem::path& file);

    /// Whenever it is found damaged it begins anew; this is the copy of what it was, once.
    [[nodiscard]] std::filesystem::path take_set_aside();

    /// Past runs of all tests of a suite, by their ids, each oldest first, at most `kept_runs`.
    using Runs = std::map<std::string, std::vector<PastRun>>;
    [[nodiscard]] Result<Runs> runs(const std::string& suite);
    using News = std::vector<std::pair<std::string, PastRun>>;
    /// Adds one run of each, all or none. `patience`: with others who write.
    [[nodiscard]] Result<void> add(const std::string& suite, const News& runs,
                                   std::chrono::milliseconds patience = std::chrono::seconds(10));

    static constexpr int kept_runs = 20;  ///< of each test

private:
    TestHistory() = default;
    [[nodiscard]] Result<void> begin_anew();
    // What SQLite says of it.
    [[nodiscard]] int read(const std::string& suite, Runs& runs);
    [[nodiscard]] int write(const std::string& suite, const News& runs);
    [[nodiscard]] int write_rows(const std::string& suite, const News& runs);

    HistoryDatabase database_;
    std::filesystem::path set_aside_;
};

/// What a test will take, by its past runs: the largest of the last 5 and 15 %, for as long as the
/// mean of those. Runs that were ended too soon (by a signal, a timeout, a budget) only raise the
/// size. Nothing of one that never ran to an end.
struct LearnedSize {
    TestNeed need = {};
    TestNeed largest = {};  ///< without the 15 %
    double seconds = 0;
};
[[nodiscard]] std::optional<LearnedSize> learned_size(const std::vector<PastRun>& runs);

/// What names the tests of a command from one run to the next: framework, program or folder, and
/// the devices they may use. Not the program's content: that changes with each build.
[[nodiscard]] std::string history_key(Framework framework, const std::vector<std::string>& command,
                                      const std::vector<TestMachine::Device>& devices);

}  // namespace hexcore
