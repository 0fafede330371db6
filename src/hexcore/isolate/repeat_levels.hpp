#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "hexcore/base/bytes.hpp"
#include "hexcore/isolate/test_results.hpp"
#include "hexcore/judge/theil_sen.hpp"

namespace hexcore {

/// What a process had of a device between two repeats of a test.
struct MemoryLevel {
    std::string device;  ///< "host"
    Bytes bytes;
    /// What the kernel or a driver says is as good as a sample: pages are kept and shared. What an
    /// allocator or a framework says that it has given out is exact.
    enum class Basis { sampled, exact } basis = Basis::sampled;
};

/// What a test had after each of its repeats, and what that means: docs/watch.md, Judging.
class RepeatLevels {
public:
    /// After one more repeat, of which nothing may be known.
    void add(const std::vector<MemoryLevel>& levels);
    /// A device each. Where it is known both ways, exactly: unless only the samples grow, which is
    /// a leak of what the allocator does not give out.
    [[nodiscard]] std::vector<DeviceGrowth> judge() const;

private:
    struct Series {
        std::string device;
        MemoryLevel::Basis basis = MemoryLevel::Basis::sampled;
        std::vector<SeriesPoint> points = {};
    };
    [[nodiscard]] Judgement judge(const Series& series) const;

    std::vector<Series> series_;
    std::size_t repeats_ = 0;
};

/// A sentence for each device, of a process in which so many tests ran one after the other.
[[nodiscard]] std::vector<std::string> growth_notes(std::size_t tests,
                                                    const std::vector<DeviceGrowth>& growths);

[[nodiscard]] Bytes bytes_a_repeat(const Judgement& judgement);
/// How much more there was in the end than after the warm-up, over all repeats that were judged.
[[nodiscard]] Bytes grown_over_repeats(const Judgement& judgement);

}  // namespace hexcore
