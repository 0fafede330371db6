#include "hexcore/session/engine_thread.hpp"

#include <algorithm>
#include <utility>

namespace hexcore {

EngineThread::EngineThread(Engines engines)
    : engines_(std::move(engines)),
      state_(look()),
      as_of_(Clock::now()),
      thread_([this] { run(); }) {}

EngineState EngineThread::look() const {
    EngineState state;
    bool is_first = true;
    for (const Engine* engine : engines_()) {
        state.waiting += engine->waiting();
        state.answering += engine->answering();
        if (std::exchange(is_first, false)) {
            state.cache = engine->stats();
        } else {
            state.cache.add(engine->stats());
        }
    }
    return state;
}

/// Of each engine. False: nobody has a question.
bool EngineThread::turn() {
    for (Engine* engine : engines_()) {
        // The end of an answer in one before it may have taken it away.
        if (std::ranges::count(engines_(), engine) > 0) {
            (void)engine->turn(&stop_now_);
        }
    }
    // Looked at in the end: an answer that ends in one may be a question in another.
    return std::ranges::any_of(engines_(), &Engine::has_questions);
}

EngineThread::~EngineThread() {
    stop(Ending::now);
    thread_.join();
}

bool EngineThread::post(std::function<void()> work) {
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
            piece();
        }
        has_questions = turn();
        EngineState state = look();
        lock.lock();
        state_ = std::move(state);
        as_of_ = Clock::now();
        ++n_looks_;
    }
    has_ended_ = true;
    ended_.notify_all();
}

}  // namespace hexcore
