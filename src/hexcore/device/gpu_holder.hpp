#pragma once

#include <string>

#include "hexcore/device/gpu_probe.hpp"

namespace hexcore {

/// Finds the commands behind the pids that the driver tells. The driver tells the machine's pids,
/// which in a container with its own pid namespace mean nothing, or worse, another process. There a
/// command is only believed of a process that has one of the driver's device files open.
class HolderNames {
public:
    explicit HolderNames(ProcRoot root);

    /// As command_of() gives it. Empty where it cannot be told.
    [[nodiscard]] std::string command(std::uint32_t pid) const;
    [[nodiscard]] bool in_container() const { return in_container_; }

private:
    [[nodiscard]] bool uses_gpu(const std::string& folder) const;

    ProcRoot root_;
    bool in_container_;
};

}  // namespace hexcore
