#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "hexcore/cli/key_decoder.hpp"
#include "hexcore/cli/terminal_state.hpp"
#include "hexcore/process/interrupt.hpp"

namespace hexcore {

/// The keys of the terminal that standard input is. What nobody has asked for stays with the
/// terminal, for whoever reads from it next, as long as it has room for that.
class Keyboard {
public:
    Keyboard(const Interrupt& interrupt, TerminalState& terminal)
        : interrupt_(interrupt), terminal_(terminal) {}
    ~Keyboard() { leave_alone(); }
    Keyboard(const Keyboard&) = delete;
    Keyboard& operator=(const Keyboard&) = delete;

    /// Until leave_alone(), the terminal always has room for more, such as Ctrl-C, while nobody
    /// asks for keys.
    void keep_room();
    void leave_alone();
    enum class Event { key, interrupted, ended, resized, resumed };
    /// Waits for what comes next. Of an interrupt within a paste, that comes first which arrived.
    [[nodiscard]] Event next(Key& key);

private:
    [[nodiscard]] bool read();
    void keep_room_until_told();

    const Interrupt& interrupt_;
    TerminalState& terminal_;
    KeyDecoder decoder_;

    std::string ahead_;  ///< what was read to keep room; the thread's while it runs
    std::thread thread_;
    std::mutex mutex_;
    std::condition_variable told_;
    bool leave_alone_ = false;
};

}  // namespace hexcore
