#include "hexcore/base/state_home.hpp"

#include <cstdlib>

namespace hexcore {

std::filesystem::path state_home() {
    const char* state = std::getenv("XDG_STATE_HOME");
    if (state != nullptr && *state == '/') {
        return std::filesystem::path(state) / "hexcore";
    }
    const char* home = std::getenv("HOME");
    if (home == nullptr || *home != '/') {
        return {};
    }
    return std::filesystem::path(home) / ".local" / "state" / "hexcore";
}

}  // namespace hexcore
