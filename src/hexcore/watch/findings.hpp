#pragma once

#include <optional>
#include <string>
#include <vector>

#include "hexcore/recording/recording.hpp"
#include "hexcore/watch/growth.hpp"
#include "hexcore/watch/repeat_findings.hpp"

namespace hexcore {

/// What one process had.
struct FoundPart {
    std::uint32_t pid = 0;
    std::string command;
    Bytes bytes;
};

struct DeviceFindings {
    RecordedDevice device;
    std::uint64_t n_rows = 0;
    Bytes peak;  ///< of the sum over all processes
    RecordedTime peak_at{};
    bool peak_sampled = true;      ///< false: between samples, by a kernel's high-water mark
    std::vector<FoundPart> parts;  ///< the largest of what it was made of, at most 8
    Bytes others;                  ///< the rest of it
    std::optional<Bytes> least_free;
    RecordedTime least_free_at{};
    Growth growth;

    /// A round figure that the peak is within.
    [[nodiscard]] Bytes budget() const;
};

struct ProcessFindings {
    std::uint64_t number = 0;
    FoundPart peak;
    RecordedTime first{};
    RecordedTime last{};
};

/// What a recording says.
struct WatchFindings {
    RecordedRun run;
    std::optional<RecordedEnd> end;  ///< nothing: the recording has none
    RecordedTime duration{};         ///< as far as it goes
    std::vector<DeviceFindings> devices;
    std::vector<ProcessFindings> processes;  ///< the 64 that held most of the host's memory
    std::vector<RepeatFindings> repeats;     ///< of labels that came again, the longest open first
    std::chrono::microseconds thinned{};     ///< the widest bucket; 0: all samples are there
    std::uint64_t unreadable_bytes = 0;

    /// Whether it would have taken more than it was seen to.
    [[nodiscard]] bool killed_for_memory() const {
        return end && end->killed_by != KilledBy::unknown;
    }
};

}  // namespace hexcore
