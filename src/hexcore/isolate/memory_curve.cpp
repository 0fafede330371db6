#include "hexcore/isolate/memory_curve.hpp"

#include <algorithm>

namespace hexcore {

void MemoryCurve::add(std::chrono::nanoseconds since, Bytes bytes) {
    if (!samples_.empty() && since - samples_.back().time < spacing_) {
        samples_.back().bytes = std::max(samples_.back().bytes, bytes);
        return;
    }
    samples_.push_back({std::chrono::duration_cast<std::chrono::milliseconds>(since), bytes});
    if (samples_.size() <= most) {
        return;
    }
    std::vector<MemorySample> fewer;
    for (std::size_t index = 0; index < samples_.size(); index += 2) {
        fewer.push_back(samples_[index]);
        if (index + 1 < samples_.size()) {
            fewer.back().bytes = std::max(fewer.back().bytes, samples_[index + 1].bytes);
        }
    }
    samples_ = std::move(fewer);
    spacing_ = 2 * since / most;
}

}  // namespace hexcore
