#pragma once

#include <optional>
#include <string>
#include <vector>

#include "hexcore/recording/told_records.hpp"
#include "hexcore/watch/growth.hpp"
#include "hexcore/watch/repeat_findings.hpp"

namespace hexcore {

/// What one process had.
struct FoundPart {
    std::uint32_t pid = 0;
    std::string command;
    Bytes bytes;
};

/// A label of a process, the `count`th of that name.
struct LabelMoment {
    std::uint64_t process = 0;  ///< its number in the recording
    TextRef name;
    std::uint64_t count = 0;  ///< 0: not known
};

/// What holders of one kind held under one name.
struct FoundHolding {
    HolderKind kind = HolderKind::program;
    std::string name;
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
    Bytes of_processes;            ///< of all that is watched; 0: not known
    std::string peak_label;        ///< what was being done then; empty: not known
    /// The same peak, as those who knew told it; the largest first. Empty: nobody did.
    std::vector<FoundHolding> holdings;
    std::optional<Bytes> least_free;
    RecordedTime least_free_at{};
    Growth growth;

    /// A round figure that the peak is within.
    [[nodiscard]] Bytes budget() const;
    /// What nobody told of the peak: of what the watched processes had, where that is known.
    [[nodiscard]] Bytes outside_holdings() const;
};

struct ProcessFindings {
    std::uint64_t number = 0;
    FoundPart peak;
    RecordedTime first{};
    RecordedTime last{};
};

struct FoundHolder {
    std::uint32_t pid = 0;
    HolderKind kind = HolderKind::program;
    std::string device;  ///< as the holder names it
    Bytes total;         ///< 0: not known
    Bytes peak;
    RecordedTime peak_at{};
    Bytes last;
};

struct FoundLabel {
    std::uint32_t pid = 0;
    std::string name;
    std::uint64_t count = 0;  ///< how often it began
    RecordedTime first{};     ///< when
    RecordedTime last{};
};

struct FoundMark {
    RecordedTime time{};
    std::uint32_t pid = 0;
    std::string name;
};

/// What processes had if pages that several have count once.
struct CountedOnceFindings {
    RecordedCountedOnce most;
    std::uint64_t n_looks = 0;

    /// Whether it is so much less than what each has, summed up, that people ought to know.
    [[nodiscard]] bool matters() const {
        const Bytes shared = saturating_subtract(most.resident, most.once);
        return shared >= 16_MiB && shared * 16 >= most.resident;
    }
};

/// What a recording says.
struct WatchFindings {
    RecordedRun run;
    std::optional<RecordedEnd> end;  ///< nothing: the recording has none
    RecordedTime duration{};         ///< as far as it goes
    std::vector<DeviceFindings> devices;
    std::optional<CountedOnceFindings> counted_once;
    std::vector<ProcessFindings> processes;  ///< the 64 that held most of the host's memory
    std::vector<RepeatFindings> repeats;     ///< of labels that came again, the longest open first
    std::chrono::microseconds thinned{};     ///< the widest bucket; 0: all samples are there
    std::vector<FoundHolder> holders;        ///< the 64 that had most
    std::vector<FoundLabel> labels;          ///< the 64 that came most often
    std::vector<FoundMark> marks;            ///< the first 1000
    std::uint64_t lost_records = 0;          ///< that programs could not tell
    std::uint64_t unreadable_bytes = 0;

    /// Whether processes share so much that people ought to know.
    [[nodiscard]] bool sharing_matters() const { return counted_once && counted_once->matters(); }
    /// Whether it would have taken more than it was seen to.
    [[nodiscard]] bool killed_for_memory() const {
        return end && end->killed_by != KilledBy::unknown;
    }
};

}  // namespace hexcore
