#pragma once

#include <chrono>
#include <utility>
#include <vector>

#include "hexcore/isolate/test_results.hpp"

namespace hexcore {

/// Samples of what something has of memory. However long that takes there are never more than
/// `most`: the larger of two that come close stands for both.
class MemoryCurve {
public:
    static constexpr std::size_t most = 200;

    /// `since`: its start; no earlier than the last.
    void add(std::chrono::nanoseconds since, Bytes bytes);
    [[nodiscard]] bool is_empty() const { return samples_.empty(); }
    /// All that there are; then it begins anew.
    [[nodiscard]] std::vector<MemorySample> take() {
        spacing_ = {};
        return std::exchange(samples_, {});
    }

private:
    std::vector<MemorySample> samples_;
    std::chrono::nanoseconds spacing_{};
};

}  // namespace hexcore
