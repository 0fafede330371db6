#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "hexcore/base/bytes.hpp"
#include "hexcore/isolate/test_results.hpp"

namespace hexcore {

struct DeviceHeld {
    std::string device;
    Bytes held = {};
};

/// A test that is running now.
struct RunningTest {
    std::string id;
    std::chrono::nanoseconds since{};
    Bytes held = {};
    Bytes peak = {};
    std::vector<DeviceHeld> devices = {};
    std::uint32_t slot = 0;
    std::vector<std::uint32_t> processes = {};
};

/// How far a run is.
struct RunProgress {
    std::size_t done = 0;
    std::size_t total = 0;
    std::size_t failed = 0;
    std::vector<RunningTest> running = {};
    std::size_t waiting_for_memory = 0;  ///< would run, were there room
    Bytes held = {};                     ///< of all that run
    Bytes free = {};                     ///< of the machine
};

/// Is told of a run as it goes, in the runner's thread; what it does there is short.
class RunEvents {
public:
    RunEvents() = default;
    virtual ~RunEvents() = default;
    RunEvents(const RunEvents&) = delete;
    RunEvents& operator=(const RunEvents&) = delete;

    /// The tests are known; `run` has no results yet, `selected` is how many will run.
    virtual void begins(const TestRun& run, std::size_t selected) = 0;
    virtual void test_begins(const TestCase& test) = 0;
    /// One attempt is over and another will follow, which the last words say.
    virtual void tries_again(const TestCase& test, const Attempt& attempt,
                             const std::string& why) = 0;
    virtual void test_ends(const TestResult& result) = 0;
    /// Something that concerns no single test: memory is short, who holds a device.
    virtual void says(const std::string& sentence) = 0;
    /// Several times a second, and where somebody asks what is running.
    virtual void progress(const RunProgress& progress, bool asked) = 0;
    virtual void ends(const TestRun& run) = 0;
};

}  // namespace hexcore
