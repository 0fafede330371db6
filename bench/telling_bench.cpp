// What it takes a program to tell an event of its ledger, and the watcher to hear and record it.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <memory>

#include "hexcore/recording/recording_writer.hpp"
#include "hexcore/track/call_stacks.hpp"
#include "hexcore/track/teller.hpp"
#include "hexcore/track/watch_folder.hpp"
#include "hexcore/watch/analysis.hpp"
#include "hexcore/watch/listener.hpp"
#include "hexcore/watch/record_fan.hpp"

namespace hexcore {
namespace {

constexpr std::uint64_t events_at_once = 20'000;

/// What a program tells, a listener in the same process, and what that tells: a recording and its
/// analysis.
class Telling {
public:
    Telling()
        : folder_(std::move(WatchFolder::make().value())),
          listener_({.folder = folder_->path(),
                     .start = start_,
                     .find = [this](std::uint32_t /*pid*/) { return process_; },
                     .add_unseen = [this](std::uint32_t /*pid*/) { return process_; }}),
          writer_(std::move(
              RecordingWriter::make(FileDescriptor(::open("/dev/null", O_WRONLY | O_CLOEXEC)))
                  .value())),
          fan_({&analysis_, writer_.get()}) {
        RecordedRun run;
        run.interval = std::chrono::milliseconds(100);
        fan_.run(run);
        HEXCORE_CHECK(teller_.listen_in(folder_->path().string()), folder_->path().string(), "");
        holder_ = teller_.open_holder(HolderKind::ledger, "host0", {});
    }
    ~Telling() {
        teller_.close_holder(holder_);
        teller_.stop_in();
    }
    Telling(const Telling&) = delete;
    Telling& operator=(const Telling&) = delete;

    /// As many events, half of them allocations and half their ends: with all that a program pays
    /// for them, the clock and the lock as well.
    void tell_events() {
        for (std::uint64_t i = 0; i < events_at_once / 2; ++i) {
            teller_.taken(holder_, i, 4_KiB, "compute");
            teller_.released(holder_, i);
        }
    }
    void hear() {
        now_ += std::chrono::milliseconds(100);
        listener_.listen(now_, fan_);
    }

private:
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
    RecordedTime now_{};
    ProcessRef process_ = std::make_shared<RecordedProcess>(RecordedProcess{1, 1, "bench"});
    Teller& teller_ = Teller::of_process();
    HolderNumber holder_ = 0;
    std::unique_ptr<WatchFolder> folder_;
    Listener listener_;
    std::unique_ptr<RecordingWriter> writer_;
    Analysis analysis_;
    RecordFan fan_;
};

void count_events(benchmark::State& state) {
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * events_at_once));
}

void BM_ToldByTheProgram(benchmark::State& state) {
    Telling telling;
    for (auto _ : state) {
        telling.tell_events();
        state.PauseTiming();
        telling.hear();
        state.ResumeTiming();
    }
    count_events(state);
}
BENCHMARK(BM_ToldByTheProgram);

void BM_HeardAndRecorded(benchmark::State& state) {
    Telling telling;
    for (auto _ : state) {
        state.PauseTiming();
        telling.tell_events();
        state.ResumeTiming();
        telling.hear();
    }
    count_events(state);
}
// So few that events are still recorded one by one.
BENCHMARK(BM_HeardAndRecorded)->Iterations(50);

/// As many calls within one another, and then a stack that was told before.
[[gnu::noinline]] std::uint64_t stack_below(CallStacks& stacks, std::int64_t calls) {
    const std::uint64_t number = calls > 0 ? stack_below(stacks, calls - 1)
                                           : stacks.number_of_now([](auto, auto) { return true; },
                                                                  [](auto) { return true; });
    benchmark::DoNotOptimize(number);
    return number;
}

/// What --stacks takes beside, for each allocation.
void BM_CallStack(benchmark::State& state) {
    CallStacks::warm_up();
    CallStacks stacks;
    for (auto _ : state) {
        benchmark::DoNotOptimize(stack_below(stacks, state.range(0)));
    }
}
BENCHMARK(BM_CallStack)->Arg(8)->Arg(24)->Arg(56);

}  // namespace
}  // namespace hexcore

BENCHMARK_MAIN();
