#pragma once

#include <filesystem>

namespace hexcore {

/// What this user's runs keep: `$XDG_STATE_HOME/hexcore`, or below the home folder
/// `.local/state/hexcore`; empty where neither is known.
[[nodiscard]] std::filesystem::path state_home();

}  // namespace hexcore
