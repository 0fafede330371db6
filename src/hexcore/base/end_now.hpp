#pragma once

namespace hexcore {

/// Ends the program without unwinding anything, in a signal handler or from any thread: other
/// threads may be running still. What before_end_now() was given is done first.
[[noreturn]] void end_now(int exit_code) noexcept;

/// What end_now() does first; null: nothing. It may do only what signal handlers may.
void before_end_now(void (*act)()) noexcept;

}  // namespace hexcore
