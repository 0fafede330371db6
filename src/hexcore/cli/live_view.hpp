#pragma once

namespace hexcore {

/// Shows what runs now until somebody leaves it; where there is no terminal, or one without a
/// cursor that can be moved, a line a second. Returns the exit code. In the program's main thread,
/// before other threads are started.
[[nodiscard]] int show_live_view();

}  // namespace hexcore
