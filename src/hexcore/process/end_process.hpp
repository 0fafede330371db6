#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>

#include "hexcore/base/result.hpp"

namespace hexcore {

/// Kills the process with that number and waits until it has ended. `is_it` is asked once the
/// number can no longer become another process's. Fails with ErrorCode::negative where the answer
/// is no, where it may not be killed, and where it has not ended at the deadline (it hangs in the
/// kernel). One that has ended already is no failure.
[[nodiscard]] Result<void> end_process(pid_t pid, const std::function<bool()>& is_it,
                                       std::chrono::milliseconds deadline);

}  // namespace hexcore
