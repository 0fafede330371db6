#include "hexcore/recording/record_decoder.hpp"

#include <utility>

namespace hexcore {
namespace {

constexpr std::uint64_t most_us = 1ULL << 53U;
constexpr std::uint64_t most_words_told = 1024;
constexpr std::uint64_t largest_unit = 1ULL << 30U;

std::chrono::microseconds microseconds_in(RecordCursor& cursor) {
    return std::chrono::microseconds(cursor.number(most_us));
}

/// A field that the first writers of this version did not have.
std::uint64_t later_number(RecordCursor& cursor, std::uint64_t most) {
    return cursor.at_end() ? 0 : cursor.number(most);
}

bool is_same(const RecordedDevice& a, const RecordedDevice& b) {
    return a.kind == b.kind && a.name == b.name && a.description == b.description &&
           a.unit == b.unit && a.total == b.total;
}

}  // namespace

bool RecordDecoder::chunk(std::string_view records) {
    rows_.start_chunk();
    told_.start_chunk();
    RecordCursor cursor(records);
    while (!cursor.at_end()) {
        const std::uint64_t kind = cursor.number(~0ULL);
        const std::string_view fields = cursor.bytes(cursor.number(~0ULL));
        if (!cursor.good() || has_end_) {
            return false;
        }
        const bool is_known = kind >= static_cast<std::uint64_t>(RecordKind::run) &&
                              kind <= static_cast<std::uint64_t>(last_record_kind);
        if (is_known && !record(static_cast<RecordKind>(kind), RecordCursor(fields))) {
            return false;
        }
    }
    return true;
}

bool RecordDecoder::record(RecordKind kind, RecordCursor cursor) {
    if (has_run_ == (kind == RecordKind::run)) {  // it comes first, and once
        return false;
    }
    switch (kind) {
        case RecordKind::run:
            return run(cursor);
        case RecordKind::device:
            return device(cursor);
        case RecordKind::process:
            return process(cursor);
        case RecordKind::row:
            return row(cursor);
        case RecordKind::thinning:
            return thinning(cursor);
        case RecordKind::end:
            return end(cursor);
        default:
            return told_.record(kind, cursor);
    }
}

bool RecordDecoder::run(RecordCursor& cursor) {
    RecordedRun run;
    run.writer = cursor.text();
    run.started_unix_ms = cursor.number(most_us);
    run.interval = microseconds_in(cursor);
    run.gpu_interval = microseconds_in(cursor);
    const std::uint64_t n_words = cursor.number(most_words_told);
    for (std::uint64_t i = 0; cursor.good() && i < n_words; ++i) {
        run.command.emplace_back(cursor.text());
    }
    run.attached_pid = static_cast<std::uint32_t>(later_number(cursor, 0xFFFFFFFFU));
    has_run_ = cursor.good();
    if (has_run_) {
        sink_.run(run);
    }
    return has_run_;
}

bool RecordDecoder::device(RecordCursor& cursor) {
    RecordedDevice device;
    device.number = static_cast<std::uint32_t>(cursor.number(recorded_devices_max - 1));
    device.kind =
        static_cast<RecordedKind>(cursor.number(static_cast<std::uint64_t>(RecordedKind::gpu)));
    device.name = cursor.text();
    device.description = cursor.text();
    device.unit = Bytes(cursor.number(largest_unit));
    device.total = Bytes(cursor.number(recorded_bytes_max.count()));
    if (!cursor.good() || device.unit == Bytes()) {
        return false;
    }
    auto& known = devices_[device.number];
    if (!known) {
        known = device;
        sink_.device(device);
    }
    return is_same(*known, device);
}

bool RecordDecoder::process(RecordCursor& cursor) {
    auto process = std::make_shared<RecordedProcess>();
    process->number = cursor.number(most_us);
    process->pid = static_cast<std::uint32_t>(cursor.number(0xFFFFFFFFU));
    process->command = cursor.text();
    if (!cursor.good() || process->number == 0) {
        return false;
    }
    told_.tell(process);
    rows_.tell(std::move(process));
    return true;
}

bool RecordDecoder::row(RecordCursor& cursor) {
    if (!rows_.decode(cursor, devices_)) {
        return false;
    }
    RecordedTime& latest = latest_[rows_.row().device];
    if (rows_.row().time < latest) {
        return false;
    }
    latest = rows_.row().time;
    sink_.row(rows_.row());
    return true;
}

bool RecordDecoder::thinning(RecordCursor& cursor) {
    const RecordedTime from = microseconds_in(cursor);
    const auto bucket = microseconds_in(cursor);
    if (cursor.good()) {
        sink_.thinned(from, bucket);
    }
    return cursor.good();
}

bool RecordDecoder::end(RecordCursor& cursor) {
    constexpr std::uint64_t most_code = 255;
    RecordedEnd end;
    end.time = microseconds_in(cursor);
    end.signalled = cursor.number(1) == 1;
    end.code = static_cast<int>(cursor.number(most_code));
    end.killed_by =
        static_cast<KilledBy>(cursor.number(static_cast<std::uint64_t>(KilledBy::oom_killer)));
    end.cgroup = cursor.text();
    end.cost = microseconds_in(cursor);
    end.own_memory = Bytes(cursor.number(recorded_bytes_max.count()));
    end.processes = cursor.number(most_us);
    end.missed = cursor.number(most_us);
    end.largest_process = Bytes(cursor.number(recorded_bytes_max.count()));
    end.notes = cursor.text();
    end.ending = static_cast<RecordedEnding>(
        later_number(cursor, static_cast<std::uint64_t>(RecordedEnding::running)));
    has_end_ = cursor.good();
    if (has_end_) {
        sink_.end(end);
    }
    return has_end_;
}

}  // namespace hexcore
