#include "hexcore/recording/row_code.hpp"

#include <algorithm>
#include <utility>

namespace hexcore {
namespace {

constexpr std::uint64_t not_sampled = 1;  // of the flags
constexpr std::int64_t latest_us = 1LL << 53U;

std::int64_t units_of(Bytes bytes, Bytes unit) {
    return static_cast<std::int64_t>(std::min(bytes, recorded_bytes_max).count() / unit.count());
}

/// A figure in units after a change of it; nothing where it is none.
std::optional<std::uint64_t> changed(std::uint64_t units, std::int64_t by, Bytes unit) {
    std::int64_t sum = 0;
    if (__builtin_add_overflow(static_cast<std::int64_t>(units), by, &sum) || sum < 0 ||
        static_cast<std::uint64_t>(sum) > recorded_bytes_max.count() / unit.count()) {
        return std::nullopt;
    }
    return static_cast<std::uint64_t>(sum);
}

}  // namespace

void RowEncoder::start_chunk() {
    time_us_ = 0;
    for (Before& before : before_) {
        before.others = 0;
        before.values.clear();
    }
}

void RowEncoder::collect_changes(const RecordedRow& row, Bytes unit, const Before& before) {
    changes_.clear();
    now_.clear();
    auto old = before.values.begin();
    const auto change_up_to = [&](std::uint64_t process) {
        for (; old != before.values.end() && old->process < process; ++old) {
            changes_.push_back({old->process, -old->units});
        }
    };
    for (const RecordedPart& part : row.parts) {
        const std::uint64_t process = part.process->number;
        change_up_to(process);
        std::int64_t before_units = 0;
        if (old != before.values.end() && old->process == process) {
            before_units = old->units;
            ++old;
        }
        const std::int64_t units = units_of(part.bytes, unit);
        if (units != before_units) {
            changes_.push_back({process, units - before_units});
        }
        if (units != 0) {
            now_.push_back({process, units});
        }
    }
    change_up_to(~0ULL);
}

void RowEncoder::encode(const RecordedRow& row, Bytes unit, RecordWriter& into) {
    Before& before = before_[row.device];
    collect_changes(row, unit, before);
    const std::int64_t others = units_of(row.others, unit);
    into.signed_number(row.time.count() - time_us_);
    into.number(row.device);
    into.number(row.sampled ? 0 : not_sampled);
    into.signed_number(others - before.others);
    into.number(row.free ? static_cast<std::uint64_t>(units_of(*row.free, unit)) + 1 : 0);
    into.number(changes_.size());
    std::uint64_t process = 0;
    for (const Value& change : changes_) {
        into.number(change.process - process);
        into.signed_number(change.units);
        process = change.process;
    }
    time_us_ = row.time.count();
    before.others = others;
    before.values.swap(now_);
}

void RowDecoder::start_chunk() {
    time_us_ = 0;
    for (Before& before : before_) {
        before.others = 0;
        before.parts.clear();
    }
    processes_.clear();
    parts_left_ = recorded_parts_max;
}

void RowDecoder::tell(ProcessRef process) {
    const std::uint64_t number = process->number;
    for (Before& before : before_) {
        const auto part = std::lower_bound(before.parts.begin(), before.parts.end(), number,
                                           [](const RecordedPart& each, std::uint64_t sought) {
                                               return each.process->number < sought;
                                           });
        if (part != before.parts.end() && part->process->number == number) {
            part->process = process;
        }
    }
    processes_[number] = std::move(process);
}

bool RowDecoder::decode_parts(RecordCursor& cursor, Bytes unit, Before& before) {
    const std::uint64_t n_changes = cursor.number(2 * recorded_processes_max);
    merged_.clear();
    auto old = before.parts.begin();
    std::uint64_t process = 0;
    for (std::uint64_t i = 0; i < n_changes; ++i) {
        const std::uint64_t gap = cursor.number(~0ULL);
        const std::int64_t by = cursor.signed_number();
        if (!cursor.good() || gap == 0 || __builtin_add_overflow(process, gap, &process)) {
            return false;
        }
        for (; old != before.parts.end() && old->process->number < process; ++old) {
            merged_.push_back(*old);
        }
        const bool is_old = old != before.parts.end() && old->process->number == process;
        const auto units = changed(is_old ? old->bytes.count() / unit.count() : 0, by, unit);
        const auto told = processes_.find(process);
        if (!units || told == processes_.end()) {
            return false;
        }
        old += is_old ? 1 : 0;
        if (*units > 0) {
            merged_.push_back({told->second, unit * *units});
        }
    }
    merged_.insert(merged_.end(), old, before.parts.end());
    if (merged_.size() > std::min(recorded_processes_max, parts_left_)) {
        return false;
    }
    parts_left_ -= merged_.size();
    before.parts.swap(merged_);
    return true;
}

bool RowDecoder::decode(
    RecordCursor& cursor,
    const std::array<std::optional<RecordedDevice>, recorded_devices_max>& devices) {
    const std::int64_t time_change = cursor.signed_number();
    const std::uint64_t number = cursor.number(recorded_devices_max - 1);
    const std::uint64_t flags = cursor.number(~0ULL);
    const std::int64_t others_change = cursor.signed_number();
    if (!cursor.good() || !devices[number] ||
        __builtin_add_overflow(time_us_, time_change, &time_us_) || time_us_ < 0 ||
        time_us_ > latest_us) {
        return false;
    }
    const Bytes unit = devices[number]->unit;
    const std::uint64_t free = cursor.number(recorded_bytes_max.count() / unit.count() + 1);
    Before& before = before_[number];
    const auto others = changed(before.others, others_change, unit);
    if (!others || !decode_parts(cursor, unit, before)) {
        return false;
    }
    before.others = *others;
    row_.device = static_cast<std::uint32_t>(number);
    row_.time = RecordedTime(time_us_);
    row_.sampled = (flags & not_sampled) == 0;
    row_.others = unit * *others;
    row_.free = free == 0 ? std::nullopt : std::optional(unit * (free - 1));
    row_.parts = before.parts;
    return cursor.good();
}

}  // namespace hexcore
