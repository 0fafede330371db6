#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hexcore/recording/recording.hpp"
#include "hexcore/watch/growth.hpp"

namespace hexcore {

// What a live view shows, as values: how a recording stands at one moment.

/// A quantity over time in a bounded number of steps, of each the most that there was.
class LiveHistory {
public:
    void add(RecordedTime time, Bytes bytes);
    /// `count` steps from 0 to `until`, which is above 0; nothing before the first sample, and the
    /// one before where a step has none.
    [[nodiscard]] std::vector<std::optional<Bytes>> steps(std::size_t count,
                                                          RecordedTime until) const;

private:
    std::chrono::microseconds width_{50'000};
    std::vector<std::optional<Bytes>> most_;
};

/// A process, or a purpose of a holder, and what it has.
struct LivePart {
    std::uint64_t number = 0;  ///< of the process
    std::uint32_t pid = 0;
    std::string name = {};  ///< the command, or the purpose
    Bytes now = {};
    Bytes peak = {};
    Bytes at_mark = {};  ///< 0: it was not there

    /// In bytes, since the mark.
    [[nodiscard]] std::int64_t change() const {
        return static_cast<std::int64_t>(now.count()) - static_cast<std::int64_t>(at_mark.count());
    }
};

struct LiveDevice {
    RecordedDevice device = {};
    Bytes now = {};
    Bytes peak = {};
    RecordedTime peak_at{};
    Bytes at_mark = {};
    Bytes baseline = {};  ///< what is left out; 0: nothing
    std::optional<Bytes> free = {};
    std::vector<LivePart> processes = {};  ///< by number, those that have some now
    LiveHistory history = {};
    Growth growth = {};  ///< as of a moment ago
};

/// Something in a process that tells exactly what it holds of a device.
struct LiveHolder {
    std::uint64_t number = 0;
    std::uint32_t pid = 0;
    std::string kind = {};
    std::string device = {};
    Bytes total = {};  ///< its budget or size; 0: not known
    Bytes now = {};
    Bytes peak = {};
    std::vector<LivePart> purposes = {};  ///< those that have some now
};

/// The labels of a thread that are open, from the outermost to the innermost.
struct LiveLabels {
    std::uint64_t process = 0;
    std::uint32_t pid = 0;
    std::uint32_t thread = 0;
    std::vector<std::string> names = {};
    std::uint64_t deeper = 0;  ///< so many more are open within
    std::uint64_t count = 0;   ///< how often the innermost of the names has begun
};

struct LiveState {
    RecordedRun run = {};
    std::optional<RecordedEnd> end = {};
    RecordedTime time{};  ///< the latest of a record
    std::optional<RecordedTime> marked = {};
    std::optional<RecordedTime> based = {};  ///< when the baseline was taken
    std::vector<LiveDevice> devices = {};
    std::vector<LiveHolder> holders = {};
    std::vector<LiveLabels> labels = {};
    std::string last_mark = {};  ///< of the program's own
};

/// Whether a process has memory there now.
[[nodiscard]] bool has_process(const LiveState& state, std::uint32_t pid);

}  // namespace hexcore
