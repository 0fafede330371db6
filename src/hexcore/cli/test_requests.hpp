#pragma once

#include <termios.h>

#include <memory>
#include <vector>

#include "hexcore/isolate/run_requests.hpp"
#include "hexcore/process/held_signals.hpp"

namespace hexcore {

/// What the user of `hexcore test` asks of it meanwhile: Ctrl-C and SIGTERM once to end in order,
/// once more to end at once; SIGUSR1, or `t` on a terminal, to say what runs. At most one lives, in
/// the program's main thread, before other threads are started.
class TestRequests : public RunRequests {
public:
    TestRequests();
    ~TestRequests() override;

    [[nodiscard]] std::vector<int> descriptors() const override;
    [[nodiscard]] Request take() override;

private:
    void have_keys();
    void leave_keys();
    [[nodiscard]] bool is_t_pressed() const;

    HeldSignals signals_;
    termios found_{};
    bool has_keys_ = false;
    bool stops_ = false;
};

}  // namespace hexcore
