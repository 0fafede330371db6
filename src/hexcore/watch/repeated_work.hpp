#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "hexcore/judge/repeat_series.hpp"
#include "hexcore/watch/repeat_findings.hpp"

namespace hexcore {

/// Samples of one process on one device while a label repeats. Rows come earlier or later than the
/// labels of the same time, because a program tells those by itself.
class SampledRepeats {
public:
    void row(RecordedTime time, Bytes level);
    void repeat_ended(RecordedTime time);
    [[nodiscard]] Judgement judge() const;
    /// It had two levels at least.
    [[nodiscard]] bool varies() const { return varies_; }

private:
    void fold();

    std::deque<std::pair<RecordedTime, Bytes>> pending_;  ///< later than the last end
    std::optional<Bytes> least_;                          ///< of those before them, since that end
    std::deque<RecordedTime> ends_;                       ///< the latest of them
    std::size_t repeats_ = 0;
    RepeatSeries series_;
    std::optional<Bytes> latest_;
    bool varies_ = false;
};

/// One label of one process: what is alive whenever none of its threads is in it.
class RepeatedWork {
public:
    RepeatedWork(ProcessRef process, TextRef label);

    void begin(RecordedTime time);
    /// With all that holders of the process tell to have.
    void end(RecordedTime time, double total_bytes);
    /// Another label, or this one, begins or ends on a thread that is in this one.
    void begin_inside(const TextRef& label);
    void end_inside(const TextRef& label);
    void row(const RecordedDevice& device, const RecordedRow& row);
    void event(const RecordedEvent& event);
    void amounts(const RecordedAmounts& amounts);
    /// From now on not every event is told.
    void stop_books() { books_end_ = true; }
    void lose_records() { lost_ = true; }

    [[nodiscard]] const ProcessRef& process() const { return process_; }
    [[nodiscard]] const TextRef& label() const { return label_; }
    [[nodiscard]] std::size_t repeats() const { return repeats_; }
    [[nodiscard]] RecordedTime last() const { return last_; }
    /// Whether the other label was ever open within this one.
    [[nodiscard]] bool contains(const RepeatedWork& other) const {
        return nested_.contains(other.label_->number);
    }
    [[nodiscard]] bool overlaps(const RepeatedWork& other) const {
        return first_ < other.last_ && other.first_ < last_;
    }
    /// With what samples say, by device.
    [[nodiscard]] RepeatFindings findings(const std::map<std::string, Judgement>& sampled) const;
    /// What samples alone say, by device.
    [[nodiscard]] std::map<std::string, Judgement> sampled() const;

private:
    [[nodiscard]] bool is_inside(const TextRef& label) const;
    /// Books, and the places in them by the numbers of a site.
    struct NumberedBooks {
        RepeatBooks books;
        std::map<std::array<std::uint64_t, 4>, RepeatBooks::Place> places;
    };
    [[nodiscard]] RepeatBooks::Place place_of(NumberedBooks& numbered, const RecordedSite& site);
    [[nodiscard]] std::vector<RepeatsOnDevice> exact() const;

    ProcessRef process_;
    TextRef label_;
    std::size_t open_ = 0;  ///< threads in it
    std::size_t repeats_ = 0;
    RecordedTime first_{};  ///< when it first began
    RecordedTime began_{};
    RecordedTime last_{};  ///< when it last ended
    RecordedTime total_{};
    bool lost_ = false;
    bool books_end_ = false;
    NumberedBooks books_;
    NumberedBooks sums_;  ///< of what is told in amounts only, with ends that are far enough apart
    std::size_t sums_ends_ = 0;
    RecordedTime sums_last_{};
    std::map<std::uint64_t, std::size_t> inside_;  ///< labels that are open in it now
    std::set<std::uint64_t> nested_;
    std::map<std::uint64_t, StackRef> stacks_;
    std::map<std::uint64_t, std::set<RepeatBooks::Place>> named_;  ///< amounts, by holder
    std::map<std::string, SampledRepeats> samples_;                ///< by device
    std::set<std::string> gpus_;
    std::set<std::string> shared_;  ///< GPUs of which only what all programs have is known
};

}  // namespace hexcore
