#pragma once

#include <chrono>
#include <string_view>

#include "hexcore/base/result.hpp"

namespace hexcore {

/// Reads `500ms`, `30s`, `1.5s`, `10min` (or `10m`), `2h`, or plain seconds. Fails with
/// ErrorCode::usage for anything else: a sign, an unknown unit, nothing at all (0), or more than a
/// year.
[[nodiscard]] Result<std::chrono::milliseconds> parse_duration(std::string_view text);

}  // namespace hexcore
