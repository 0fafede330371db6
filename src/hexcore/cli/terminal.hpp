#pragma once

#include <atomic>
#include <string>
#include <string_view>

#include "hexcore/base/result.hpp"
#include "hexcore/report/text_style.hpp"

namespace hexcore {

/// How text on stdout should look: colours and bars only on a terminal, none with NO_COLOR set,
/// ASCII where the locale is not UTF-8, as wide as the terminal; elsewhere as COLUMNS says, or 80.
[[nodiscard]] TextStyle stdout_style();
/// The same for stderr.
[[nodiscard]] TextStyle stderr_style();
[[nodiscard]] bool stdin_is_terminal();
[[nodiscard]] bool stdout_is_terminal();
[[nodiscard]] bool stderr_is_terminal();
/// Whether that is a terminal that understands escape sequences, as TERM says: not "dumb".
[[nodiscard]] bool understands_escapes(int file);
[[nodiscard]] bool stderr_has_cursor();

/// Columns of the terminal there; without one as COLUMNS says, or 80. Between 10 and 1000.
[[nodiscard]] std::size_t stdout_columns();
[[nodiscard]] std::size_t stderr_columns();

/// Writes to stdout at once. Where it cannot be written the program says why and ends with exit
/// code 1; after a reader that went away (a closed pipe) it ends quietly.
void print(std::string_view text);
/// The same for who goes on where it cannot be written: false then, and errno says why.
bool write_whole(std::string_view text);
/// Writes to stderr at once. What cannot be written there is nobody's to read: it is dropped.
void print_aside(std::string_view text);
/// Writes one line to stderr; on a terminal broken between words.
void print_paragraph_aside(std::string_view text);
/// The same; on a terminal it stands apart from what comes before.
void print_line_aside(std::string_view text);
/// Prints a sentence of the program's to stderr, without the control characters and broken UTF-8
/// that words from files can bring; on a terminal broken between words.
void complain(std::string_view message);
/// Prints the error as one paragraph to stderr; its code is the exit code.
[[nodiscard]] int report_error(const Error& error);

/// Reads a whole file of up to 64 MiB, or standard input for `-`. Fails with ErrorCode::bad_input,
/// and with interrupted soon after `stop` is set.
[[nodiscard]] Result<std::string> read_file(const std::string& path, const std::atomic<bool>* stop);

}  // namespace hexcore
