#include "hexcore/runtime/load_attempt.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <limits>
#include <thread>

#include "device/fixture_tree.hpp"
#include "runtime/loaded_model.hpp"

namespace hexcore::test {
namespace {

using ::testing::HasSubstr;

constexpr const char* ample_memory = "MemTotal: 9999999 kB\nMemAvailable: 9999999 kB\n";

class LoadAttemptTest : public LoadedModelTest {
protected:
    /// Of loads that wait for nobody but this test.
    LoadOptions queued_options(const FixtureTree& tree) const {
        LoadOptions options = load_options();
        options.root = tree.root();
        options.queue = queue_;
        return options;
    }

    /// What the kernel says is committed on all devices.
    Bytes resident() const {
        Bytes sum;
        for (std::size_t i = 0; i < machine_->size(); ++i) {
            sum += machine_->device(DeviceId(i)).memory().measured().value();
        }
        return sum;
    }

    const std::string queue_ = fmt::format("test-attempt-{}", ::getpid());

    void SetUp() override {
        write({});
        make_machine(2);
    }

    /// Expects the load to fail so, in that state, and to leave nothing.
    Error failing(const LoadOptions& options, ErrorCode code, LoadState state) {
        const auto session = LoadedModel::load(*machine_, inventory_, random_plan(1), options);
        EXPECT_FALSE(session.has_value());
        expect_empty_devices();
        if (session) {
            return {ErrorCode::negative, ""};
        }
        EXPECT_EQ(session.error().code, code) << session.error().message;
        EXPECT_THAT(session.error().aftermath,
                    HasSubstr(fmt::format("failed while {}", doing(state))));
        return session.error();
    }

