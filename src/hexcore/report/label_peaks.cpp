#include "hexcore/report/label_peaks.hpp"

#include <algorithm>

namespace hexcore {
namespace {

constexpr std::int64_t most_totals = 1 << 17;
constexpr std::size_t most_edges = 1U << 20U;

}  // namespace

LabelPeaks::LabelPeaks(RecordedTime duration)
    : bucket_(duration / most_totals + std::chrono::microseconds(1)) {}

void LabelPeaks::row(const RecordedRow& row) {
    std::vector<Total>& totals = totals_[row.device];
    const Total total{row.time, row.total()};
    if (totals.empty() || totals.back().time / bucket_ != total.time / bucket_) {
        totals.push_back(total);
    } else if (total.bytes > totals.back().bytes) {
        totals.back() = total;
    }
}

void LabelPeaks::begin(RecordedTime time, std::uint32_t name) { add({time, name, true}); }
void LabelPeaks::end(RecordedTime time, std::uint32_t name) { add({time, name, false}); }

void LabelPeaks::add(const Edge& edge) {
    if (edges_.size() < most_edges) {
        edges_.push_back(edge);
    }
}

void LabelPeaks::add_most(std::uint32_t device, const std::vector<Total>& totals,
                          std::vector<LabelMost>& most) const {
    std::map<std::uint32_t, std::uint64_t> open;  // how often, by name
    auto edge = edges_.begin();
    for (const Total& total : totals) {
        for (; edge != edges_.end() && edge->time <= total.time; ++edge) {
            if (edge->begins) {
                ++open[edge->name];
            } else if (const auto at = open.find(edge->name);
                       at != open.end() && --at->second == 0) {
                open.erase(at);
            }
        }
        if (edge == edges_.end() && edges_.size() == most_edges) {
            return;  // what is open from here on is not known
        }
        for (const auto& [name, count] : open) {
            if (name < most.size()) {
                Bytes& bytes = most[name][device];
                bytes = std::max(bytes, total.bytes);
            }
        }
    }
}

std::vector<LabelMost> LabelPeaks::most(std::size_t n_names) const {
    std::vector<LabelMost> most(n_names);
    for (const auto& [device, totals] : totals_) {
        add_most(device, totals, most);
    }
    return most;
}

}  // namespace hexcore
