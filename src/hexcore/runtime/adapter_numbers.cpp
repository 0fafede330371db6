// A merged tensor is made of strands, one for each part: along the joined dimension lies a chunk of
// the first, then one of the second, and so on, as often as the dimensions beyond it say. Chunks of
// B are as short as a rank, so many of them are read at once; those of A may be as long as an
// expert's half, which is copied in pieces. An ordinary file is a single strand of a single chunk.
#include "hexcore/runtime/adapter_numbers.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string_view>

#include "ggml.h"
#include "hexcore/runtime/value_check.hpp"

namespace hexcore {

/// One part's share of a tensor.
struct AdapterStrand {
    const AdapterFile* adapter;
    const ByteSource* bytes;
    const TensorInfo* half;
    std::size_t chunks;
    std::size_t chunk_bytes;  ///< in the file
    std::size_t put_bytes;    ///< of a chunk, as it is put
    bool as_f32;
    float factor;
    std::optional<ValueCheck> check;

    [[nodiscard]] std::size_t block_bytes() const {
        return ggml_type_size(static_cast<ggml_type>(ggml_type_of(*half)));
    }
};

namespace {

constexpr std::size_t adapter_piece_bytes = std::size_t{1} << 18U;

tl::unexpected<Error> about(const AdapterFile& adapter, Error error) {
    error.message = fmt::format("{}: {}", adapter.path.string(), error.message);
    return tl::unexpected(std::move(error));
}

std::span<std::byte> bytes_of(std::vector<float>& numbers) {
    return std::as_writable_bytes(std::span(numbers));
}

/// By what libllama multiplies this pair's product.
float factor_of(const AdapterFile& adapter, const AdapterPair& pair, float scale) {
    return adapter.alpha == 0 ? scale : scale * adapter.alpha / static_cast<float>(pair.rank);
}

}  // namespace

int ggml_type_of(const TensorInfo& tensor) {
    for (int i = 0; i < GGML_TYPE_COUNT; ++i) {
        const char* name = ggml_type_name(static_cast<ggml_type>(i));
        if (name != nullptr && tensor.type == name) {
            return i;
        }
    }
    HEXCORE_CHECK(false, tensor.type, "a type that the reader let through");
}

Result<AdapterNumbers> AdapterNumbers::open(const AdapterFile& adapter,
                                            const std::atomic<bool>* stop) {
    AdapterNumbers numbers;
    numbers.is_merged_ = !adapter.parts.empty();
    numbers.stop_ = stop;
    const auto add = [&](const AdapterFile& file, float scale) -> Result<void> {
        HEXCORE_TRY(bytes, open_adapter(file.path));
        numbers.sources_.push_back({&file, scale, std::move(bytes)});
        return {};
    };
    if (!numbers.is_merged_) {
        HEXCORE_TRY_VOID(add(adapter, 1));
    }
    for (const auto& [file, scale] : adapter.parts) {
        HEXCORE_TRY_VOID(add(file, scale));
    }
    HEXCORE_TRY_VOID(numbers.check_unchanged());
    return numbers;
}

Result<void> AdapterNumbers::check_unchanged() const {
    for (const Source& source : sources_) {
        const auto stamp = source.bytes->stamp();
        if (!stamp) {
            return about(*source.adapter, stamp.error());
        }
        if (*stamp != source.adapter->stamp) {
            return about(*source.adapter, {ErrorCode::bad_input,
                                           "was written to or replaced since it was planned for",
                                           {{Change::plan_again}}});
        }
    }
    return {};
}

std::vector<AdapterStrand> AdapterNumbers::strands(const AdapterPair& pair, Half half) const {
    const TensorInfo& whole = half == Half::a ? pair.a : pair.b;
    // B's rows are joined, and the rows of A that tokens are looked up in.
    const bool joins_rows = half == Half::b || pair.role == TensorRole::embedding;
    std::vector<AdapterStrand> strands;
    for (const Source& source : sources_) {
        const auto& pairs = source.adapter->pairs;
        const auto own = std::ranges::lower_bound(pairs, pair.base, {}, &AdapterPair::base);
        if (own == pairs.end() || own->base != pair.base) {
            continue;
        }
        const TensorInfo& from = half == Half::a ? own->a : own->b;
        AdapterStrand strand{.adapter = source.adapter,
                             .bytes = source.bytes.get(),
                             .half = &from,
                             .chunks = 1,
                             .chunk_bytes = from.bytes.count(),
                             .put_bytes = whole.bytes.count(),
                             .as_f32 = false,
                             .factor = 1,
                             .check = ValueCheck::of(from.type)};
        if (is_merged_) {
            strand.chunks = static_cast<std::size_t>(from.shape[2] * from.shape[3] *
                                                     (joins_rows ? from.shape[1] : 1));
            strand.chunk_bytes /= strand.chunks;
            strand.as_f32 = whole.type == "f32";
            strand.put_bytes = strand.as_f32
                                   ? static_cast<std::size_t>(from.shape[0]) * sizeof(float) *
                                         static_cast<std::size_t>(joins_rows ? 1 : from.shape[1])
                                   : strand.chunk_bytes;
            strand.factor = half == Half::b ? factor_of(*source.adapter, *own, source.scale) : 1;
        }
        strands.push_back(strand);
    }
    return strands;
}

namespace {

/// Reads a stretch of a strand, at that place of its tensor, and makes of it what is put.
class StrandReader {
public:
    explicit StrandReader(const std::atomic<bool>* stop) : stop_(stop) {}

