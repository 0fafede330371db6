#pragma once

#include <string>
#include <string_view>

namespace hexcore {

/// What a program wrote, as lines that can be shown anywhere: escape sequences for terminals left
/// out, a carriage return as the end of a line, tabs kept, other control characters and what is not
/// UTF-8 as `?`.
[[nodiscard]] std::string output_lines(std::string_view raw);

}  // namespace hexcore
