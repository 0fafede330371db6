#pragma once

#include <string>
#include <string_view>

namespace hexcore {

/// Whether a question goes on in the next line: it ends with a backslash, or begins with `"""`,
/// which nothing closes yet (also behind `/system`).
[[nodiscard]] bool goes_on(std::string_view typed);

/// What is meant by a question that was typed: without the marks of a `"""` block.
[[nodiscard]] std::string meant_by(std::string_view typed);

}  // namespace hexcore
