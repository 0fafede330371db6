#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "hexcore/base/result.hpp"
#include "hexcore/cage/cage.hpp"

namespace hexcore {

/// One guard, and what came of firing it.
struct GuardProof {
    enum class Answer : std::uint8_t {
        holds,
        fails,    ///< it claims to protect, and did not
        absent,   ///< there is none on this machine
        untried,  ///< it can't be fired here
    };
    std::string guard;  ///< what it holds against: "too much memory at once"
    std::string how;    ///< who it is: "cgroup v1", "sweep"
    Answer answer = Answer::untried;
    std::optional<Bytes> overshoot = {};                ///< what was taken beyond the limit
    std::optional<std::chrono::nanoseconds> took = {};  ///< until nothing was left
    std::string note = {};  ///< what went wrong, or why it could not be tried
};
[[nodiscard]] constexpr const char* to_string(GuardProof::Answer answer) {
    switch (answer) {
        case GuardProof::Answer::holds:
            return "holds";
        case GuardProof::Answer::fails:
            return "fails";
        case GuardProof::Answer::absent:
            return "absent";
        case GuardProof::Answer::untried:
            return "untried";
    }
    return "";
}

struct DoctorOptions {
    YardOptions yard = {};
    std::filesystem::path program = {};  ///< `hexcore`, which is killed while it runs a command
};

struct DoctorReport {
    Guards guards;
    std::vector<GuardProof> proofs;

    [[nodiscard]] bool all_hold() const;
};

/// Proves each guard of cages on this machine by firing it: takes some seconds and up to 200 MiB.
/// Fails as CageYard::open() does.
[[nodiscard]] Result<DoctorReport> prove_guards(const DoctorOptions& options);

}  // namespace hexcore
