#pragma once

#include <istream>
#include <string>

#include "hexcore/base/result.hpp"

namespace hexcore {

/// Reads what a stream holds, up to 64 MiB: a file, or a pipe until it ends. Fails with
/// ErrorCode::bad_input for more (as /dev/zero has) and for what cannot be read (a directory, a
/// name that could not be opened), saying which `name` it was.
[[nodiscard]] Result<std::string> read_text(std::istream& from, const std::string& name);

}  // namespace hexcore
