#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "hexcore/session/engine.hpp"

namespace hexcore {

/// What engines are at when others look at them.
struct EngineState {
    std::size_t waiting = 0;    ///< questions that wait for cells
    std::size_t answering = 0;  ///< that are being answered
    CacheStats cache = {};
    std::chrono::duration<double> age{};  ///< how long ago that was so
};

/// The one thread on which engines take their turns, for programs whose questions come from many.
/// It sleeps while nobody has a question. Safe to use from any thread, but for its end.
class EngineThread {
public:
    /// Those that there are, in whatever order. Asked on the thread before each turn, and once by
    /// whoever makes it.
    using Engines = std::function<std::vector<Engine*>()>;

    /// The engine must outlive it, and is nobody else's meanwhile.
    explicit EngineThread(Engine& engine)
        : EngineThread([&engine] { return std::vector<Engine*>{&engine}; }) {}
    /// Several, that each take a turn, one after another: contexts of one model. One may come or go
    /// in work that is posted, or with the end of another's answer.
    explicit EngineThread(Engines engines);
    ~EngineThread();  ///< as stop(Ending::now)
    EngineThread(const EngineThread&) = delete;
    EngineThread& operator=(const EngineThread&) = delete;

    /// Runs `work` on the thread, between two turns and behind what was posted before. False: the
    /// thread ends, and `work` is not going to run. Sessions are asked in such work, and what they
    /// call (on_piece, on_end) comes on the thread, too.
    [[nodiscard]] bool post(std::function<void()> work);

    /// What was so when the turn under way ended, where that takes no longer than `at_most`; else
    /// when it began. Between turns, what is so now.
    [[nodiscard]] EngineState state(std::chrono::milliseconds at_most);

    enum class Ending {
        drain,  ///< all that was asked is answered before
        now,    ///< answers end with StopReason::interrupted, also while a token is computed
    };
    /// Takes no more work, and returns when what was posted has run and nobody has a question left.
    /// A second call, with Ending::now, cuts a first one short; the thread itself must not call it.
    void stop(Ending ending);

private:
    using Clock = std::chrono::steady_clock;
    void run();
    [[nodiscard]] bool turn();
    [[nodiscard]] EngineState look() const;

    const Engines engines_;
    std::atomic<bool> stop_now_ = false;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::condition_variable ended_;
    std::vector<std::function<void()>> work_;  ///< in the order in which it was posted
    std::condition_variable looked_;
    EngineState state_;          ///< as after the last turn
    Clock::time_point as_of_;    ///< when that was
    std::uint64_t n_looks_ = 0;  ///< how often it was noted
    bool busy_ = false;          ///< it may have changed since
    bool ending_ = false;
    bool has_ended_ = false;
    std::thread thread_;  ///< the last member: it uses the others
};

}  // namespace hexcore
