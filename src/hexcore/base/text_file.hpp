#pragma once

#include <atomic>
#include <string>

#include "hexcore/base/result.hpp"

namespace hexcore {

/// Reads what an open file holds from where it stands, up to 64 MiB: a file, or a pipe or terminal
/// until it ends. Fails with ErrorCode::bad_input for more (as /dev/zero has) and for what cannot
/// be read (a directory), saying which `name` it was; with interrupted within a tenth of a second
/// after `stop` (null: never) is set.
[[nodiscard]] Result<std::string> read_text(int descriptor, const std::string& name,
                                            const std::atomic<bool>* stop = nullptr);

/// The same for the file at `path`, which may be a pipe that nobody has opened for writing yet.
[[nodiscard]] Result<std::string> read_text_file(const std::string& path, const std::string& name,
                                                 const std::atomic<bool>* stop = nullptr);

}  // namespace hexcore
