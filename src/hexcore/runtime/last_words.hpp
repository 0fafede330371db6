#pragma once

namespace hexcore {

/// From now on the program ends with a sentence and an exit code where ggml would abort it: 5 where
/// the connection to an RPC server is lost, 3 where memory ran out, 4 for everything else, which a
/// model's file has brought about. So it does, with 3, where nobody catches that the system refused
/// memory or a thread; any other exception that nobody catches is a bug, and aborts it with its
/// words. ggml knows no other answer; what it held goes with the program. For programs, not for
/// libraries: it holds for the whole process, and so does that SIGPIPE and SIGXFSZ are ignored from
/// then on (writing to a pipe or socket that nobody reads, or to a file at the limit of its size,
/// fails instead).
void end_program_with_a_sentence();

/// For a process that examines a file: the bare words of an abort and of any exception, for whoever
/// started it, and an exit code that no command has; with a sentence and 3 where memory ran out.
void end_examination_with_last_words();

}  // namespace hexcore
