#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "hexcore/recording/told_records.hpp"
#include "hexcore/report/device_chart.hpp"

namespace hexcore {

/// What holders told that they have, over time: a ledger by purpose, PyTorch what is allocated and
/// what is in its cache. Of a long recording the largest and the last amounts of each part of the
/// time are kept; of one
/// with more than 2 million amounts, 64 holders or 250 names the first.
class RecordingHoldings {
public:
    /// At most `rows_max` times are kept of each holder.
    RecordingHoldings(RecordedTime duration, std::size_t rows_max);

    void amounts(const RecordedAmounts& amounts);
    /// Who lives: what a process had ends with it.
    void lives(const RecordedRow& row);

    /// Adds to each device's chart the way of stacking it by purpose, where holders told of it, and
    /// behind them a chart of each of those devices that are none of the recording's.
    void add_to(std::vector<DeviceChart>& charts) const;

private:
    using Amount = std::pair<std::uint32_t, std::uint64_t>;  ///< an index of names_, bytes
    struct Moment {
        RecordedTime time{};
        std::uint64_t total = 0;
        std::vector<Amount> amounts;
    };
    struct Holder {
        HolderRef holder;
        std::vector<Moment> moments;
        std::size_t in_bucket = 0;  ///< of the last moments, those of one part of the time
    };

    [[nodiscard]] std::uint32_t name_of(const TextRef& text);
    void keep(Holder& holder, Moment moment) const;
    /// What a holder had; null: nothing, or its process had ended.
    [[nodiscard]] const Moment* moment_at(const Holder& holder, RecordedTime time) const;
    [[nodiscard]] std::string series_name(const Holder& holder, std::uint32_t name,
                                          const std::string& device) const;
    /// All of theirs at each of the times, stacked: the largest first.
    [[nodiscard]] ChartView view_of(const std::vector<const Holder*>& holders,
                                    const std::vector<RecordedTime>& times,
                                    const std::string& device) const;
    static void add_budgets(DeviceChart& chart, const std::vector<const Holder*>& holders);
    void add_purposes(DeviceChart& chart) const;
    [[nodiscard]] DeviceChart chart_of(const Holder& holder) const;

    RecordedTime duration_;
    std::chrono::microseconds bucket_;
    std::size_t n_amounts_ = 0;
    std::map<std::uint64_t, Holder> holders_;  ///< by number
    std::vector<std::string> names_;
    std::map<std::string, std::uint32_t> name_numbers_;
    std::unordered_map<std::uint64_t, RecordedTime> last_seen_;  ///< processes
};

}  // namespace hexcore
