#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "hexcore/recording/recording.hpp"
#include "hexcore/recording/row_code.hpp"
#include "hexcore/recording/told_code.hpp"

namespace hexcore {

/// Reads the records of chunks, unpacked, and tells them to a sink. Every rule of the format is
/// held against them.
class RecordDecoder {
public:
    explicit RecordDecoder(RecordSink& sink) : sink_(sink), told_(sink) {}

    /// False: a record is not as it should be; those before it were told.
    [[nodiscard]] bool chunk(std::string_view records);
    /// Whether the run was told.
    [[nodiscard]] bool has_run() const { return has_run_; }

private:
    [[nodiscard]] bool record(RecordKind kind, RecordCursor cursor);
    [[nodiscard]] bool run(RecordCursor& cursor);
    [[nodiscard]] bool device(RecordCursor& cursor);
    [[nodiscard]] bool process(RecordCursor& cursor);
    [[nodiscard]] bool row(RecordCursor& cursor);
    [[nodiscard]] bool thinning(RecordCursor& cursor);
    [[nodiscard]] bool end(RecordCursor& cursor);

    RecordSink& sink_;
    RowDecoder rows_;
    ToldDecoder told_;
    std::array<std::optional<RecordedDevice>, recorded_devices_max> devices_;
    std::array<RecordedTime, recorded_devices_max> latest_{};
    bool has_run_ = false;
    bool has_end_ = false;
};

}  // namespace hexcore
