#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>

#include "hexcore/base/result.hpp"
#include "hexcore/cage/cage.hpp"
#include "hexcore/reserve/cage_drive.hpp"

namespace hexcore {

/// A function in a forked process that waits until it may begin. Its parent is a supervisor.
class ForkedWork {
public:
    /// Forks a child, which forks the process of the function and becomes the cage's supervisor.
    /// Fails with ErrorCode::does_not_fit where the system refuses.
    [[nodiscard]] static Result<ForkedWork> start(AdoptedCage& cage,
                                                  const std::function<std::string()>& work);
    ForkedWork(ForkedWork&& other) noexcept;
    ForkedWork& operator=(ForkedWork&&) = delete;
    ~ForkedWork();  ///< waits for the supervisor

    [[nodiscard]] FunctionPipes& pipes() { return pipes_; }
    /// What the function gave back, of what came by the pipe; nothing where that is not whole.
    [[nodiscard]] static std::optional<std::string> whole_result(const std::string& written);

private:
    ForkedWork(FunctionPipes pipes, pid_t supervisor)
        : pipes_(std::move(pipes)), supervisor_(supervisor) {}

    FunctionPipes pipes_;
    pid_t supervisor_;
};

}  // namespace hexcore
