#include "hexcore/watch/watch_command.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <functional>

#include "device/fake_driver.h"
#include "hexcore/device/dynamic_library.hpp"
#include "support/recordings.hpp"
#include "support/sanitized.hpp"

namespace hexcore {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

/// Keeps all, and tells the child to go on each time that a row is what was waited for.
class Director : public test::KeptRecords {
public:
    using Awaited = std::function<bool(const RecordedRow&)>;
    explicit Director(std::vector<Awaited> awaited) : awaited_(std::move(awaited)) {
        EXPECT_EQ(::pipe(pipe_.data()), 0);
    }
    ~Director() override {
        ::close(pipe_[0]);
        ::close(pipe_[1]);
    }

    void row(const RecordedRow& row) override {
        KeptRecords::row(row);
        if (next_ < awaited_.size() && awaited_[next_](row)) {
            ++next_;
            const std::array<char, 2> bytes{'x', 'x'};  // for two processes at most
            EXPECT_EQ(::write(pipe_[1], bytes.data(), bytes.size()), 2);
        }
    }

    Result<CommandEnd> watch(const std::string& mode, WatchOptions options = {}) {
        options.command = {HEXCORE_MEMORY_CHILD, mode, "64", std::to_string(pipe_[0])};
        options.gpus.cuda_library = "libhexcore-absent.so.1";
        return watch_command(options, {this});
    }
    [[nodiscard]] Bytes peak() const {
        Bytes most;
        for (const RecordedRow& row : rows) {
            most = row.device == 0 ? std::max(most, row.total()) : most;
        }
        return most;
    }

private:
    std::vector<Awaited> awaited_;
    std::size_t next_ = 0;
    std::array<int, 2> pipe_{};
};

bool has_64_mib(const RecordedRow& row) { return row.device == 0 && row.total() >= 64_MiB; }

WatchOptions quick() { return {.command = {}, .writer = "test", .interval = milliseconds(2)}; }

TEST(WatchCommand, SeesWhatAProcessTakesAndHowItEnds) {
    Director director({has_64_mib});
    const auto end = director.watch("hold", quick());
    ASSERT_TRUE(end.has_value()) << end.error().message;
    EXPECT_FALSE(end->signalled);
    EXPECT_EQ(end->exit_code(), 7);
    // Programs under a sanitizer have more.
    EXPECT_GE(director.peak(), 64_MiB);
    EXPECT_LT(director.peak(), 320_MiB);
    ASSERT_EQ(director.runs.size(), 1U);
    EXPECT_EQ(director.runs[0].command[1], "hold");
    ASSERT_GE(director.devices.size(), 1U);
    EXPECT_EQ(director.devices[0].name, "host");
    EXPECT_GT(director.devices[0].total, 64_MiB);
    ASSERT_EQ(director.ends.size(), 1U);
    EXPECT_EQ(director.ends[0].code, 7);
    EXPECT_EQ(director.ends[0].processes, 1U);
    EXPECT_GT(director.ends[0].own_memory, 0_B);
    EXPECT_THAT(director.rows[0].parts[0].process->command, ::testing::HasSubstr("memory_child"));
    EXPECT_TRUE(director.rows[0].free.has_value());
}

TEST(WatchCommand, CountsProcessesThatHaveLostTheirParent) {
    Director director({has_64_mib});
    const auto end = director.watch("orphan", quick());
    ASSERT_TRUE(end.has_value());
    EXPECT_EQ(end->exit_code(), 7);
    EXPECT_GE(director.ends[0].processes, 2U);
    EXPECT_GE(director.peak(), 64_MiB);
}

TEST(WatchCommand, TellsASpikeBetweenSamples) {
    if (test::sanitized) {
        GTEST_SKIP() << "the child begins as a copy of this process, which has more than the spike";
    }
    Director director({[](const RecordedRow& row) { return row.device == 0; }});
    WatchOptions options = quick();
    options.interval = hours(1);
    const auto end = director.watch("spike", options);
    ASSERT_TRUE(end.has_value());
    EXPECT_EQ(end->exit_code(), 7);
    // Unless it came just at the start, when the processes are looked for and sampled once more.
    EXPECT_GE(std::max(director.ends[0].largest_process, director.peak()), 64_MiB);
}

TEST(WatchCommand, AProgramThatIsMissingIsWrongUsageAndNothingIsTold) {
    test::KeptRecords kept;
    WatchOptions options = quick();
    options.command = {"hexcore-has-no-such-program"};
    const auto end = watch_command(options, {&kept});
    ASSERT_FALSE(end.has_value());
    EXPECT_EQ(end.error().code, ErrorCode::usage);
    EXPECT_THAT(end.error().message, ::testing::HasSubstr("hexcore-has-no-such-program"));
    EXPECT_TRUE(kept.runs.empty());
}

TEST(WatchCommand, SamplesEachGpuByNvmlAlone) {
    const auto library = DynamicLibrary::open(HEXCORE_FAKE_NVML);
    ASSERT_TRUE(library.has_value());
    auto* nvml = static_cast<FakeNvmlState*>(library->address("fake_nvml_state"));
    *nvml = FakeNvmlState{};
    nvml->gpus[0].name = "Fake RTX";
    nvml->gpus[0].pci = "0000:01:00.0";
    nvml->gpus[0].total = (16_GiB).count();
    nvml->gpus[0].free = (10_GiB).count();
    nvml->gpu_count = 1;
    nvml->entry_bytes = 24;
    Director director(
        {[](const RecordedRow& row) { return row.device != 0 && row.others > 1_GiB; }});
    WatchOptions options = quick();
    options.gpus.nvml_library = HEXCORE_FAKE_NVML;
    const auto end = director.watch("hold", options);
    ASSERT_TRUE(end.has_value());
    const auto row = std::find_if(director.rows.begin(), director.rows.end(),
                                  [](const RecordedRow& each) { return each.others == 6_GiB; });
    ASSERT_NE(row, director.rows.end());
    EXPECT_EQ(row->free, 10_GiB);
    const auto device =
        std::find_if(director.devices.begin(), director.devices.end(),
                     [](const RecordedDevice& each) { return each.kind == RecordedKind::gpu; });
    ASSERT_NE(device, director.devices.end());
    EXPECT_EQ(device->name, "gpu 0");
    EXPECT_EQ(device->description, "Fake RTX");
    EXPECT_EQ(device->total, 16_GiB);
}

}  // namespace
}  // namespace hexcore
