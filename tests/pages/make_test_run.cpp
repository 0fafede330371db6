// make_test_run KIND FILE: the page of tests that never ran.
//
//   mixed    500 tests of 8 suites in 8 slots, of every verdict, with history and a GPU
//   many     5000 of them, with the longest curves and outputs
//   hostile  names, reasons and output that would be scripts, control characters, 1 MB long
//   none     nothing was selected
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <functional>
#include <map>
#include <random>
#include <string>

#include "hexcore/report/test_page.hpp"

namespace hexcore {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr std::array suites = {"Planner", "Ledger",  "Loader", "Tokens",
                               "KvCache", "Session", "Server", "Report"};
constexpr std::array verbs = {"Keeps", "Spills", "Refuses", "Splits", "Shares", "Returns"};
constexpr std::array things = {"Experts", "Layers", "Pages", "Tokens", "Budgets"};
constexpr std::array hows = {"BeforeAttention", "WhenFull", "InOrder", "Exactly", "AtOnce"};

TestRun some_run(std::vector<std::string> command) {
    TestRun run;
    run.command = std::move(command);
    run.machine = {.cores = 8,
                   .memory = 25_GiB,
                   .free = 21_GiB,
                   .devices = {{.name = "cuda:0", .total = 24_GiB, .free = 20_GiB}}};
    run.guards = {
        .memory = MemoryGuard::cgroup_v1,
        .kill = KillGuard::sweep,
        .share = ShareGuard::observation,
        .limits_processes = true,
        .why = {"No folder of control groups v2 is this user's, so the kernel stops a test "
                "at its limit and Hexcore ends it."}};
    run.slots = 8;
    run.started = std::chrono::system_clock::time_point(seconds(1'764'000'000));
    run.most_at_once = 1_MiB * 1900;
    return run;
}

Bytes kib(double count) { return 1_KiB * static_cast<std::uint64_t>(std::max(count, 1.0)); }

/// Makes a run of tests up. The same each time.
class Maker {
public:
    Maker(std::size_t count, std::size_t samples, std::size_t output_lines)
        : count_(count), samples_(samples), output_lines_(output_lines) {}

    TestRun make() {
        TestRun run = some_run({"./build/tests/all_tests"});
        for (std::size_t n = 0; n < count_; ++n) {
            run.results.push_back(result(n));
        }
        run.duration = *std::max_element(free_.begin(), free_.end());
        run.deselected = 12;
        run.not_run = 3;
        return run;
    }

private:
    double between(double least, double most) {
        return std::uniform_real_distribution<>(least, most)(random_);
    }
    bool one_in(unsigned count) { return random_() % count == 0; }
    template <typename List>
    const char* one_of(const List& list) {
        return list[random_() % list.size()];
    }

    TestVerdict next_verdict(std::size_t n) {
        constexpr std::array all = {TestVerdict::failed,    TestVerdict::crashed,
                                    TestVerdict::timed_out, TestVerdict::over_budget,
                                    TestVerdict::skipped,   TestVerdict::postponed,
                                    TestVerdict::flaky,     TestVerdict::flaky_memory};
        return n % 25 == 7 ? all[n / 25 % all.size()] : TestVerdict::passed;
    }

    TestResult result(std::size_t n) {
        TestResult result;
        TestCase& test = result.test;
        test.id = std::string(suites[n * suites.size() / count_]) + "." + one_of(verbs) +
                  one_of(things) + one_of(hows) + "/" + std::to_string(n);
        test.name = test.id;
        test.binary = "build/tests/all_tests";
        test.file = "tests/all_tests.cpp";
        test.line = static_cast<std::uint32_t>(10 + n);
        result.verdict = next_verdict(n);
        if (result.verdict == TestVerdict::skipped || result.verdict == TestVerdict::postponed) {
            result.reason = result.verdict == TestVerdict::skipped
                                ? "no GPU on this machine"
                                : "it needs 6.00 GiB, and 3.10 GiB were free up to the deadline; "
                                  "python3 train.py (pid 7) holds 14.2 GiB";
            return result;
        }
        size_kib_ = std::pow(2, between(11, 19));
        took_ = std::pow(2, between(-4, 2.6));
        add_claims(result, n);
        add_attempts(result);
        add_left(result, n);
        return result;
    }

    void add_claims(TestResult& result, std::size_t n) {
        if (result.verdict == TestVerdict::over_budget) {
            result.test.budget.memory = kib(size_kib_ * 0.8);
        } else if (n % 3 == 0) {
            result.test.budget.memory = kib(size_kib_ * between(1.1, 4));
        }
        if (n % 50 == 3) {
            result.test.budget.devices = {
                {.device = "cuda:0", .limit = n % 100 == 3 ? 7_GiB : 4_GiB}};
        }
        const double before = n % 9 == 0 ? between(0.4, 1) : 1;
        for (std::size_t i = 0; i < n % 8; ++i) {
            const Bytes host = kib(size_kib_ * before * between(0.97, 1));
            result.history.push_back(
                {.duration_ms = took_ * 1000 * between(0.9, 1.1), .host = host});
            if (uses_gpu(n) && i > 0) {
                result.history.back().devices = {{"cuda:0", 1_GiB + 300_MiB * i}};
            }
        }
        if (!result.history.empty()) {
            result.learned = TestNeed{kib(size_kib_ * before * 1.15), {}};
        }
        if (!result.history.empty() && !result.history.back().devices.empty()) {
            result.learned->devices = {{"cuda:0", 3_GiB}};
        }
    }

    void add_attempts(TestResult& result) {
        const auto slot = std::min_element(free_.begin(), free_.end());
        const bool is_flaky =
            result.verdict == TestVerdict::flaky || result.verdict == TestVerdict::flaky_memory;
        Attempt first = attempt(slot);
        first.verdict = is_flaky ? TestVerdict::failed : result.verdict;
        first.for_memory = result.verdict == TestVerdict::flaky_memory;
        say_why(first, result);
        result.reason = is_flaky ? "" : first.reason;
        result.attempts.push_back(std::move(first));
        if (is_flaky) {
            result.attempts.push_back(attempt(slot));
            result.attempts.back().alone = result.verdict == TestVerdict::flaky_memory;
        }
    }

    template <typename Slot>
    Attempt attempt(Slot slot) {
        Attempt made;
        made.slot = static_cast<std::uint32_t>(slot - free_.begin());
        made.start = *slot;
        made.duration = nanoseconds(static_cast<std::int64_t>(took_ * 1e9));
        *slot += made.duration + milliseconds(10);
        const auto shape = random_() % 3;
        const auto count = std::min(samples_, static_cast<std::size_t>(took_ * 50) + 2);
        for (std::size_t i = 0; i < count; ++i) {
            const double at = static_cast<double>(i) / static_cast<double>(count);
            const double share = shape == 0   ? std::pow(at, 0.6)
                                 : shape == 1 ? std::min(at * 4, 1.0)
                                              : std::sqrt(std::sin(3.14 * at)) + 0.01;
            made.samples.push_back(
                {milliseconds(static_cast<int>(at * took_ * 1000)), kib(size_kib_ * share)});
            made.peak = std::max(made.peak, made.samples.back().bytes);
        }
        for (std::size_t i = 0; i < output_lines_; ++i) {
            made.output +=
                "\x1b[32m[ RUN ]\x1b[0m line " + std::to_string(i) + " of what it says\n";
        }
        return made;
    }

    void say_why(Attempt& attempt, const TestResult& result) {
        switch (attempt.verdict) {
            case TestVerdict::failed:
                attempt.reason = result.verdict == TestVerdict::flaky_memory
                                     ? "ended by the runner, since 0.90 GiB were free"
                                     : "tests/planner_test.cpp:88: Failure\nExpected equality of "
                                       "these values:\n  spilled\n    Which is: 3\n  4";
                attempt.output += "loading layer\n[  FAILED  ]\n";
                break;
            case TestVerdict::crashed:
                attempt.reason = "SIGSEGV (signal 11)";
                attempt.signal = 11;
                attempt.stack = {.frames = {{"raise", false},
                                            {"keep(Cache&) at cache.cpp:88", true},
                                            {"main at all_tests.cpp:7", true}},
                                 .note = "2 more threads ran"};
                break;
            case TestVerdict::timed_out:
                attempt.reason = "it took longer than 60 s";
                break;
            case TestVerdict::over_budget:
                attempt.reason = "over budget: memory " + to_string(*result.test.budget.memory);
                attempt.breach =
                    Breach{.device = "memory",
                           .limit = *result.test.budget.memory,
                           .used = attempt.peak,
                           .owners = {{.pid = 41, .name = "all_tests", .bytes = attempt.peak}}};
                break;
            default:
                break;
        }
    }

    void add_left(TestResult& result, std::size_t n) {
        if (n % 90 == 1) {
            result.memory = n == 91 ? MemoryVerdict::leak : MemoryVerdict::kept;
            result.kept = kib(between(1, 300) * 1024);
            if (result.memory == MemoryVerdict::leak) {
                result.attempts.back().growth = {{.device = "host",
                                                  .judgement = {.verdict = Verdict::leak,
                                                                .bytes_per_repeat = 1024 * 1024,
                                                                .repeats = 20}}};
            }
        } else if (n % 200 == 5) {
            result.memory = MemoryVerdict::residue;
            result.kept = 3_MiB;
            result.attempts.back().residues.push_back(
                {.kind = Residue::Kind::process, .name = "daemon", .bytes = 3_MiB, .pid = 99});
        }
        if (uses_gpu(n)) {
            add_gpu(result.attempts.back());
        }
    }

    static bool uses_gpu(std::size_t n) { return n % 25 == 3; }

    /// Every 100 ms, as drivers are asked.
    static void add_gpu(Attempt& attempt) {
        DeviceUse use{.device = "cuda:0", .peak = 3_GiB};
        for (auto at = milliseconds(0); at < attempt.duration && use.samples.size() < 200;
             at += milliseconds(100)) {
            const std::uint64_t step = use.samples.size();
            use.samples.push_back({at, std::min(500_MiB * step, use.peak)});
        }
        use.samples.push_back(
            {std::chrono::duration_cast<milliseconds>(attempt.duration), use.peak});
        attempt.devices.push_back(std::move(use));
    }

    std::size_t count_;
    std::size_t samples_;
    std::size_t output_lines_;
    std::mt19937 random_{4};  // NOLINT(cert-msc51-cpp): the same run each time
    std::array<nanoseconds, 8> free_{};
    double size_kib_ = 0;
    double took_ = 0;
};

TestRun hostile() {
    const std::string script = "</script><script>window.hacked = 1</script>";
    const std::string image = "<img src=x onerror='window.hacked = 2'>@data@";
    const std::string controls = "\x1b[2J\x01\x7f\xff\xfe\u2028\u202e";
    const std::vector<std::string> all = {script,
                                          image,
                                          controls,
                                          "__proto__",
                                          "constructor",
                                          std::string(1'000'000, 'a'),
                                          "",
                                          "\xF0\x9F\x92\xA5 'quotes' \"and\" slashes/\\"};
    TestRun run = some_run({script, image, controls, std::string(1'000'000, 'a')});
    run.framework = Framework::pytest;
    run.duration = seconds(8);
    run.notes = {script + image, controls};
    run.guards.why = {image};
    run.machine.devices.front().name = image;
    for (const std::string& odd : all) {
        TestResult result;
        result.test.id = odd;
        result.test.group = odd;
        result.test.file = odd;
        result.test.tags = {odd};
        result.test.budget = {.memory = 1_MiB, .devices = {{.device = odd, .limit = 1_GiB}}};
        result.verdict = TestVerdict::over_budget;
        result.reason = odd;
        result.memory = MemoryVerdict::residue;
        result.kept = Bytes(UINT64_MAX);
        result.history = {{.duration_ms = -1},
                          {.duration_ms = 1e300,
                           .host = Bytes(UINT64_MAX),
                           .devices = {{odd, Bytes(UINT64_MAX)}}}};
        result.learned = TestNeed{Bytes(), {{odd, 1_MiB}}};
        Attempt attempt;
        attempt.verdict = TestVerdict::over_budget;
        attempt.reason = odd;
        attempt.output = odd + script + image + controls;
        attempt.start = seconds(run.results.size());
        attempt.duration = seconds(1);
        attempt.peak = 2_MiB;
        attempt.samples = {{milliseconds(0), Bytes()}, {milliseconds(900), 2_MiB}};
        attempt.devices = {{odd, 2_GiB, {{milliseconds(0), 1_GiB}, {milliseconds(900), 2_GiB}}}};
        attempt.breach = Breach{.device = odd,
                                .limit = 1_MiB,
                                .used = 2_MiB,
                                .owners = {{.pid = 1, .name = odd, .bytes = 2_MiB}}};
        attempt.stack = {.frames = {{odd, true}}, .note = odd};
        attempt.growth = {{.device = odd, .judgement = {.why = odd}}};
        attempt.residues = {{.kind = Residue::Kind::temporary_file, .name = odd, .bytes = 1_MiB}};
        result.attempts = {attempt};
        run.results.push_back(std::move(result));
    }
    return run;
}

int make(const std::string& kind, const std::string& path) {
    const std::map<std::string, std::function<TestRun()>> kinds = {
        {"mixed", [] { return Maker(500, 120, 6).make(); }},
        {"many", [] { return Maker(5000, 200, 400).make(); }},
        {"hostile", hostile},
        {"none", [] {
             return some_run({"./tests", "--filter", "nothing"});
         }}};
    if (!kinds.contains(kind)) {
        return 2;
    }
    std::ofstream file(path, std::ios::binary);
    file << test_page(kinds.at(kind)());
    return file.good() ? 0 : 1;
}

}  // namespace
}  // namespace hexcore

int main(int argc, char** argv) {
    if (argc != 3) {
        std::fputs("make_test_run KIND FILE\n", stderr);
        return 2;
    }
    return hexcore::make(argv[1], argv[2]);
}
