#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "hexcore/base/bytes.hpp"
#include "hexcore/base/result.hpp"

namespace hexcore {

/// What was measured of a card or a processor, once, and is kept for plans.
struct MeasuredDevice {
    std::string name;    ///< of the card as its driver names it, or of the processor
    std::string driver;  ///< the driver's version; empty for a processor
    /// Weights that computing one token reads in a second, in bytes.
    double weights_bytes_per_s = 0;
    /// From host memory to the device, in bytes.
    double copy_bytes_per_s = 0;
    /// The way of one token's activations to the device or back, in seconds.
    double hop_s = 0;
    /// What kernels and memory pools take besides buffers while a prompt is computed.
    Bytes pools;
};

/// What was measured, of each device at most once.
class MeasuredDevices {
public:
    /// The one of that name and driver; null where it was not measured.
    [[nodiscard]] const MeasuredDevice* find(const std::string& name,
                                             const std::string& driver) const;
    /// Takes the place of an older one of the same name and driver.
    void put(MeasuredDevice device);
    [[nodiscard]] const std::vector<MeasuredDevice>& all() const { return devices_; }

    /// Reads a file that write() wrote; nothing was measured where there is none. Fails with
    /// ErrorCode::bad_input, naming the file, where it is damaged.
    [[nodiscard]] static Result<MeasuredDevices> read(const std::filesystem::path& path);
    /// Writes it whole or not at all: beside the file first, then renamed. Fails with
    /// ErrorCode::negative.
    [[nodiscard]] Result<void> write(const std::filesystem::path& path) const;

private:
    std::vector<MeasuredDevice> devices_;
};

/// Where it is kept: `measured.json` in $HEXCORE_CACHE, else in `hexcore` of $XDG_CACHE_HOME or of
/// ~/.cache. Empty where none of them is set.
[[nodiscard]] std::filesystem::path measured_devices_path();

/// The document hexcore.measured/1.
[[nodiscard]] std::string measured_devices_json(const MeasuredDevices& devices);

}  // namespace hexcore
