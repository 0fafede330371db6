#pragma once

namespace hexcore {

/// What a guard has to hold against, done by this very program for `hexcore doctor`:
/// `--misdeed NAME NUMBER`. Whatever becomes of the guard, all of it ends by itself after a minute.
/// Returns the exit code; 2 for a name that is none.
[[nodiscard]] int do_misdeed(const char* name, int number);

}  // namespace hexcore
