#pragma once

#include <memory>
#include <string>

#include "hexcore/base/file_descriptor.hpp"
#include "hexcore/recording/recording.hpp"
#include "hexcore/watch/record_fan.hpp"

namespace hexcore {

/// What a control group that limits memory uses: of all processes in it, and with the page cache.
class CgroupSampler {
public:
    /// Null where what it uses cannot be read.
    [[nodiscard]] static std::unique_ptr<CgroupSampler> open(std::uint32_t number,
                                                             const std::string& folder,
                                                             Bytes limit);

    [[nodiscard]] const RecordedDevice& device() const { return device_; }
    void sample(RecordedTime time, RecordFan& fan);
    /// The kernel's own mark, where it was set meanwhile.
    void tell_peak(RecordedTime time, RecordFan& fan);

private:
    CgroupSampler(RecordedDevice device, FileDescriptor usage);
    void tell(RecordedTime time, Bytes used, RecordFan& fan);
    [[nodiscard]] Bytes peak_now() const;

    RecordedDevice device_;
    FileDescriptor usage_;
    Bytes peak_before_;
    Bytes most_;
    RecordedRow row_;
};

}  // namespace hexcore
