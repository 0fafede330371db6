#include "hexcore/plan/problem.hpp"

#include <algorithm>
#include <functional>

namespace hexcore {

Problem::Problem(const ModelFacts& model, const std::vector<DeviceFacts>& devices,
                 const PlaceOptions& options)
    : model_(model),
      devices_(devices),
      execution_(execution_for(devices)),
      n_devices_(static_cast<std::uint32_t>(devices.size())),
      n_layers_(static_cast<std::uint32_t>(model.layers.size())),
      max_layer_devices_(std::min(options.max_layer_devices, n_devices_)) {
    HEXCORE_CHECK(n_devices_ >= 1 && n_devices_ <= max_devices, n_devices_, max_devices);
    HEXCORE_CHECK(n_layers_ >= 1 && max_layer_devices_ >= 1, n_layers_, max_layer_devices_);
    for (const LayerFacts& layer : model.layers) {
        if (layer.n_experts > 0) {
            class_bytes_.push_back(layer.expert.count());
        }
    }
    std::sort(class_bytes_.begin(), class_bytes_.end(), std::greater<>());
    class_bytes_.erase(std::unique(class_bytes_.begin(), class_bytes_.end()), class_bytes_.end());
    class_prefix_.assign(class_bytes_.size(), std::vector<std::uint32_t>(n_layers_ + 1, 0));
    prefix_.assign(n_layers_ + 1, 0);
    layer_kind_.resize(n_layers_);
    for (std::uint32_t l = 0; l < n_layers_; ++l) {
        const LayerFacts& layer = model.layers[l];
        prefix_[l + 1] = (Bytes(prefix_[l]) + layer.weights + layer.kv).count();
        for (std::size_t c = 0; c < class_bytes_.size(); ++c) {
            const bool here = layer.n_experts > 0 && layer.expert.count() == class_bytes_[c];
            class_prefix_[c][l + 1] = class_prefix_[c][l] + (here ? layer.n_experts : 0);
        }
        if (layer.n_experts == 0) {
            continue;
        }
        const auto known = std::find_if(kinds_.begin(), kinds_.end(), [&](const LayerKind& kind) {
            return kind.expert_bytes == layer.expert.count() && kind.n_experts == layer.n_experts;
        });
        layer_kind_[l] = static_cast<std::uint32_t>(known - kinds_.begin());
        if (known == kinds_.end()) {
            const auto size_class =
                std::find(class_bytes_.begin(), class_bytes_.end(), layer.expert.count());
            kinds_.push_back(
                {layer.expert.count(), layer.n_experts,
                 static_cast<std::uint32_t>(size_class - class_bytes_.begin()),
                 ExpertTime(layer.n_experts, model.n_experts_used, layer.expert, devices)});
        }
    }
}

DeviceBytes Problem::usable() const {
    DeviceBytes bytes{};
    for (std::uint32_t d = 0; d < n_devices_; ++d) {
        bytes[d] = devices_[d].usable().count();
    }
    return bytes;
}

std::uint64_t Problem::fixed_bytes(std::uint32_t d, std::uint32_t from, std::uint32_t to) const {
    const DeviceFacts& device = devices_[d];
    std::uint64_t bytes = device.staging.count();
    if (to > from) {
        bytes += prefix_[to] - prefix_[from] + (device.compute + device.expert_cache).count();
        if (to == n_layers_) {
            bytes += model_.output.count() + device.compute_output.count();
        }
    }
    return bytes;
}

std::uint64_t Problem::total_bytes(const Split& split) const {
    std::uint64_t bytes = 0;
    for (std::uint32_t d = 0; d < n_devices_; ++d) {
        bytes += fixed_bytes(d, split[d], split[d + 1]);
    }
    return bytes + total_expert_bytes();
}

std::uint64_t Problem::total_expert_bytes() const {
    std::uint64_t bytes = 0;
    for (std::uint32_t c = 0; c < class_bytes_.size(); ++c) {
        bytes += n_experts(c, 0, n_layers_) * class_bytes_[c];
    }
    return bytes;
}

std::optional<DeviceBytes> Problem::rooms(const Split& split, const DeviceBytes& caps) const {
    DeviceBytes rooms{};
    for (std::uint32_t d = 0; d < n_devices_; ++d) {
        const std::uint64_t fixed = fixed_bytes(d, split[d], split[d + 1]);
        if (fixed > caps[d]) {
            return std::nullopt;
        }
        rooms[d] = caps[d] - fixed;
    }
    return rooms;
}

double Problem::hop_seconds(std::uint32_t a, std::uint32_t b) const {
    return a == b ? 0.0 : execution_.hop_seconds(devices_[a], devices_[b]);
}

double Problem::layer_seconds(std::uint32_t kind, std::uint32_t home, const Counts& counts) {
    double hop = 0;
    for (std::uint32_t d = 0; d < n_devices_; ++d) {
        if (counts[d] > 0) {
            hop = std::max(hop, hop_seconds(home, d));
        }
    }
    return kinds_[kind].time.seconds(counts) + away_seconds(hop);
}

double Problem::fixed_seconds(std::uint32_t d, std::uint32_t from, std::uint32_t to) const {
    const double speed = devices_[d].bandwidth_bytes_per_s;
    if (to <= from || speed <= 0) {
        return 0;
    }
    double bytes = static_cast<double>(prefix_[to] - prefix_[from]);
    if (to == n_layers_) {
        bytes += model_.output.as_double();
    }
    return bytes / speed;
}

double Problem::split_seconds(const Split& split) const {
    double sum = 0;
    std::optional<std::uint32_t> previous;
    for (std::uint32_t d = 0; d < n_devices_; ++d) {
        if (split[d + 1] == split[d]) {
            continue;
        }
        sum += fixed_seconds(d, split[d], split[d + 1]);
        sum += previous ? hop_seconds(*previous, d) : 0.0;
        previous = d;
    }
    return sum;
}

double Problem::seconds(const Split& split, const std::vector<Counts>& counts) {
    double sum = split_seconds(split);
    for (std::uint32_t d = 0; d < n_devices_; ++d) {
        for (std::uint32_t l = split[d]; l < split[d + 1]; ++l) {
            sum += layer_kind_[l] ? layer_seconds(*layer_kind_[l], d, counts[l]) : 0.0;
        }
    }
    return sum;
}

std::uint64_t Problem::effort() const {
    std::uint64_t sum = 0;
    for (const LayerKind& kind : kinds_) {
        sum += kind.time.effort();
    }
    return sum;
}

std::vector<std::uint32_t> homes_of(const Split& split) {
    std::vector<std::uint32_t> homes;
    for (std::uint32_t d = 0; d + 1 < split.size(); ++d) {
        homes.resize(split[d + 1], d);
    }
    return homes;
}

Placement to_placement(const CountedPlacement& counted) {
    Placement placement;
    for (const std::uint32_t home : homes_of(counted.split)) {
        placement.layer_device.emplace_back(home);
    }
    for (const Counts& counts : counted.counts) {
        std::vector<DeviceId>& experts = placement.expert_device.emplace_back();
        for (std::uint32_t d = 0; d < max_devices; ++d) {
            experts.insert(experts.end(), counts[d], DeviceId(d));
        }
    }
    return placement;
}

}  // namespace hexcore
