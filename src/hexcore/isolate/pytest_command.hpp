#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "hexcore/base/result.hpp"

namespace hexcore {

/// Whether the words run pytest: `pytest`, `python3 -m pytest`, `coverage run -m pytest`, `uv run
/// pytest`.
[[nodiscard]] bool is_pytest(const std::vector<std::string>& words);

/// The folder that Python imports the package pytest_hexcore from: beside this program or a folder
/// above it, as in a build folder, or where it is installed. Fails with ErrorCode::usage where it
/// is in neither.
[[nodiscard]] Result<std::filesystem::path> pytest_plugin_folder();

/// The variables by which a pytest loads the plugin and finds this process, "NAME=value";
/// docs/formats/pytest-channel.md.
[[nodiscard]] std::vector<std::string> pytest_variables(const std::filesystem::path& plugin_folder,
                                                        std::string_view channel);

}  // namespace hexcore
