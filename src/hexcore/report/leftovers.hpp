#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "hexcore/base/bytes.hpp"
#include "hexcore/report/text_style.hpp"

namespace hexcore {

enum class LeftoverKind {
    parked,       ///< a folder of parked sessions
    unfinished,   ///< a file that was being written
    examination,  ///< a process that tries out a file for one that has ended
    worker,       ///< a process that has a model for one that has ended
    watch,        ///< a folder by which programs told a watcher that has died
};
[[nodiscard]] const char* to_string(LeftoverKind kind);

/// What a run of this user that died left behind.
struct Leftover {
    LeftoverKind kind = LeftoverKind::parked;
    std::string path = {};                  ///< the folder or file; of a process its model's
    std::optional<std::uint32_t> pid = {};  ///< of a process
    Bytes bytes = {};          ///< of the files, or of main memory that the process holds
    bool ended = false;        ///< removed, or killed, just now
    std::string problem = {};  ///< why it could not be
};

/// A sentence for each that is left.
[[nodiscard]] std::vector<std::string> why_left(const std::vector<Leftover>& leftovers);

/// Whether nothing is left, or no longer.
[[nodiscard]] bool all_ended(const std::vector<Leftover>& leftovers);

/// A "hexcore.reset/1" document without devices (docs/formats/reset.md). json_text() makes it text.
[[nodiscard]] nlohmann::ordered_json leftovers_json(const std::vector<Leftover>& leftovers);

[[nodiscard]] std::string leftovers_table(const std::vector<Leftover>& leftovers,
                                          TextStyle style = {});

}  // namespace hexcore
