#pragma once

#include <filesystem>
#include <vector>

#include "hexcore/base/private_file.hpp"
#include "hexcore/device/folder_space.hpp"
#include "hexcore/device/measured_device.hpp"
#include "hexcore/device/proc_root.hpp"
#include "hexcore/report/leftovers.hpp"
#include "hexcore/session/state_folder.hpp"
#include "hexcore/track/watch_folder.hpp"

namespace hexcore {

/// Where runs leave something.
struct LeftoverPlaces {
    std::filesystem::path parking = default_parking_folder();
    std::filesystem::path measured = measured_devices_path();
    std::filesystem::path notes = private_file_notes();
    std::filesystem::path watches = watch_folders_home();
    ProcRoot root = {};  ///< where processes are looked up
};

/// How a process that has a model for another begins: `serve`, this, and that one's pid.
[[nodiscard]] const char* worker_mark();

/// What runs of this user that died left on this machine: parked sessions, files that were being
/// written, folders of watchers, examinations that nobody waits for, and workers that nobody asks.
/// Nothing of runs that live, of other users, or of other process namespaces; symbolic links are
/// not followed. Saved sessions are not among them, nor are turns to load, which end with their
/// process.
[[nodiscard]] std::vector<Leftover> find_leftovers(const LeftoverPlaces& places = {});

/// Of these the folders of parked sessions.
[[nodiscard]] std::vector<Leftover> find_left_parking(const std::filesystem::path& parking);

/// The room for files of parked sessions: what is free on their disk, and what dead processes left
/// there, which the next that parks removes.
[[nodiscard]] FolderSpace parking_space(
    const std::filesystem::path& folder = default_parking_folder());

/// Removes or kills each, if it still is what was found, and says so in it.
void end_leftovers(std::vector<Leftover>& leftovers, const LeftoverPlaces& places = {});

}  // namespace hexcore
