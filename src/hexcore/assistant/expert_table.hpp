#pragma once

#include <filesystem>
#include <string_view>

#include "hexcore/assistant/assistant_description.hpp"
#include "hexcore/assistant/toml_values.hpp"

namespace hexcore {

/// Reads one [[expert]] of an assistant's file, whose paths begin at `folder`. For source files
/// alone, as TomlValues.
[[nodiscard]] Result<ExpertDescription> read_expert_table(const toml::table& table,
                                                          const TomlValues& values,
                                                          const std::filesystem::path& folder);

/// 1 to 32 small letters, digits and `others`.
[[nodiscard]] bool is_name_of(std::string_view name, std::string_view others);

}  // namespace hexcore
