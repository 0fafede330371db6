#include "hexcore/base/state_home.hpp"

#include <fmt/format.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <utility>

namespace hexcore {
namespace {

namespace fs = std::filesystem;

struct HomeKind {
    const char* variable;
    const char* below_home;
};
constexpr HomeKind of_state{"XDG_STATE_HOME", ".local/state"};
constexpr HomeKind of_data{"XDG_DATA_HOME", ".local/share"};

struct NamedHome {
    const char* variable = nullptr;  ///< null: the environment names none
    fs::path folder;
};

NamedHome home_in_environment(HomeKind kind) {
    const char* named = std::getenv(kind.variable);
    if (named != nullptr && *named == '/') {
        return {kind.variable, named};
    }
    const char* home = std::getenv("HOME");
    if (home == nullptr || *home != '/') {
        return {};
    }
    return {"HOME", fs::path(home) / kind.below_home};
}

/// Whether what is there of the path is neither this user's nor the system's.
bool is_of_another_user(fs::path path) {
    struct stat facts {};
    while (::stat(path.c_str(), &facts) != 0 && path.has_relative_path()) {
        path = path.parent_path();
    }
    return facts.st_uid != ::geteuid() && facts.st_uid != 0;
}

/// Empty where the system has none for this user.
fs::path home_in_system() {
    std::array<char, 4096> texts{};
    passwd entry{};
    passwd* found = nullptr;
    if (::getpwuid_r(::geteuid(), &entry, texts.data(), texts.size(), &found) != 0 ||
        found == nullptr || found->pw_dir == nullptr || *found->pw_dir != '/') {
        return {};
    }
    return found->pw_dir;
}

StateHome find_home(HomeKind kind) {
    const NamedHome named = home_in_environment(kind);
    if (named.variable == nullptr) {
        return {};
    }
    if (!is_of_another_user(named.folder)) {
        return {named.folder / "hexcore", {}};
    }
    const fs::path home = home_in_system();
    const bool is_ours = !home.empty() && !is_of_another_user(home);
    return {is_ours ? home / kind.below_home / "hexcore" : fs::path(),
            fmt::format("{} leads to another user's folder, {}", named.variable,
                        named.folder.string())};
}

}  // namespace

StateHome find_state_home() { return find_home(of_state); }

fs::path state_home() { return find_state_home().path; }

fs::path data_home() { return find_home(of_data).path; }

fs::path cache_home() {
    for (const auto& [variable, below] :
         {std::pair("HEXCORE_CACHE", ""), std::pair("XDG_CACHE_HOME", "hexcore"),
          std::pair("HOME", ".cache/hexcore")}) {
        const char* const folder = std::getenv(variable);
        // A relative one would be another in each folder.
        if (folder != nullptr && fs::path(folder).is_absolute()) {
            return fs::path(folder) / below;
        }
    }
    return {};
}

}  // namespace hexcore
