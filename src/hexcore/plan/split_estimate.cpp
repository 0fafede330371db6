#include "hexcore/plan/split_estimate.hpp"

#include <algorithm>

namespace hexcore {

SplitEstimate::SplitEstimate(Problem& problem, Patterns& patterns)
    : problem_(problem), patterns_(patterns) {
    const std::uint32_t n = problem.n_devices();
    kind_count_.assign(problem.kinds().size(), {0});
    for (std::uint32_t l = 0; l < problem.n_layers(); ++l) {
        for (std::uint32_t kind = 0; kind < kind_count_.size(); ++kind) {
            kind_count_[kind].push_back(kind_count_[kind].back() +
                                        (problem.kind_of(l) == kind ? 1 : 0));
        }
    }
    homes_.assign(n, {{0.0}, {0}, {DeviceBytes{}}, 0.0});
    for (std::uint32_t d = 0; d < n; ++d) {
        Home& home = homes_[d];
        for (std::uint32_t l = 0; l < problem.n_layers(); ++l) {
            double seconds = 0;
            std::uint64_t at_home = 0;
            DeviceBytes wanted = home.wanted_bytes.back();
            if (const auto kind = problem.kind_of(l)) {
                const LayerKind& alike = problem.kinds()[*kind];
                const std::uint64_t layer_bytes = alike.n_experts * alike.expert_bytes;
                const Pattern& best = patterns.best(*kind, d);
                seconds = best.seconds;
                at_home = best.counts[d] == alike.n_experts ? layer_bytes : 0;
                largest_layer_bytes_ = std::max(largest_layer_bytes_, layer_bytes);
                for (std::uint32_t on = 0; on < n; ++on) {
                    wanted[on] += best.counts[on] * alike.expert_bytes;
                }
            }
            home.seconds.push_back(home.seconds.back() + seconds);
            home.at_home_bytes.push_back(home.at_home_bytes.back() + at_home);
            home.wanted_bytes.push_back(wanted);
        }
        for (std::uint32_t other = 0; other < n; ++other) {
            home.furthest_hop = std::max(home.furthest_hop, problem.hop_seconds(d, other));
        }
    }
}

double SplitEstimate::least_seconds(std::uint32_t d, std::uint32_t from, std::uint32_t to) const {
    return homes_[d].seconds[to] - homes_[d].seconds[from];
}

double SplitEstimate::range_seconds(std::uint32_t d, std::uint32_t from, std::uint32_t to,
                                    std::uint64_t room) const {
    const Home& home = homes_[d];
    const std::uint64_t at_home = home.at_home_bytes[to] - home.at_home_bytes[from];
    double seconds = least_seconds(d, from, to);
    if (at_home > room) {
        const std::uint64_t layers_away =
            (at_home - room + largest_layer_bytes_ - 1) / largest_layer_bytes_;
        seconds += problem_.away_seconds(home.furthest_hop) * static_cast<double>(layers_away);
    }
    return seconds;
}

/// Of one layer whose experts are divided by `shares`, which sum to one: of the nearest whole
/// numbers of experts, scaled by how much the busiest device's exact share differs from its own.
double SplitEstimate::spread_seconds(std::uint32_t kind, const std::vector<double>& shares) const {
    LayerKind& alike = problem_.kinds()[kind];
    const auto total = static_cast<double>(alike.n_experts);
    Counts counts{};
    std::uint32_t dealt = 0;
    for (std::uint32_t d = 0; d < shares.size(); ++d) {
        counts[d] = static_cast<std::uint32_t>(shares[d] * total);
        dealt += counts[d];
    }
    for (; dealt < alike.n_experts; ++dealt) {
        std::uint32_t most_short = 0;
        for (std::uint32_t d = 1; d < shares.size(); ++d) {
            if (shares[d] * total - counts[d] > shares[most_short] * total - counts[most_short]) {
                most_short = d;
            }
        }
        ++counts[most_short];
    }
    double exact = 0;
    double whole = 0;
    for (std::uint32_t d = 0; d < shares.size(); ++d) {
        const double speed = std::max(problem_.device(d).bandwidth_bytes_per_s, 1.0);
        exact = std::max(exact, shares[d] * total / speed);
        whole = std::max(whole, counts[d] / speed);
    }
    return whole > 0 ? alike.time.seconds(counts) * exact / whole : 0.0;
}

double SplitEstimate::split_seconds(const Split& split, const DeviceBytes& rooms) const {
    const std::uint32_t n = problem_.n_devices();
    std::vector<double> shares(n, 0.0);
    double homeless = 0;
    double spare = 0;
    double total = 0;
    for (std::uint32_t on = 0; on < n; ++on) {
        for (std::uint32_t d = 0; d < n; ++d) {
            const std::vector<DeviceBytes>& wanted = homes_[d].wanted_bytes;
            shares[on] += static_cast<double>(wanted[split[d + 1]][on] - wanted[split[d]][on]);
        }
        const double room = static_cast<double>(rooms[on]);
        total += shares[on];
        homeless += std::max(shares[on] - room, 0.0);
        spare += std::max(room - shares[on], 0.0);
    }
    for (std::uint32_t on = 0; on < n; ++on) {
        const double room = static_cast<double>(rooms[on]);
        shares[on] = shares[on] > room
                         ? room
                         : shares[on] + (spare > 0 ? homeless * (room - shares[on]) / spare : 0.0);
        shares[on] /= std::max(total, 1.0);
    }
    double seconds = 0;
    for (std::uint32_t kind = 0; kind < kind_count_.size(); ++kind) {
        const double spread = homeless > 0 ? spread_seconds(kind, shares) : 0.0;
        for (std::uint32_t d = 0; d < n; ++d) {
            const std::uint32_t layers =
                kind_count_[kind][split[d + 1]] - kind_count_[kind][split[d]];
            if (layers == 0) {
                continue;
            }
            const Pattern& best = patterns_.best(kind, d);
            const bool at_home = best.counts[d] == problem_.kinds()[kind].n_experts;
            const double hopping = spread + problem_.away_seconds(homes_[d].furthest_hop);
            seconds += layers * (at_home ? best.seconds : std::max(best.seconds, hopping));
        }
    }
    for (std::uint32_t d = 0; d < n; ++d) {
        seconds += range_seconds(d, split[d], split[d + 1], rooms[d]) -
                   least_seconds(d, split[d], split[d + 1]);
    }
    return seconds;
}

}  // namespace hexcore
