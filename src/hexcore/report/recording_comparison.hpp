#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "hexcore/report/recording_peaks.hpp"
#include "hexcore/report/text_style.hpp"

namespace hexcore {

/// How a peak differs between two recordings. What only one of them has is 0 in the other.
struct PeakChange {
    PeakOf what = PeakOf::device;
    std::string name;
    Bytes before;
    Bytes now;

    [[nodiscard]] std::int64_t grew_bytes() const {
        return static_cast<std::int64_t>(now.count()) - static_cast<std::int64_t>(before.count());
    }
};

struct RecordingComparison {
    std::string before;  ///< the recordings' names
    std::string now;
    std::vector<PeakChange> changes;   ///< devices first; of each kind those that grew most first
    std::optional<Bytes> most_growth;  ///< of a device that is still accepted
    std::vector<std::string> missing = {};  ///< modules whose stacks have no names

    /// Devices that grew by more than is accepted.
    [[nodiscard]] std::vector<PeakChange> beyond() const;
};

[[nodiscard]] std::vector<PeakChange> compare_peaks(const RecordingPeaks& before,
                                                    const RecordingPeaks& now);

/// For people: of each kind those that changed most.
[[nodiscard]] std::string comparison_table(const RecordingComparison& comparison, TextStyle style);

/// A "hexcore.comparison/1" document (docs/formats/recording.md).
[[nodiscard]] nlohmann::ordered_json comparison_json(const RecordingComparison& comparison);

}  // namespace hexcore
