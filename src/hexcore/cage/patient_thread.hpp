#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <thread>

namespace hexcore {

/// Work in a thread of its own that may hang in somebody else's code, as a driver's. Its end is
/// waited for, so that it is not at work while the process's own objects are being destroyed; but
/// not for ever.
class PatientThread {
public:
    using Work = std::function<void(const std::atomic<bool>& stop)>;

    /// `work` returns soon after `stop`. What it uses has to live as long as it does.
    PatientThread(Work work, std::chrono::milliseconds longest);
    ~PatientThread();  ///< asks it to stop, and leaves it alone after `longest`
    PatientThread(const PatientThread&) = delete;
    PatientThread& operator=(const PatientThread&) = delete;

private:
    struct State {
        std::atomic<bool> stop{false};
        std::atomic<bool> has_ended{false};
    };

    std::shared_ptr<State> state_;  ///< with the thread, which may outlive this
    std::chrono::milliseconds patience_;
    std::thread thread_;
};

}  // namespace hexcore
