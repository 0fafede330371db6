#include "hexcore/plan/search_policies.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "hexcore/plan/exact_fill.hpp"
#include "hexcore/plan/fill.hpp"
#include "hexcore/plan/pack.hpp"
#include "hexcore/plan/split_search.hpp"

namespace hexcore {
namespace {

constexpr std::uint64_t effort_each_search = 150'000;
constexpr std::uint64_t exact_steps_each_search = 60'000;
/// Times that differ by less are the same: sums of the same terms in another order.
constexpr double same_time = 1 - 1e-12;

}  // namespace

bool PolicySearch::packs(const Split& split, const DeviceBytes& caps) const {
    const std::optional<DeviceBytes> rooms = problem_.rooms(split, caps);
    return rooms && pack_experts(problem_, *rooms).has_value();
}

bool PolicySearch::enumerable() const {
    return count_splits(problem_, enumerated_splits + 1) <= enumerated_splits;
}

bool PolicySearch::feasible(const DeviceBytes& caps) {
    // With one size of experts the programme finds the split with the most room for them.
    const bool all = problem_.class_bytes().size() > 1 && enumerable();
    const std::vector<Split> splits =
        all ? all_splits(problem_) : programmed_splits(caps, Aim::any);
    return std::any_of(splits.begin(), splits.end(),
                       [&](const Split& split) { return packs(split, caps); });
}

DeviceBytes PolicySearch::balanced_caps(const Split& split, std::uint64_t tolerance) const {
    double budgets = 0;
    for (std::uint32_t d = 0; d < problem_.n_devices(); ++d) {
        budgets += problem_.device(d).budget.as_double();
    }
    const double fill = static_cast<double>(problem_.total_bytes(split)) / std::max(budgets, 1.0);
    DeviceBytes caps = problem_.usable();
    for (std::uint32_t d = 0; d < problem_.n_devices(); ++d) {
        const double even = fill * problem_.device(d).budget.as_double();
        caps[d] = std::min(caps[d], static_cast<std::uint64_t>(even) + tolerance);
    }
    return caps;
}

std::optional<std::uint64_t> PolicySearch::tolerance_of(const Split& split, std::uint64_t least,
                                                        std::uint64_t most) const {
    if (packs(split, balanced_caps(split, least))) {
        return least;
    }
    if (!packs(split, balanced_caps(split, most))) {
        return std::nullopt;
    }
    while (most - least > 1) {  // least does not pack, most does
        const std::uint64_t middle = least + (most - least) / 2;
        (packs(split, balanced_caps(split, middle)) ? most : least) = middle;
    }
    return most;
}

void PolicySearch::prepare_prefixes() {
    if (!pattern_prefix_.empty()) {
        return;
    }
    const std::uint32_t n = problem_.n_devices();
    pattern_prefix_.assign(n, {0.0});
    at_home_prefix_.assign(n, {0});
    furthest_hop_.assign(n, 0.0);
    for (std::uint32_t d = 0; d < n; ++d) {
        for (std::uint32_t l = 0; l < problem_.n_layers(); ++l) {
            double seconds = 0;
            std::uint64_t at_home = 0;
            if (const auto kind = problem_.kind_of(l)) {
                const LayerKind& alike = problem_.kinds()[*kind];
                const std::uint64_t layer_bytes = alike.n_experts * alike.expert_bytes;
                const Pattern& best = patterns_.best(*kind, d);
                seconds = best.seconds;
                at_home = best.counts[d] == alike.n_experts ? layer_bytes : 0;
                largest_layer_ = std::max(largest_layer_, layer_bytes);
            }
            pattern_prefix_[d].push_back(pattern_prefix_[d].back() + seconds);
            at_home_prefix_[d].push_back(at_home_prefix_[d].back() + at_home);
        }
        for (std::uint32_t other = 0; other < n; ++other) {
            furthest_hop_[d] = std::max(furthest_hop_[d], problem_.hop_seconds(d, other));
        }
    }
}

double PolicySearch::pattern_seconds(std::uint32_t d, std::uint32_t from, std::uint32_t to,
                                     std::uint64_t room) const {
    double seconds = pattern_prefix_[d][to] - pattern_prefix_[d][from];
    const std::uint64_t at_home = at_home_prefix_[d][to] - at_home_prefix_[d][from];
    if (at_home > room) {
        const std::uint64_t layers_away = (at_home - room + largest_layer_ - 1) / largest_layer_;
        seconds += 2 * furthest_hop_[d] * static_cast<double>(layers_away);
    }
    return seconds;
}

std::vector<Split> PolicySearch::programmed_splits(const DeviceBytes& caps, Aim aim) {
    prepare_prefixes();
    const std::uint32_t n = problem_.n_devices();
    for (std::uint32_t d = 0; d < n; ++d) {
        if (problem_.fixed_bytes(d, 0, 0) > caps[d]) {
            return {};
        }
    }
    RangeCosts seconds(n, problem_.n_layers());
    seconds.fill([&](std::uint32_t d, std::uint32_t from, std::uint32_t to) {
        const std::uint64_t fixed = problem_.fixed_bytes(d, from, to);
        return fixed > caps[d] ? RangeCosts::forbidden
                               : problem_.fixed_seconds(d, from, to) +
                                     pattern_seconds(d, from, to, caps[d] - fixed);
    });
    // A price on the room that layers take from experts, rising until enough room is left.
    const std::vector<double> prices =
        aim == Aim::any ? std::vector<double>{1e6}
                        : std::vector<double>{0, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e6};
    std::set<Split> found;
    for (std::uint32_t c = 0; c < std::max<std::size_t>(problem_.class_bytes().size(), 1); ++c) {
        const bool experts = c < problem_.class_bytes().size();
        const std::uint64_t unit =
            experts ? std::max<std::uint64_t>(problem_.class_bytes()[c], 1) : 1;
        const std::uint64_t most = experts ? problem_.total_expert_bytes() / unit + 1 : 0;
        const auto slots = [&](std::uint32_t d, std::uint32_t from, std::uint32_t to) {
            return std::min((caps[d] - problem_.fixed_bytes(d, from, to)) / unit, most);
        };
        for (const double price : prices) {
            RangeCosts costs(n, problem_.n_layers());
            costs.fill([&](std::uint32_t d, std::uint32_t from, std::uint32_t to) {
                const double time = seconds.at(d, from, to);
                return time == RangeCosts::forbidden
                           ? time
                           : time + price * static_cast<double>(slots(d, 0, 0) - slots(d, from, to));
            });
            const std::optional<Split> split = best_split(problem_, costs, Combine::sum);
            if (!split) {
                break;  // forbidden at any price
            }
            found.insert(*split);
            if (packs(*split, caps)) {
                break;
            }
        }
    }
    return {found.begin(), found.end()};
}

std::vector<Split> PolicySearch::programmed_even_splits() {
    Split even(problem_.n_devices() + 1, problem_.n_layers());
    for (std::uint32_t d = 0; d <= problem_.max_layer_devices(); ++d) {
        even[d] = d * problem_.n_layers() / problem_.max_layer_devices();
    }
    // With the bytes of an even split; search() goes by each split's own.
    std::uint64_t least = problem_.largest_expert();
    std::uint64_t most = problem_.total_bytes(even);
    if (feasible(balanced_caps(even, least))) {
        most = least;
    }
    while (most - least > 1) {
        const std::uint64_t middle = least + (most - least) / 2;
        (feasible(balanced_caps(even, middle)) ? most : least) = middle;
    }
    std::vector<Split> splits = programmed_splits(balanced_caps(even, most), Aim::fast);
    for (const DeviceBytes& caps : {balanced_caps(even, most), problem_.usable()}) {
        const std::vector<Split> more = programmed_splits(caps, Aim::any);
        splits.insert(splits.end(), more.begin(), more.end());
    }
    return splits;
}

std::optional<PolicySearch::Candidate> PolicySearch::candidate(const Split& split,
                                                               const DeviceBytes& caps) {
    const std::optional<DeviceBytes> rooms = problem_.rooms(split, caps);
    if (!rooms) {
        return std::nullopt;
    }
    Candidate candidate{split, *rooms, problem_.split_seconds(split), 0};
    candidate.estimate = candidate.least_seconds;
    for (std::uint32_t d = 0; d < problem_.n_devices(); ++d) {
        constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();
        candidate.least_seconds += pattern_seconds(d, split[d], split[d + 1], unlimited);
        candidate.estimate += pattern_seconds(d, split[d], split[d + 1], (*rooms)[d]);
    }
    return candidate;
}

std::optional<CountedPlacement> PolicySearch::search(const std::vector<Split>& splits,
                                                     const Caps& caps) {
    prepare_prefixes();
    std::vector<Candidate> candidates;
    for (const Split& split : splits) {
        if (auto usable = candidate(split, caps(split))) {
            candidates.push_back(std::move(*usable));
        }
    }
    std::stable_sort(
        candidates.begin(), candidates.end(),
        [](const Candidate& a, const Candidate& b) { return a.estimate < b.estimate; });
    const std::uint64_t effort_limit = problem_.effort() + effort_each_search;
    std::optional<CountedPlacement> best;
    for (const Candidate& next : candidates) {
        if (best && (next.least_seconds >= best->seconds * same_time ||
                     problem_.effort() > effort_limit)) {
            continue;
        }
        auto filled = fill_experts(problem_, patterns_, next.split, next.rooms, effort_limit);
        if (filled && (!best || filled->seconds < best->seconds * same_time)) {
            best = std::move(filled);
        }
    }
    if (best) {
        if (!enumerable()) {
            climb(*best, caps, effort_limit);
        }
        refine(candidates, *best);
    }
    return best;
}

void PolicySearch::climb(CountedPlacement& best, const Caps& caps, std::uint64_t effort_limit) {
    bool better = true;
    while (better) {
        better = false;
        const Split start = best.split;
        for (std::uint32_t bound = 1; bound < problem_.n_devices(); ++bound) {
            for (const std::uint32_t moved : {start[bound] + 1, start[bound] - 1}) {
                if (moved > start[bound + 1] || moved + 1 < start[bound - 1] + 1 ||
                    problem_.effort() > effort_limit) {
                    continue;
                }
                Split split = start;
                split[bound] = moved;
                const auto near = candidate(split, caps(split));
                if (!near || near->least_seconds >= best.seconds * same_time) {
                    continue;
                }
                auto filled =
                    fill_experts(problem_, patterns_, split, near->rooms, effort_limit);
                if (filled && filled->seconds < best.seconds * same_time) {
                    best = std::move(*filled);
                    better = true;
                }
            }
        }
    }
}

void PolicySearch::refine(const std::vector<Candidate>& candidates, CountedPlacement& best) {
    std::uint64_t steps_left = exact_steps_each_search;
    for (const Candidate& next : candidates) {
        ExactFill found = exact_fill(problem_, next.split, next.rooms, best.seconds * same_time,
                                     steps_left);
        if (found.better) {
            best = std::move(*found.better);
        }
        steps_left -= std::min(found.steps, steps_left);
        if (!found.complete) {
            return;
        }
    }
}

std::optional<CountedPlacement> PolicySearch::fastest() {
    const DeviceBytes caps = problem_.usable();
    return search(enumerable() ? all_splits(problem_) : programmed_splits(caps, Aim::fast),
                  [&](const Split&) { return caps; });
}

std::optional<CountedPlacement> PolicySearch::balanced() {
    const std::vector<Split> splits =
        enumerable() ? all_splits(problem_) : programmed_even_splits();
    const std::uint64_t least = problem_.largest_expert();
    std::uint64_t tolerance = 0;
    for (std::uint32_t d = 0; d < problem_.n_devices(); ++d) {
        tolerance += problem_.device(d).budget.count();  // more than any cap
    }
    tolerance = std::max(tolerance, least);
    bool any = false;
    for (const Split& split : splits) {
        if (const auto found = tolerance_of(split, least, tolerance)) {
            tolerance = *found;
            any = true;
        }
        if (any && tolerance == least) {
            break;
        }
    }
    if (!any) {
        return std::nullopt;
    }
    std::vector<Split> evenest;
    std::copy_if(splits.begin(), splits.end(), std::back_inserter(evenest), [&](const Split& split) {
        return packs(split, balanced_caps(split, tolerance));
    });
    return search(evenest, [&](const Split& split) { return balanced_caps(split, tolerance); });
}

}  // namespace hexcore
