#include "hexcore/plan/placement.hpp"

#include <algorithm>
#include <functional>

#include "hexcore/plan/problem.hpp"
#include "hexcore/plan/rule_policies.hpp"
#include "hexcore/plan/search_policies.hpp"

namespace hexcore {
namespace {

/// The device that needs the least more bytes for `fits(caps)` to hold, and how many.
Shortfall least_missing(const Problem& problem,
                        const std::function<bool(const DeviceBytes&)>& fits) {
    const DeviceBytes usable = problem.usable();
    std::uint64_t everything = problem.model().total_bytes().count();
    for (const LayerFacts& layer : problem.model().layers) {
        everything += layer.kv.count();
    }
    for (std::uint32_t d = 0; d < problem.n_devices(); ++d) {
        const DeviceFacts& device = problem.device(d);
        everything +=
            (device.compute + device.compute_output + device.staging + device.expert_cache).count();
    }
    Shortfall shortfall{DeviceId(0), Bytes(everything)};
    for (std::uint32_t d = 0; d < problem.n_devices(); ++d) {
        const auto fits_with = [&](std::uint64_t extra) {
            DeviceBytes caps = usable;
            caps[d] += extra;
            return fits(caps);
        };
        std::uint64_t enough = shortfall.missing.count();
        if (!fits_with(enough - std::min<std::uint64_t>(enough, d == 0 ? 0 : 1))) {
            continue;
        }
        std::uint64_t too_little = 0;
        while (enough - too_little > 1) {
            const std::uint64_t middle = too_little + (enough - too_little) / 2;
            (fits_with(middle) ? enough : too_little) = middle;
        }
        shortfall = {DeviceId(d), Bytes(enough)};
    }
    return shortfall;
}

/// The device that is furthest over what it can use, if any is.
std::optional<Shortfall> furthest_over(const Problem& problem, const Placement& placement) {
    const std::uint32_t n = problem.n_devices();
    Split split(n + 1, problem.n_layers());
    split[0] = 0;
    for (std::uint32_t d = 0; d < n; ++d) {
        split[d + 1] = split[d] + static_cast<std::uint32_t>(
                                      std::count(placement.layer_device.begin(),
                                                 placement.layer_device.end(), DeviceId(d)));
    }
    DeviceBytes bytes{};
    for (std::uint32_t d = 0; d < n; ++d) {
        bytes[d] = problem.fixed_bytes(d, split[d], split[d + 1]);
    }
    for (std::uint32_t l = 0; l < problem.n_layers(); ++l) {
        for (const DeviceId device : placement.expert_device[l]) {
            bytes[device.value()] += problem.model().layers[l].expert.count();
        }
    }
    std::optional<Shortfall> worst;
    for (std::uint32_t d = 0; d < n; ++d) {
        const Bytes over = saturating_subtract(Bytes(bytes[d]), problem.device(d).usable());
        if (over > Bytes() && (!worst || over > worst->missing)) {
            worst = Shortfall{DeviceId(d), over};
        }
    }
    return worst;
}

tl::expected<Placement, Shortfall> alternate(const Problem& problem) {
    const Placement rule = place_alternating(problem, true);
    const std::optional<Shortfall> over = furthest_over(problem, rule);
    if (!over) {
        return rule;
    }
    // The planned context may be far from the trained one; then it decides how layers are dealt.
    const Placement planned = place_alternating(problem, false);
    if (!furthest_over(problem, planned)) {
        return planned;
    }
    return tl::unexpected(*over);
}

tl::expected<Placement, Shortfall> whole_layers(Problem& problem) {
    if (const auto placement = place_whole_layers(problem, problem.usable())) {
        return to_placement(*placement);
    }
    return tl::unexpected(least_missing(problem, [&](const DeviceBytes& caps) {
        return place_whole_layers(problem, caps).has_value();
    }));
}

Shortfall missing_for_any(const Problem& problem, PolicySearch& search) {
    return least_missing(problem, [&](const DeviceBytes& caps) { return search.feasible(caps); });
}

tl::expected<Placement, Shortfall> fastest(const ModelFacts& model,
                                           const std::vector<DeviceFacts>& devices,
                                           Problem& problem) {
    PolicySearch search(problem);
    std::optional<Placement> best;
    double best_seconds = 0;
    const auto consider = [&](std::optional<Placement> placement) {
        if (!placement) {
            return;
        }
        const double seconds = modelled_token_seconds(model, devices, *placement);
        if (!best || seconds < best_seconds) {
            best = std::move(placement);
            best_seconds = seconds;
        }
    };
    // The other policies' placements are allowed ones too, so none of them can be faster.
    if (const auto found = search.fastest()) {
        consider(to_placement(*found));
    }
    if (const auto found = search.balanced()) {
        consider(to_placement(*found));
    }
    if (const auto found = place_whole_layers(problem, problem.usable())) {
        consider(to_placement(*found));
    }
    if (auto found = alternate(problem)) {
        consider(*std::move(found));
    }
    if (best) {
        return *std::move(best);
    }
    return tl::unexpected(missing_for_any(problem, search));
}

}  // namespace

const char* to_string(Policy policy) {
    switch (policy) {
        case Policy::balanced:
            return "balanced";
        case Policy::fastest:
            return "fastest";
        case Policy::alternate:
            return "alternate";
        case Policy::layers:
            return "layers";
    }
    return "?";
}

Result<Policy> parse_policy(std::string_view name) {
    for (const Policy policy :
         {Policy::balanced, Policy::fastest, Policy::alternate, Policy::layers}) {
        if (name == to_string(policy)) {
            return policy;
        }
    }
    return fail(ErrorCode::usage, "no policy '{}'; use balanced, fastest, alternate or layers",
                name);
}

tl::expected<Placement, Shortfall> place(const ModelFacts& model,
                                         const std::vector<DeviceFacts>& devices, Policy policy,
                                         const PlaceOptions& options) {
    const ModelFacts whole = model.with_adapters_within();
    Problem problem(whole, devices, options);
    switch (policy) {
        case Policy::alternate:
            return alternate(problem);
        case Policy::layers:
            return whole_layers(problem);
        case Policy::fastest:
            return fastest(whole, devices, problem);
        case Policy::balanced:
            break;
    }
    PolicySearch search(problem);
    if (const auto found = search.balanced()) {
        return to_placement(*found);
    }
    return tl::unexpected(missing_for_any(problem, search));
}

double modelled_token_seconds(const ModelFacts& model, const std::vector<DeviceFacts>& devices,
                              const Placement& placement) {
    const ModelFacts whole = model.with_adapters_within();
    Problem problem(whole, devices, {});
    double sum = 0;
    for (std::uint32_t l = 0; l < problem.n_layers(); ++l) {
        const std::uint32_t home = placement.layer_device[l].value();
        sum += problem.fixed_seconds(home, l, l + 1);
        sum += l > 0 ? problem.hop_seconds(placement.layer_device[l - 1].value(), home) : 0.0;
        if (const auto kind = problem.kind_of(l)) {
            Counts counts{};
            for (const DeviceId device : placement.computed_on(l)) {
                ++counts[device.value()];
            }
            sum += problem.layer_seconds(*kind, home, counts);
        }
    }
    return sum;
}

std::vector<std::uint32_t> layer_split(const Placement& placement, std::size_t n_devices) {
    std::vector<std::uint32_t> split(n_devices, 0);
    for (const DeviceId device : placement.layer_device) {
        ++split[device.value()];
    }
    if (!placement.layer_device.empty()) {
        ++split[placement.layer_device.back().value()];
    }
    return split;
}

}  // namespace hexcore
