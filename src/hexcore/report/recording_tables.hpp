#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "hexcore/recording/told_records.hpp"

namespace hexcore {

/// Takes text in pieces.
using TextOutput = std::function<void(std::string_view)>;

/// A line of comma-separated values for each row of a recording, after one of names.
class RecordingCsv : public RecordSink {
public:
    explicit RecordingCsv(TextOutput output);

    void run(const RecordedRun& run) override;
    void device(const RecordedDevice& device) override;
    void row(const RecordedRow& row) override;
    void thinned(RecordedTime from, std::chrono::microseconds bucket) override;
    void end(const RecordedEnd& end) override;

private:
    TextOutput output_;
    std::vector<std::string> names_;
};

/// A trace that Perfetto and Chrome open: counters of each device, stacked by process, and of each
/// holder, by purpose; labels as slices of their threads, marks as instants. It is whole once
/// finish() was called.
class RecordingTrace : public RecordSink {
public:
    explicit RecordingTrace(TextOutput output);

    void run(const RecordedRun& run) override;
    void device(const RecordedDevice& device) override;
    void row(const RecordedRow& row) override;
    void thinned(RecordedTime from, std::chrono::microseconds bucket) override;
    void end(const RecordedEnd& end) override;
    void amounts(const RecordedAmounts& amounts) override;
    void label(const RecordedLabel& label) override;
    void mark(const RecordedMark& mark) override;
    void counted_once(const RecordedCountedOnce& counted) override;
    void finish();

private:
    TextOutput output_;
    std::vector<std::string> names_;
    /// What each device's last row had: a counter keeps its value until it is told 0.
    std::vector<std::vector<ProcessRef>> counted_;
};

}  // namespace hexcore
