// What it takes a program to tell an event of its ledger, and the watcher to hear and record it.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <memory>

#include "hexcore/recording/recording_writer.hpp"
#include "hexcore/track/ring_writer.hpp"
#include "hexcore/track/watch_folder.hpp"
#include "hexcore/watch/analysis.hpp"
#include "hexcore/watch/listener.hpp"
#include "hexcore/watch/record_fan.hpp"

namespace hexcore {
namespace {

constexpr std::uint64_t events_at_once = 20'000;

/// A ring, its listener, and what that tells: a recording and its analysis.
class Telling {
public:
    Telling()
        : folder_(std::move(WatchFolder::make().value())),
          ring_(RingWriter::make(folder_->path().string(), ring_capacity_usual)),
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
        const std::uint64_t total = 0;
        const std::string_view device = "host0";
        tell({.kind = RingKind::holder, .numbers = {&total, 1}, .texts = {&device, 1}});
    }

    /// As many events, half of them allocations and half their ends.
    void tell_events() {
        const std::string_view purpose = "compute";
        for (std::uint64_t i = 0; i < events_at_once / 2; ++i) {
            const std::array<std::uint64_t, 3> taken{i, 4096, 0};
            tell({.kind = RingKind::taken, .numbers = taken, .texts = {&purpose, 1}});
            tell({.kind = RingKind::released, .numbers = {taken.data(), 1}});
        }
    }
    void hear() {
        now_ += std::chrono::milliseconds(100);
        listener_.listen(now_, fan_);
    }

private:
    void tell(RingRecord record) {
        record.thread = 1;
        record.holder = 1;
        timespec now{};
        ::clock_gettime(CLOCK_MONOTONIC, &now);
        record.time_ns = static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
                         static_cast<std::uint64_t>(now.tv_nsec);
        benchmark::DoNotOptimize(ring_->put(record));
    }

    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
    RecordedTime now_{};
    ProcessRef process_ = std::make_shared<RecordedProcess>(RecordedProcess{1, 1, "bench"});
    std::unique_ptr<WatchFolder> folder_;
    std::unique_ptr<RingWriter> ring_;
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

}  // namespace
}  // namespace hexcore

BENCHMARK_MAIN();
