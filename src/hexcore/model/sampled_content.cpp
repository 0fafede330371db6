#include "hexcore/model/sampled_content.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "hexcore/model/byte_source.hpp"

namespace hexcore {
namespace {

constexpr std::uint64_t sampled_bytes = 256;
constexpr std::uint64_t sampled_piece_bytes = std::uint64_t{1} << 20U;

class SampledHash {
public:
    SampledHash() { XXH3_128bits_reset(&state_); }

    Result<void> add(const ByteSource& file, std::uint64_t begin, std::uint64_t end) {
        end = std::min(end, file.size());
        for (std::uint64_t at = begin; at < end; at += piece_.size()) {
            piece_.resize(std::min(sampled_piece_bytes, end - at));
            HEXCORE_TRY_VOID(file.read_at(at, piece_));
            XXH3_128bits_update(&state_, piece_.data(), piece_.size());
        }
        return {};
    }
    [[nodiscard]] std::string digits() const {
        const XXH128_hash_t hash = XXH3_128bits_digest(&state_);
        return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
    }

private:
    XXH3_state_t state_;
    std::vector<std::byte> piece_;
};

}  // namespace

Result<std::string> sampled_content(const Inventory& inventory) {
    SampledHash hash;
    for (std::size_t number = 0; number < inventory.files.size(); ++number) {
        HEXCORE_TRY(file, open_file(inventory.files[number]));
        std::uint64_t header_end = std::numeric_limits<std::uint64_t>::max();
        for (const TensorInfo& tensor : inventory.tensors) {
            if (tensor.file == number) {
                header_end = std::min(header_end, tensor.offset_bytes);
            }
        }
        HEXCORE_TRY_VOID(hash.add(*file, 0, header_end));
        for (const TensorInfo& tensor : inventory.tensors) {
            if (tensor.file == number) {
                const std::uint64_t size = tensor.bytes.count();
                const std::uint64_t begin = tensor.offset_bytes + size / 2;
                HEXCORE_TRY_VOID(
                    hash.add(*file, begin, begin + std::min(size - size / 2, sampled_bytes)));
            }
        }
    }
    return hash.digits();
}

}  // namespace hexcore
