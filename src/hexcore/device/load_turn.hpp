#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "hexcore/base/file_descriptor.hpp"
#include "hexcore/base/result.hpp"

namespace hexcore {

/// How a load waits for its turn.
struct TurnOptions {
    /// Loads wait for those with the same name only.
    std::string queue = {};
    /// Ends the wait within a tenth of a second when it is set. May be null.
    const std::atomic<bool>* stop = nullptr;
    /// Is told whom a wait is for, once it is longer than `told_after`, and why a load goes on
    /// without its turn.
    std::function<void(std::string_view sentence)> tell = {};
    std::chrono::milliseconds told_after{1'000};
    /// Who has the turn for longer counts as frozen.
    std::chrono::milliseconds longest_turn{60'000};
};

/// The queue that HEXCORE_LOAD_QUEUE names, or the one of everybody who names none.
[[nodiscard]] std::string load_queue();

/// The turn to see what memory is free and to commit it: of the processes of a machine that wait
/// for it in one queue, one has it at a time, so that nobody counts on what another is taking. It
/// ends with this object, or with the process, however that ends.
///
/// Having the turn is having the queue's name as a listening socket in the abstract namespace,
/// which is the kernel's and needs no file, no permission and no cleaning up. Who waits is
/// connected to it: that tells the holder's process, and hangs up when the turn ends.
class LoadTurn {
public:
    /// Waits until it has the turn. Goes on without it, and tells so, where one process has had it
    /// for `longest_turn` or where the system gives no sockets: it is a courtesy among loads, and
    /// not what keeps budgets. Fails with ErrorCode::interrupted only.
    [[nodiscard]] static Result<LoadTurn> wait(const TurnOptions& options);

    [[nodiscard]] bool is_held() const { return socket_.is_open(); }

private:
    explicit LoadTurn(FileDescriptor socket) : socket_(std::move(socket)) {}

    FileDescriptor socket_;
};

}  // namespace hexcore
