#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "hexcore/backend/execution/expert_region.hpp"
#include "hexcore/backend/execution/expert_rows.hpp"

namespace hexcore {

/// How a device's rows of a region are put together for its products: as `tokens` groups of `slots`
/// rows, of which no two in a group have the same expert, as if each were a token that chose so
/// many. Some rows may only fill up.
struct RowGroups {
    std::size_t slots = 0;
    std::size_t tokens = 0;

    [[nodiscard]] std::size_t rows() const { return slots * tokens; }
};

/// Whether the region is computed for one token whose row of activations serves all its experts.
[[nodiscard]] bool is_single_token(const ExpertRegion& region);

/// For rows of which `rows_of_expert[e]` have the device's expert e, of a batch of `n_tokens`.
///
/// ggml's CUDA kernels for batches find the rows of each expert in one step for 32 of them, if a
/// token has 2 to 32 experts, but for 1 only if it has one; and they are started for as many rows
/// of each expert as there are tokens, most of which aren't there. So groups are large. What stays
/// is which kernels are used: up to 8 tokens those that read an expert's weights for each row.
[[nodiscard]] RowGroups group_rows(const std::vector<std::uint32_t>& rows_of_expert,
                                   std::size_t n_tokens);
/// How many rows at most only fill up, on a device that has so many experts, at least 1.
[[nodiscard]] std::size_t most_fillers(std::size_t n_experts, std::size_t n_tokens);

/// The rows of a region as its devices compute them: those of device 0, then of device 1, and so
/// on, each put together in groups.
class GroupedRows {
public:
    /// `alone[d]`: whether rows on device d are groups of one, as kernels for the CPU have it.
    explicit GroupedRows(std::vector<bool> alone);

    /// Puts the rows together. What follows is of the region that was last.
    void arrange(const ExpertRegion& region, ExpertRows& rows);

    /// All rows, with those that fill up.
    [[nodiscard]] std::size_t size() const { return first_.back(); }
    [[nodiscard]] std::size_t first(DeviceId device) const { return first_[device.value()]; }
    [[nodiscard]] RowGroups groups(DeviceId device) const { return groups_[device.value()]; }

    /// Writes, for each of the rows, its expert's position on its device and its row of the
    /// region's activations; and for each row of the graph, in the order of its tokens, which of
    /// them it is.
    void write(const ExpertRegion& region, ExpertRows& rows, std::int32_t* local_ids,
               std::int32_t* input_rows, std::int32_t* places);

private:
    /// Where an expert's next row goes, and how many that fill up it has.
    struct Next {
        std::size_t token;
        std::size_t slot;
        std::size_t fillers;
    };

    void count(ExpertRows& rows, DeviceId device, std::size_t n_experts);

    std::vector<bool> alone_;
    std::vector<std::size_t> first_;  ///< [device], and the end
    std::vector<RowGroups> groups_;
    std::vector<std::uint32_t> rows_of_expert_;  ///< of the device in hand
    std::vector<Next> next_;                     ///< [expert] of that device
};

}  // namespace hexcore
