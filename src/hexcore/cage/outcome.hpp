#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hexcore/base/bytes.hpp"
#include "hexcore/recording/recording.hpp"

namespace hexcore {

/// A process that had memory.
struct MemoryOwner {
    std::uint32_t pid = 0;
    std::string name;  ///< as command_of() gives it
    Bytes bytes;
};

/// A limit that was reached.
struct Breach {
    std::string device;  ///< "memory", or a device's name
    Bytes limit;
    Bytes used;                       ///< when it was noticed
    std::vector<MemoryOwner> owners;  ///< the largest first
};

/// What was left of a command after its own end, and was ended or removed.
struct Residue {
    enum class Kind : std::uint8_t { process, shared_memory, temporary_file, device_memory };
    Kind kind = Kind::process;
    std::string name;  ///< of the process, the segment, the file
    Bytes bytes;
    std::uint32_t pid = 0;  ///< of a process; of a segment its maker, where it is known
    bool is_gone = true;    ///< false: it could not be ended or removed, or is somebody else's
};
[[nodiscard]] constexpr const char* to_string(Residue::Kind kind) {
    switch (kind) {
        case Residue::Kind::process:
            return "process";
        case Residue::Kind::shared_memory:
            return "shared memory";
        case Residue::Kind::temporary_file:
            return "temporary file";
        case Residue::Kind::device_memory:
            return "device memory";
    }
    return "";
}

enum class EndedByUs : std::uint8_t { no, over_budget, timed_out, memory_short, interrupted };
[[nodiscard]] constexpr const char* to_string(EndedByUs why) {
    switch (why) {
        case EndedByUs::no:
            return "no";
        case EndedByUs::over_budget:
            return "over budget";
        case EndedByUs::timed_out:
            return "timed out";
        case EndedByUs::memory_short:
            return "memory short";
        case EndedByUs::interrupted:
            return "interrupted";
    }
    return "";
}

struct DevicePeak {
    std::string device;
    Bytes peak = {};
};

/// How a caged command ended, and what is known of it.
struct CageOutcome {
    bool began = false;  ///< false: `problem` says why it never was the program
    bool signalled = false;
    int code = 0;  ///< its exit code, or the signal
    EndedByUs ended_by_us = EndedByUs::no;
    KilledBy killed_by = KilledBy::unknown;  ///< of a SIGKILL that was not ours
    std::chrono::nanoseconds duration{};     ///< of the command's own process
    std::chrono::nanoseconds processor_time{};
    /// The most of: all its processes together at a sample, and a single process as the kernel
    /// says.
    Bytes peak;
    std::vector<DevicePeak> devices;
    std::optional<Breach> breach;
    std::uint64_t processes_refused = 0;  ///< how often one was, at the limit of processes
    std::vector<Residue> residues;
    std::string output_head;         ///< the first 512 KiB that it wrote
    std::string output_tail;         ///< of what came after, the last 512 KiB
    std::uint64_t output_bytes = 0;  ///< all of it
    std::string problem;

    /// As a shell would say it.
    [[nodiscard]] int exit_code() const { return signalled ? 128 + code : code; }
};

}  // namespace hexcore
