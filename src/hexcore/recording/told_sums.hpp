#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <unordered_map>
#include <utility>
#include <vector>

#include "hexcore/recording/told_records.hpp"

namespace hexcore {

/// What is alive of each site, out of events. Takes no more memory than for the most sites; those
/// beyond count for one of their holder with neither purpose nor label nor stack.
class SiteSums {
public:
    static constexpr std::size_t sites_max = 4096;

    void event(const RecordedEvent& event);
    /// Tells those that have changed since they were last told.
    void tell_changed(RecordedTime now, const std::function<void(const RecordedSiteSum&)>& tell);

private:
    using Key = std::array<std::uint64_t, 4>;
    struct KeyHash {
        std::size_t operator()(const Key& key) const;
    };
    struct Sum {
        RecordedSiteSum sum;
        bool changed = false;
    };
    [[nodiscard]] RecordedSiteSum& changed_sum(const RecordedSite& site);
    void take(const RecordedSite& site, Bytes bytes);
    void release(const RecordedSite& site, Bytes bytes);

    std::unordered_map<Key, Sum, KeyHash> sums_;
};

/// Which labels are open. As many as whoever tells them has open at a time.
class OpenLabels {
public:
    void label(const RecordedLabel& label);
    /// As they began: those of each thread one after the other, the innermost first.
    [[nodiscard]] std::vector<RecordedLabel> all() const;

private:
    using Thread = std::pair<std::uint64_t, std::uint32_t>;  ///< of a process

    std::map<Thread, std::vector<RecordedLabel>> open_;  ///< the innermost last
};

/// How often each label of a process has begun, of the first so many names.
class LabelSums {
public:
    static constexpr std::size_t names_max = 1024;

    void label(const RecordedLabel& label);
    void tell_changed(const std::function<void(const RecordedLabelSum&)>& tell);

private:
    struct Sum {
        RecordedLabelSum sum;
        bool changed = false;
    };

    std::map<std::pair<std::uint64_t, std::uint64_t>, Sum> sums_;  ///< by process and name
};

}  // namespace hexcore
