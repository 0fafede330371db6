#pragma once

#include <array>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "hexcore/recording/recording.hpp"

namespace hexcore {

/// A device of which more than a threshold was taken since the start.
struct Alert {
    std::string device;
    Bytes used;
    Bytes since_start;
    RecordedTime at{};
    ProcessRef process;  ///< that had most then; null: not known
};

/// "host 120.0 MiB above its start", as marks of recordings say it.
[[nodiscard]] std::string alert_text(const Alert& alert);

/// Finds in rows when a device passes a threshold above what it had at first: once, and again after
/// it fell below half of it.
class AlertSink : public RecordSink {
public:
    explicit AlertSink(Bytes threshold) : threshold_(threshold) {}

    void run(const RecordedRun& run) override;
    void device(const RecordedDevice& device) override;
    void row(const RecordedRow& row) override;
    void thinned(RecordedTime from, std::chrono::microseconds bucket) override;
    void end(const RecordedEnd& end) override;

    /// Those since it was last asked. From any thread.
    [[nodiscard]] std::vector<Alert> take();

private:
    struct Device {
        std::string name;
        bool has_row = false;
        bool alerted = false;
        Bytes first;
    };

    Bytes threshold_;
    std::mutex mutex_;
    std::array<Device, recorded_devices_max> devices_;
    std::vector<Alert> alerts_;
};

}  // namespace hexcore
