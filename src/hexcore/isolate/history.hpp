#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "hexcore/base/result.hpp"
#include "hexcore/isolate/test_results.hpp"

struct sqlite3;

namespace hexcore {

/// One time that a test ran, as far as later runs are interested.
struct PastRun {
    std::int64_t at_s = 0;  ///< since 1970
    double duration_ms = 0;
    Bytes host = {};
    std::vector<DeviceLimit> devices = {};
    Bytes kept = {};
    Verdict verdict = Verdict::passed;
};

/// What earlier runs of the same tests took: an SQLite file in state_home() that all runners of a
/// user share. docs/formats/test-history.md. For one thread.
class TestHistory {
public:
    /// `tests.sqlite` in state_home(); empty where that is not known.
    [[nodiscard]] static std::filesystem::path default_file();
    /// Opens or makes it. One that is damaged, or of a newer version, is set aside, under a name
    /// that `set_aside` gives then. Fails with ErrorCode::negative where it cannot be written.
    [[nodiscard]] static Result<std::unique_ptr<TestHistory>> open(
        const std::filesystem::path& file);
    ~TestHistory();
    TestHistory(const TestHistory&) = delete;
    TestHistory& operator=(const TestHistory&) = delete;

    [[nodiscard]] const std::filesystem::path& set_aside() const { return set_aside_; }

    /// Past runs of all tests of a suite, by their ids, each oldest first, at most `kept_runs`.
    using Runs = std::map<std::string, std::vector<PastRun>>;
    [[nodiscard]] Result<Runs> runs(const std::string& suite);
    /// Adds one run of each, all or none.
    [[nodiscard]] Result<void> add(const std::string& suite,
                                   const std::vector<std::pair<std::string, PastRun>>& runs);

    static constexpr int kept_runs = 20;  ///< of each test

private:
    struct Closes {
        void operator()(sqlite3* database) const;
    };
    using Database = std::unique_ptr<sqlite3, Closes>;
    explicit TestHistory(Database database) : database_(std::move(database)) {}
    [[nodiscard]] static Result<Database> open_database(const std::filesystem::path& file,
                                                        bool& damaged);
    [[nodiscard]] Result<std::int64_t> suite_id(const std::string& suite);

    Database database_;
    std::filesystem::path set_aside_;
};

/// What a test will take, by its past runs: the largest of the last 5 and 15 %, for as long as the
/// mean of those. Nothing of one that never ran to an end.
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
