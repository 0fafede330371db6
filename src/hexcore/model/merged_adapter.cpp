#include "hexcore/model/merged_adapter.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <map>
#include <utility>

#include "hexcore/base/printable.hpp"
#include "hexcore/model/byte_cursor.hpp"

namespace hexcore {
namespace {

constexpr std::size_t merged_name_bytes_max = 80;

using Sets = std::span<const std::vector<ChosenAdapter>>;

/// A set that all are which take part, where they are to count as one of them.
const std::vector<ChosenAdapter>* common_set(Sets sets, std::span<const double> weights) {
    const std::vector<ChosenAdapter>* common = nullptr;
    double sum = 0;
    for (std::size_t i = 0; i < sets.size(); ++i) {
        if (weights[i] == 0) {
            continue;
        }
        sum += weights[i];
        if (common == nullptr) {
            common = &sets[i];
        } else if (!std::ranges::equal(*common, sets[i], {}, &ChosenAdapter::key,
                                       &ChosenAdapter::key)) {
            return nullptr;
        }
    }
    return static_cast<float>(sum) == 1.0F ? common : nullptr;
}

/// Each adapter once, by its content, with all that it is multiplied by.
std::vector<ChosenAdapter> joined(Sets sets, std::span<const double> weights) {
    std::map<std::string_view, std::pair<const AdapterFile*, double>> factors;
    for (std::size_t i = 0; i < sets.size(); ++i) {
        for (const auto& [file, scale] : sets[i]) {
            auto& [known, factor] = factors[file.content];
            known = &file;
            factor += weights[i] * static_cast<double>(scale);
        }
    }
    std::vector<ChosenAdapter> adapters;
    for (const auto& [content, one] : factors) {
        if (const auto scale = static_cast<float>(one.second); scale != 0) {
            adapters.push_back({*one.first, scale});
        }
    }
    return adapters;
}

/// Of a half that is there in several adapters, with the lengths in `shape` for its own.
TensorInfo stacked_half(const TensorInfo& first, std::string type,
                        const std::array<std::int64_t, 4>& shape, Bytes bytes) {
    TensorInfo half = first;
    half.type = std::move(type);
    half.shape = shape;
    half.bytes = bytes;
    half.offset_bytes = 0;
    return half;
}

std::uint64_t elements(const std::array<std::int64_t, 4>& shape) {
    std::uint64_t product = 1;
    for (const std::int64_t length : shape) {
        product *= static_cast<std::uint64_t>(length);
    }
    return product;
}

/// What modifies one tensor, of all adapters that do.
using PairsOfTensor = std::vector<const AdapterPair*>;

AdapterPair stacked_pair(const PairsOfTensor& pairs, std::uint32_t rank) {
    AdapterPair stacked = *pairs.front();
    stacked.rank = rank;
    auto shape_a = stacked.a.shape;
    auto shape_b = stacked.b.shape;
    shape_b[0] = rank;
    shape_a[stacked.role == TensorRole::embedding ? 0 : 1] = rank;
    const bool same_type = std::ranges::all_of(
        pairs, [&](const AdapterPair* pair) { return pair->a.type == stacked.a.type; });
    Bytes bytes_a;
    for (const AdapterPair* pair : pairs) {
        bytes_a += pair->a.bytes;
    }
    stacked.a = same_type ? stacked_half(stacked.a, stacked.a.type, shape_a, bytes_a)
                          : stacked_half(stacked.a, "f32", shape_a, Bytes(elements(shape_a) * 4));
    stacked.b = stacked_half(stacked.b, "f32", shape_b, Bytes(elements(shape_b) * 4));
    return stacked;
}

/// Of what makes the sum what it is.
std::string content_of(const std::vector<ChosenAdapter>& parts) {
    std::string keys;
    for (const ChosenAdapter& part : parts) {
        keys += part.key() + '\n';
    }
    return fmt::format("merged-{:016x}", XXH3_64bits(keys.data(), keys.size()));
}

std::string name_of(const std::vector<ChosenAdapter>& parts) {
    std::string names;
    for (const ChosenAdapter& part : parts) {
        names += (names.empty() ? "" : " + ") + part.file.name;
    }
    return shortened(names, merged_name_bytes_max);
}

Result<AdapterFile> stacked(std::vector<ChosenAdapter> parts) {
    std::map<std::string_view, PairsOfTensor> pairs;
    for (const ChosenAdapter& part : parts) {
        for (const AdapterPair& pair : part.file.pairs) {
            pairs[pair.base].push_back(&pair);
        }
    }
    AdapterFile merged;
    for (const auto& [base, of_tensor] : pairs) {
        std::uint64_t rank = 0;
        for (const AdapterPair* pair : of_tensor) {
            rank += pair->rank;
        }
        if (rank > max_merged_rank) {
            return fail(ErrorCode::does_not_fit,
                        "the ranks of {} adapters over {} add up to {}, and a merged adapter can "
                        "have {}; merge fewer, or such of a lower rank",
                        of_tensor.size(), in_quotes(base), rank, max_merged_rank);
        }
        merged.pairs.push_back(stacked_pair(of_tensor, static_cast<std::uint32_t>(rank)));
    }
    merged.content = content_of(parts);
    merged.name = name_of(parts);
    merged.architecture = parts.front().file.architecture;
    merged.parts = std::move(parts);
    return merged;
}

}  // namespace

Result<std::vector<ChosenAdapter>> merged_adapters(Sets sets, std::span<const double> weights) {
    HEXCORE_CHECK(sets.size() == weights.size(), sets.size(), weights.size());
    if (const auto* common = common_set(sets, weights)) {
        return *common;
    }
    std::vector<ChosenAdapter> adapters = joined(sets, weights);
    if (adapters.size() < 2) {
        return adapters;
    }
    HEXCORE_TRY(merged, stacked(std::move(adapters)));
    return std::vector<ChosenAdapter>{{std::move(merged), 1.0F}};
}

}  // namespace hexcore
