#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hexcore/base/bytes.hpp"

namespace hexcore {

/// Times of a recording count from the start of the command.
using RecordedTime = std::chrono::microseconds;

/// No recording has more: a row's processes, devices.
inline constexpr std::size_t recorded_processes_max = 4096;
inline constexpr std::size_t recorded_devices_max = 64;
/// Larger figures are nobody's memory; sums of those that are not cannot overflow.
inline constexpr Bytes recorded_bytes_max = Bytes(1ULL << 48U);

/// What was run, told at the start.
struct RecordedRun {
    std::string writer;  ///< such as "hexcore 0.1.0"
    std::uint64_t started_unix_ms = 0;
    std::chrono::microseconds interval{};
    std::chrono::microseconds gpu_interval{};
    std::vector<std::string> command;  ///< without what may be secret
    std::uint32_t attached_pid = 0;    ///< it ran already, as this process; 0: it was started
};

enum class RecordedKind : std::uint8_t { host, cgroup, gpu };
[[nodiscard]] constexpr const char* to_string(RecordedKind kind) {
    switch (kind) {
        case RecordedKind::host:
            return "host";
        case RecordedKind::cgroup:
            return "cgroup";
        case RecordedKind::gpu:
            return "gpu";
    }
    return "";
}

/// Something that memory is taken of.
struct RecordedDevice {
    std::uint32_t number = 0;
    RecordedKind kind = RecordedKind::host;
    std::string name;
    std::string description;  ///< a card's name, a control group's folder
    Bytes unit = Bytes(1);    ///< all its figures are multiples of it
    Bytes total;
};

struct RecordedProcess {
    std::uint64_t number = 0;  ///< in this recording, unlike a pid never used twice
    std::uint32_t pid = 0;
    std::string command;  ///< without what may be secret
};
/// Shared: a row may be kept for longer than its processes live, and another one after it may
/// already know them by other names.
using ProcessRef = std::shared_ptr<const RecordedProcess>;

struct RecordedPart {
    ProcessRef process;
    Bytes bytes;
};

/// What was in use of a device at one time.
struct RecordedRow {
    std::uint32_t device = 0;
    RecordedTime time{};
    bool sampled = true;              ///< false: made of a kernel's high-water mark
    std::vector<RecordedPart> parts;  ///< of processes that hold some, by rising number
    Bytes others;                     ///< in use beside them
    std::optional<Bytes> free;

    [[nodiscard]] Bytes total() const {
        Bytes sum = others;
        for (const RecordedPart& part : parts) {
            sum += part.bytes;
        }
        return sum;
    }
};

enum class KilledBy : std::uint8_t { unknown, cgroup, oom_killer };

/// What is known of how it ended.
enum class RecordedEnding : std::uint8_t {
    known,    ///< its exit code, or the signal
    unknown,  ///< it ended, and only its parent was told how
    running,  ///< it goes on, and is no longer watched
};
[[nodiscard]] constexpr const char* to_string(RecordedEnding ending) {
    switch (ending) {
        case RecordedEnding::known:
            return "known";
        case RecordedEnding::unknown:
            return "unknown";
        case RecordedEnding::running:
            return "running";
    }
    return "";
}

/// How it ended, and what watching it took.
struct RecordedEnd {
    RecordedTime time{};
    RecordedEnding ending = RecordedEnding::known;
    bool signalled = false;
    int code = 0;  ///< the exit code, or the signal, where that is known
    KilledBy killed_by = KilledBy::unknown;
    std::string cgroup = {};  ///< whose limit it was
    std::chrono::microseconds cost{};
    Bytes own_memory = {};
    std::uint64_t processes = 0;
    std::uint64_t missed = 0;    ///< processes that were found too many
    Bytes largest_process = {};  ///< as the kernel says at the end; 0: no more than rows tell
    std::string notes = {};
};

// What programs tell of themselves, and what is seldom looked at: told_records.hpp.
struct RecordedAmounts;
struct RecordedEvent;
struct RecordedSiteSum;
struct RecordedLabel;
struct RecordedLabelSum;
struct RecordedMark;
struct RecordedLoss;
struct RecordedCountedOnce;
enum class SummedPart : std::uint8_t;

/// Is told what is recorded: rows in the order of time for each device, amounts for each holder;
/// events, labels and marks in one order.
class RecordSink {
public:
    virtual ~RecordSink() = default;
    RecordSink() = default;
    RecordSink(const RecordSink&) = delete;
    RecordSink& operator=(const RecordSink&) = delete;

    virtual void run(const RecordedRun& run) = 0;
    virtual void device(const RecordedDevice& device) = 0;
    virtual void row(const RecordedRow& row) = 0;
    /// From that time on only the row with the largest total of each so wide bucket is told.
    virtual void thinned(RecordedTime from, std::chrono::microseconds bucket) = 0;
    virtual void end(const RecordedEnd& end) = 0;

    virtual void amounts(const RecordedAmounts& /*amounts*/) {}
    virtual void event(const RecordedEvent& /*event*/) {}
    virtual void site(const RecordedSiteSum& /*sum*/) {}
    virtual void label(const RecordedLabel& /*label*/) {}
    virtual void label_sum(const RecordedLabelSum& /*sum*/) {}
    virtual void mark(const RecordedMark& /*mark*/) {}
    virtual void lost(const RecordedLoss& /*loss*/) {}
    virtual void counted_once(const RecordedCountedOnce& /*counted*/) {}
    /// From that time on there are no events but sums of sites, or no labels but sums of them.
    virtual void summed(RecordedTime /*from*/, SummedPart /*part*/) {}
};

}  // namespace hexcore
