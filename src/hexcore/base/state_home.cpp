#include "hexcore/base/state_home.hpp"

#include <fmt/format.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

namespace hexcore {
namespace {

namespace fs = std::filesystem;

struct NamedState {
    const char* variable = nullptr;  ///< null: the environment names none
    fs::path folder;
};

NamedState state_in_environment() {
    const char* state = std::getenv("XDG_STATE_HOME");
    if (state != nullptr && *state == '/') {
        return {"XDG_STATE_HOME", state};
    }
    const char* home = std::getenv("HOME");
    if (home == nullptr || *home != '/') {
        return {};
    }
    return {"HOME", fs::path(home) / ".local" / "state"};
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

}  // namespace

StateHome find_state_home() {
    const NamedState named = state_in_environment();
    if (named.variable == nullptr) {
        return {};
    }
    if (!is_of_another_user(named.folder)) {
        return {named.folder / "hexcore", {}};
    }
    const fs::path home = home_in_system();
    const bool is_ours = !home.empty() && !is_of_another_user(home);
    return {is_ours ? home / ".local" / "state" / "hexcore" : fs::path(),
            fmt::format("{} leads to another user's folder, {}", named.variable,
                        named.folder.string())};
}

fs::path state_home() { return find_state_home().path; }

}  // namespace hexcore
