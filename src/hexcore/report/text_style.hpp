#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hexcore/base/ids.hpp"
#include "hexcore/base/printable.hpp"

namespace hexcore {

/// Which characters a text report may use.
enum class Charset { unicode, ascii };
/// Whether a text report may use ANSI colours.
enum class Color { never, ansi };

/// How a text report looks. The caller knows the terminal and the locale; report does not ask them.
struct TextStyle {
    Charset charset = Charset::unicode;
    Color color = Color::never;
    std::size_t columns = 80;  ///< no line of a report is wider than this, numbers are never cut
};

/// Paragraphs of text are no wider than this, for they would be hard to read.
inline constexpr std::size_t report_columns = 99;

/// One character for a device: 0-9, a-z, A-Z; `*` from the 63rd device on.
[[nodiscard]] char device_symbol(DeviceId device);

/// The escape sequence that starts the colour of a device.
[[nodiscard]] std::string device_escape(DeviceId device);

/// `text` in the colour of a device where colours are asked for, else unchanged.
[[nodiscard]] std::string paint(std::string_view text, DeviceId device, Color color);

/// "1 token", "2 tokens".
[[nodiscard]] std::string plural(std::uint64_t count, std::string_view noun);

/// Columns that printable UTF-8 text takes, counting every code point as one.
[[nodiscard]] std::size_t text_columns(std::string_view text);

/// The words of `text`, with one space between them, in lines of at most `columns`. A longer word
/// has a line of its own.
[[nodiscard]] std::vector<std::string> wrap_text(std::string_view text, std::size_t columns);

/// `lead` and the wrapped `text` after it, continued under the start of the text, each line ended,
/// in at most `columns` (and report_columns).
[[nodiscard]] std::string hanging_paragraph(std::string_view lead, std::string_view text,
                                            std::size_t columns);

}  // namespace hexcore
