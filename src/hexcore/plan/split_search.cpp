#include "hexcore/plan/split_search.hpp"

#include <algorithm>

namespace hexcore {
namespace {

/// best(d, used, to): the first `to` layers are placed, on `used` devices of which d is the last.
/// `used` is only told apart where fewer devices may have layers than there are.
class SplitTable {
public:
    SplitTable(const Problem& problem, const RangeCosts& costs, Combine combine)
        : problem_(problem),
          costs_(costs),
          combine_(combine),
          n_devices_(problem.n_devices()),
          n_layers_(problem.n_layers()),
          n_used_(problem.max_layer_devices() < n_devices_ ? problem.max_layer_devices() : 1),
          entries_(std::size_t{n_devices_} * n_used_ * (n_layers_ + 1)) {}

    std::optional<Split> solve() {
        for (std::uint32_t d = 0; d < n_devices_; ++d) {
            start_on(d);
            for (std::uint32_t used = 0; used < n_used_; ++used) {
                continue_on(d, used);
            }
        }
        return read_back();
    }

private:
    struct Entry {
        double cost = RangeCosts::forbidden;
        std::uint32_t from = 0;
        std::uint32_t previous_device = 0;
        std::uint32_t previous_used = 0;
    };
    Entry& entry(std::uint32_t d, std::uint32_t used, std::uint32_t to) {
        return entries_[(std::size_t{d} * n_used_ + used) * (n_layers_ + 1) + to];
    }

    void start_on(std::uint32_t d) {
        for (std::uint32_t to = 1; to <= n_layers_; ++to) {
            entry(d, 0, to) = {costs_.at(d, 0, to), 0, d, 0};
        }
    }

    void continue_on(std::uint32_t d, std::uint32_t used) {
        if (n_used_ > 1 && used == 0) {
            return;
        }
        const std::uint32_t used_before = n_used_ > 1 ? used - 1 : 0;
        for (std::uint32_t from = 1; from < n_layers_; ++from) {
            double entered = RangeCosts::forbidden;
            std::uint32_t entered_from = 0;
            for (std::uint32_t p = 0; p < d; ++p) {
                const double hop = combine_ == Combine::sum ? problem_.hop_seconds(p, d) : 0.0;
                const double cost = entry(p, used_before, from).cost + hop;
                if (cost < entered) {
                    entered = cost;
                    entered_from = p;
                }
            }
            if (entered == RangeCosts::forbidden) {
                continue;
            }
            for (std::uint32_t to = from + 1; to <= n_layers_; ++to) {
                const double range = costs_.at(d, from, to);
                const double cost =
                    combine_ == Combine::sum ? entered + range : std::max(entered, range);
                if (cost < entry(d, used, to).cost) {
                    entry(d, used, to) = {cost, from, entered_from, used_before};
                }
            }
        }
    }

    std::optional<Split> read_back() {
        double best = RangeCosts::forbidden;
        std::uint32_t device = 0;
        std::uint32_t used = 0;
        for (std::uint32_t d = 0; d < n_devices_; ++d) {
            for (std::uint32_t u = 0; u < n_used_; ++u) {
                if (entry(d, u, n_layers_).cost < best) {
                    best = entry(d, u, n_layers_).cost;
                    device = d;
                    used = u;
                }
            }
        }
        if (best == RangeCosts::forbidden) {
            return std::nullopt;
        }
        Split split(n_devices_ + 1, n_layers_);
        std::uint32_t to = n_layers_;
        while (true) {
            const Entry& here = entry(device, used, to);
            std::fill(split.begin(), split.begin() + device + 1, here.from);
            if (here.from == 0) {
                return split;
            }
            std::fill(split.begin() + here.previous_device + 1, split.begin() + device + 1,
                      here.from);
            to = here.from;
            device = here.previous_device;
            used = here.previous_used;
        }
    }

    const Problem& problem_;
    const RangeCosts& costs_;
    Combine combine_;
    std::uint32_t n_devices_;
    std::uint32_t n_layers_;
    std::uint32_t n_used_;
    std::vector<Entry> entries_;
};

void extend(const Problem& problem, Split& split, std::vector<Split>& splits) {
    if (split.size() == problem.n_devices()) {
        split.push_back(problem.n_layers());
        if (devices_with_layers(split) <= problem.max_layer_devices()) {
            splits.push_back(split);
        }
        split.pop_back();
        return;
    }
    for (std::uint32_t bound = split.back(); bound <= problem.n_layers(); ++bound) {
        split.push_back(bound);
        extend(problem, split, splits);
        split.pop_back();
    }
}

}  // namespace

std::uint32_t devices_with_layers(const Split& split) {
    std::uint32_t count = 0;
    for (std::size_t d = 0; d + 1 < split.size(); ++d) {
        count += split[d + 1] > split[d] ? 1 : 0;
    }
    return count;
}

std::optional<Split> best_split(const Problem& problem, const RangeCosts& costs, Combine combine) {
    return SplitTable(problem, costs, combine).solve();
}

std::uint64_t count_splits(const Problem& problem, std::uint64_t most) {
    std::uint64_t count = 1;  // (n_layers + i) choose i, for i up to n_devices - 1
    for (std::uint64_t i = 1; i < problem.n_devices(); ++i) {
        count = count * (problem.n_layers() + i) / i;
        if (count >= most) {
            return most;
        }
    }
    return count;
}

std::vector<Split> all_splits(const Problem& problem) {
    std::vector<Split> splits;
    Split split{0};
    extend(problem, split, splits);
    return splits;
}

}  // namespace hexcore
