#pragma once

#include <sys/types.h>

#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "hexcore/base/result.hpp"
#include "hexcore/cage/cage.hpp"

namespace hexcore {

/// A supervisor that is going to be a child of this process.
struct SupervisorStart {
    std::filesystem::path program;
    std::vector<std::string> words;        ///< without the program's name
    std::vector<std::string> environment;  ///< the command's, each NAME=value
    int control = -1;                      ///< keeps its number
    int output = -1;  ///< its stdout and stderr, unless it is in the foreground
    CagePlace place = CagePlace::apart;
    bool can_be_ready = true;  ///< one that is there before there is a command for it will do
    const sigset_t* held_signals = nullptr;  ///< of a command in the foreground
};

/// Fails with ErrorCode::does_not_fit where the system refuses, and with ErrorCode::usage where it
/// cannot be started.
[[nodiscard]] Result<pid_t> spawn_supervisor(const SupervisorStart& start);

/// `wanted`, or hexcore-supervisor beside this program, beside the library that this code is in, in
/// the folder of Hexcore's libraries from the program's, or in PATH. Fails with ErrorCode::usage.
[[nodiscard]] Result<std::filesystem::path> find_supervisor(const std::filesystem::path& wanted);

}  // namespace hexcore
