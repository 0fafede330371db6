#pragma once

#include <span>
#include <vector>

#include "hexcore/model/adapter_file.hpp"

namespace hexcore {

/// The largest rank that a merged adapter may have over any tensor.
inline constexpr std::uint32_t max_merged_rank = 4096;

/// What adds sum over i of weights[i] * (what sets[i] adds) to a model, in one pass: for each
/// tensor W of rows x columns the update
///
///     dW = sum_j c_j s_j B_j A_j = [c_1 s_1 B_1 | c_2 s_2 B_2 | ...] [A_1; A_2; ...]
///
/// with c_j the sum of the weights of the sets that adapter j is in, times its scale there, and s_j
/// its alpha / rank. Adapters are told apart by their content, so equal ones are joined first; then
/// they are sorted by it, so neither names nor the order of the sets change a bit. The ranks are
/// joined to one adapter of sum_j rank_j, whose B is F32, with all scales in it, and whose A has
/// the type of its parts, or F32 where these differ.
///
/// Nothing is joined where nothing needs to be: equal sets whose weights add up to 1 are that set,
/// one adapter that is left is itself with another scale, and what adds nothing is left out. The
/// sets must have been read for the same model, and each needs a weight. Fails with
/// ErrorCode::does_not_fit for a rank over max_merged_rank.
[[nodiscard]] Result<std::vector<ChosenAdapter>> merged_adapters(
    std::span<const std::vector<ChosenAdapter>> sets, std::span<const double> weights);

}  // namespace hexcore
