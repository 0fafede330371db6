#include "hexcore/backend/execution/row_groups.hpp"

#include <algorithm>
#include <array>

namespace hexcore {
namespace {

/// Up to so many tokens ggml's CUDA backend computes products with experts as vectors, one by one.
constexpr std::size_t most_vectors = 8;
/// Experts of a token for which there is a fast kernel that finds an expert's rows.
constexpr std::array<std::size_t, 7> fast_slots = {32, 16, 10, 8, 6, 4, 2};

std::size_t most_slots(std::size_t n_experts) { return std::min(n_experts, fast_slots.front()); }

std::size_t groups_for(std::size_t rows, std::size_t slots) { return (rows + slots - 1) / slots; }

}  // namespace

bool is_single_token(const ExpertRegion& region) {
    return region.ids->ne[1] == 1 && region.x->ne[1] == 1;
}

std::size_t most_fillers(std::size_t n_experts, std::size_t n_tokens) {
    return n_tokens > most_vectors ? most_slots(n_experts) - 1 : n_tokens - 1;
}

RowGroups group_rows(const std::vector<std::uint32_t>& rows_of_expert, std::size_t n_tokens) {
    std::size_t rows = 0;
    std::size_t most = 0;
    for (const std::uint32_t count : rows_of_expert) {
        rows += count;
        most = std::max<std::size_t>(most, count);
    }
    const RowGroups apart{.slots = 1, .tokens = rows};
    if (n_tokens > most_vectors) {
        for (const std::size_t slots : fast_slots) {
            const std::size_t tokens = groups_for(rows, slots);
            if (slots <= rows_of_expert.size() && tokens >= most && tokens > most_vectors) {
                return {slots, tokens};
            }
        }
        return apart;
    }
    // Each row costs, so few of them are to fill up.
    RowGroups best = apart;
    for (std::size_t slots = 1; slots <= most_slots(rows_of_expert.size()); ++slots) {
        const RowGroups groups{slots, std::max(most, groups_for(rows, slots))};
        const bool is_better = best.tokens > most_vectors || groups.rows() < best.rows();
        if (groups.tokens <= most_vectors && is_better) {
            best = groups;
        }
    }
    return best;
}

GroupedRows::GroupedRows(std::vector<bool> alone)
    : alone_(std::move(alone)), first_(alone_.size() + 1), groups_(alone_.size()) {}

void GroupedRows::count(ExpertRows& rows, DeviceId device, std::size_t n_experts) {
    rows_of_expert_.assign(n_experts, 0);
    for (std::size_t row = 0; row < rows.count(device); ++row) {
        ++rows_of_expert_[static_cast<std::size_t>(rows.local_ids()[rows.first(device) + row])];
    }
}

void GroupedRows::arrange(const ExpertRegion& region, ExpertRows& rows) {
    for (std::size_t d = 0; d < groups_.size(); ++d) {
        const DeviceId id(d);
        if (rows.count(id) == 0) {
            groups_[d] = {};
        } else if (is_single_token(region)) {
            groups_[d] = {.slots = rows.count(id), .tokens = 1};
        } else if (alone_[d]) {
            groups_[d] = {.slots = 1, .tokens = rows.count(id)};
        } else {
            count(rows, id, region.map->count_on(id));
            groups_[d] = group_rows(rows_of_expert_, rows.n_tokens());
        }
        first_[d + 1] = first_[d] + groups_[d].rows();
    }
}

void GroupedRows::write(const ExpertRegion& region, ExpertRows& rows, std::int32_t* local_ids,
                        std::int32_t* input_rows, std::int32_t* places) {
    for (std::size_t d = 0; d < groups_.size(); ++d) {
        const DeviceId id(d);
        const RowGroups groups = groups_[d];
        if (groups.rows() == 0) {
            continue;
        }
        // Rows of the same expert come one after the other, and are dealt to the groups in turn: as
        // there are no more of them than groups, no group gets two.
        count(rows, id, region.map->count_on(id));
        std::size_t filling = groups.rows() - rows.count(id);
        std::size_t begin = 0;
        next_.clear();
        for (const std::uint32_t of_expert : rows_of_expert_) {
            const std::size_t room =
                groups.tokens - std::min<std::size_t>(groups.tokens, of_expert);
            const std::size_t fillers = std::min(filling, room);
            next_.push_back({begin % groups.tokens, begin / groups.tokens, fillers});
            filling -= fillers;
            begin += of_expert + fillers;
        }
        const auto deal = [&](std::size_t expert, std::int32_t input_row) {
            Next& next = next_[expert];
            const std::size_t to = first_[d] + next.token * groups.slots + next.slot;
            if (++next.token == groups.tokens) {
                next.token = 0;
                ++next.slot;
            }
            local_ids[to] = static_cast<std::int32_t>(expert);
            input_rows[to] = input_row;
            return static_cast<std::int32_t>(to);
        };
        for (std::size_t row = rows.first(id); row < rows.first(id) + rows.count(id); ++row) {
            places[rows.order()[row]] = deal(static_cast<std::size_t>(rows.local_ids()[row]),
                                             rows.input_row(*region.x, row));
        }
        for (std::size_t expert = 0; expert < next_.size(); ++expert) {
            for (; next_[expert].fillers > 0; --next_[expert].fillers) {
                (void)deal(expert, 0);
            }
        }
    }
}

}  // namespace hexcore
