#pragma once

#include <cstdint>

namespace hexcore {

/// The kinds of records.
enum class RecordKind : std::uint8_t {
    run = 1,
    device = 2,
    process = 3,
    row = 4,
    thinning = 5,
    end = 6,
    text = 7,
    holder = 8,
    stack = 9,
    amounts = 10,
    event = 11,
    site = 12,
    label = 13,
    label_sum = 14,
    mark = 15,
    loss = 16,
    summed = 17,
    counted_once = 18,
};
inline constexpr RecordKind last_record_kind = RecordKind::counted_once;

}  // namespace hexcore
