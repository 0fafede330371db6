#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "hexcore/recording/recording.hpp"
#include "hexcore/watch/live_state.hpp"

namespace hexcore {

/// Keeps how a recording stands, as it is told, in bounded memory. May be told from one thread and
/// asked from another.
class LiveModel : public RecordSink {
public:
    void run(const RecordedRun& run) override;
    void device(const RecordedDevice& device) override;
    void row(const RecordedRow& row) override;
    void thinned(RecordedTime /*from*/, std::chrono::microseconds /*bucket*/) override {}
    void end(const RecordedEnd& end) override;
    void amounts(const RecordedAmounts& amounts) override;
    void label(const RecordedLabel& label) override;
    void label_sum(const RecordedLabelSum& sum) override;
    void mark(const RecordedMark& mark) override;

    /// Whether anything that is in use was told.
    [[nodiscard]] bool has_rows() const;
    /// Changes count from now on.
    void set_mark();
    /// Of each device what it has now is left out from now on; once more, and nothing is.
    void toggle_baseline();
    [[nodiscard]] LiveState state();

private:
    void follow_processes(LiveDevice& device, const RecordedRow& row) const;
    void judge();

    mutable std::mutex mutex_;
    LiveState state_;
    std::vector<GrowthSeries> series_;  ///< of each device
    RecordedTime judged_{};
    std::map<std::pair<std::uint64_t, std::string>, std::uint64_t> n_labels_;
};

}  // namespace hexcore
