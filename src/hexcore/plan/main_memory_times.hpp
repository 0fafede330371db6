#pragma once

#include <cstddef>

namespace hexcore {

/// How long an expert in main memory takes, measured or modelled: whether it is computed there or
/// by a GPU at home, which fetches its bytes over the bus, follows from it.
struct MainMemoryTimes {
    double cpu_s = 0;  ///< to compute one row of it on the CPU
    double bus_s = 0;  ///< to bring it to the GPU

    /// How many of so many experts of one token the GPU fetches, while the CPU computes the others.
    /// None where that saves less than a seventh: the CPU's work and the bus share one memory.
    [[nodiscard]] std::size_t n_lent(std::size_t n) const;
    /// What so many experts of one token take.
    [[nodiscard]] double seconds(std::size_t n) const { return seconds(n, n_lent(n)); }
    /// Whether to fetch `experts` of them for a batch that has `rows` rows for them in all.
    [[nodiscard]] bool fetching_pays(std::size_t rows, std::size_t experts) const {
        return static_cast<double>(experts) * bus_s * 1.2 < static_cast<double>(rows) * cpu_s;
    }

private:
    [[nodiscard]] double seconds(std::size_t n, std::size_t lent) const;
};

}  // namespace hexcore
