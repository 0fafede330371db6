#include "hexcore/backend/execution/expert_times.hpp"

#include <algorithm>

namespace hexcore {

std::size_t ExpertTimes::n_lent(std::size_t n) const {
    std::size_t best = 0;
    double best_s = static_cast<double>(n) * cpu_s;
    for (std::size_t lent = 1; lent <= n; ++lent) {
        const double both_s =
            std::max(static_cast<double>(lent) * bus_s, static_cast<double>(n - lent) * cpu_s);
        if (both_s * 7 < best_s * 6) {
            best = lent;
            best_s = both_s;
        }
    }
    return best;
}

}  // namespace hexcore
