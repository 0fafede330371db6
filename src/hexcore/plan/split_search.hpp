#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "hexcore/plan/problem.hpp"

namespace hexcore {

/// What it costs that a device holds a range of layers; `forbidden` where it must not.
class RangeCosts {
public:
    static constexpr double forbidden = std::numeric_limits<double>::infinity();

    RangeCosts(std::uint32_t n_devices, std::uint32_t n_layers)
        : n_devices_(n_devices),
          n_layers_(n_layers),
          costs_(std::size_t{n_devices} * n_layers * (n_layers + 1), forbidden) {}

    [[nodiscard]] std::uint32_t n_devices() const { return n_devices_; }
    [[nodiscard]] std::uint32_t n_layers() const { return n_layers_; }
    /// Of device d with the layers [from, to), which are at least one.
    [[nodiscard]] double& at(std::uint32_t d, std::uint32_t from, std::uint32_t to) {
        return costs_[(std::size_t{d} * n_layers_ + from) * (n_layers_ + 1) + to];
    }
    [[nodiscard]] double at(std::uint32_t d, std::uint32_t from, std::uint32_t to) const {
        return costs_[(std::size_t{d} * n_layers_ + from) * (n_layers_ + 1) + to];
    }

    /// Fills in every range from `cost(d, from, to)`.
    template <typename Cost>
    void fill(const Cost& cost) {
        for (std::uint32_t d = 0; d < n_devices_; ++d) {
            for (std::uint32_t from = 0; from < n_layers_; ++from) {
                for (std::uint32_t to = from + 1; to <= n_layers_; ++to) {
                    at(d, from, to) = cost(d, from, to);
                }
            }
        }
    }

private:
    std::uint32_t n_devices_;
    std::uint32_t n_layers_;
    std::vector<double> costs_;
};

/// How the costs of the devices make the cost of a split.
enum class Combine {
    sum,      ///< with Problem::hop_seconds between devices that follow each other
    maximum,  ///< of the devices' costs alone
};

/// The split of least cost, exactly, by dynamic programming over (device, layers placed), or
/// nothing where every split has a forbidden range. At most Problem::max_layer_devices() devices
/// get layers.
[[nodiscard]] std::optional<Split> best_split(const Problem& problem, const RangeCosts& costs,
                                              Combine combine);

[[nodiscard]] std::uint32_t devices_with_layers(const Split& split);

/// The number of splits there are, or `most` if there are more.
[[nodiscard]] std::uint64_t count_splits(const Problem& problem, std::uint64_t most);

/// Every split, for problems where count_splits() is small.
[[nodiscard]] std::vector<Split> all_splits(const Problem& problem);

}  // namespace hexcore
