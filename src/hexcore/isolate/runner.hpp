#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "hexcore/cage/cage.hpp"
#include "hexcore/isolate/history.hpp"
#include "hexcore/isolate/job_graph.hpp"
#include "hexcore/isolate/machine_room.hpp"
#include "hexcore/isolate/run_book.hpp"
#include "hexcore/isolate/run_claims.hpp"
#include "hexcore/isolate/run_events.hpp"
#include "hexcore/isolate/run_requests.hpp"
#include "hexcore/isolate/test_suite.hpp"

namespace hexcore {

struct TestRunOptions {
    std::uint32_t slots = 1;                      ///< how many run at once
    std::chrono::milliseconds timeout{};          ///< of tests that have none of their own; 0: none
    std::chrono::milliseconds grace{};            ///< between the request to end and the end
    std::chrono::milliseconds patience{};         ///< for memory that others hold
    std::optional<std::uint32_t> processes = {};  ///< of a test, at once
    bool fail_fast = false;                       ///< nothing more begins after a failure
    bool as_given = false;                        ///< in the order in which the tests are given
    Grouping grouping = Grouping::as_asked;
    std::uint32_t repeats = 1;          ///< of each test in its process
    bool judges_processes = false;      ///< says what grew from test to test in each
    std::filesystem::path tracer = {};  ///< as of a JobRequest
    RunBookOptions book = {};
    std::filesystem::path scratch;  ///< a folder of the run's own; it is there
};

/// What a run works with; all of it outlives the run.
struct RunParts {
    TestSuite& suite;
    CageYard& yard;
    MachineRoom& room;
    RunEvents& events;
    RunRequests& requests;
    /// Keeps the book's news, now and then while tests run: it takes no time to speak of. What it
    /// could not keep stays in the book.
    std::function<void()> keep_news = {};
    RunClaims* claims = nullptr;  ///< null: others are not told, nor heard
};

/// Runs tests until they are over or it is told to stop; `run` gets results, times and
/// most_at_once. `history`: what earlier runs took. What is disabled is a result at once.
void run_tests(TestRun& run, RunBook& book, const TestHistory::Runs& history,
               const TestRunOptions& options, const RunParts& parts);

}  // namespace hexcore
