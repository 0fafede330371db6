#pragma once

namespace hexcore {

/// From now on the program ends with exit code 5 and a sentence where the connection to an RPC
/// server is lost. ggml's RPC client knows no other answer to that than to abort the program; what
/// it held on other devices goes with it. For programs, not for libraries: it holds for the whole
/// process, and so does that SIGPIPE is ignored from then on (writing to a pipe or socket that
/// nobody reads fails with EPIPE instead).
void end_program_where_a_server_is_gone();

}  // namespace hexcore
