#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace hexcore {

/// Says on stderr of each of those labels whether its repeats left memory behind. The exit code: 1
/// if those of one did, 2 if there is no such label in the recording, 0 otherwise.
[[nodiscard]] int judge_neutral(const std::filesystem::path& recording,
                                const std::vector<std::string>& labels);

}  // namespace hexcore
