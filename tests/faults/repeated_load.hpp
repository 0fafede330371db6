#pragma once

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "hexcore/runtime/dry_run.hpp"
#include "runtime/loaded_model.hpp"

namespace hexcore::test {

inline std::size_t entries(const char* folder) {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder)) {
        ++count;
    }
    return count;
}

/// What a process has of what a load takes.
struct Holdings {
    Bytes resident;
    std::size_t threads = 0;
    std::size_t descriptors = 0;

    static Holdings now() {
        ::malloc_trim(0);
        std::ifstream file("/proc/self/statm");
        std::uint64_t pages = 0;
        file >> pages >> pages;
        return {Bytes(pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))),
                entries("/proc/self/task"), entries("/proc/self/fd")};
    }
};

/// Loads of one plan, of which each must leave the process as it was before the first, and the
/// devices empty.
class RepeatedLoadTest : public LoadedModelTest {
protected:
    virtual void make_devices() { make_machine(2); }

    void SetUp() override {
        // One heap for all threads: with one for each, which pages stay in which is chance.
        ::mallopt(M_ARENA_MAX, 1);
        write({.n_layers = 4, .n_experts = 8, .n_embd = 128, .n_ff = 160});
        make_devices();
        if (IsSkipped() || HasFatalFailure()) {
            return;
        }
        plan_ = random_plan(11);
        const auto usage = make_dry_run(*machine_, inventory_, context_)(plan_);
        ASSERT_TRUE(usage.has_value()) << usage.error().message;
        plan_.basis = Basis::dry_run;
        plan_.host = usage->host;
        for (std::size_t i = 0; i < machine_->size(); ++i) {
            PlannedDevice device;
            device.name = machine_->device(DeviceId(i)).name();
            device.budget = machine_->specs()[i].budget;
            device.planned = usage->devices[i];
            plan_.devices.push_back(std::move(device));
        }
        for (int i = 0; i < 3; ++i) {  // until caches and OpenMP's threads are there
            expected_ = logits();
        }
        before_ = Holdings::now();
    }

    Result<LoadedModel> attempt(const std::atomic<bool>* stop = nullptr) {
        LoadOptions options;
        options.context = context_;
        options.stop = stop;
        return LoadedModel::load(*machine_, inventory_, plan_, options);
    }

    std::vector<float> logits() {
        auto session = attempt();
        if (!session) {
            ADD_FAILURE() << session.error().message;
            return {};
        }
        const VerifyOptions options{.tokens = {3, 1, 4, 1, 5, 9, 2, 6}, .threads = 1};
        return planned_outputs(*session, options).value();
    }

    void expect_nothing_left() {
        expect_empty_devices();
        const Holdings now = Holdings::now();
        EXPECT_EQ(now.threads, before_.threads);
        EXPECT_EQ(now.descriptors, before_.descriptors);
        if (!sanitized) {
            EXPECT_LE(now.resident, before_.resident + resident_slack_);
        }
    }

    void expect_a_good_error(const Error& error) {
        EXPECT_TRUE(error.code == ErrorCode::does_not_fit || error.code == ErrorCode::bad_input)
            << static_cast<int>(error.code);
        EXPECT_NE(error.aftermath.find("The load failed while "), std::string::npos)
            << error.message;
        EXPECT_EQ(error.message.find("did not say why"), std::string::npos) << error.message;
    }

    const ContextOptions context_{.outputs = 512, .threads = 1};
    Plan plan_;
    std::vector<float> expected_;
    Holdings before_;
    /// What may be resident after a load that was not before, of all loads together. glibc keeps
    /// stacks of threads that have ended, and there are as many readers as cores.
    Bytes resident_slack_ = 1_MiB + 128_KiB * std::max(1U, std::thread::hardware_concurrency());
};

}  // namespace hexcore::test
