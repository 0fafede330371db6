#pragma once

#include <optional>

namespace hexcore {

/// The other side of examine_apart(), in the process that it started: does what the arguments ask
/// and tells its steps. The exit code where these are its arguments, else nothing.
[[nodiscard]] std::optional<int> run_examination(int argc, char** argv);

}  // namespace hexcore
