#pragma once

namespace hexcore {

/// Keeps how the terminal of standard input was found, and gives it back so: at its own end, where
/// the program ends at once (end_now()), where a signal ends it, and while it is stopped (Ctrl-Z).
/// At most one lives.
class TerminalState {
public:
    TerminalState();
    ~TerminalState();
    TerminalState(const TerminalState&) = delete;
    TerminalState& operator=(const TerminalState&) = delete;

    /// From now on pastes come in brackets.
    void bracket_pastes();
    /// Before something is shown anew. A shell that brings a running program to the foreground
    /// tells it nothing.
    void claim();
    /// What happened to the terminal since it was last asked.
    enum class Change {
        none,
        resized,
        resumed,  ///< the program was stopped; others have written on the terminal
    };
    [[nodiscard]] Change take_change();
    /// As the terminal is now, while a key is waited for, it is to be again after a stop.
    void remember();
};

}  // namespace hexcore
