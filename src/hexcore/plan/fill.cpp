#include "hexcore/plan/fill.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <tuple>
#include <vector>

#include "hexcore/plan/pack.hpp"

namespace hexcore {
namespace {

/// Layers that lie alike: what helps one helps each.
struct GroupKey {
    std::uint32_t kind;
    std::uint32_t home;
    Counts counts;
    auto operator<=>(const GroupKey&) const = default;
};
using Groups = std::map<GroupKey, std::vector<std::uint32_t>>;

/// `count` experts of one layer of a group go from one device to another.
struct Move {
    const GroupKey* group = nullptr;
    std::uint32_t from = 0;
    std::uint32_t to = 0;
    std::uint32_t count = 0;
    double seconds = 0;  ///< what it costs; negative where it saves
};

class Filler {
public:
    Filler(Problem& problem, Patterns& patterns, const Split& split, std::uint64_t effort_limit)
        : problem_(problem),
          split_(split),
          effort_limit_(effort_limit),
          n_devices_(problem.n_devices()) {
        for (std::uint32_t d = 0; d < n_devices_; ++d) {
            for (std::uint32_t l = split[d]; l < split[d + 1]; ++l) {
                if (const auto kind = problem.kind_of(l)) {
                    groups_[{*kind, d, patterns.best(*kind, d).counts}].push_back(l);
                }
            }
        }
    }

    /// Moves experts, of one size class or all, until no device has more than its room.
    bool repair(const DeviceBytes& rooms, std::optional<std::uint32_t> size_class);
    /// Makes moves that save time and keep every device within its room.
    void improve(const DeviceBytes& rooms);
    CountedPlacement result() const;
    Groups& groups() { return groups_; }

private:
    std::uint64_t expert_bytes(const GroupKey& group) const {
        return problem_.kinds()[group.kind].expert_bytes;
    }
    bool of_class(const GroupKey& group, std::optional<std::uint32_t> size_class) const {
        return !size_class || problem_.kinds()[group.kind].size_class == *size_class;
    }
    DeviceBytes used(std::optional<std::uint32_t> size_class) const;
    Move make_move(const GroupKey& group, std::uint32_t from, std::uint32_t to,
                   std::uint32_t count);
    void apply(const Move& move, std::uint64_t times);
    std::optional<Move> cheapest_relief(std::uint32_t from, std::uint64_t excess,
                                        const DeviceBytes& spare,
                                        std::optional<std::uint32_t> size_class);
    std::set<std::uint32_t> amounts() const;
    bool improve_once(const DeviceBytes& rooms);

