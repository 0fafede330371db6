#include "hexcore/watch/cgroup_sampler.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "hexcore/base/whole_number.hpp"
#include "hexcore/device/cgroup_events.hpp"

namespace hexcore {

std::unique_ptr<CgroupSampler> CgroupSampler::open(std::uint32_t number, const std::string& folder,
                                                   Bytes limit) {
    FileDescriptor usage(cgroup_usage_file({}, folder).c_str());
    if (!usage.is_open()) {
        return nullptr;
    }
    return std::unique_ptr<CgroupSampler>(new CgroupSampler({.number = number,
                                                             .kind = RecordedKind::cgroup,
                                                             .name = "cgroup",
                                                             .description = folder,
                                                             .unit = Bytes(1),
                                                             .total = limit},
                                                            std::move(usage)));
}

CgroupSampler::CgroupSampler(RecordedDevice device, FileDescriptor usage)
    : device_(std::move(device)), usage_(std::move(usage)), peak_before_(peak_now()) {
    row_.device = device_.number;
}

Bytes CgroupSampler::peak_now() const {
    for (const CgroupEvents& group : cgroup_events()) {
        if (group.path == device_.description) {
            return group.peak;
        }
    }
    return {};
}

void CgroupSampler::tell(RecordedTime time, Bytes used, RecordFan& fan) {
    most_ = std::max(most_, used);
    row_.time = time;
    row_.others = used;
    row_.free = saturating_subtract(device_.total, used);
    fan.row(row_);
}

void CgroupSampler::sample(RecordedTime time, RecordFan& fan) {
    std::array<char, 32> text;
    const ssize_t size = usage_.read_at(text.data(), text.size(), 0);
    const std::string_view number(text.data(),
                                  static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    if (const auto used = whole_number(trimmed(number))) {
        tell(time, Bytes(*used), fan);
    }
}

void CgroupSampler::tell_peak(RecordedTime time, RecordFan& fan) {
    const Bytes peak = peak_now();
    if (peak > peak_before_ && peak > most_) {
        row_.sampled = false;
        tell(time, peak, fan);
    }
}

}  // namespace hexcore
