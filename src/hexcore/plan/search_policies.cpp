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

/// Times that differ by less are the same: sums of the same terms in another order.
constexpr double same_time = 1 - 1e-12;

/// The splits that differ in where one device's layers end and the next one's begin, by one layer.
std::vector<Split> neighbours(const Split& split, const Problem& problem) {
    std::vector<Split> result;
    for (std::uint32_t bound = 1; bound < problem.n_devices(); ++bound) {
        for (const bool up : {true, false}) {
            Split moved = split;
            if (up ? moved[bound] < moved[bound + 1] : moved[bound] > moved[bound - 1]) {
                moved[bound] += up ? 1U : ~0U;
                if (devices_with_layers(moved) <= problem.max_layer_devices()) {
                    result.push_back(moved);
                }
            }
        }
    }
    return result;
}

}  // namespace

bool PolicySearch::packs(const Split& split, const DeviceBytes& caps) const {
    const std::optional<DeviceBytes> rooms = problem_.rooms(split, caps);
    return rooms && pack_experts(problem_, *rooms).has_value();
}

bool PolicySearch::enumerable() const {
    return count_splits(problem_, limits_.enumerated_splits + 1) <= limits_.enumerated_splits;
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

std::vector<Split> PolicySearch::programmed_splits(const DeviceBytes& caps, Aim aim) {
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
                                     estimate_.range_seconds(d, from, to, caps[d] - fixed);
    });
    // A price on the room that layers take from experts, rising until enough room is left.
    const std::vector<double> prices =
        aim == Aim::any ? std::vector<double>{1e6}
                        : std::vector<double>{0, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e6};
    std::set<Split> found;
    std::vector<std::uint64_t> units = problem_.class_bytes();
    if (units.size() != 1) {
        units.push_back(1);  // with several sizes none of them tells exactly how much room is left
    }
    for (const std::uint64_t size : units) {
        const std::uint64_t unit = std::max<std::uint64_t>(size, 1);
        const std::uint64_t most = problem_.total_expert_bytes() / unit + 1;
        const auto slots = [&](std::uint32_t d, std::uint32_t from, std::uint32_t to) {
            return std::min((caps[d] - problem_.fixed_bytes(d, from, to)) / unit, most);
        };
        for (const double price : prices) {
            RangeCosts costs(n, problem_.n_layers());
            costs.fill([&](std::uint32_t d, std::uint32_t from, std::uint32_t to) {
                const double time = seconds.at(d, from, to);
                return time == RangeCosts::forbidden
                           ? time
                           : time +
                                 price * static_cast<double>(slots(d, 0, 0) - slots(d, from, to));
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
    if (aim == Aim::fast) {
        RangeCosts fullness(n, problem_.n_layers());
        fullness.fill([&](std::uint32_t d, std::uint32_t from, std::uint32_t to) {
            const std::uint64_t fixed = problem_.fixed_bytes(d, from, to);
            return fixed > caps[d]
                       ? RangeCosts::forbidden
                       : static_cast<double>(fixed) / std::max(static_cast<double>(caps[d]), 1.0);
        });
        if (const auto split = best_split(problem_, fullness, Combine::maximum)) {
            found.insert(*split);
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
    candidate.estimate = candidate.least_seconds + estimate_.split_seconds(split, *rooms);
    for (std::uint32_t d = 0; d < problem_.n_devices(); ++d) {
        candidate.least_seconds += estimate_.least_seconds(d, split[d], split[d + 1]);
    }
    return candidate;
}

PolicySearch::Candidate PolicySearch::descend(Candidate best, const Caps& caps) {
    for (bool better = true; better;) {
        better = false;
        for (const Split& split : neighbours(best.split, problem_)) {
            auto near = candidate(split, caps(split));
            if (near && near->estimate < best.estimate * same_time && packs(split, caps(split))) {
                best = std::move(*near);
                better = true;
            }
        }
    }
    return best;
}

std::optional<CountedPlacement> PolicySearch::search(const std::vector<Split>& splits,
                                                     const Caps& caps) {
    std::vector<Candidate> candidates;
    for (const Split& split : splits) {
        if (auto usable = candidate(split, caps(split))) {
            if (!enumerable()) {
                candidates.push_back(descend(*usable, caps));
            }
            candidates.push_back(std::move(*usable));
        }
    }
    std::stable_sort(
        candidates.begin(), candidates.end(),
        [](const Candidate& a, const Candidate& b) { return a.estimate < b.estimate; });
    const std::uint64_t effort_limit = problem_.effort() + limits_.effort;
    std::optional<CountedPlacement> best;
    for (const Candidate& next : candidates) {
        if (best &&
            (next.least_seconds >= best->seconds * same_time || problem_.effort() > effort_limit)) {
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
    for (bool better = true; better;) {
        better = false;
        for (const Split& split : neighbours(best.split, problem_)) {
            const auto near = candidate(split, caps(split));
            if (!near || near->least_seconds >= best.seconds * same_time ||
                problem_.effort() > effort_limit) {
                continue;
            }
            auto filled = fill_experts(problem_, patterns_, split, near->rooms, effort_limit);
            if (filled && filled->seconds < best.seconds * same_time) {
                best = std::move(*filled);
                better = true;
            }
        }
    }
}

void PolicySearch::refine(const std::vector<Candidate>& candidates, CountedPlacement& best) {
    std::uint64_t steps_left = limits_.exact_steps;
    for (const Candidate& next : candidates) {
        ExactFill found =
            exact_fill(problem_, next.split, next.rooms, best.seconds * same_time, steps_left);
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
    std::copy_if(splits.begin(), splits.end(), std::back_inserter(evenest),
                 [&](const Split& split) { return packs(split, balanced_caps(split, tolerance)); });
    return search(evenest, [&](const Split& split) { return balanced_caps(split, tolerance); });
}

}  // namespace hexcore
