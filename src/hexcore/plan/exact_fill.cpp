#include "hexcore/plan/exact_fill.hpp"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

namespace hexcore {
namespace {

struct Choice {
    Counts counts{};
    double seconds = 0;
};

void list_choices(Problem& problem, std::uint32_t kind, std::uint32_t home, std::uint32_t device,
                  std::uint32_t left, Counts& counts, std::vector<Choice>& choices) {
    if (device + 1 == problem.n_devices()) {
        counts[device] = left;
        choices.push_back({counts, problem.layer_seconds(kind, home, counts)});
        return;
    }
    for (std::uint32_t here = 0; here <= left; ++here) {
        counts[device] = here;
        list_choices(problem, kind, home, device + 1, left - here, counts, choices);
    }
}

/// C(n_experts + n_devices - 1, n_devices - 1), or `most` if that is less.
std::uint64_t count_choices(const Problem& problem, std::uint32_t n_experts, std::uint64_t most) {
    std::uint64_t count = 1;
    for (std::uint64_t i = 1; i < problem.n_devices() && count < most; ++i) {
        count = count * (n_experts + i) / i;
    }
    return std::min(count, most);
}

class LayerTable {
public:
    LayerTable(Problem& problem, const Split& split, const DeviceBytes& rooms, double seconds_below,
               std::uint64_t max_steps)
        : problem_(problem),
          split_(split),
          rooms_(rooms),
          seconds_below_(seconds_below),
          max_steps_(max_steps) {}

    ExactFill solve() {
        if (!prepare()) {
            return {};
        }
        std::vector<State> states{{DeviceBytes{}, problem_.split_seconds(split_), 0, 0}};
        for (std::size_t i = 0; i < layers_.size() && !states.empty(); ++i) {
            std::vector<State> next;
            for (std::uint32_t s = 0; s < states.size(); ++s) {
                extend(i, states[s], s, next);
            }
            if (steps_ > max_steps_) {
                return {std::nullopt, false, steps_};
            }
            keep_fastest(next);
            history_.push_back(std::move(states));
            states = std::move(next);
        }
        if (states.empty()) {
            return {std::nullopt, true, steps_};
        }
        const auto best =
            std::min_element(states.begin(), states.end(),
                             [](const State& a, const State& b) { return a.seconds < b.seconds; });
        return {read_back(*best), true, steps_};
    }

private:
    struct State {
        DeviceBytes used;
        double seconds;
        std::uint32_t parent;
        std::uint32_t choice;
    };
    struct Layer {
        std::uint32_t layer;
        std::uint64_t expert_bytes;
        const std::vector<Choice>* choices;
    };

    /// Lists the layers' choices; false where there are too many.
    bool prepare() {
        for (std::uint32_t d = 0; d < problem_.n_devices(); ++d) {
            for (std::uint32_t l = split_[d]; l < split_[d + 1]; ++l) {
                const auto kind = problem_.kind_of(l);
                if (!kind) {
                    continue;
                }
                const LayerKind& alike = problem_.kinds()[*kind];
                if (count_choices(problem_, alike.n_experts, max_steps_) >= max_steps_) {
                    return false;
                }
                const auto [entry, inserted] = choices_.try_emplace({*kind, d});
                if (inserted) {
                    Counts counts{};
                    list_choices(problem_, *kind, d, 0, alike.n_experts, counts, entry->second);
                }
                layers_.push_back({l, alike.expert_bytes, &entry->second});
            }
        }
        rest_.assign(layers_.size() + 1, 0);
        for (std::size_t i = layers_.size(); i-- > 0;) {
            double fastest = layers_[i].choices->front().seconds;
            for (const Choice& choice : *layers_[i].choices) {
                fastest = std::min(fastest, choice.seconds);
            }
            rest_[i] = rest_[i + 1] + fastest;
        }
        return true;
    }

    void extend(std::size_t i, const State& state, std::uint32_t parent, std::vector<State>& next) {
        const Layer& layer = layers_[i];
        for (std::uint32_t c = 0; c < layer.choices->size() && steps_ <= max_steps_; ++c) {
            ++steps_;
            const Choice& choice = (*layer.choices)[c];
            State after{state.used, state.seconds + choice.seconds, parent, c};
            bool fits = after.seconds + rest_[i + 1] < seconds_below_;
            for (std::uint32_t d = 0; d < problem_.n_devices() && fits; ++d) {
                after.used[d] += choice.counts[d] * layer.expert_bytes;
                fits = after.used[d] <= rooms_[d];
            }
            if (fits) {
                next.push_back(after);
            }
        }
    }

    static void keep_fastest(std::vector<State>& states) {
        std::sort(states.begin(), states.end(), [](const State& a, const State& b) {
            return std::pair(a.used, a.seconds) < std::pair(b.used, b.seconds);
        });
        states.erase(std::unique(states.begin(), states.end(),
                                 [](const State& a, const State& b) { return a.used == b.used; }),
                     states.end());
    }

    CountedPlacement read_back(const State& last) {
        CountedPlacement placement{split_, std::vector<Counts>(problem_.n_layers(), Counts{}), 0};
        const State* state = &last;
        for (std::size_t i = layers_.size(); i-- > 0;) {
            placement.counts[layers_[i].layer] = (*layers_[i].choices)[state->choice].counts;
            state = &history_[i][state->parent];
        }
        placement.seconds = problem_.seconds(split_, placement.counts);
        return placement;
    }

    Problem& problem_;
    const Split& split_;
    const DeviceBytes& rooms_;
    double seconds_below_;
    std::uint64_t max_steps_;
    std::uint64_t steps_ = 0;
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::vector<Choice>> choices_;
    std::vector<Layer> layers_;
    std::vector<double> rest_;  ///< least time of the layers from here on
    std::vector<std::vector<State>> history_;
};

}  // namespace

ExactFill exact_fill(Problem& problem, const Split& split, const DeviceBytes& rooms,
                     double seconds_below, std::uint64_t max_steps) {
    return LayerTable(problem, split, rooms, seconds_below, max_steps).solve();
}

}  // namespace hexcore
