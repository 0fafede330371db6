#include "hexcore/recording/chunk.hpp"

#include <cstring>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace hexcore {
namespace {

constexpr std::string_view chunk_magic = "HXCK";
constexpr std::size_t summed_bytes = chunk_header_bytes - sizeof(std::uint64_t);
constexpr std::int64_t latest_chunk_us = 1LL << 53U;

// The format's order of bytes is that of every processor Hexcore is built for.
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);

template <typename Number>
char* put(char* at, Number number) {
    std::memcpy(at, &number, sizeof(number));
    return at + sizeof(number);
}

template <typename Number>
Number take(std::string_view& bytes) {
    Number number{};
    std::memcpy(&number, bytes.data(), sizeof(number));
    bytes.remove_prefix(sizeof(number));
    return number;
}

}  // namespace

std::uint64_t chunk_checksum(std::string_view packed) {
    return XXH3_64bits(packed.data(), packed.size());
}

std::array<char, chunk_header_bytes> ChunkHeader::bytes() const {
    std::array<char, chunk_header_bytes> result{};
    char* at = result.data();
    std::memcpy(at, chunk_magic.data(), chunk_magic.size());
    at = put(at + chunk_magic.size(), packed_bytes);
    at = put(at, plain_bytes);
    at = put(at, n_records);
    at = put(at, static_cast<std::uint64_t>(first.count()));
    at = put(at, static_cast<std::uint64_t>(last.count()));
    at = put(at, checksum);
    put(at, chunk_checksum({result.data(), summed_bytes}));
    return result;
}

std::optional<ChunkHeader> ChunkHeader::from(std::string_view bytes) {
    if (bytes.size() < chunk_header_bytes || !bytes.starts_with(chunk_magic)) {
        return std::nullopt;
    }
    const std::uint64_t sum = chunk_checksum(bytes.substr(0, summed_bytes));
    bytes.remove_prefix(chunk_magic.size());
    ChunkHeader header;
    header.packed_bytes = take<std::uint32_t>(bytes);
    header.plain_bytes = take<std::uint32_t>(bytes);
    header.n_records = take<std::uint32_t>(bytes);
    header.first = RecordedTime(take<std::int64_t>(bytes));
    header.last = RecordedTime(take<std::int64_t>(bytes));
    header.checksum = take<std::uint64_t>(bytes);
    const bool good = take<std::uint64_t>(bytes) == sum && header.packed_bytes <= chunk_bytes_max &&
                      header.plain_bytes <= chunk_bytes_max && header.first.count() >= 0 &&
                      header.last >= header.first && header.last.count() <= latest_chunk_us;
    return good ? std::optional(header) : std::nullopt;
}

}  // namespace hexcore
