#include "hexcore/watch/alerts.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "hexcore/base/printable.hpp"

namespace hexcore {

std::string alert_text(const Alert& alert) {
    return fmt::format("{} {} above its start", printable(alert.device),
                       to_string(alert.since_start));
}

void AlertSink::run(const RecordedRun& /*run*/) {}
void AlertSink::thinned(RecordedTime /*from*/, std::chrono::microseconds /*bucket*/) {}
void AlertSink::end(const RecordedEnd& /*end*/) {}

void AlertSink::device(const RecordedDevice& device) {
    const std::lock_guard lock(mutex_);
    devices_.at(device.number).name = device.name;
}

void AlertSink::row(const RecordedRow& row) {
    const std::lock_guard lock(mutex_);
    Device& device = devices_.at(row.device);
    const Bytes used = row.total();
    if (!device.has_row) {
        device.has_row = true;
        device.first = used;
    }
    const Bytes since_start = used > device.first ? used - device.first : Bytes();
    if (threshold_ > Bytes() && since_start >= threshold_ && !device.alerted) {
        device.alerted = true;
        const auto largest = std::max_element(
            row.parts.begin(), row.parts.end(),
            [](const RecordedPart& a, const RecordedPart& b) { return a.bytes < b.bytes; });
        alerts_.push_back({.device = device.name,
                           .used = used,
                           .since_start = since_start,
                           .at = row.time,
                           .process = largest == row.parts.end() ? nullptr : largest->process});
    } else if (since_start * 2 < threshold_) {
        device.alerted = false;
    }
}

std::vector<Alert> AlertSink::take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(alerts_, {});
}

}  // namespace hexcore
