#pragma once

#include <atomic>

namespace hexcore {

/// Catches Ctrl-C and SIGTERM while it lives; at most one does. The first sets the flag, so that
/// what is running can end in order; should_quit() tells that the whole program is meant. A second
/// one, 200 ms or more after a first that was not taken note of, ends the program at once with exit
/// code 130, whatever it is waiting for.
class Interrupt {
public:
    /// Is told which flag ends waits that cannot be given one (for RPC servers, in threads of
    /// ggml's); null: none does.
    using EndsWaits = void (*)(const std::atomic<bool>* flag);

    /// Null: there are no such waits.
    explicit Interrupt(EndsWaits ends_waits);
    ~Interrupt();
    Interrupt(const Interrupt&) = delete;
    Interrupt& operator=(const Interrupt&) = delete;

    [[nodiscard]] const std::atomic<bool>* flag() const;
    [[nodiscard]] bool happened() const;
    /// After SIGTERM.
    [[nodiscard]] bool should_quit() const;
    /// Takes note of a first one, so that the next counts as a first again.
    void clear();
    /// The same of a SIGTERM, for whoever ends in order and is to be told of one more.
    void start_over();
    /// From now on the first Ctrl-C ends an answer only, and leaves such waits alone.
    void is_of_answers();

private:
    EndsWaits ends_waits_;
};

}  // namespace hexcore
