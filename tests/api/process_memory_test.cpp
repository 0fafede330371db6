#include "hexcore/api/process_memory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "device/fake_driver.h"
#include "device/fixture_tree.hpp"
#include "hexcore/device/dynamic_library.hpp"

namespace hexcore::test {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Clock = std::chrono::steady_clock;

/// A machine with one GPU that somebody else has half of.
class ProcessMemoryProof : public ::testing::Test {
protected:
    ProcessMemoryProof()
        : nvml_(state<FakeNvmlState>(HEXCORE_FAKE_NVML, "fake_nvml_state")),
          cuda_(state<FakeCudaState>(HEXCORE_FAKE_CUDA, "fake_cuda_state")) {
        *nvml_ = {};
        *cuda_ = {};
        FakeGpu gpu{};
        gpu.name = "Fake RTX";
        gpu.uuid[0] = 1;
        gpu.pci = "0000:01:00.0";
        gpu.total = (16_GiB).count();
        gpu.free = (8_GiB).count();
        nvml_->gpus[0] = gpu;
        nvml_->gpu_count = 1;
        nvml_->entry_bytes = 24;
        cuda_->gpus[0] = gpu;
        cuda_->gpu_count = 1;
        tree_.link("/proc/self/ns/pid", "pid:[4026531836]");
        tree_.write("/proc/77/status", "RssAnon:\t2048 kB\nRssShmem:\t0 kB\n");
        options_.probe = {.cuda_library = HEXCORE_FAKE_CUDA,
                          .nvml_library = HEXCORE_FAKE_NVML,
                          .root = tree_.root()};
    }

    template <typename State>
    static State* state(const char* path, const char* name) {
        const auto library = DynamicLibrary::open(path);
        EXPECT_TRUE(library.has_value()) << library.error().message;
        return static_cast<State*>(library->address(name));
    }
    void set_free(Bytes free) { nvml_->gpus[0].free = free.count(); }

    FixtureTree tree_;
    ProcessMemoryOptions options_;
    FakeNvmlState* nvml_;
    FakeCudaState* cuda_;
};

TEST_F(ProcessMemoryProof, WhatCameBackIsCleanWithWhatItHadBefore) {
    ProcessMemory memory(options_);
    set_free(2_GiB);
    memory.look(77);
    set_free(8_GiB - 10_MiB);  // others take a little meanwhile
    const ResetReport report = memory.after_end(Clock::now(), 60s);
    EXPECT_TRUE(report.clean());
    ASSERT_EQ(report.devices.size(), 1U);
    EXPECT_EQ(report.devices[0].name, "cuda:0");
    EXPECT_EQ(report.devices[0].baseline, 8_GiB);
    EXPECT_EQ(report.devices[0].before.measured, 14_GiB);
    EXPECT_EQ(report.devices[0].after.measured, 8_GiB + 10_MiB);
    EXPECT_EQ(report.host.before.measured, 2_MiB);
    EXPECT_EQ(report.host.after.measured, Bytes());
}

TEST_F(ProcessMemoryProof, WhatDoesNotComeBackIsNotCleanAndSaysWhoHasIt) {
    ProcessMemory memory(options_);
    set_free(2_GiB);
    nvml_->gpus[0].processes[nvml_->gpus[0].process_count++] = {77, (6_GiB).count()};
    const ResetReport report = memory.after_end(Clock::now(), 1ms);
    EXPECT_FALSE(report.clean());
    ASSERT_EQ(report.devices[0].holders.size(), 1U);
    EXPECT_EQ(report.devices[0].holders[0].pid, 77U);
    EXPECT_THAT(report.why(), ElementsAre(HasSubstr("cuda:0 has 6.00 GiB more in use")));
}

TEST_F(ProcessMemoryProof, WhatDoesNotEndHasWhatItHas) {
    ProcessMemory memory(options_);
    set_free(2_GiB);
    const ResetReport report = memory.not_ended(77);
    EXPECT_FALSE(report.clean());
    EXPECT_EQ(report.host.after.measured, 2_MiB);
    ASSERT_EQ(report.host.holders.size(), 1U);
    EXPECT_EQ(report.host.holders[0].pid, 77U);
    EXPECT_THAT(report.why(), ElementsAre(HasSubstr("cuda:0 has 6.00 GiB more in use"),
                                          HasSubstr("main memory has 2.0 MiB more in use")));
}

}  // namespace
}  // namespace hexcore::test
