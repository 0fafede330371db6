#include "hexcore/session/engine_thread.hpp"

#include <utility>

namespace hexcore {

EngineThread::EngineThread(Engine& engine) : engine_(engine), thread_([this] { run(); }) {}

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
        if (!has_questions) {
            wake_.wait(lock, [this] { return ending_ || !work_.empty(); });
        }
        if (!has_questions && work_.empty()) {
            break;  // it ends
        }
        const auto work = std::exchange(work_, {});
        lock.unlock();
        for (const auto& piece : work) {
            piece(engine_);
        }
        has_questions = engine_.turn(&stop_now_);
        lock.lock();
    }
    has_ended_ = true;
    ended_.notify_all();
}

}  // namespace hexcore
