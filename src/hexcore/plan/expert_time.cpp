#include "hexcore/plan/expert_time.hpp"

#include <algorithm>
#include <functional>

#include "hexcore/plan/main_memory_times.hpp"

namespace hexcore {

std::size_t ExpertTime::CountsHash::operator()(const Counts& counts) const noexcept {
    std::uint64_t hash = 0xcbf29ce484222325ULL;
    for (const std::uint32_t count : counts) {
        hash = (hash ^ count) * 0x9E3779B97F4A7C15ULL;
        hash ^= hash >> 29;
    }
    return static_cast<std::size_t>(hash);
}

namespace {

double seconds_for_one(Bytes expert, double bytes_per_s) {
    return bytes_per_s > 0 ? expert.as_double() / bytes_per_s : 0.0;
}

/// [experts], on a device by itself, or with some of them fetched by a GPU meanwhile (0: none is).
std::vector<double> seconds_by_number(std::uint32_t most, double own, double fetched) {
    const MainMemoryTimes in_main_memory{.cpu_s = own, .bus_s = fetched};
    std::vector<double> seconds(most + 1);
    for (std::uint32_t n = 1; n <= most; ++n) {
        // To lend one more has to be worth it, so that one more expert may even seem to be faster.
        seconds[n] = fetched > 0 ? std::max(seconds[n - 1], in_main_memory.seconds(n)) : n * own;
    }
    return seconds;
}

}  // namespace

ExpertTime::ExpertTime(std::uint32_t n_experts, std::uint32_t n_used, Bytes expert,
                       const std::vector<DeviceFacts>& devices)
    : n_used_(std::min(n_used, n_experts)),
      n_devices_(static_cast<std::uint32_t>(devices.size())),
      devices_alike_(std::all_of(devices.begin(), devices.end(), [&](const DeviceFacts& device) {
          return device.bandwidth_bytes_per_s == devices.front().bandwidth_bytes_per_s &&
                 device.kind == devices.front().kind;
      })) {
    double fetching = 0;
    const auto n_hosts = std::count_if(devices.begin(), devices.end(), [](const auto& device) {
        return device.kind == DeviceKind::host;
    });
    for (const DeviceFacts& device : devices) {
        fetching = n_hosts == 1 ? std::max(fetching, device.fetch_bytes_per_s) : 0;
    }
    for (const DeviceFacts& device : devices) {
        const double own = seconds_for_one(expert, device.bandwidth_bytes_per_s);
        const bool is_lent = device.kind == DeviceKind::host;
        seconds_for_.push_back(
            seconds_by_number(n_used_, own, is_lent ? seconds_for_one(expert, fetching) : 0.0));
    }
    choose_.assign((n_experts + 1) * (n_used_ + 1), 0.0);
    for (std::uint32_t n = 0; n <= n_experts; ++n) {
        double* const row = &choose_[n * (n_used_ + 1)];
        row[0] = 1;
        for (std::uint32_t k = 1; k <= std::min(n, n_used_); ++k) {
            row[k] = row[k - 1] * (n - k + 1) / k;
        }
    }
    total_sets_ = choose(n_experts, n_used_);
    product_.resize(n_used_ + 1);
}

double ExpertTime::seconds(const Counts& counts) {
    if (n_used_ == 0) {
        return 0;
    }
    Counts key = counts;
    if (devices_alike_) {
        // The order of equal devices makes no difference, and sorting finds many more repeats.
        std::sort(key.begin(), key.begin() + n_devices_, std::greater<>());
    }
    const auto [entry, inserted] = known_.try_emplace(key, 0.0);
    ++effort_;
    if (inserted) {
        effort_ += 4 + n_devices_ * n_used_;
        entry->second = expected_maximum(key);
    }
    return entry->second;
}

double ExpertTime::expected_maximum(const Counts& counts) {
    steps_.clear();
    for (std::uint32_t d = 0; d < n_devices_; ++d) {
        for (std::uint32_t j = 1; j <= std::min(counts[d], n_used_); ++j) {
            steps_.push_back({seconds_for_[d][j], d});
        }
    }
    std::sort(steps_.begin(), steps_.end(),
              [](const Step& a, const Step& b) { return a.seconds < b.seconds; });
    Counts most{};  // experts that each device has read within the time looked at
    std::uint32_t reachable = 0;
    double expected = 0;
    double time = 0;
    for (std::size_t i = 0; i < steps_.size();) {
        const double next = steps_[i].seconds;
        const double within = reachable < n_used_ ? 0.0 : probability_within(counts, most);
        expected += (next - time) * (1 - within);
        time = next;
        for (; i < steps_.size() && steps_[i].seconds <= next; ++i) {
            ++most[steps_[i].device];
            ++reachable;
        }
    }
    return expected;
}

double ExpertTime::probability_within(const Counts& counts, const Counts& most) {
    std::fill(product_.begin(), product_.end(), 0.0);
    product_[0] = 1;
    std::uint32_t degree = 0;
    for (std::uint32_t d = 0; d < n_devices_; ++d) {
        if (most[d] == 0) {
            continue;
        }
        const std::uint32_t next_degree = std::min(n_used_, degree + most[d]);
        for (std::uint32_t sum = next_degree + 1; sum-- > 0;) {  // downwards, so in place
            double coefficient = 0;
            for (std::uint32_t j = sum > degree ? sum - degree : 0; j <= std::min(sum, most[d]);
                 ++j) {
                coefficient += choose(counts[d], j) * product_[sum - j];
            }
            product_[sum] = coefficient;
        }
        degree = next_degree;
    }
    return product_[n_used_] / total_sets_;
}

}  // namespace hexcore
