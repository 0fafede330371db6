#pragma once

#include <cstddef>
#include <vector>

#include "hexcore/device/nvml.hpp"

namespace hexcore {

/// The buffer for NVML's lists of processes, which reads whatever layout the driver writes. The
/// layout belongs to the function's version (16 bytes an entry in the first, 24 in the second and
/// third), but drivers of the 535 series were published whose third version writes 32, and others
/// where it writes 16. Trusting the version reads pids out of sizes there, or overflows. So there
/// is always room for the largest, filled with a pattern, and where the pattern ends tells the
/// layout.
class NvmlProcessList {
public:
    /// Fills the buffer with the pattern and returns how many entries fit.
    [[nodiscard]] unsigned prepare();
    /// What to pass to NVML.
    [[nodiscard]] void* buffer() { return bytes_.data(); }
    /// Makes room after NVML said that it has `needed` entries.
    void grow(unsigned needed);
    /// How many entries NVML wrote.
    void set_count(unsigned count);

    /// What was written. `usual_entry` is the size of an entry by the function's version, which is
    /// taken where the pattern does not tell (a driver that clears the whole buffer first).
    [[nodiscard]] std::vector<NvmlProcess> processes(std::size_t usual_entry) const;

private:
    unsigned capacity_ = 64;
    unsigned count_ = 0;
    std::vector<std::byte> bytes_;
};

}  // namespace hexcore