    Result<std::span<const std::byte>> read(const AdapterStrand& strand, std::size_t at,
                                            std::size_t size) {
        if (stop_ != nullptr && stop_->load()) {
            return fail(ErrorCode::interrupted,
                        "interrupted while loading; nothing is left allocated");
        }
        const AdapterFile& adapter = *strand.adapter;
        raw_.resize(size);
        if (auto done = strand.bytes->read_at(strand.half->offset_bytes + at, raw_); !done) {
            return about(adapter, std::move(done.error()));
        }
        if (strand.check && strand.check->first_bad_block(raw_)) {
            return about(adapter,
                         {ErrorCode::bad_input,
                          fmt::format("tensor '{}' holds a NaN or an infinity: the adapter is "
                                      "damaged, or its training failed",
                                      strand.half->name),
                          {{Change::get_file_again}}});
        }
        if (!strand.as_f32) {
            return std::span<const std::byte>(raw_);
        }
        convert(strand);
        if (!std::ranges::all_of(numbers_, [](float number) { return std::isfinite(number); })) {
            return about(adapter, {ErrorCode::bad_input,
                                   fmt::format("tensor '{}' times {} is too large for a number; "
                                               "merge it with a smaller scale",
                                               strand.half->name, strand.factor)});
        }
        return std::span<const std::byte>(bytes_of(numbers_));
    }

private:
    void convert(const AdapterStrand& strand) {
        const auto type = static_cast<ggml_type>(ggml_type_of(*strand.half));
        const std::size_t count =
            raw_.size() / ggml_type_size(type) * static_cast<std::size_t>(ggml_blck_size(type));
        numbers_.resize(count);
        if (const auto to_float = ggml_get_type_traits(type)->to_float; to_float != nullptr) {
            to_float(raw_.data(), numbers_.data(), static_cast<std::int64_t>(count));
        } else {
            std::memcpy(numbers_.data(), raw_.data(), raw_.size());  // F32
        }
        if (strand.factor != 1) {
            for (float& number : numbers_) {
                number *= strand.factor;
            }
        }
    }

    const std::atomic<bool>* stop_;
    std::vector<std::byte> raw_;
    std::vector<float> numbers_;
};

/// Long chunks, one by one and each in pieces.
Result<void> read_in_pieces(const std::vector<AdapterStrand>& strands, std::size_t row_bytes,
                            StrandReader& reader, const AdapterNumbers::Put& put) {
    for (std::size_t chunk = 0; chunk < strands.front().chunks; ++chunk) {
        std::size_t at = chunk * row_bytes;
        for (const AdapterStrand& strand : strands) {
            const std::size_t most =
                adapter_piece_bytes / strand.block_bytes() * strand.block_bytes();
            for (std::size_t done = 0; done < strand.chunk_bytes;) {
                const std::size_t size = std::min(most, strand.chunk_bytes - done);
                HEXCORE_TRY(data, reader.read(strand, chunk * strand.chunk_bytes + done, size));
                put(at, data);
                at += data.size();
                done += size;
            }
        }
    }
    return {};
}

/// Short chunks, many at a time.
Result<void> read_rows(const std::vector<AdapterStrand>& strands, std::size_t row_bytes,
                       StrandReader& reader, const AdapterNumbers::Put& put) {
    const std::size_t rows = strands.front().chunks;
    const std::size_t at_once = std::max<std::size_t>(adapter_piece_bytes / row_bytes, 1);
    std::vector<std::byte> joined;
    for (std::size_t first = 0; first < rows; first += at_once) {
        const std::size_t count = std::min(at_once, rows - first);
        joined.resize(count * row_bytes);
        std::size_t column = 0;
        for (const AdapterStrand& strand : strands) {
            HEXCORE_TRY(
                data, reader.read(strand, first * strand.chunk_bytes, count * strand.chunk_bytes));
            for (std::size_t row = 0; row < count; ++row) {
                std::memcpy(&joined[row * row_bytes + column], data.data() + row * strand.put_bytes,
                            strand.put_bytes);
            }
            column += strand.put_bytes;
        }
        put(first * row_bytes, joined);
    }
    return {};
}

}  // namespace

Result<void> AdapterNumbers::read_half(const AdapterPair& pair, Half half, const Put& put) const {
    const std::vector<AdapterStrand> parts = strands(pair, half);
    std::size_t row_bytes = 0;
    for (const AdapterStrand& strand : parts) {
        row_bytes += strand.put_bytes;
    }
    const TensorInfo& whole = half == Half::a ? pair.a : pair.b;
    HEXCORE_CHECK(!parts.empty() && row_bytes * parts.front().chunks == whole.bytes.count(),
                  whole.name, whole.bytes.count());
    StrandReader reader(stop_);
    return row_bytes > adapter_piece_bytes || !is_merged_
               ? read_in_pieces(parts, row_bytes, reader, put)
               : read_rows(parts, row_bytes, reader, put);
}

Result<void> AdapterNumbers::read(const AdapterPair& pair, const Put& put_a,
                                  const Put& put_b) const {
    HEXCORE_TRY_VOID(read_half(pair, Half::a, put_a));
    return read_half(pair, Half::b, put_b);
}

Result<void> check_numbers(const AdapterFile& adapter, const std::atomic<bool>* stop) {
    HEXCORE_TRY(numbers, AdapterNumbers::open(adapter, stop));
    const auto nowhere = [](std::size_t, std::span<const std::byte>) {};
    for (const AdapterPair& pair : adapter.pairs) {
        HEXCORE_TRY_VOID(numbers.read(pair, nowhere, nowhere));
    }
    return numbers.check_unchanged();
}

}  // namespace hexcore
