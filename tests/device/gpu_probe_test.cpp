#include "hexcore/device/gpu_probe.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <set>

#include "device/fake_driver.h"
#include "device/fixture_tree.hpp"
#include "hexcore/device/devices_info.hpp"
#include "hexcore/device/dynamic_library.hpp"
#include "hexcore/device/gpu_meter.hpp"

namespace hexcore {
namespace {

using ::testing::HasSubstr;

constexpr const char* no_library = "libhexcore-absent.so.1";

FakeGpu card(const char* name, unsigned char id, const char* pci, Bytes total, Bytes free) {
    FakeGpu gpu{};
    gpu.name = name;
    gpu.uuid[0] = id;
    gpu.uuid[15] = 0xa5;
    gpu.pci = pci;
    gpu.total = total.count();
    gpu.free = free.count();
    return gpu;
}

MachineMemory usable(const GpuList& list) {
    DevicesInfo devices;
    devices.gpus = list;
    return machine_memory(devices);
}

/// Two cards, which CUDA lists fastest first and NVML by PCI bus.
class FakeDriver : public ::testing::Test {
protected:
    FakeDriver() : cuda(state<FakeCudaState>(HEXCORE_FAKE_CUDA, "fake_cuda_state")) {
        use_nvml(HEXCORE_FAKE_NVML);
        const FakeGpu slow = card("Fake GTX", 1, "0000:01:00.0", 12_GiB, 8_GiB);
        const FakeGpu fast = card("Fake RTX", 2, "0000:65:00.0", 16_GiB, 15_GiB);
        nvml->gpus[0] = slow;
        nvml->gpus[1] = fast;
        nvml->gpu_count = 2;
        *cuda = FakeCudaState{};
        cuda->gpus[0] = fast;
        cuda->gpus[1] = slow;
        cuda->gpu_count = 2;
        tree.link("/proc/self/ns/pid", "pid:[4026531836]");
    }
    ~FakeDriver() override { EXPECT_EQ(nvml->started, 0) << "NVML was not shut down"; }

    template <typename State>
    static State* state(const char* path, const char* name) {
        const auto library = DynamicLibrary::open(path);
        EXPECT_TRUE(library.has_value()) << library.error().message;
        return static_cast<State*>(library->address(name));
    }
    void use_nvml(const char* path) {
        const FakeNvmlState* before = nvml;
        nvml = state<FakeNvmlState>(path, "fake_nvml_state");
        *nvml = before != nullptr ? *before : FakeNvmlState{};
        nvml->entry_bytes = 24;
        options.nvml_library = path;
        options.cuda_library = HEXCORE_FAKE_CUDA;
        options.root = tree.root();
    }
    void hold(FakeGpu& gpu, unsigned pid, Bytes bytes) const {
        gpu.processes[gpu.process_count++] = {pid, bytes.count()};
    }
    GpuList probed() { return probe_gpus(options); }

