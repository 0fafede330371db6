#include "hexcore/cli/find_assistant.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>

#include "hexcore/base/printable.hpp"
#include "hexcore/base/state_home.hpp"
#include "hexcore/process/shipped_file.hpp"

namespace hexcore {
namespace {

void add_assistants(const std::filesystem::path& folder, std::vector<AssistantPlace>& into) {
    std::error_code error;
    std::vector<AssistantPlace> found;
    for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
         entry.increment(error)) {
        std::error_code none;
        const std::string name = entry->path().filename().string();
        const auto file = entry->path() / "assistant.toml";
        const bool is_known = std::any_of(into.begin(), into.end(),
                                          [&](const auto& other) { return other.name == name; });
        if (!is_known && std::filesystem::exists(file, none)) {
            found.push_back({name, file});
        }
    }
    std::sort(found.begin(), found.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
    into.insert(into.end(), found.begin(), found.end());
}

}  // namespace

std::vector<AssistantPlace> named_assistants() {
    std::vector<AssistantPlace> all;
    if (const auto home = data_home(); !home.empty()) {
        add_assistants(home / "assistants", all);
    }
    if (const auto shipped = shipped_file("assistants")) {
        add_assistants(*shipped, all);
    }
    return all;
}

Result<std::filesystem::path> find_assistant(const std::string& name_or_file) {
    const std::filesystem::path file = name_or_file;
    if (file.has_parent_path() || file.extension() == ".toml") {
        return file;
    }
    std::string names;
    for (const AssistantPlace& place : named_assistants()) {
        if (place.name == name_or_file) {
            return place.file;
        }
        names.append(names.empty() ? "" : ", ").append(place.name);
    }
    if (names.empty()) {
        return fail(
            ErrorCode::usage,
            "there is no assistant {}, nor any other in {} or with the program; name a file",
            printable(name_or_file), (data_home() / "assistants").string());
    }
    return fail(ErrorCode::usage, "there is no assistant {}; there is {}, or name a file",
                printable(name_or_file), names);
}

}  // namespace hexcore
