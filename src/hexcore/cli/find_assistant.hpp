#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "hexcore/base/result.hpp"

namespace hexcore {

/// Who is asked where nobody is named.
inline constexpr const char* default_assistant = "magic";

struct AssistantPlace {
    std::string name;
    std::filesystem::path file;
};

/// Assistants that have a name: the user's (`assistants/NAME/assistant.toml` in data_home()), then
/// those that come with the program and are not hidden by one of the user's.
[[nodiscard]] std::vector<AssistantPlace> named_assistants();
/// The latter.
[[nodiscard]] std::vector<AssistantPlace> shipped_assistants();

/// Where they would be, where there are none, as a sentence without its point.
[[nodiscard]] std::string no_assistants();

/// The file of an assistant that is given by its name, its file, or the folder of its file. Fails
/// with ErrorCode::usage where there is no such name.
[[nodiscard]] Result<std::filesystem::path> find_assistant(const std::string& given);

}  // namespace hexcore
