#include "hexcore/api/reset.hpp"

#include <gmock/gmock.h>
#include <malloc.h>
#include <unistd.h>

#include <functional>
#include <optional>
#include <thread>

#include "hexcore/backend/host_device.hpp"
#include "hexcore/device/own_memory.hpp"
#include "runtime/loaded_model.hpp"

namespace hexcore::test {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

/// A device of which a test says what is measured, each time somebody looks.
class ToldDevice : public HostDevice {
public:
    using Measure = std::function<Bytes()>;
    ToldDevice(Machine& machine, ggml_backend_reg_t registry, DeviceId id, const DeviceSpec& spec,
               Commitment commitment, Measure measure)
        : HostDevice(machine, registry, id, spec, commitment), measure_(std::move(measure)) {}

    [[nodiscard]] Result<std::optional<Bytes>> measured() const override { return measure_(); }

private:
    Measure measure_;
};

std::unique_ptr<Machine> machine_of(const ToldDevice::Measure& measure) {
    const DeviceSpec spec{.kind = DeviceKind::host, .name = "told", .budget = 64_MiB};
    auto machine =
        Machine::create({spec}, Commitment::committed,
                        [measure](Machine& owner, ggml_backend_reg_t registry, DeviceId id,
                                  const DeviceSpec& made_from,
                                  Commitment commitment) -> Result<std::unique_ptr<Device>> {
                            return std::make_unique<ToldDevice>(owner, registry, id, made_from,
                                                                commitment, measure);
                        });
    EXPECT_TRUE(machine.has_value());
    return std::move(*machine);
}

/// What a sanitizer keeps of freed memory counts as this process's.
ResetOptions options(milliseconds deadline = ResetOptions().deadline) {
    return {.deadline = deadline,
            .host_tolerance = sanitized ? 256_MiB : ResetOptions().host_tolerance};
}

class Reset : public LoadedModelTest {};

TEST_F(Reset, OfAnUnloadedModelIsCleanAtOnceAndForgetsPeaks) {
    write({});
    make_machine(2);
    {
        auto model = load(random_plan(1));
        ASSERT_TRUE(model.has_value()) << model.error().message;
    }
    const auto report = reset(*machine_, options());
    ASSERT_TRUE(report.has_value()) << report.error().message;
    EXPECT_TRUE(report->clean()) << ::testing::PrintToString(report->why());
    ASSERT_EQ(report->devices.size(), 2U);
    for (std::size_t i = 0; i < 2; ++i) {
        const ResetMemory& device = report->devices[i];
        EXPECT_EQ(device.name, machine_->device(DeviceId(i)).name());
        EXPECT_GT(device.peak, 0_B);
        EXPECT_EQ(device.after.accounted, 0_B);
        EXPECT_EQ(device.after.measured, 0_B);
        EXPECT_EQ(machine_->device(DeviceId(i)).memory().budget().peak(), 0_B);
    }
    EXPECT_TRUE(report->host.after.measured.has_value());
    EXPECT_EQ(report->host.baseline, machine_->own_memory_before_load());
    RecordProperty("waited_us", static_cast<int>(report->waited.count()));
    EXPECT_LT(report->waited, ResetOptions().deadline)
        << "it waits for nothing: usually under 1 ms";
}

TEST_F(Reset, UnloadsAModelThatNobodyUses) {
    write({});
    make_machine(2);
    auto model = load(random_plan(1));
    ASSERT_TRUE(model.has_value()) << model.error().message;
    const auto report = reset(*machine_, options());
    ASSERT_TRUE(report.has_value()) << report.error().message;
    EXPECT_TRUE(report->clean()) << ::testing::PrintToString(report->why());
    EXPECT_THAT(report->unloaded, ::testing::ElementsAre("the model " + inventory_.name));
    for (const ResetMemory& device : report->devices) {
        EXPECT_GT(device.before.accounted, 0_B);
        EXPECT_EQ(device.after.measured, 0_B);
    }
    EXPECT_FALSE(model->is_loaded());
    EXPECT_TRUE(reset(*machine_, options())->unloaded.empty());
    auto again = load(random_plan(1));
    ASSERT_TRUE(again.has_value()) << again.error().message;
    EXPECT_TRUE(again->is_loaded());
    *model = *std::move(again);  // the one that is loaded is the one that goes
    EXPECT_THAT(reset(*machine_, options())->unloaded.size(), 1U);
}

TEST_F(Reset, IsRefusedByNameWhileAModelIsInUseAndChangesNothing) {
    write({});
    make_machine(2);
    auto model = load(random_plan(1));
    ASSERT_TRUE(model.has_value()) << model.error().message;
    std::optional<LoadedModel::Use> use(std::in_place, *model, "sessions");
    const Bytes peak = machine_->device(DeviceId(0)).memory().budget().peak();
    const auto report = reset(*machine_, options());
    ASSERT_FALSE(report.has_value());
    EXPECT_EQ(report.error().code, ErrorCode::usage);
    EXPECT_THAT(report.error().message,
                HasSubstr("still in use: sessions of the model " + inventory_.name));
    EXPECT_EQ(machine_->device(DeviceId(0)).memory().budget().peak(), peak);
    EXPECT_TRUE(model->is_loaded());
    use.reset();
    EXPECT_TRUE(reset(*machine_, options()).has_value());
}

TEST_F(Reset, IsRefusedByDeviceWhereNobodySaysWhatItsMemoryIsFor) {
    make_machine(2);
    const auto block = machine_->device(DeviceId(1)).memory().take(4_MiB, Purpose::kv);
    ASSERT_TRUE(block.has_value());
    const auto report = reset(*machine_, options());
    ASSERT_FALSE(report.has_value());
    EXPECT_THAT(report.error().message, HasSubstr("4.0 MiB of host1"));
}

TEST_F(Reset, IsRefusedWhileABackendComputes) {
    make_machine(1);
    const auto backend = machine_->device(DeviceId(0)).inner_backend();
    const auto report = reset(*machine_, options());
    ASSERT_FALSE(report.has_value());
    EXPECT_THAT(report.error().message, HasSubstr("a backend of host0"));
}

TEST_F(Reset, AFailedLoadIsNoUser) {
    write({.n_experts = 8, .n_embd = 128, .n_ff = 256});
    make_machine(2, 1_KiB);
    ASSERT_FALSE(load(random_plan(5)).has_value());
    const auto report = reset(*machine_, options());
    ASSERT_TRUE(report.has_value()) << report.error().message;
    EXPECT_TRUE(report->clean()) << ::testing::PrintToString(report->why());
    EXPECT_EQ(machine_->device(DeviceId(0)).memory().budget().refused(), 0U);
}

TEST(ResetProof, WaitsUntilTheDriverSaysThatMemoryIsBack) {
    int looks = 0;
    const auto machine = machine_of([&looks] { return ++looks < 5 ? 3_MiB : 0_B; });
    const auto report = reset(*machine, options(milliseconds(60'000)));
    ASSERT_TRUE(report.has_value()) << report.error().message;
    EXPECT_TRUE(report->clean());
    EXPECT_EQ(report->devices[0].before.measured, 3_MiB);
    EXPECT_EQ(report->devices[0].after.measured, 0_B);
    EXPECT_EQ(looks, 5) << "it looks no longer than it must";
}

TEST(ResetProof, SaysAtTheDeadlineWhoHoldsWhat) {
    const auto machine = machine_of([] { return 3_MiB; });
    const auto report = reset(*machine, options(milliseconds(5)));
    ASSERT_TRUE(report.has_value()) << report.error().message;
    EXPECT_FALSE(report->clean());
    EXPECT_GE(report->waited, milliseconds(5));
    ASSERT_EQ(report->devices[0].holders.size(), 1U);
    EXPECT_EQ(report->devices[0].holders[0].pid, static_cast<std::uint32_t>(::getpid()));
    ASSERT_EQ(report->why().size(), 1U);
    EXPECT_THAT(report->why()[0], HasSubstr("told has 3.0 MiB more"));
    EXPECT_THAT(report->why()[0], HasSubstr("test_api"));
}

TEST_F(Reset, FindsWhatTheProcessKeepsBesideTheDevices) {
    write({});
    make_machine(1);
    std::vector<char> kept;
    {
        auto model = load(random_plan(1));
        ASSERT_TRUE(model.has_value()) << model.error().message;
        kept.assign((300_MiB).count(), 'x');
    }
    const auto report = reset(*machine_, options(milliseconds(5)));
    ASSERT_TRUE(report.has_value()) << report.error().message;
    EXPECT_TRUE(report->devices[0].clean());
    EXPECT_FALSE(report->host.clean());
    EXPECT_FALSE(report->clean());
    ASSERT_EQ(report->why().size(), 1U);
    EXPECT_THAT(report->why()[0], HasSubstr("this process has "));
    std::vector<char>().swap(kept);
    const auto again = reset(*machine_, options());
    ASSERT_TRUE(again.has_value());
    EXPECT_TRUE(again->clean()) << ::testing::PrintToString(again->why());
}

TEST(ResetProof, IsInterrupted) {
    std::atomic<bool> stop{false};
    const auto machine = machine_of([&stop] {
        stop = true;
        return 3_MiB;
    });
    ResetOptions until_stopped = options(milliseconds(600'000));
    until_stopped.stop = &stop;
    const auto report = reset(*machine, until_stopped);
    ASSERT_FALSE(report.has_value());
    EXPECT_EQ(report.error().code, ErrorCode::interrupted);
}

TEST_F(Reset, ALoadBeginsWithoutFreePagesAndSaysSo) {
    if (sanitized) {
        GTEST_SKIP() << "the sanitizer's allocator keeps free pages as it likes";
    }
    write({});
    make_machine(1);
    ::mallopt(M_TRIM_THRESHOLD, 1 << 30);  // or freeing would give some back by itself
    // Each too small to have a mapping of its own. What comes after them stays, so the heap does.
    std::vector<std::vector<char>> freed(1'000, std::vector<char>(64 * 1024, 'x'));
    const std::vector<char> after(64 * 1024, 'x');
    std::vector<std::vector<char>>().swap(freed);
    std::vector<std::string> told;
    LoadOptions loading = load_options();
    loading.tell = [&told](std::string_view sentence) { told.emplace_back(sentence); };
    const auto model = LoadedModel::load(*machine_, inventory_, random_plan(1), loading);
    ASSERT_TRUE(model.has_value()) << model.error().message;
    ASSERT_EQ(told.size(), 1U);
    EXPECT_THAT(told[0], HasSubstr("gave back "));
    EXPECT_THAT(told[0], HasSubstr(" MiB that this process had"));
    EXPECT_LT(*machine_->own_memory_before_load(), 62_MiB);
}

}  // namespace
}  // namespace hexcore::test
