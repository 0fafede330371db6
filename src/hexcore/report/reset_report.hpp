#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "hexcore/base/bytes.hpp"
#include "hexcore/device/measured_by.hpp"
#include "hexcore/report/leftovers.hpp"
#include "hexcore/report/text_style.hpp"

namespace hexcore {

/// A process that still holds memory when it should have come back.
struct ResetHolder {
    std::uint32_t pid = 0;
    std::string command;         ///< empty where it cannot be found out
    std::optional<Bytes> bytes;  ///< nothing where nobody can tell
};

/// What one look at a memory said.
struct MemoryLook {
    std::optional<Bytes> accounted;  ///< by Hexcore's own books; nothing where another keeps them
    std::optional<Bytes> measured;   ///< by the kernel or the driver; nothing where neither tells
};

/// The memory of a device, or of this process outside the devices, when it was to come back.
struct ResetMemory {
    std::string name;
    std::optional<Bytes> peak = {};  ///< the most that was accounted since the last reset
    MemoryLook before = {};
    MemoryLook after = {};
    MeasuredBy measured_by = MeasuredBy::kernel;
    /// What was measured before the load: it has come back where no more than `tolerance` is
    /// measured above this.
    Bytes baseline = {};
    Bytes tolerance = {};
    /// Not measured: what its driver keeps for this process until that ends (a CUDA context).
    Bytes kept = {};
    std::chrono::microseconds waited = {};  ///< until it had come back, or was given up
    std::vector<ResetHolder> holders = {};  ///< where it has not come back

    [[nodiscard]] bool clean() const;
};

/// Whether all memory has come back. Plain data; the functions below render it.
struct ResetReport {
    std::vector<ResetMemory> devices;
    ResetMemory host;  ///< this process's own main memory, that of capped host devices included
    std::chrono::microseconds waited{};
    std::vector<std::string> unloaded = {};  ///< for it: what was loaded and not in use

    [[nodiscard]] bool clean() const;
    /// A sentence for each memory that has not come back: how much of it, and who holds it.
    [[nodiscard]] std::vector<std::string> why() const;
};

/// A "hexcore.reset/1" document (docs/formats/reset.md), with what is left of runs that died.
/// json_text() makes it text.
[[nodiscard]] nlohmann::ordered_json reset_json(const ResetReport& report,
                                                const std::vector<Leftover>& leftovers = {});

[[nodiscard]] std::string reset_table(const ResetReport& report, TextStyle style = {});

}  // namespace hexcore