    Problem& problem_;
    const Split& split_;
    std::uint64_t effort_limit_;
    std::uint32_t n_devices_;
    Groups groups_;
};

DeviceBytes Filler::used(std::optional<std::uint32_t> size_class) const {
    DeviceBytes bytes{};
    for (const auto& [group, layers] : groups_) {
        if (of_class(group, size_class)) {
            for (std::uint32_t d = 0; d < n_devices_; ++d) {
                bytes[d] += group.counts[d] * expert_bytes(group) * layers.size();
            }
        }
    }
    return bytes;
}

Move Filler::make_move(const GroupKey& group, std::uint32_t from, std::uint32_t to,
                       std::uint32_t count) {
    Counts moved = group.counts;
    moved[from] -= count;
    moved[to] += count;
    return {&group, from, to, count,
            problem_.layer_seconds(group.kind, group.home, moved) -
                problem_.layer_seconds(group.kind, group.home, group.counts)};
}

void Filler::apply(const Move& move, std::uint64_t times) {
    const auto from = groups_.find(*move.group);
    GroupKey moved = from->first;
    moved.counts[move.from] -= move.count;
    moved.counts[move.to] += move.count;
    std::vector<std::uint32_t>& target = groups_[moved];
    for (std::uint64_t i = 0; i < times; ++i) {
        target.push_back(from->second.back());
        from->second.pop_back();
    }
    if (from->second.empty()) {
        groups_.erase(from);
    }
}

std::optional<Move> Filler::cheapest_relief(std::uint32_t from, std::uint64_t excess,
                                            const DeviceBytes& spare,
                                            std::optional<std::uint32_t> size_class) {
    std::optional<Move> best;
    double best_rate = std::numeric_limits<double>::infinity();
    for (const auto& entry : groups_) {
        // Not a structured binding, which not every compiler lets a lambda capture.
        const auto& group = entry.first;
        if (group.counts[from] == 0 || !of_class(group, size_class)) {
            continue;
        }
        const std::uint64_t size = std::max<std::uint64_t>(expert_bytes(group), 1);
        const std::uint64_t need = (excess + size - 1) / size;
        for (std::uint32_t to = 0; to < n_devices_; ++to) {
            const std::uint64_t most =
                std::min<std::uint64_t>(group.counts[from], spare[to] / size);
            if (to == from || most == 0) {
                continue;
            }
            const auto consider = [&](std::uint64_t count) {
                const Move move = make_move(group, from, to, static_cast<std::uint32_t>(count));
                const double relieved = static_cast<double>(std::min(count * size, excess));
                if (move.seconds / relieved < best_rate) {
                    best_rate = move.seconds / relieved;
                    best = move;
                }
            };
            consider(std::min(most, need));
            for (std::uint64_t count = 1; count < std::min(most, need); count *= 2) {
                consider(count);
            }
        }
    }
    return best;
}

bool Filler::repair(const DeviceBytes& rooms, std::optional<std::uint32_t> size_class) {
    while (true) {
        const DeviceBytes bytes = used(size_class);
        DeviceBytes spare{};
        std::uint64_t excess = 0;
        std::uint32_t from = 0;
        for (std::uint32_t d = 0; d < n_devices_; ++d) {
            if (bytes[d] > rooms[d] && bytes[d] - rooms[d] > excess) {
                excess = bytes[d] - rooms[d];
                from = d;
            }
            spare[d] = bytes[d] > rooms[d] ? 0 : rooms[d] - bytes[d];
        }
        if (excess == 0) {
            return true;
        }
        const std::optional<Move> move = cheapest_relief(from, excess, spare, size_class);
        if (!move) {
            return false;
        }
        const std::uint64_t bytes_each =
            std::max<std::uint64_t>(move->count * expert_bytes(*move->group), 1);
        const std::uint64_t times =
            std::min({groups_.at(*move->group).size(), spare[move->to] / bytes_each,
                      std::max<std::uint64_t>(excess / bytes_each, 1)});
        apply(*move, times);
    }
}

/// Amounts worth moving: every one in small layers, powers of four in large ones, and what devices
/// hold of a layer now, so that a layer can leave a device wholly.
std::set<std::uint32_t> Filler::amounts() const {
    std::set<std::uint32_t> amounts;
    for (const auto& [group, layers] : groups_) {
        for (std::uint32_t d = 0; d < n_devices_ && amounts.size() < 8; ++d) {
            if (d != group.home && group.counts[d] > 0) {
                amounts.insert(group.counts[d]);
            }
        }
        const std::uint32_t most = problem_.kinds()[group.kind].n_experts;
        for (std::uint32_t amount = 1; amount <= most;
             amount = most > 16 ? amount * 4 : amount + 1) {
            amounts.insert(amount);
        }
    }
    return amounts;
}

bool Filler::improve_once(const DeviceBytes& rooms) {
    const DeviceBytes bytes = used(std::nullopt);
    // The cheapest way to move one class's `amount` from a device to another: half an exchange.
    std::map<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t>, Move> cheapest;
    constexpr double gain_min = -1e-12;
    Move best;
    Move counterpart;
    double best_seconds = gain_min;
    const std::set<std::uint32_t> all_amounts = amounts();
    for (const auto& [group, layers] : groups_) {
        const std::uint32_t size_class = problem_.kinds()[group.kind].size_class;
        for (std::uint32_t from = 0; from < n_devices_; ++from) {
            for (std::uint32_t to = 0; to < n_devices_; ++to) {
                for (const std::uint32_t amount : all_amounts) {
                    if (to == from || amount > group.counts[from]) {
                        break;
                    }
                    const Move move = make_move(group, from, to, amount);
                    const bool room = bytes[to] + amount * expert_bytes(group) <= rooms[to];
                    if (room && move.seconds < best_seconds) {
                        best_seconds = move.seconds;
                        best = move;
                        counterpart = {};
                    }
                    const auto back = cheapest.find({size_class, to, from, amount});
                    if (back != cheapest.end() &&
                        (back->second.group != &group || layers.size() > 1) &&
                        move.seconds + back->second.seconds < best_seconds) {
                        best_seconds = move.seconds + back->second.seconds;
                        best = move;
                        counterpart = back->second;
                    }
                    const auto [known, inserted] =
                        cheapest.try_emplace({size_class, from, to, amount}, move);
                    if (!inserted && move.seconds < known->second.seconds) {
                        known->second = move;
                    }
                }
            }
        }
    }
    if (best.group == nullptr) {
        return false;
    }
    if (counterpart.group == nullptr) {
        const std::uint64_t bytes_each =
            std::max<std::uint64_t>(best.count * expert_bytes(*best.group), 1);
        apply(best, std::min<std::uint64_t>(groups_.at(*best.group).size(),
                                            (rooms[best.to] - bytes[best.to]) / bytes_each));
    } else {
        const GroupKey first = *best.group;
        const std::uint64_t times =
            best.group == counterpart.group
                ? groups_.at(first).size() / 2
                : std::min(groups_.at(first).size(), groups_.at(*counterpart.group).size());
        apply(counterpart, times);
        best.group = &first;
        apply(best, times);
    }
    return true;
}

void Filler::improve(const DeviceBytes& rooms) {
    while (problem_.effort() < effort_limit_ && improve_once(rooms)) {
    }
}

CountedPlacement Filler::result() const {
    CountedPlacement placement{split_, std::vector<Counts>(problem_.n_layers(), Counts{}), 0};
    for (const auto& [group, layers] : groups_) {
        for (const std::uint32_t layer : layers) {
            placement.counts[layer] = group.counts;
        }
    }
    placement.seconds = problem_.seconds(split_, placement.counts);
    return placement;
}

}  // namespace

std::optional<CountedPlacement> fill_experts(Problem& problem, Patterns& patterns,
                                             const Split& split, const DeviceBytes& rooms,
                                             std::uint64_t effort_limit) {
    const std::optional<Quotas> quotas = pack_experts(problem, rooms);
    if (!quotas) {
        return std::nullopt;
    }
    Filler filler(problem, patterns, split, effort_limit);
    const Groups start = filler.groups();
    if (!filler.repair(rooms, std::nullopt)) {
        // Several sizes got in each other's way: keep to the packing, one size after another.
        filler.groups() = start;
        for (std::uint32_t c = 0; c < problem.class_bytes().size(); ++c) {
            DeviceBytes class_rooms{};
            for (std::uint32_t d = 0; d < problem.n_devices(); ++d) {
                class_rooms[d] = (*quotas)[d][c] * problem.class_bytes()[c];
            }
            const bool repaired = filler.repair(class_rooms, c);
            HEXCORE_CHECK(repaired, c, problem.class_bytes()[c]);
        }
    }
    filler.improve(rooms);
    return filler.result();
}

}  // namespace hexcore
