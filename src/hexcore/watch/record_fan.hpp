#pragma once

#include <mutex>
#include <utility>
#include <vector>

#include "hexcore/recording/recording.hpp"

namespace hexcore {

/// Tells several sinks, from any thread, until it is closed.
class RecordFan {
public:
    explicit RecordFan(std::vector<RecordSink*> sinks) : sinks_(std::move(sinks)) {}

    void run(const RecordedRun& run) {
        tell([&](RecordSink& sink) { sink.run(run); });
    }
    void device(const RecordedDevice& device) {
        tell([&](RecordSink& sink) { sink.device(device); });
    }
    void row(const RecordedRow& row) {
        tell([&](RecordSink& sink) { sink.row(row); });
    }
    /// Nothing is told after it.
    void end(const RecordedEnd& end) {
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
