#pragma once

#include <filesystem>
#include <optional>

namespace hexcore {

/// A file or folder that comes with the program: beside it in a build folder, with its libraries
/// once it is installed. Nothing: it is in neither place.
[[nodiscard]] std::optional<std::filesystem::path> shipped_file(const std::filesystem::path& name);

}  // namespace hexcore
