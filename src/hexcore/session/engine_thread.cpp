#include "hexcore/session/engine_thread.hpp"

#include <utility>

namespace hexcore {

namespace {

EngineState state_of(const Engine& engine) {
    return {.waiting = engine.waiting(), .answering = engine.answering(), .cache = engine.stats()};
}

}  // namespace

EngineThread::EngineThread(Engine& engine)
    : engine_(engine), state_(state_of(engine)), as_of_(Clock::now()), thread_([this] { run(); }) {}

EngineThread::~EngineThread() {
    stop(Ending::now);
    thread_.join();
}

bool EngineThread::post(std::function<void(Engine&)> work) {
    {
        const std::lock_guard lock(mutex_);
        if (ending_) {
            return false;
        }
        work_.push_back(std::move(work));
    }
    wake_.notify_one();
    return true;
}

EngineState EngineThread::state(std::chrono::milliseconds at_most) {
    std::unique_lock lock(mutex_);
    const std::uint64_t seen = n_looks_;
    const auto is_idle = [this] { return !busy_ && (work_.empty() || has_ended_); };
    (void)looked_.wait_for(lock, at_most, [&] { return is_idle() || n_looks_ != seen; });
    EngineState state = state_;
    if (!is_idle()) {
        state.age = Clock::now() - as_of_;
    }
    return state;
}

void EngineThread::stop(Ending ending) {
    std::unique_lock lock(mutex_);
    ending_ = true;
    if (ending == Ending::now) {
        stop_now_ = true;
    }
    wake_.notify_one();
    ended_.wait(lock, [this] { return has_ended_; });
}

void EngineThread::run() {
    bool has_questions = false;
    std::unique_lock lock(mutex_);
    for (;;) {
        busy_ = has_questions;
        looked_.notify_all();
        if (!has_questions) {
            wake_.wait(lock, [this] { return ending_ || !work_.empty(); });
        }
        if (!has_questions && work_.empty()) {
            break;  // it ends
        }
        const auto work = std::exchange(work_, {});
        busy_ = true;
        lock.unlock();
        for (const auto& piece : work) {
            piece(engine_);
        }
        has_questions = engine_.turn(&stop_now_);
        EngineState state = state_of(engine_);
        lock.lock();
        state_ = std::move(state);
        as_of_ = Clock::now();
        ++n_looks_;
    }
    has_ended_ = true;
    ended_.notify_all();
}

}  // namespace hexcore
