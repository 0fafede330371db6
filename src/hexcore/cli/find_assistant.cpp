#include "hexcore/cli/find_assistant.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>
#include <system_error>

#include "hexcore/base/printable.hpp"
#include "hexcore/base/state_home.hpp"
#include "hexcore/process/shipped_file.hpp"

namespace hexcore {
namespace {

constexpr const char* folder_name = "assistants";
constexpr const char* file_name = "assistant.toml";

void add_assistants(const std::filesystem::path& folder, std::vector<AssistantPlace>& into) {
    std::error_code error;
    std::vector<AssistantPlace> found;
    for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
         entry.increment(error)) {
        std::error_code unreadable;
        const std::string name = entry->path().filename().string();
        const auto file = entry->path() / file_name;
        const bool is_known = std::any_of(into.begin(), into.end(),
                                          [&](const auto& other) { return other.name == name; });
        if (!is_known && std::filesystem::exists(file, unreadable)) {
            found.push_back({name, file});
        }
    }
    std::sort(found.begin(), found.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
    into.insert(into.end(), found.begin(), found.end());
}

}  // namespace

std::vector<AssistantPlace> shipped_assistants() {
    std::vector<AssistantPlace> all;
    if (const auto shipped = shipped_file(folder_name)) {
        add_assistants(*shipped, all);
    }
    return all;
}

std::vector<AssistantPlace> named_assistants() {
    std::vector<AssistantPlace> all;
    if (const auto home = data_home(); !home.empty()) {
        add_assistants(home / folder_name, all);
    }
    if (const auto shipped = shipped_file(folder_name)) {
        add_assistants(*shipped, all);
    }
    return all;
}

std::string no_assistants() {
    std::vector<std::filesystem::path> places = shipped_places(folder_name);
    if (const auto home = data_home(); !home.empty()) {
        places.insert(places.begin(), home / folder_name);
    }
    std::string text;
    for (std::size_t i = 0; i < places.size(); ++i) {
        text.append(i == 0 ? "" : i + 1 == places.size() ? " or " : ", ").append(places[i]);
    }
    return "no assistant is installed in " + text;
}

Result<std::filesystem::path> find_assistant(const std::string& given) {
    const std::filesystem::path path = given;
    std::error_code error;
    const auto within = path / file_name;
    if (path.has_parent_path() || path.extension() == ".toml" || given.starts_with('.')) {
        return std::filesystem::is_directory(path, error) ? within : path;
    }
    constexpr std::string_view what_to_give = "give a name, a file or its folder";
    if (given.empty()) {
        return fail(ErrorCode::usage, "no assistant is named; {}", what_to_give);
    }
    std::vector<std::string> names;
    for (const AssistantPlace& place : named_assistants()) {
        if (place.name == given) {
            return place.file;
        }
        names.push_back(place.name);
    }
    if (std::filesystem::exists(within, error)) {
        return within;
    }
    return fail(ErrorCode::usage, "there is no assistant {}{}; {}", printable(given),
                names.empty() ? ": " + no_assistants()
                              : fmt::format("; there {} {}", names.size() == 1 ? "is" : "are",
                                            fmt::join(names, ", ")),
                what_to_give);
}

}  // namespace hexcore
