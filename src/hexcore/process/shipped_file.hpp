#pragma once

#include <filesystem>
#include <optional>
#include <vector>

namespace hexcore {

/// The file of the program that this is; empty where the system does not say.
[[nodiscard]] std::filesystem::path own_program();

/// A file or folder that comes with the program: beside it in a build folder, with its libraries
/// once it is installed. Nothing: it is in neither place.
[[nodiscard]] std::optional<std::filesystem::path> shipped_file(const std::filesystem::path& name);

/// Where that is looked for, in this order.
[[nodiscard]] std::vector<std::filesystem::path> shipped_places(const std::filesystem::path& name);

}  // namespace hexcore
