#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "hexcore/base/result.hpp"
#include "hexcore/cage/cage.hpp"
#include "hexcore/reserve/machine_now.hpp"

namespace hexcore {

struct IsolatedCommand {
    std::vector<std::string> words;                ///< the program first, looked for in PATH
    std::vector<std::string> more_variables = {};  ///< "NAME=value", beside this process's own
    std::filesystem::path folder = {};             ///< where it starts; empty: here
};

/// Work that gives back bytes. It runs in a copy of this process that has the calling thread alone:
/// it must not wait for others, nor for locks that they may hold, and GPUs cannot be used in it
/// where this process has used their driver, looking at them included.
struct IsolatedFunction {
    std::function<std::string()> work;
    std::string name = "a function";
};

struct IsolatedLimits {
    CageLimits cage = {};
    std::optional<std::chrono::milliseconds> timeout = {};
    /// Between SIGTERM and SIGKILL once it has timed out.
    std::chrono::milliseconds grace{1'000};
    const std::atomic<bool>* stop = nullptr;  ///< ends it within a tenth of a second
    /// How long a driver may take until it shows that memory came back.
    std::chrono::milliseconds came_back_in{5'000};
};

/// Whether the memory came back.
enum class IsolatedMemory : std::uint8_t {
    clean,
    residue,         ///< something was left after its own end (CageOutcome::residues)
    unattributable,  ///< less is free of a GPU than before, and none of its processes has it
};
[[nodiscard]] const char* to_string(IsolatedMemory memory);

/// What was free before and after: of main memory, which others take and free meanwhile, and of
/// each GPU that had a limit.
struct FreeMemory {
    std::string name;  ///< "main memory", "cuda:0"
    Bytes before;
    Bytes after;
};

struct IsolatedRun {
    bool apart = true;  ///< in a process of its own
    CageOutcome outcome = {};
    /// What the function gave back; nothing where it did not come to its end, and of a command.
    std::optional<std::string> result = {};
    IsolatedMemory memory = IsolatedMemory::clean;
    std::vector<FreeMemory> proof = {};
    std::chrono::nanoseconds waited{};  ///< until it was back, or given up
    [[nodiscard]] bool succeeded() const {
        return outcome.began && !outcome.signalled && outcome.code == 0 &&
               outcome.ended_by_us == EndedByUs::no;
    }
};

/// Where looking goes through; in its place a test's.
using Looker = std::function<Result<MachineNow>(LookAt)>;

/// Runs it to its end in a cage of the yard, from which no process remains. Fails with
/// ErrorCode::usage where there is nothing to run, with does_not_fit where the system refuses a
/// process, with bad_input where nobody tells what is free, with missing_device where a GPU's limit
/// cannot be kept; how the work itself ends is in the result.
[[nodiscard]] Result<IsolatedRun> run_in_cage(CageYard& yard, const IsolatedCommand& command,
                                              const IsolatedLimits& limits, const Looker& look);
[[nodiscard]] Result<IsolatedRun> run_in_cage(CageYard& yard, const IsolatedFunction& function,
                                              const IsolatedLimits& limits, const Looker& look);
/// Runs a function in this process; its proof is what this process holds before and after.
[[nodiscard]] Result<IsolatedRun> run_here(const IsolatedFunction& function);

}  // namespace hexcore
