#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "hexcore/plan/facts.hpp"
#include "hexcore/plan/placement.hpp"

namespace hexcore::test {

/// What a placement takes and how long a token takes with it, computed from the definitions alone
/// and sharing no code with the planner.
struct Judgement {
    std::vector<std::uint64_t> bytes;  ///< [device]
    bool fits = false;
    std::uint64_t excess = 0;  ///< most bytes that a device is above its share of an even fill
    double seconds = 0;
};

/// The expected time of the slowest device over every set of `used` experts, one by one.
inline double expected_slowest(const std::vector<std::uint32_t>& device_of_expert,
                               std::uint32_t used, double expert_bytes,
                               const std::vector<DeviceFacts>& devices) {
    const auto n = static_cast<std::uint32_t>(device_of_expert.size());
    double sum = 0;
    std::uint32_t sets = 0;
    for (std::uint32_t set = 0; set < (1U << n); ++set) {
        if (static_cast<std::uint32_t>(__builtin_popcount(set)) != std::min(used, n)) {
            continue;
        }
        std::vector<double> busy(devices.size(), 0.0);
        for (std::uint32_t e = 0; e < n; ++e) {
            if ((set >> e & 1U) != 0) {
                busy[device_of_expert[e]] +=
                    expert_bytes / devices[device_of_expert[e]].bandwidth_bytes_per_s;
            }
        }
        sum += *std::max_element(busy.begin(), busy.end());
        ++sets;
    }
    return sum / sets;
}

/// Looks at every placement there is: every way to cut the layers into contiguous ranges, and for
/// every layer every number of experts on each device. (Which experts they are changes neither
/// bytes nor modelled time.)
class Exhaustive {
public:
    Exhaustive(const ModelFacts& model, const std::vector<DeviceFacts>& devices)
        : model_(model), devices_(devices), n_(devices.size()) {
        for (std::size_t l = 0; l < model.layers.size(); ++l) {
            choices_.emplace_back();
            std::vector<std::uint32_t> counts(n_, 0);
            list(l, 0, model.layers[l].n_experts, counts);
        }
    }

    void for_each(const std::function<void(const Judgement&)>& visit) const {
        std::vector<std::uint32_t> homes;
        cut(0, homes, visit);
    }

    Judgement judge(const Placement& placement) const {
        std::vector<std::uint32_t> homes;
        std::vector<std::vector<std::uint32_t>> experts;
        for (const DeviceId device : placement.layer_device) {
            homes.push_back(device.value());
        }
        Judgement judgement = start(homes);
        for (std::size_t l = 0; l < homes.size(); ++l) {
            std::vector<std::uint32_t> devices_of;
            std::vector<std::uint32_t> counts(n_, 0);
            for (const DeviceId device : placement.expert_device[l]) {
                devices_of.push_back(device.value());
                ++counts[device.value()];
            }
            add_layer(judgement, l, homes[l], counts,
                      expected_slowest(devices_of, model_.n_experts_used,
                                       model_.layers[l].expert.as_double(), devices_));
        }
        finish(judgement);
        return judgement;
    }

private:
    struct Choice {
        std::vector<std::uint32_t> counts;
        double seconds = 0;
    };

    void list(std::size_t layer, std::size_t device, std::uint32_t left,
              std::vector<std::uint32_t>& counts) {
        if (device + 1 == n_) {
            counts[device] = left;
            std::vector<std::uint32_t> devices_of;
            for (std::uint32_t d = 0; d < n_; ++d) {
                devices_of.insert(devices_of.end(), counts[d], d);
            }
            choices_[layer].push_back(
                {counts, expected_slowest(devices_of, model_.n_experts_used,
                                          model_.layers[layer].expert.as_double(), devices_)});
            return;
        }
        for (std::uint32_t here = 0; here <= left; ++here) {
            counts[device] = here;
            list(layer, device + 1, left - here, counts);
        }
    }

    double hop(std::uint32_t a, std::uint32_t b) const {
        return a == b ? 0.0 : std::max(devices_[a].hop_latency_s, devices_[b].hop_latency_s);
    }

    Judgement start(const std::vector<std::uint32_t>& homes) const {
        Judgement judgement;
        for (const DeviceFacts& device : devices_) {
            judgement.bytes.push_back(device.staging.count());
        }
        for (std::uint32_t d = 0; d < n_; ++d) {
            if (std::find(homes.begin(), homes.end(), d) != homes.end()) {
                judgement.bytes[d] += devices_[d].compute.count();
            }
        }
        const std::uint32_t last = homes.back();
        judgement.bytes[last] += (devices_[last].compute_output + model_.output).count();
        judgement.seconds = model_.output.as_double() / devices_[last].bandwidth_bytes_per_s;
        for (std::size_t l = 0; l < homes.size(); ++l) {
            const LayerFacts& layer = model_.layers[l];
            judgement.bytes[homes[l]] += (layer.weights + layer.kv).count();
            judgement.seconds +=
                (layer.weights + layer.kv).as_double() / devices_[homes[l]].bandwidth_bytes_per_s;
            judgement.seconds += l > 0 ? hop(homes[l - 1], homes[l]) : 0.0;
        }
        return judgement;
    }

    void add_layer(Judgement& judgement, std::size_t layer, std::uint32_t home,
                   const std::vector<std::uint32_t>& counts, double expert_seconds) const {
        double furthest = 0;
        for (std::uint32_t d = 0; d < n_; ++d) {
            judgement.bytes[d] += counts[d] * model_.layers[layer].expert.count();
            furthest = std::max(furthest, counts[d] > 0 ? hop(home, d) : 0.0);
        }
        judgement.seconds += expert_seconds + 2 * furthest;
    }

