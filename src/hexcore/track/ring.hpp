#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace hexcore {

// What program and watcher share: docs/formats/ring.md.

inline constexpr std::array<char, 16> ring_magic{"hexcore.ring/1"};
inline constexpr std::size_t ring_data_offset = 4096;
inline constexpr std::uint64_t ring_capacity_usual = 4U << 20U;
inline constexpr std::uint64_t ring_capacity_max = 1U << 30U;
inline constexpr std::uint32_t ring_record_bytes_max = 1U << 16U;
inline constexpr std::size_t ring_text_bytes_max = 1024;  ///< longer ones are cut
inline constexpr const char* ring_suffix = ".ring";
/// The variable of the environment that names the folder.
inline constexpr const char* watch_variable = "HEXCORE_WATCH";
/// 1: the call stack of each allocation is told, too.
inline constexpr const char* stacks_variable = "HEXCORE_WATCH_STACKS";
/// The file in the folder that a living watcher has locked.
inline constexpr const char* watcher_file = "watcher";

struct RingHeader {
    std::array<char, 16> magic;
    std::uint32_t pid;
    std::uint32_t unused;
    std::uint64_t capacity;
    alignas(64) std::atomic<std::uint64_t> head;
    std::atomic<std::uint64_t> lost;
    alignas(64) std::atomic<std::uint64_t> tail;
    std::atomic<std::uint32_t> abandoned;
};
static_assert(offsetof(RingHeader, head) == 64 && offsetof(RingHeader, tail) == 128 &&
              offsetof(RingHeader, abandoned) == 136);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

enum class RingKind : std::uint8_t {
    holder = 1,
    holder_ends = 2,
    amounts = 3,
    taken = 4,
    released = 5,
    relabelled = 6,
    refused = 7,
    label_begins = 8,
    label_ends = 9,
    mark = 10,
    stack = 11,
    module = 12,
};

/// A record, as it is told and as it is read. What it refers to lives elsewhere.
struct RingRecord {
    RingKind kind{};
    std::uint8_t detail = 0;
    std::uint16_t depth = 0;
    std::uint32_t thread = 0;
    std::uint32_t holder = 0;
    std::uint64_t time_ns = 0;
    std::span<const std::uint64_t> numbers = {};
    std::span<const std::string_view> texts = {};
};

/// What stands before a record's numbers.
struct RingRecordHeader {
    std::uint32_t size;
    std::uint8_t kind;
    std::uint8_t detail;
    std::uint16_t depth;
    std::uint16_t n_numbers;
    std::uint16_t n_texts;
    std::uint32_t thread;
    std::uint32_t holder;
    std::uint32_t unused;
    std::uint64_t time_ns;
};
static_assert(sizeof(RingRecordHeader) == 32);

}  // namespace hexcore
