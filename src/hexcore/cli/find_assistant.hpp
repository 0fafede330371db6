#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "hexcore/assistant/assistant_description.hpp"
#include "hexcore/base/result.hpp"

namespace hexcore {

struct AssistantPlace {
    std::string name;
    std::filesystem::path file;
};

/// Assistants that have a name: the user's (`assistants/NAME/assistant.toml` in data_home()), then
/// those that come with the program and are not hidden by one of the user's.
[[nodiscard]] std::vector<AssistantPlace> named_assistants();

/// The file of an assistant that is given by its name or by its file. Fails with ErrorCode::usage
/// where there is neither.
[[nodiscard]] Result<std::filesystem::path> find_assistant(const std::string& name_or_file);

}  // namespace hexcore
