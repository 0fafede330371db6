#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "hexcore/recording/record_bytes.hpp"
#include "hexcore/recording/record_kind.hpp"
#include "hexcore/recording/recording.hpp"

namespace hexcore {

/// Writes rows as what has changed since the row before. start_chunk() forgets that one.
class RowEncoder {
public:
    void start_chunk();
    /// The device's unit is what its figures are divided by.
    void encode(const RecordedRow& row, Bytes unit, RecordWriter& into);

private:
    struct Value {
        std::uint64_t process = 0;
        std::int64_t units = 0;
    };
    struct Before {
        std::int64_t others = 0;
        std::vector<Value> values;
    };
    void collect_changes(const RecordedRow& row, Bytes unit, const Before& before);

    std::int64_t time_us_ = 0;
    std::array<Before, recorded_devices_max> before_;
    std::vector<Value> changes_;
    std::vector<Value> now_;
};

/// Processes in all rows of a chunk: a writer ends it at 64 KiB, and no row takes less than 8
/// bytes.
inline constexpr std::size_t recorded_parts_max = 8192 * recorded_processes_max;

/// Reads them back; what breaks a rule of the format is refused.
class RowDecoder {
public:
    void start_chunk();
    /// Tells a process of this chunk, or that one has become another program.
    void tell(ProcessRef process);
    /// The device that the next row is of has to be known by then; false: what is there is no row.
    [[nodiscard]] bool decode(
        RecordCursor& cursor,
        const std::array<std::optional<RecordedDevice>, recorded_devices_max>& devices);
    /// What was decoded.
    [[nodiscard]] const RecordedRow& row() const { return row_; }

private:
    struct Before {
        std::uint64_t others = 0;  ///< in units
        std::vector<RecordedPart> parts;
    };
    [[nodiscard]] bool decode_parts(RecordCursor& cursor, Bytes unit, Before& before);

    std::int64_t time_us_ = 0;
    std::array<Before, recorded_devices_max> before_;
    std::unordered_map<std::uint64_t, ProcessRef> processes_;
    std::vector<RecordedPart> merged_;
    std::size_t parts_left_ = recorded_parts_max;  ///< of the chunk
    RecordedRow row_;
};

}  // namespace hexcore
