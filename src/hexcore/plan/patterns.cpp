#include "hexcore/plan/patterns.hpp"

#include <algorithm>
#include <numeric>
#include <tuple>
#include <vector>

namespace hexcore {
namespace {

/// `total` divided in proportion to the devices' bandwidths; equally if one of them is not known.
Counts spread(const Problem& problem, const std::vector<std::uint32_t>& over, std::uint32_t total) {
    double sum = 0;
    bool known = true;
    for (const std::uint32_t d : over) {
        sum += problem.device(d).bandwidth_bytes_per_s;
        known = known && problem.device(d).bandwidth_bytes_per_s > 0;
    }
    Counts counts{};
    std::uint32_t dealt = 0;
    for (const std::uint32_t d : over) {
        const double share = known ? problem.device(d).bandwidth_bytes_per_s / sum
                                   : 1.0 / static_cast<double>(over.size());
        counts[d] = std::min(total - dealt, static_cast<std::uint32_t>(share * total));
        dealt += counts[d];
    }
    for (std::size_t i = 0; dealt < total; i = (i + 1) % over.size()) {
        ++counts[over[i]];
        ++dealt;
    }
    return counts;
}

}  // namespace

const Pattern& Patterns::best(std::uint32_t kind, std::uint32_t home) {
    const auto [entry, inserted] = known_.try_emplace({kind, home});
    if (inserted) {
        entry->second = search(kind, home);
    }
    return entry->second;
}

Pattern Patterns::search(std::uint32_t kind, std::uint32_t home) {
    std::vector<std::uint32_t> order(problem_.n_devices());
    std::iota(order.begin(), order.end(), 0U);
    std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
        const auto rank = [&](std::uint32_t d) {
            return std::tuple(d != home, problem_.hop_seconds(home, d),
                              -problem_.device(d).bandwidth_bytes_per_s);
        };
        return rank(a) < rank(b);
    });
    const std::uint32_t total = problem_.kinds()[kind].n_experts;
    Pattern best;
    best.counts[home] = total;
    best.seconds = problem_.layer_seconds(kind, home, best.counts);
    std::vector<std::uint32_t> over{home};
    for (std::size_t i = 1; i < order.size(); ++i) {
        over.push_back(order[i]);
        Pattern pattern{spread(problem_, over, total), 0};
        pattern.seconds = problem_.layer_seconds(kind, home, pattern.counts);
        better(kind, home, pattern);
        if (pattern.seconds < best.seconds) {
            best = pattern;
        }
    }
    return best;
}

void Patterns::better(std::uint32_t kind, std::uint32_t home, Pattern& pattern) {
    const std::uint32_t n = problem_.n_devices();
    for (std::uint32_t round = 0; round < 2 * problem_.kinds()[kind].n_experts; ++round) {
        Pattern best = pattern;
        for (std::uint32_t from = 0; from < n; ++from) {
            if (pattern.counts[from] == 0) {
                continue;
            }
            for (std::uint32_t to = 0; to < n; ++to) {
                if (to == from || pattern.counts[to] == 0) {
                    continue;
                }
                Pattern moved = pattern;
                --moved.counts[from];
                ++moved.counts[to];
                moved.seconds = problem_.layer_seconds(kind, home, moved.counts);
                if (moved.seconds < best.seconds * (1 - 1e-12)) {
                    best = moved;
                }
            }
        }
        if (best.counts == pattern.counts) {
            return;
        }
        pattern = best;
    }
}

}  // namespace hexcore
