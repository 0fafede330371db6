#include "hexcore/isolate/runner.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>

#include "support/temp_folder.hpp"

namespace hexcore {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class NoEvents : public RunEvents {
public:
    void begins(const TestRun&, std::size_t) override {}
    void test_begins(const TestCase&) override {}
    void tries_again(const TestCase&, const Attempt&, const std::string&) override {}
    void test_ends(const TestResult&) override {}
    void says(const std::string& sentence) override { said += sentence + "\n"; }
    void progress(const RunProgress& progress, bool asked) override {
        shown += asked ? 1 : 0;
        waiting = progress.waiting_for_memory;
    }
    void ends(const TestRun&) override {}

    std::string said;
    int shown = 0;
    std::size_t waiting = 0;  ///< when it was last told
};

/// Asks for what a test wants asked for.
class AskedRequests : public RunRequests {
public:
    Request take() override { return next ? next() : Request::none; }

    std::function<Request()> next;
};

/// Processes of the sample that run now.
std::vector<std::uint32_t> sample_processes() {
    std::vector<std::uint32_t> pids;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
        std::string name;
        std::ifstream(entry.path() / "comm") >> name;
        if (name == "runner_sample") {
            pids.push_back(static_cast<std::uint32_t>(std::atol(entry.path().filename().c_str())));
        }
    }
    return pids;
}

/// A machine as a test has it.
class PaperRoom : public MachineRoom {
public:
    TestMachine machine() const override { return there; }
    RoomReading read(Bytes held) override {
        RoomReading reading{{8_GiB, {}}, 8_GiB, is_short(held), {}};
        for (const TestMachine::Device& device : there.devices) {
            reading.free.devices.push_back({device.name, device.free});
        }
        return reading;
    }
    /// Each process of the sample has so much of the GPU.
    std::vector<DeviceReading> take_device_readings() override {
        DeviceReading reading{"cuda:0"};
        for (const std::uint32_t pid : sample_processes()) {
            reading.holders.push_back({pid, "runner_sample", each_has});
        }
        return {reading};
    }
    std::string holders(const std::vector<std::uint32_t>&) override { return "somebody"; }

    TestMachine there{2, 8_GiB, 8_GiB, {{"cuda:0", 24_GiB, 24_GiB}}};
    Bytes each_has;
    std::function<bool(Bytes)> is_short = [](Bytes) { return false; };
};

class RunnerOfTests : public testing::Test {
protected:
    RunnerOfTests() { ::setenv("HEXCORE_SAMPLE_FOLDER", folder_.path().c_str(), 1); }

    TestRun run(const std::string& name, const std::function<void(TestCase&)>& change) {
        TestRun run;
        auto suite = recognise({HEXCORE_RUNNER_SAMPLE}, nullptr);
        EXPECT_TRUE(suite) << suite.error().message;
        std::vector<TestCase> tests = (*suite)->list(nullptr).value();
        std::erase_if(tests, [&](const TestCase& test) { return test.id != name; });
        EXPECT_EQ(tests.size(), 1);
        change(tests.front());
        auto yard = CageYard::open({.supervisor = HEXCORE_SUPERVISOR});
        EXPECT_TRUE(yard) << yard.error().message;
        run.machine = room_.there;
        TestRunOptions options;
        options.slots = 2;
        options.timeout = 1h;
        options.grace = 1h;
        options.patience = 1h;
        options.scratch = folder_.path();
        RunBook book(run, tests, options.book, events_);
        run_tests(run, book, {}, options, {**suite, **yard, room_, events_, requests_});
        return run;
    }

    test::TempFolder folder_;
    PaperRoom room_;
    NoEvents events_;
    AskedRequests requests_;
};

TEST_F(RunnerOfTests, EndsATestThatIsOverItsBudgetOfAGpu) {
    room_.each_has = 3_GiB;
    const TestRun run = this->run("Slow.Waits", [](TestCase& test) {
        test.budget.devices = {{"cuda:0", 2_GiB}};
    });
    ASSERT_EQ(run.results.size(), 1);
    EXPECT_EQ(run.results[0].verdict, TestVerdict::over_budget);
    ASSERT_TRUE(run.results[0].attempts[0].breach);
    EXPECT_EQ(run.results[0].attempts[0].breach->device, "cuda:0");
    EXPECT_THAT(run.results[0].reason, HasSubstr("3.00 GiB of its 2.00 GiB on cuda:0"));
    EXPECT_EQ(run.results[0].attempts[0].devices.at(0).peak, 3_GiB);
}

TEST_F(RunnerOfTests, IsShownAndEndsWhileATestWaitsForMemory) {
    using Request = RunRequests::Request;
    room_.there.memory = 64_GiB;  // of which others have more than it leaves
    requests_.next = [&, asked = 0]() mutable {
        if (events_.waiting == 0) {
            return Request::none;
        }
        asked += 1;
        return asked == 1 ? Request::show : asked == 2 ? Request::stop : Request::none;
    };
    const TestRun run =
        this->run("Slow.Waits", [](TestCase& test) { test.budget.memory = 32_GiB; });
    EXPECT_TRUE(run.interrupted);
    EXPECT_EQ(run.not_run, 1);
    EXPECT_EQ(events_.shown, 1);
    EXPECT_THAT(events_.said, HasSubstr("ends, as it was asked to\n"));
}

TEST_F(RunnerOfTests, EndsByForceWhatIgnoresTheRequestToEndWhileMemoryIsShort) {
    const auto began = std::chrono::steady_clock::now();
    room_.is_short = [&](Bytes held) {  // once it has been asked to end
        return held > 30_MiB && std::chrono::steady_clock::now() - began > 1s;
    };
    const TestRun run = this->run("Slow.IsLargeAndIgnoresTheRequestToEnd", [](TestCase& test) {
        test.timeout = 500ms;  // and then there would be an hour of grace
        test.budget.memory = 1_GiB;
    });
    ASSERT_EQ(run.results.size(), 1);
    EXPECT_EQ(run.results[0].verdict, TestVerdict::timed_out);
}

}  // namespace
}  // namespace hexcore
