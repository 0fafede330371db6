#pragma once

#include <optional>
#include <string>
#include <vector>

#include "hexcore/base/file_descriptor.hpp"
#include "hexcore/cage/cage.hpp"
#include "hexcore/reserve/isolated_run.hpp"

namespace hexcore {

/// The ends of a function's pipes in this process.
struct FunctionPipes {
    std::optional<FileDescriptor> go;  ///< a socket; one byte: it may begin. Closed: it never may
    FileDescriptor result;             ///< what it gives back
};

/// Waits until the cage is over, samples it, ends it when its time is over; gives back what came by
/// the pipe. `pipes`: null for a command. Fails with ErrorCode::missing_device where a GPU's limit
/// cannot be kept; the work has done nothing yet then, or is killed.
[[nodiscard]] Result<std::string> drive(Cage& cage, const IsolatedLimits& limits,
                                        FunctionPipes* pipes);

/// What was free before is compared with what is free now, until it is back.
class MemoryProof {
public:
    [[nodiscard]] static Result<MemoryProof> begin(const IsolatedLimits& limits,
                                                   const Looker& look);
    /// Fills in the verdict. Fails where nobody tells what is free.
    [[nodiscard]] Result<void> end(IsolatedRun& run) const;

private:
    MemoryProof(const IsolatedLimits& limits, const Looker& look, MachineNow before)
        : limits_(limits), look_(look), before_(std::move(before)) {}

    const IsolatedLimits& limits_;
    const Looker& look_;
    MachineNow before_;
};

}  // namespace hexcore
