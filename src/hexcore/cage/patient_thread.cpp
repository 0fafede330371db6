#include "hexcore/cage/patient_thread.hpp"

#include <utility>

namespace hexcore {

PatientThread::PatientThread(Work work, std::chrono::milliseconds longest)
    : state_(std::make_shared<State>()),
      patience_(longest),
      thread_([state = state_, work = std::move(work)]() mutable {
          work(state->stop);
          work = nullptr;  // what it holds is gone before anybody goes on
          state->has_ended = true;
      }) {}

PatientThread::~PatientThread() {
    constexpr std::chrono::milliseconds between_looks{1};
    const auto deadline = std::chrono::steady_clock::now() + patience_;
    state_->stop = true;
    while (!state_->has_ended && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::sleep_for(between_looks);
    }
    if (state_->has_ended) {
        thread_.join();
    } else {
        thread_.detach();
    }
}

}  // namespace hexcore