    void finish(Judgement& judgement) const {
        long double all = 0;
        long double budgets = 0;
        judgement.fits = true;
        for (std::size_t d = 0; d < n_; ++d) {
            all += static_cast<long double>(judgement.bytes[d]);
            budgets += static_cast<long double>(devices_[d].budget.count());
            judgement.fits = judgement.fits && judgement.bytes[d] <= devices_[d].usable().count();
        }
        for (std::size_t d = 0; d < n_; ++d) {
            const auto even = static_cast<std::uint64_t>(
                all * static_cast<long double>(devices_[d].budget.count()) / budgets);
            judgement.excess = std::max(judgement.excess,
                                        judgement.bytes[d] > even ? judgement.bytes[d] - even : 0);
        }
    }

    void cut(std::uint32_t first, std::vector<std::uint32_t>& homes,
             const std::function<void(const Judgement&)>& visit) const {
        if (homes.size() == model_.layers.size()) {
            deal(0, homes, start(homes), visit);
            return;
        }
        for (std::uint32_t d = first; d < n_; ++d) {
            homes.push_back(d);
            cut(d, homes, visit);
            homes.pop_back();
        }
    }

    void deal(std::size_t layer, const std::vector<std::uint32_t>& homes, const Judgement& so_far,
              const std::function<void(const Judgement&)>& visit) const {
        if (layer == homes.size()) {
            Judgement judgement = so_far;
            finish(judgement);
            visit(judgement);
            return;
        }
        for (const Choice& choice : choices_[layer]) {
            Judgement judgement = so_far;
            add_layer(judgement, layer, homes[layer], choice.counts, choice.seconds);
            deal(layer + 1, homes, judgement, visit);
        }
    }

    const ModelFacts& model_;
    const std::vector<DeviceFacts>& devices_;
    std::size_t n_;
    std::vector<std::vector<Choice>> choices_;
};

/// The best there is, by looking at everything.
struct Optimum {
    bool feasible = false;
    std::uint64_t least_excess = std::numeric_limits<std::uint64_t>::max();
    double fastest = std::numeric_limits<double>::infinity();
};

inline Optimum find_optimum(const Exhaustive& exhaustive) {
    Optimum optimum;
    exhaustive.for_each([&](const Judgement& judgement) {
        if (judgement.fits) {
            optimum.feasible = true;
            optimum.least_excess = std::min(optimum.least_excess, judgement.excess);
            optimum.fastest = std::min(optimum.fastest, judgement.seconds);
        }
    });
    return optimum;
}

/// The least time of a placement that fits and has no larger excess.
inline double fastest_within(const Exhaustive& exhaustive, std::uint64_t excess) {
    double fastest = std::numeric_limits<double>::infinity();
    exhaustive.for_each([&](const Judgement& judgement) {
        if (judgement.fits && judgement.excess <= excess) {
            fastest = std::min(fastest, judgement.seconds);
        }
    });
    return fastest;
}

/// A small model on small devices, tight enough that about half of them do not fit.
struct Case {
    ModelFacts model;
    std::vector<DeviceFacts> devices;
};

inline Case random_case(std::uint32_t seed) {
    std::mt19937 random(seed);
    const auto between = [&](std::uint32_t low, std::uint32_t high) {
        return low + static_cast<std::uint32_t>(random()) % (high - low + 1);
    };
    Case made;
    made.model.name = "case " + std::to_string(seed);
    const std::uint32_t n_layers = between(1, 4);
    const std::uint32_t n_devices = between(1, 3);
    made.model.n_experts = between(1, 3);
    made.model.n_experts_used = between(1, made.model.n_experts);
    made.model.output = Bytes(between(0, 40));
    std::vector<Bytes> sizes{Bytes(between(5, 60))};
    for (std::uint32_t extra = between(0, 2); extra > 0; --extra) {
        sizes.emplace_back(between(5, 60));
    }
    for (std::uint32_t l = 0; l < n_layers; ++l) {
        LayerFacts layer;
        layer.weights = Bytes(between(1, 50));
        layer.kv = Bytes(between(0, 30));
        layer.n_experts = between(0, 5) == 0 ? 0 : made.model.n_experts;
        layer.expert = sizes[random() % sizes.size()];
        made.model.layers.push_back(layer);
    }
    std::uint64_t total = made.model.total_bytes().count();
    for (const LayerFacts& layer : made.model.layers) {
        total += layer.kv.count();
    }
    for (std::uint32_t d = 0; d < n_devices; ++d) {
        DeviceFacts device;
        device.name = "device" + std::to_string(d);
        device.compute = Bytes(between(0, 12));
        device.compute_output = Bytes(between(0, 12));
        device.staging = Bytes(between(0, 4));
        const std::uint64_t share = total / n_devices;
        device.budget = Bytes(share * between(60, 170) / 100 + 10);
        device.reserve = Bytes(between(0, 5));
        device.bandwidth_bytes_per_s = 10.0 * between(1, 4);
        device.hop_latency_s = 0.2 * between(0, 8);
        made.devices.push_back(device);
    }
    if (between(0, 1) == 0) {  // equal devices, as most machines have
        for (DeviceFacts& device : made.devices) {
            device.bandwidth_bytes_per_s = made.devices[0].bandwidth_bytes_per_s;
            device.hop_latency_s = made.devices[0].hop_latency_s;
        }
    }
    return made;
}

}  // namespace hexcore::test
