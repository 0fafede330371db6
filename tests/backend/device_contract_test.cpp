// What every device must keep to, whatever is behind it: main memory, an RPC server, a GPU.

#include <gtest/gtest.h>

#include <numeric>
#include <random>

#include "ggml-alloc.h"
#include "ggml-cpp.h"
#include "hexcore/backend/machine.hpp"
#include "hexcore/backend/wrapped_device.hpp"
#include "support/device_pairs.hpp"

namespace hexcore {
namespace {

struct Contract {
    DeviceKind kind;
    Bytes budget;  ///< what may be taken
    DeviceMaker maker = make_device;
    std::string name = test::name_of(kind);
};

void PrintTo(const Contract& contract, std::ostream* out) {
    *out << contract.name << " of " << to_string(contract.budget);
}

/// A kind of device that Hexcore does not have, made by the recipe of ARCHITECTURE.md: another of
/// ggml's backends, here that of the CPU, is wrapped, and all else comes with that.
Result<std::unique_ptr<Device>> make_toy(Machine& machine, ggml_backend_reg_t registry, DeviceId id,
                                         const DeviceSpec& spec, Commitment commitment) {
    InnerDevice inner;
    inner.device = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
    inner.tells_free_memory = false;
    return std::make_unique<WrappedDevice>(machine, registry, id, spec, commitment, inner);
}

class DeviceContract : public ::testing::TestWithParam<Contract> {
protected:
    void SetUp() override {
        auto specs = pair_.specs(budget() + 1_MiB, 1_MiB);
        if (!specs) {
            GTEST_SKIP() << specs.error().message;
        }
        auto machine = Machine::create(*specs, Commitment::committed, GetParam().maker);
        ASSERT_TRUE(machine.has_value()) << machine.error().message;
        machine_ = std::move(*machine);
    }

    [[nodiscard]] static Bytes budget() { return GetParam().budget; }
    Device& device(std::size_t index = 0) { return machine_->device(DeviceId(index)); }
    ggml_backend_buffer_ptr allocate(Bytes size, std::size_t index = 0) {
        return ggml_backend_buffer_ptr(
            ggml_backend_buft_alloc_buffer(device(index).buffer_type(), size.count()));
    }

    /// What is behind the device says that its buffers take `size`, as exactly as it can tell.
    void expect_measured(Bytes size) {
        const auto measured = device().measured();
        ASSERT_TRUE(measured.has_value()) << measured.error().message;
        if (GetParam().name == "toy") {
            EXPECT_FALSE(measured->has_value()) << "as its maker says";
            return;
        }
        switch (GetParam().kind) {
            case DeviceKind::host:
                EXPECT_EQ(*measured, round_up(size, 4_KiB));
                break;
            case DeviceKind::rpc:
                EXPECT_FALSE(measured->has_value()) << "a server does not tell";
                break;
            case DeviceKind::cuda:
                ASSERT_TRUE(measured->has_value());
                EXPECT_LE(**measured, device().overhead() + size + 4_MiB);
                EXPECT_GE(**measured, size);
                break;
        }
    }