    void write_number(const TensorInfo& tensor, std::size_t index, float value) {
        std::fstream file(path_, std::ios::binary | std::ios::in | std::ios::out);
        file.seekp(static_cast<std::streamoff>(tensor.offset_bytes + index * sizeof value));
        file.write(reinterpret_cast<const char*>(&value), sizeof value);
    }
};

TEST_F(LoadAttemptTest, IsRefusedWhereSomebodyTookTheMemorySinceThePlan) {
    const FixtureTree tree;
    tree.write("/proc/meminfo", "MemTotal: 9999999 kB\nMemAvailable: 1000 kB\n");
    tree.write("/proc/7/status", "RssAnon:\t2048 kB\n");
    tree.write("/proc/7/comm", "greedy\n");
    LoadOptions with_root = load_options();
    with_root.root = tree.root();
    const Error error = failing(with_root, ErrorCode::does_not_fit, LoadState::check);
    EXPECT_THAT(error.message, HasSubstr("bytes too few"));
    EXPECT_THAT(error.message, HasSubstr("greedy, pid 7 (2.0 MiB)"));

    tree.write("/proc/meminfo", ample_memory);
    EXPECT_TRUE(LoadedModel::load(*machine_, inventory_, random_plan(1), with_root).has_value());
}

TEST_F(LoadAttemptTest, IsRefusedWhereParkedSessionsWouldHaveNoRoom) {
    const FixtureTree tree;
    tree.write("/proc/meminfo", ample_memory);
    const auto fails_with = [&](ParkingLimits parking, const char* words) {
        LoadOptions options = queued_options(tree);
        options.parking_space = [] {
            return FolderSpace{.folder = "/parked", .total = 2_GiB, .free = 1_GiB};
        };
        Plan plan = random_plan(1);
        plan.parking = parking;
        const auto session = LoadedModel::load(*machine_, inventory_, plan, options);
        expect_empty_devices();
        ASSERT_FALSE(session.has_value());
        EXPECT_EQ(session.error().code, ErrorCode::does_not_fit);
        EXPECT_THAT(session.error().message, HasSubstr(words));
    };
    fails_with({.memory = 64_GiB, .files = {}}, "64.00 GiB for parked sessions");
    fails_with({.memory = 1_MiB, .files = 2_GiB}, "the disk of /parked has 1.00 GiB");
}

TEST_F(LoadAttemptTest, SeesWhatTheLoadBeforeItHasTaken) {
    const FixtureTree tree;
    tree.write("/proc/meminfo", ample_memory);
    std::optional<LoadTurn> before = LoadTurn::wait({.queue = queue_}).value();
    ASSERT_TRUE(before->is_held());
    LoadOptions second = queued_options(tree);
    second.tell = [&](std::string_view) {
        tree.write("/proc/meminfo", "MemTotal: 9999999 kB\nMemAvailable: 1000 kB\n");
        before.reset();
    };
    failing(second, ErrorCode::does_not_fit, LoadState::check);
    EXPECT_TRUE(LoadTurn::wait({.queue = queue_})->is_held()) << "a failed load keeps its turn";
}

TEST_F(LoadAttemptTest, KeepsItsTurnFromTheLookAtFreeMemoryUntilAllIsCommitted) {
    const FixtureTree tree;
    tree.write("/proc/self/empty", "");  // makes the folder
    const std::string meminfo = tree.root().path("/proc/meminfo");
    ASSERT_EQ(::mkfifo(meminfo.c_str(), 0600), 0);
    const LoadOptions first = queued_options(tree);
    std::optional<Result<LoadedModel>> session;
    std::thread load(
        [&] { session.emplace(LoadedModel::load(*machine_, inventory_, random_plan(1), first)); });
    std::ofstream answer(meminfo);  // opens when the load looks
    const auto next = LoadTurn::wait({.queue = queue_,
                                      .tell =
                                          [&](std::string_view) {
                                              answer << ample_memory;
                                              answer.close();
                                          },
                                      .told_after = std::chrono::milliseconds(0)});
    const Bytes at_its_end = resident();
    answer.close();
    load.join();
    ASSERT_TRUE(next.has_value() && next->is_held());
    ASSERT_TRUE(session->has_value()) << session->error().message;
    EXPECT_GT(at_its_end, 0_B);
    EXPECT_EQ(at_its_end, resident());
}

TEST_F(LoadAttemptTest, OverABudgetItFailsBeforeAnythingIsTaken) {
    make_machine(2, 512_KiB);
    const Error error = failing(load_options(), ErrorCode::does_not_fit, LoadState::check);
    EXPECT_THAT(error.message, HasSubstr("host0"));
    EXPECT_EQ(machine_->device(DeviceId(0)).memory().budget().peak(), 0_B);
}

TEST_F(LoadAttemptTest, AFileThatWasWrittenToSinceItsHeaderWasReadIsRefused) {
    write_number(inventory_.tensors.back(), 3, 0.25F);
    const Error error = failing(load_options(), ErrorCode::bad_input, LoadState::reserve);
    EXPECT_THAT(error.message, HasSubstr("written to"));
    EXPECT_THAT(error.message, HasSubstr(path_.string()));
}

TEST_F(LoadAttemptTest, AFileThatWasReplacedIsRefused) {
    const auto other = folder_.path() / "other.gguf";
    std::filesystem::copy_file(path_, other);
    std::filesystem::rename(other, path_);
    failing(load_options(), ErrorCode::bad_input, LoadState::reserve);
}

TEST_F(LoadAttemptTest, AFileThatIsReplacedWhileItIsReadIsRefused) {
    LoadOptions replacing = load_options();
    replacing.progress = [this](ReadProgress) {
        const auto other = folder_.path() / "other.gguf";
        std::filesystem::copy_file(path_, other, std::filesystem::copy_options::overwrite_existing);
        std::filesystem::rename(other, path_);
        return true;
    };
    const Error error = failing(replacing, ErrorCode::bad_input, LoadState::fill);
    EXPECT_THAT(error.message, HasSubstr("replaced"));
}

TEST_F(LoadAttemptTest, AFileThatIsWrittenToWhileItIsReadIsRefused) {
    LoadOptions writing = load_options();
    writing.progress = [this](ReadProgress) {
        write_number(inventory_.tensors.back(), 3, 0.25F);
        return true;
    };
    failing(writing, ErrorCode::bad_input, LoadState::fill);
}

TEST_F(LoadAttemptTest, AnOldRefusalDoesNotExplainANewFailure) {
    ASSERT_FALSE(machine_->device(DeviceId(0)).memory().take(100_MiB, Purpose::kv).has_value());
    ASSERT_TRUE(load(random_plan(1)).has_value());
    EXPECT_FALSE(machine_->last_refusal().has_value());
}

TEST_F(LoadAttemptTest, ProgressCountsWhatIsReallyRead) {
    LoadOptions counting = load_options();
    ReadProgress last;
    counting.progress = [&last](ReadProgress progress) {
        EXPECT_LE(progress.done, progress.total);
        last = progress;
        return true;
    };
    ASSERT_TRUE(LoadedModel::load(*machine_, inventory_, random_plan(1), counting).has_value());
    EXPECT_EQ(last.done, last.total);
    // The input embedding stays in libllama's mapping.
    EXPECT_EQ(last.total, inventory_.total_bytes() - inventory_.tensors.front().bytes);
}

TEST_F(LoadAttemptTest, AProgressThatSaysNoStopsIt) {
    LoadOptions stopping = load_options();
    stopping.progress = [](ReadProgress) { return false; };
    const auto session = LoadedModel::load(*machine_, inventory_, random_plan(1), stopping);
    ASSERT_FALSE(session.has_value());
    EXPECT_EQ(session.error().code, ErrorCode::interrupted);
    expect_empty_devices();
}

TEST_F(LoadAttemptTest, DataIsVerifiedWhereThatIsAskedFor) {
    const TensorInfo tensor = inventory_.tensors[inventory_.tensors.size() - 3];
    ASSERT_EQ(tensor.role, TensorRole::expert);
    LoadOptions verifying = load_options();
    verifying.verify_data = true;
    ASSERT_TRUE(LoadedModel::load(*machine_, inventory_, random_plan(1), verifying).has_value());

    write_number(tensor, 5000, std::numeric_limits<float>::quiet_NaN());
    inventory_ = read_inventory(path_).value();
    EXPECT_TRUE(load(random_plan(1)).has_value());
    const Error error = failing(verifying, ErrorCode::bad_input, LoadState::fill);
    EXPECT_THAT(error.message, HasSubstr(tensor.name));
    EXPECT_THAT(error.message,
                HasSubstr(fmt::format("byte {} of", tensor.offset_bytes + 5000 * sizeof(float))));
}

}  // namespace
}  // namespace hexcore::test
