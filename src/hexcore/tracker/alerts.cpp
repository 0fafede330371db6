#include "hexcore/tracker/alerts.hpp"

namespace hexcore {

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
        alerts_.push_back({device.name, used, since_start});
    } else if (since_start * 2 < threshold_) {
        device.alerted = false;
    }
}

std::vector<Alert> AlertSink::take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(alerts_, {});
}

}  // namespace hexcore
