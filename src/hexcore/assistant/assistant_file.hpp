#pragma once

#include <filesystem>
#include <string>

#include "hexcore/assistant/assistant_description.hpp"
#include "hexcore/base/result.hpp"

namespace hexcore {

/// Reads an assistant's file and the questions that it names (docs/formats/assistant-toml.md).
/// Fails with ErrorCode::bad_input for what it cannot mean, with file, line and key.
[[nodiscard]] Result<AssistantDescription> read_assistant(const std::filesystem::path& file);
/// The same of a text, which messages call `name`; paths in it begin at `folder`.
[[nodiscard]] Result<AssistantDescription> parse_assistant(const std::string& text,
                                                           const std::string& name,
                                                           const std::filesystem::path& folder);

}  // namespace hexcore