    test::FixtureTree tree;
    GpuProbeOptions options;
    FakeNvmlState* nvml = nullptr;
    FakeCudaState* cuda;
};

TEST_F(FakeDriver, GivesEachGpuTheNumberThatCudaGivesItAndTheMemoryThatNvmlTells) {
    const GpuList list = probed();
    ASSERT_EQ(list.gpus.size(), 2U);
    EXPECT_EQ(list.numbering, GpuNumbering::cuda);
    EXPECT_EQ(list.note, "");
    EXPECT_EQ(list.gpus[0].index, 0U);
    EXPECT_EQ(list.gpus[0].name, "Fake RTX");
    EXPECT_EQ(list.gpus[0].uuid, "GPU-02000000-0000-0000-0000-0000000000a5");
    EXPECT_EQ(list.gpus[0].total, 16_GiB);
    EXPECT_EQ(list.gpus[0].free, 15_GiB);
    EXPECT_EQ(list.gpus[0].used(), 1_GiB);
    EXPECT_EQ(list.gpus[1].name, "Fake GTX");
    EXPECT_EQ(list.gpus[1].free, 8_GiB);
}

TEST_F(FakeDriver, IsAskedAgainAndAgainByAMeter) {
    {
        const GpuMeter meter(options);
        ASSERT_EQ(meter.gpus().size(), 2U);
        EXPECT_EQ(meter.gpus()[0].name, "cuda:0");
        EXPECT_EQ(meter.gpus()[0].card, "Fake RTX");
        EXPECT_EQ(meter.gpus()[0].total, 16_GiB);
        EXPECT_TRUE(meter.tells_own_pids());
        EXPECT_EQ(meter.read(0)->used, 1_GiB);
        nvml->gpus[1].free = (9_GiB).count();
        hold(nvml->gpus[1], 77, 6_GiB);
        const auto reading = meter.read(0);
        ASSERT_TRUE(reading.has_value());
        EXPECT_EQ(reading->used, 7_GiB);
        EXPECT_EQ(reading->free, 9_GiB);
        ASSERT_EQ(reading->processes.size(), 1U);
        EXPECT_EQ(reading->processes[0].pid, 77U);
        EXPECT_EQ(reading->processes[0].bytes, 6_GiB);
        nvml->gpus[1].memory_status = 15;
        EXPECT_FALSE(meter.read(0).has_value()) << "the card is lost";
    }
    options.cuda_library = no_library;
    EXPECT_EQ(GpuMeter(options).gpus()[0].name, "gpu 0");
    options.nvml_library = no_library;
    EXPECT_TRUE(GpuMeter(options).gpus().empty());
}

TEST_F(FakeDriver, MatchesByPciAddressWhereTheDriverHasNoUuid) {
    cuda->no_uuid = 1;
    const GpuList list = probed();
    ASSERT_EQ(list.gpus.size(), 2U);
    EXPECT_EQ(list.gpus[0].free, 15_GiB);
    EXPECT_EQ(list.gpus[1].free, 8_GiB);
}

TEST_F(FakeDriver, SaysThatGpusAreHidden) {
    cuda->gpu_count = 1;
    const GpuList list = probed();
    ASSERT_EQ(list.gpus.size(), 1U);
    EXPECT_EQ(list.gpus[0].name, "Fake RTX");
    EXPECT_THAT(list.note, HasSubstr("1 of 2 GPUs are hidden"));
}

TEST_F(FakeDriver, NamesTheHoldersMostBytesFirst) {
    hold(nvml->gpus[1], 100, 1_GiB);
    hold(nvml->gpus[1], 200, 4_GiB);
    hold(nvml->gpus[1], 300, 2_GiB);
    nvml->gpus[1].graphics_count = 1;
    tree.write("/proc/100/cmdline", std::string("/usr/lib/xorg/Xorg\0-core\0", 25));
    tree.write("/proc/200/cmdline", std::string("/usr/bin/python3\0/srv/train.py\0--key\0x\0", 39));
    tree.write("/proc/300/cmdline", "");
    tree.write("/proc/300/comm", "kworker\n");
    const GpuList list = probed();
    ASSERT_EQ(list.gpus.size(), 2U);
    const auto& holders = list.gpus[0].holders;
    ASSERT_EQ(holders.size(), 3U);
    EXPECT_EQ(holders[0].pid, 200U);
    EXPECT_EQ(holders[0].command, "python3 train.py");
    EXPECT_EQ(holders[0].bytes, 4_GiB);
    EXPECT_EQ(holders[1].command, "kworker");
    EXPECT_EQ(holders[2].command, "Xorg");
    EXPECT_EQ(holders[2].bytes, 1_GiB);
    EXPECT_TRUE(list.gpus[1].holders.empty());
    EXPECT_EQ(list.note, "");
}

TEST_F(FakeDriver, ReadsTheProcessListInWhateverLayoutTheDriverWritesIt) {
    for (unsigned pid = 1; pid <= 3; ++pid) {
        hold(nvml->gpus[1], pid, Bytes(pid));
    }
    for (const unsigned entry_bytes : {16U, 24U, 32U}) {
        nvml->entry_bytes = entry_bytes;
        const GpuList list = probed();
        ASSERT_EQ(list.gpus.at(0).holders.size(), 3U);
        for (const GpuHolder& holder : list.gpus[0].holders) {
            EXPECT_EQ(holder.bytes, Bytes(holder.pid)) << entry_bytes;
        }
    }
    nvml->entry_bytes = 24;
    nvml->clears_whole_buffer = 1;
    EXPECT_EQ(probed().gpus.at(0).holders.at(0).pid, 3U);
}

TEST_F(FakeDriver, FallsBackToTheFirstVersionOfTheProcessList) {
    use_nvml(HEXCORE_FAKE_OLD_NVML);
    nvml->entry_bytes = 16;
    hold(nvml->gpus[1], 7, 3_GiB);
    hold(nvml->gpus[1], 8, 2_GiB);
    const GpuList list = probed();
    ASSERT_EQ(list.gpus.at(0).holders.size(), 2U);
    EXPECT_EQ(list.gpus[0].holders[0].bytes, 3_GiB);
    EXPECT_EQ(list.gpus[0].holders[1].pid, 8U);
}

TEST_F(FakeDriver, ListsAllProcessesHoweverFastTheyGrowInNumber) {
    for (unsigned pid = 1; pid <= 100; ++pid) {
        hold(nvml->gpus[1], pid, 1_MiB);
    }
    for (unsigned i = 100; i < fake_max_processes; ++i) {
        nvml->gpus[1].processes[i] = {i + 1, 1};
    }
    nvml->grows_per_call = 60;
    const GpuList list = probed();
    ASSERT_EQ(list.gpus.size(), 2U);
    EXPECT_GT(list.gpus[0].holders.size(), 100U);
    EXPECT_EQ(list.note, "");
    EXPECT_GT(nvml->list_calls, 4U);
}

TEST_F(FakeDriver, SaysWhereItDoesNotTellWhatAProcessHolds) {
    nvml->gpus[1].processes[0] = {11, ~0ULL};
    nvml->gpus[1].processes[1] = {12, 0};
    nvml->gpus[1].process_count = 2;
    const GpuList list = probed();
    ASSERT_EQ(list.gpus.at(0).holders.size(), 2U);
    EXPECT_FALSE(list.gpus[0].holders[0].bytes.has_value());
    EXPECT_FALSE(list.gpus[0].holders[1].bytes.has_value());
    EXPECT_THAT(list.note, HasSubstr("does not say how much"));
}

TEST_F(FakeDriver, BelievesNoCommandInAContainerUnlessThatProcessUsesTheGpu) {
    test::FixtureTree container;
    container.link("/proc/self/ns/pid", "pid:[4026532999]");
    container.write("/proc/41/cmdline", "sleep");
    container.link("/proc/41/fd/0", "/dev/null");
    container.write("/proc/42/cmdline", "llama-server");
    container.link("/proc/42/fd/7", "/dev/nvidia0");
    options.root = container.root();
    hold(nvml->gpus[1], 41, 2_GiB);
    hold(nvml->gpus[1], 42, 1_GiB);
    const GpuList list = probed();
    ASSERT_EQ(list.gpus.at(0).holders.size(), 2U);
    EXPECT_EQ(list.gpus[0].holders[0].command, "");
    EXPECT_EQ(list.gpus[0].holders[1].command, "llama-server");
    EXPECT_THAT(list.note, HasSubstr("This is a container"));
}

TEST_F(FakeDriver, LeavesALostGpuOutAndKeepsTheOthersNumbers) {
    nvml->gpus[1].memory_status = 15;
    const GpuList list = probed();
    ASSERT_EQ(list.gpus.size(), 1U);
    EXPECT_EQ(list.gpus[0].index, 1U);
    EXPECT_THAT(list.note, HasSubstr("GPU 0 (Fake RTX) is left out"));
    EXPECT_THAT(list.note, HasSubstr("'GPU is lost' (15)"));
}

TEST_F(FakeDriver, LeavesAGpuOutThatCudaLosesWhileItIsListed) {
    cuda->device_status = 100;
    const GpuList list = probed();
    ASSERT_EQ(list.gpus.size(), 1U);
    EXPECT_THAT(list.note, HasSubstr("GPU 1 is left out: cuDeviceGet of"));
    cuda->device_status = 0;
    nvml->gpus[0].uuid[3] = 9;
    nvml->gpus[0].pci = "0000:02:00.0";
    EXPECT_THAT(probed().note, HasSubstr("GPU 1 (Fake GTX) is left out"));
}

TEST_F(FakeDriver, ListsAGpuWhoseMemoryOrHoldersNvmlDoesNotTell) {
    nvml->gpus[1].memory_status = 3;
    nvml->gpus[0].list_status = 3;
    const GpuList list = probed();
    ASSERT_EQ(list.gpus.size(), 2U);
    EXPECT_FALSE(list.gpus[0].free.has_value());
    EXPECT_EQ(list.gpus[0].total, 16_GiB);
    EXPECT_EQ(list.gpus[1].free, 8_GiB);
    EXPECT_THAT(list.note, HasSubstr("How much of GPU 0 is free is not known"));
    EXPECT_THAT(list.note, HasSubstr("Who holds memory of GPU 1 is not known"));
}

TEST_F(FakeDriver, ThatDoesNotStartLeavesNoGpuAndSaysWhatToCheck) {
    cuda->init_status = 803;
    const GpuList list = probed();
    EXPECT_TRUE(list.gpus.empty());
    EXPECT_THAT(list.note, HasSubstr("CUDA_ERROR_SYSTEM_DRIVER_MISMATCH (803)"));
    EXPECT_THAT(list.note, HasSubstr("of one version"));
    EXPECT_THAT(list.note, HasSubstr("sees 2 GPUs"));
    nvml->init_status = 18;
    EXPECT_THAT(probed().note, HasSubstr("Driver/library version mismatch"));
    cuda->init_status = 0;
    cuda->count_status = 999;
    EXPECT_THAT(probed().note, HasSubstr("No GPU can be used: cuDeviceGetCount"));
}

TEST_F(FakeDriver, WithoutNvmlIsListedWithoutWhatIsFree) {
    nvml->init_status = 18;
    const GpuList list = probed();
    ASSERT_EQ(list.gpus.size(), 2U);
    EXPECT_FALSE(list.gpus[0].free.has_value());
    EXPECT_FALSE(list.gpus[0].used().has_value());
    EXPECT_EQ(list.gpus[0].total, 16_GiB);
    EXPECT_THAT(list.note, HasSubstr("What is free on the GPUs"));
    const MachineMemory machine = usable(list);
    ASSERT_EQ(machine.gpus.size(), 2U);
    EXPECT_EQ(machine.gpus[0].free, 16_GiB);
}

TEST_F(FakeDriver, WithoutCudaIsWatchedButNotUsed) {
    options.cuda_library = no_library;
    const GpuList list = probed();
    ASSERT_EQ(list.gpus.size(), 2U);
    EXPECT_EQ(list.numbering, GpuNumbering::pci_bus);
    EXPECT_EQ(list.gpus[0].name, "Fake GTX");
    EXPECT_THAT(list.note, HasSubstr("numbered by PCI bus and cannot be used"));
    EXPECT_TRUE(usable(list).gpus.empty());
}

TEST_F(FakeDriver, ALibraryThatIsNotADriverIsRefusedByTheFunctionItLacks) {
    options.cuda_library = HEXCORE_FAKE_NVML;
    options.nvml_library = HEXCORE_FAKE_CUDA;
    const GpuList list = probed();
    EXPECT_TRUE(list.gpus.empty());
    EXPECT_THAT(list.note, HasSubstr("has no function cuInit"));
    EXPECT_THAT(list.note, HasSubstr("has no function nvmlInit_v2"));
}

TEST_F(FakeDriver, SettlesDeviceArgumentsAgainstTheCardsItLists) {
    const auto devices = resolve_devices({"cuda:1", "16GiB"}, std::nullopt, usable(probed()));
    ASSERT_TRUE(devices.has_value()) << devices.error().message;
    EXPECT_EQ(devices->at(0).budget, 8_GiB);
    EXPECT_EQ(devices->at(1).name, "cuda:0");
    EXPECT_EQ(devices->at(1).gpu_name, "Fake RTX");
}

TEST(GpuProbe, SaysWhichLibrariesAreMissingOnAMachineWithoutADriver) {
    const GpuList list = probe_gpus({.cuda_library = no_library, .nvml_library = no_library});
    EXPECT_TRUE(list.gpus.empty());
    EXPECT_THAT(list.note, HasSubstr("no NVIDIA driver was found"));
    EXPECT_THAT(list.note, HasSubstr(no_library));
}

/// What holds for any driver, this machine's own included, whether it has one or not.
class AnyDriver : public ::testing::TestWithParam<bool> {};

TEST_P(AnyDriver, ListsGpusThatAddUpOrSaysWhyItListsNone) {
    GpuProbeOptions options;
    if (GetParam()) {
        const auto cuda = DynamicLibrary::open(HEXCORE_FAKE_CUDA);
        const auto nvml = DynamicLibrary::open(HEXCORE_FAKE_NVML);
        ASSERT_TRUE(cuda.has_value() && nvml.has_value());
        auto* fake = static_cast<FakeNvmlState*>(nvml->address("fake_nvml_state"));
        *fake = FakeNvmlState{};
        fake->entry_bytes = 24;
        fake->gpu_count = 1;
        fake->gpus[0] = card("Fake", 3, "0000:01:00.0", 8_GiB, 6_GiB);
        fake->gpus[0].processes[0] = {1, (1_GiB).count()};
        fake->gpus[0].process_count = 1;
        auto* fake_cuda = static_cast<FakeCudaState*>(cuda->address("fake_cuda_state"));
        *fake_cuda = FakeCudaState{};
        fake_cuda->gpu_count = 1;
        fake_cuda->gpus[0] = fake->gpus[0];
        options = {.cuda_library = HEXCORE_FAKE_CUDA, .nvml_library = HEXCORE_FAKE_NVML};
    }
    const GpuList list = probe_gpus(options);
    EXPECT_FALSE(list.gpus.empty() && list.note.empty());
    std::set<std::uint32_t> indexes;
    for (const GpuInfo& gpu : list.gpus) {
        EXPECT_TRUE(indexes.insert(gpu.index).second);
        EXPECT_FALSE(gpu.name.empty());
        EXPECT_GT(gpu.total, 0_B);
        EXPECT_LE(gpu.free.value_or(0_B), gpu.total);
        for (const GpuHolder& holder : gpu.holders) {
            EXPECT_GT(holder.pid, 0U);
            EXPECT_LE(holder.bytes.value_or(0_B), gpu.total);
        }
    }
    EXPECT_LE(usable(list).gpus.size(), list.gpus.size());
}

INSTANTIATE_TEST_SUITE_P(Driver, AnyDriver, ::testing::Bool(), [](const auto& driver) {
    return driver.param ? "Fake" : "OfThisMachine";
});

TEST(Machine, IsProbedWholeWithAndWithoutAGpu) {
    const auto machine = probe_machine();
    ASSERT_TRUE(machine.has_value()) << machine.error().message;
    EXPECT_GT(machine->host_available, 0_B);
    const auto unreadable = probe_devices({.prefix = "/nonexistent"});
    ASSERT_FALSE(unreadable.has_value());
    EXPECT_EQ(unreadable.error().code, ErrorCode::bad_input);
}

TEST_F(FakeDriver, TellsTheDriversVersionWhereItCan) {
    EXPECT_EQ(probed().gpus[1].driver, "580.1");
    use_nvml(HEXCORE_FAKE_OLD_NVML);
    EXPECT_EQ(probed().gpus[1].driver, "");
}

TEST_F(FakeDriver, TellsWhatThisProcessHoldsWhereItsPidIsTheMachines) {
    hold(nvml->gpus[1], 17, 3_GiB);
    EXPECT_EQ(held_by_this_process(0, options), std::nullopt) << "it holds nothing yet";
    hold(nvml->gpus[1], static_cast<unsigned>(::getpid()), 2_GiB);
    EXPECT_EQ(held_by_this_process(0, options), 2_GiB) << "NVML's second card is cuda:0";
    EXPECT_EQ(held_by_this_process(1, options), std::nullopt);
    test::FixtureTree container;
    container.link("/proc/self/ns/pid", "pid:[4026532000]");
    options.root = container.root();
    EXPECT_EQ(held_by_this_process(0, options), std::nullopt) << "that pid is somebody else's";
}

}  // namespace
}  // namespace hexcore
