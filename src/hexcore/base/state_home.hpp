#pragma once

#include <filesystem>
#include <string>

namespace hexcore {

struct StateHome {
    std::filesystem::path path;  ///< empty: none is known
    /// Why it is not where the environment says, as part of a sentence; empty: it is there.
    std::string why_elsewhere;
};

/// What this user's runs keep: `$XDG_STATE_HOME/hexcore`, or below the home folder
/// `.local/state/hexcore`. Where the environment names another user's folder, as with `sudo -E`, it
/// is below the home folder that the system has for this user: files there could not be removed by
/// the other one.
[[nodiscard]] StateHome find_state_home();
/// Its path.
[[nodiscard]] std::filesystem::path state_home();

}  // namespace hexcore
