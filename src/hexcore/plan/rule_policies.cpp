#include "hexcore/plan/rule_policies.hpp"

#include <algorithm>
#include <vector>

#include "hexcore/plan/split_search.hpp"

namespace hexcore {
namespace {

double fill_of(const Problem& problem, std::uint32_t d, double bytes) {
    return bytes / std::max(problem.device(d).budget.as_double(), 1.0);
}

std::uint64_t experts_bytes(const Problem& problem, std::uint32_t from, std::uint32_t to) {
    std::uint64_t bytes = 0;
    for (std::uint32_t c = 0; c < problem.class_bytes().size(); ++c) {
        bytes += problem.n_experts(c, from, to) * problem.class_bytes()[c];
    }
    return bytes;
}

/// The costs where `allowed(cost)` holds, replaced by `replacement(d, from, to)`.
template <typename Allowed, typename Replacement>
RangeCosts replaced(const RangeCosts& costs, const Allowed& allowed,
                    const Replacement& replacement) {
    RangeCosts result(costs.n_devices(), costs.n_layers());
    result.fill([&](std::uint32_t d, std::uint32_t from, std::uint32_t to) {
        return allowed(costs.at(d, from, to)) ? replacement(d, from, to) : RangeCosts::forbidden;
    });
    return result;
}

double highest(const RangeCosts& costs, const Split& split) {
    double most = 0;
    for (std::uint32_t d = 0; d + 1 < split.size(); ++d) {
        if (split[d + 1] > split[d]) {
            most = std::max(most, costs.at(d, split[d], split[d + 1]));
        }
    }
    return most;
}

/// What a layer takes at home besides experts, with the KV cache that the rule counts.
std::vector<double> home_prefix(const Problem& problem, bool trained_context) {
    std::vector<double> prefix{0.0};
    for (const LayerFacts& layer : problem.model().layers) {
        const bool trained = trained_context && layer.kv_trained > Bytes();
        const Bytes kv = trained ? layer.kv_trained : layer.kv;
        prefix.push_back(prefix.back() + (layer.weights + kv).as_double());
    }
    return prefix;
}

std::optional<std::uint32_t> first_with_experts(const ModelFacts& model) {
    for (std::uint32_t l = 0; l < model.layers.size(); ++l) {
        if (model.layers[l].n_experts > 0) {
            return l;
        }
    }
    return std::nullopt;
}

}  // namespace

std::optional<CountedPlacement> place_whole_layers(Problem& problem, const DeviceBytes& caps) {
    RangeCosts fills(problem.n_devices(), problem.n_layers());
    fills.fill([&](std::uint32_t d, std::uint32_t from, std::uint32_t to) {
        const std::uint64_t bytes =
            problem.fixed_bytes(d, from, to) + experts_bytes(problem, from, to);
        return bytes <= caps[d] ? fill_of(problem, d, static_cast<double>(bytes))
                                : RangeCosts::forbidden;
    });
    for (std::uint32_t d = 0; d < problem.n_devices(); ++d) {
        if (problem.fixed_bytes(d, 0, 0) > caps[d]) {
            return std::nullopt;  // not even its staging
        }
    }
    const std::optional<Split> evenest = best_split(problem, fills, Combine::maximum);
    if (!evenest) {
        return std::nullopt;
    }
    const double most = highest(fills, *evenest);
    const auto seconds_of = [&](std::uint32_t d, std::uint32_t from, std::uint32_t to) {
        double sum = problem.fixed_seconds(d, from, to);
        for (std::uint32_t l = from; l < to; ++l) {
            if (const auto kind = problem.kind_of(l)) {
                Counts counts{};
                counts[d] = problem.kinds()[*kind].n_experts;
                sum += problem.layer_seconds(*kind, d, counts);
            }
        }
        return sum;
    };
    const RangeCosts times = replaced(
        fills, [&](double fill) { return fill <= most; }, seconds_of);
    CountedPlacement placement;
    placement.split = best_split(problem, times, Combine::sum).value();
    placement.counts.assign(problem.n_layers(), Counts{});
    const std::vector<std::uint32_t> homes = homes_of(placement.split);
    for (std::uint32_t l = 0; l < problem.n_layers(); ++l) {
        placement.counts[l][homes[l]] = problem.model().layers[l].n_experts;
    }
    placement.seconds = problem.seconds(placement.split, placement.counts);
    return placement;
}

Placement place_alternating(const Problem& problem, bool trained_context) {
    const ModelFacts& model = problem.model();
    const std::uint32_t n = problem.n_devices();
    const std::optional<std::uint32_t> first = first_with_experts(model);
    const double first_bytes =
        first ? (model.layers[*first].expert * model.layers[*first].n_experts).as_double() : 0.0;
    const double dealt = (model.experts_bytes().as_double() - first_bytes) / n;
    const std::vector<double> home = home_prefix(problem, trained_context);
    RangeCosts fills(n, problem.n_layers());
    fills.fill([&](std::uint32_t d, std::uint32_t from, std::uint32_t to) {
        const DeviceFacts& device = problem.device(d);
        double bytes = dealt + home[to] - home[from] +
                       (device.staging + device.compute + device.expert_cache).as_double();
        if (to == problem.n_layers()) {
            bytes += (model.output + device.compute_output).as_double();
        }
        if (first && from <= *first && *first < to) {
            bytes += first_bytes;
        }
        return fill_of(problem, d, bytes);
    });
    const Split split = best_split(problem, fills, Combine::maximum).value();
    Placement placement;
    for (const std::uint32_t device : homes_of(split)) {
        placement.layer_device.emplace_back(device);
    }
    for (std::uint32_t l = 0; l < problem.n_layers(); ++l) {
        std::vector<DeviceId>& experts = placement.expert_device.emplace_back();
        const std::uint32_t h = placement.layer_device[l].value();
        for (std::uint32_t e = 0; e < model.layers[l].n_experts; ++e) {
            experts.emplace_back(l == first ? h : (h + e) % n);
        }
    }
    return placement;
}

}  // namespace hexcore