    test::DevicePair pair_{GetParam().kind, GetParam().kind};
    std::unique_ptr<Machine> machine_;
};

TEST_P(DeviceContract, IsAGpuWithItsBudgetLessTheReserve) {
    std::size_t free = 0;
    std::size_t total = 0;
    ggml_backend_dev_memory(device().handle(), &free, &total);
    EXPECT_EQ(Bytes(total), budget());
    EXPECT_EQ(Bytes(free), budget());
    EXPECT_EQ(ggml_backend_dev_type(device().handle()), GGML_BACKEND_DEVICE_TYPE_GPU);
    EXPECT_EQ(ggml_backend_dev_name(device().handle()), device().name());
}

TEST_P(DeviceContract, CommitsAndAccountsWhatItAllocatesAndTakesItBack) {
    {
        const auto buffer = allocate(budget());
        ASSERT_NE(buffer, nullptr);
        EXPECT_EQ(device().memory().budget().used(), budget());
        EXPECT_EQ(device().memory().accounted().total(), budget());
        expect_measured(budget());
    }
    EXPECT_EQ(device().memory().accounted().total(), 0_B);
    expect_measured(0_B);
    EXPECT_EQ(device().memory().budget().peak(), budget());
}

TEST_P(DeviceContract, RefusesOneByteTooManyAndSaysWhere) {
    const auto first = allocate(budget());
    ASSERT_NE(first, nullptr);
    EXPECT_EQ(allocate(1_B), nullptr);
    const auto refusal = machine_->last_refusal();
    ASSERT_TRUE(refusal.has_value());
    EXPECT_EQ(refusal->code, ErrorCode::does_not_fit);
    EXPECT_NE(refusal->message.find(device().name()), std::string::npos) << refusal->message;
    EXPECT_FALSE(machine_->last_refusal().has_value()) << "a refusal is told once";
    EXPECT_EQ(device().memory().budget().refused(), 1U);
    EXPECT_NE(allocate(budget(), 1), nullptr) << "the other device has its own budget";
}

TEST_P(DeviceContract, AccountsByWhatLibllamaSaysABufferIsFor) {
    const Bytes third(budget().count() / 4);
    const auto weights = allocate(third);
    const auto kv = allocate(third);
    const auto compute = allocate(third);
    ggml_backend_buffer_set_usage(weights.get(), GGML_BACKEND_BUFFER_USAGE_WEIGHTS);
    ggml_backend_buffer_set_usage(compute.get(), GGML_BACKEND_BUFFER_USAGE_COMPUTE);
    const auto experts = device().allocate_experts(third);
    ASSERT_TRUE(experts.has_value());
    const Usage expected{.weights = third,
                         .experts = third,
                         .adapters = {},
                         .kv = third,
                         .recurrent = {},
                         .compute = third,
                         .staging = {},
                         .parked = {}};
    EXPECT_EQ(device().memory().accounted(), expected);
}

TEST_P(DeviceContract, GivesBackWhatWasWrittenAndCopiesBetweenDevices) {
    const ggml_context_ptr context(ggml_init(
        {.mem_size = 4 * ggml_tensor_overhead(), .mem_buffer = nullptr, .no_alloc = true}));
    const ggml_context_ptr other(ggml_init(
        {.mem_size = 4 * ggml_tensor_overhead(), .mem_buffer = nullptr, .no_alloc = true}));
    ggml_tensor* here = ggml_new_tensor_1d(context.get(), GGML_TYPE_F32, 1000);
    ggml_tensor* there = ggml_new_tensor_1d(other.get(), GGML_TYPE_F32, 1000);
    const ggml_backend_buffer_ptr buffer_here(
        ggml_backend_alloc_ctx_tensors_from_buft(context.get(), device(0).buffer_type()));
    const ggml_backend_buffer_ptr buffer_there(
        ggml_backend_alloc_ctx_tensors_from_buft(other.get(), device(1).buffer_type()));
    ASSERT_NE(buffer_here, nullptr);
    ASSERT_NE(buffer_there, nullptr);
    std::vector<float> values(1000);
    std::iota(values.begin(), values.end(), 0.5F);
    ggml_backend_tensor_set(here, values.data(), 0, ggml_nbytes(here));
    ggml_backend_tensor_copy(here, there);
    std::vector<float> read(1000);
    ggml_backend_tensor_get(there, read.data(), 0, ggml_nbytes(there));
    EXPECT_EQ(read, values);
    ggml_backend_tensor_memset(there, 0, 40, 8);
    ggml_backend_tensor_get(there, read.data(), 0, ggml_nbytes(there));
    values[10] = values[11] = 0;
    EXPECT_EQ(read, values);
    ggml_backend_buffer_clear(buffer_there.get(), 0);
    ggml_backend_tensor_get(there, read.data(), 0, ggml_nbytes(there));
    EXPECT_EQ(read, std::vector<float>(1000, 0.0F));
}

// libllama clears recurrent state as it makes a context, and what a context keeps of the last one
// is copied: in a dry run, too.
TEST_P(DeviceContract, SimulatedDropsWhatIsWrittenAndIsReadAsZeros) {
    const auto simulated = machine_->simulated();
    ASSERT_TRUE(simulated.has_value()) << simulated.error().message;
    const ggml_context_ptr context(ggml_init(
        {.mem_size = 4 * ggml_tensor_overhead(), .mem_buffer = nullptr, .no_alloc = true}));
    ggml_tensor* tensor = ggml_new_tensor_1d(context.get(), GGML_TYPE_F32, 1000);
    ggml_tensor* other = ggml_new_tensor_1d(context.get(), GGML_TYPE_F32, 1000);
    const ggml_backend_buffer_ptr buffer(ggml_backend_alloc_ctx_tensors_from_buft(
        context.get(), (*simulated)->device(DeviceId(0)).buffer_type()));
    ASSERT_NE(buffer, nullptr);
    ggml_backend_buffer_clear(buffer.get(), 1);
    const std::vector<float> values(1000, 0.5F);
    ggml_backend_tensor_set(tensor, values.data(), 0, ggml_nbytes(tensor));
    ggml_backend_tensor_memset(tensor, 1, 40, 8);
    ggml_backend_tensor_copy(tensor, other);
    std::vector<float> read(1000, 0.5F);
    ggml_backend_tensor_get(other, read.data(), 0, ggml_nbytes(other));
    EXPECT_EQ(read, std::vector<float>(1000, 0.0F));
    EXPECT_EQ(device().memory().accounted().total(), 0_B);
}

INSTANTIATE_TEST_SUITE_P(CappedHost, DeviceContract,
                         ::testing::Values(Contract{DeviceKind::host, Bytes(16'400)},
                                           Contract{DeviceKind::host, 1_MiB},
                                           Contract{DeviceKind::host, Bytes(5'000'004)},
                                           Contract{DeviceKind::host, 64_MiB}));
INSTANTIATE_TEST_SUITE_P(Toy, DeviceContract,
                         ::testing::Values(Contract{DeviceKind::host, Bytes(16'400), make_toy,
                                                    "toy"},
                                           Contract{DeviceKind::host, 64_MiB, make_toy, "toy"}));
INSTANTIATE_TEST_SUITE_P(Rpc, DeviceContract,
                         ::testing::Values(Contract{DeviceKind::rpc, Bytes(16'400)},
                                           Contract{DeviceKind::rpc, 64_MiB}));
INSTANTIATE_TEST_SUITE_P(Cuda, DeviceContract,
                         ::testing::Values(Contract{DeviceKind::cuda, Bytes(16'400)},
                                           Contract{DeviceKind::cuda, 1_GiB}));

TEST(MachineDevices, AServerThatDoesNotAnswerIsMissing) {
    std::vector<DeviceSpec> specs(1);
    specs[0].kind = DeviceKind::rpc;
    specs[0].name = "rpc:localhost:1";
    specs[0].endpoint = "localhost:1";
    const auto machine = Machine::create(specs);
    ASSERT_FALSE(machine.has_value());
    EXPECT_EQ(machine.error().code, ErrorCode::missing_device);
    EXPECT_NE(machine.error().message.find("localhost:1"), std::string::npos);
}

TEST(MachineDevices, CountWithoutLimitOrMemoryWhenTheyAreSimulated) {
    std::vector<DeviceSpec> specs(1);
    specs[0].name = "host0";
    specs[0].budget = 1_MiB;
    const auto machine = Machine::create(specs, Commitment::simulated);
    ASSERT_TRUE(machine.has_value());
    Device& device = (*machine)->device(DeviceId(0));
    const ggml_backend_buffer_ptr buffer(
        ggml_backend_buft_alloc_buffer(device.buffer_type(), (1000_GiB).count()));
    ASSERT_NE(buffer, nullptr);
    EXPECT_EQ(device.memory().budget().used(), 1000_GiB);
}

}  // namespace
}  // namespace hexcore
