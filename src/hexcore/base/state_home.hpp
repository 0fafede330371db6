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

/// What this user gave the program to keep: `$XDG_DATA_HOME/hexcore`, or `.local/share/hexcore`
/// below the home folder; otherwise as the above. Empty: none is known.
[[nodiscard]] std::filesystem::path data_home();

/// What can be made again: `$HEXCORE_CACHE`, else `hexcore` in `$XDG_CACHE_HOME` or in `.cache` of
/// the home folder. Empty: none is known.
[[nodiscard]] std::filesystem::path cache_home();

}  // namespace hexcore
