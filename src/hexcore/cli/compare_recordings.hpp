#pragma once

#include <string>

namespace hexcore {

struct CompareFlags {
    std::string before;  ///< files of recordings
    std::string now;
    std::string output;   ///< empty: a table on stdout
    std::string fail_on;  ///< a size as parse_bytes() reads it; empty: no growth is too much
};

/// Says how two recordings differ. Returns the exit code: 1 where a device grew by more than is
/// accepted.
[[nodiscard]] int compare_recordings(const CompareFlags& flags);

}  // namespace hexcore
