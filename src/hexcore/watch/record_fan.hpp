#pragma once

#include <chrono>
#include <mutex>
#include <utility>
#include <vector>

#include "hexcore/recording/recording.hpp"

namespace hexcore {

/// Tells several sinks, from any thread, until it is closed.
class RecordFan : public RecordSink {
public:
    explicit RecordFan(std::vector<RecordSink*> sinks) : sinks_(std::move(sinks)) {}

    void run(const RecordedRun& run) override {
        tell([&](RecordSink& sink) { sink.run(run); });
    }
    void device(const RecordedDevice& device) override {
        tell([&](RecordSink& sink) { sink.device(device); });
    }
    void row(const RecordedRow& row) override {
        tell([&](RecordSink& sink) { sink.row(row); });
    }
    void thinned(RecordedTime from, std::chrono::microseconds bucket) override {
        tell([&](RecordSink& sink) { sink.thinned(from, bucket); });
    }
    void amounts(const RecordedAmounts& amounts) override {
        tell([&](RecordSink& sink) { sink.amounts(amounts); });
    }
    void event(const RecordedEvent& event) override {
        tell([&](RecordSink& sink) { sink.event(event); });
    }
    void site(const RecordedSiteSum& sum) override {
        tell([&](RecordSink& sink) { sink.site(sum); });
    }
    void label(const RecordedLabel& label) override {
        tell([&](RecordSink& sink) { sink.label(label); });
    }
    void label_sum(const RecordedLabelSum& sum) override {
        tell([&](RecordSink& sink) { sink.label_sum(sum); });
    }
    void mark(const RecordedMark& mark) override {
        tell([&](RecordSink& sink) { sink.mark(mark); });
    }
    void lost(const RecordedLoss& loss) override {
        tell([&](RecordSink& sink) { sink.lost(loss); });
    }
    void counted_once(const RecordedCountedOnce& counted) override {
        tell([&](RecordSink& sink) { sink.counted_once(counted); });
    }
    void summed(RecordedTime from, SummedPart part) override {
        tell([&](RecordSink& sink) { sink.summed(from, part); });
    }
    /// Does something while nobody is told.
    template <typename Work>
    auto alone(Work work) {
        const std::lock_guard lock(mutex_);
        return work();
    }
    /// Nothing is told after it.
    void end(const RecordedEnd& end) override {
        tell([&](RecordSink& sink) { sink.end(end); });
        const std::lock_guard lock(mutex_);
        sinks_.clear();
    }

private:
    template <typename Telling>
    void tell(Telling telling) {
        const std::lock_guard lock(mutex_);
        for (RecordSink* sink : sinks_) {
            telling(*sink);
        }
    }

    std::mutex mutex_;
    std::vector<RecordSink*> sinks_;
};

}  // namespace hexcore
