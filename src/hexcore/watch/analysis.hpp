#pragma once

#include <optional>
#include <vector>

#include "hexcore/watch/findings.hpp"

namespace hexcore {

/// Finds out of rows, as they come or out of a recording, what there is to say of them. Takes no
/// more memory for a longer time.
class Analysis : public RecordSink {
public:
    void run(const RecordedRun& run) override;
    void device(const RecordedDevice& device) override;
    void row(const RecordedRow& row) override;
    void thinned(RecordedTime from, std::chrono::microseconds bucket) override;
    void end(const RecordedEnd& end) override;

    [[nodiscard]] WatchFindings findings() const;

private:
    struct Device {
        DeviceFindings findings;
        GrowthSeries series;
    };
    void follow_processes(const RecordedRow& row);
    void forget(ProcessFindings process);

    WatchFindings found_;  ///< without devices and processes
    std::vector<Device> devices_;
    std::vector<ProcessFindings> living_;  ///< in the host's last row, by number
    std::vector<ProcessFindings> still_;   ///< those of them that are in the next one
    std::vector<ProcessFindings> ended_;
};

}  // namespace hexcore
