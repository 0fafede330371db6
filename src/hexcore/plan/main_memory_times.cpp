#include "hexcore/plan/main_memory_times.hpp"

#include <algorithm>

namespace hexcore {

double MainMemoryTimes::seconds(std::size_t n, std::size_t lent) const {
    return std::max(static_cast<double>(lent) * bus_s, static_cast<double>(n - lent) * cpu_s);
}

std::size_t MainMemoryTimes::n_lent(std::size_t n) const {
    std::size_t best = 0;
    double best_s = seconds(n, best);
    for (std::size_t lent = 1; lent <= n; ++lent) {
        const double both_s = seconds(n, lent);
        if (both_s * 7 < best_s * 6) {
            best = lent;
            best_s = both_s;
        }
    }
    return best;
}

}  // namespace hexcore
