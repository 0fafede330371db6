#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <string_view>

#include "hexcore/base/bytes.hpp"
#include "hexcore/device/folder_space.hpp"
#include "hexcore/device/load_turn.hpp"
#include "hexcore/device/proc_root.hpp"
#include "hexcore/runtime/context_options.hpp"

namespace hexcore {

/// How far the reading of a model's tensors has come.
struct ReadProgress {
    Bytes done;
    Bytes total;  ///< what is really read: not what stays in libllama's mapping of the file
};

struct LoadOptions {
    ContextOptions context;
    /// Called about twenty times a second while tensors are read; false stops the load.
    std::function<bool(ReadProgress)> progress = {};
    /// Set from anywhere (a signal handler) to stop the load. May be null.
    const std::atomic<bool>* stop = nullptr;
    /// Fail where a tensor holds a NaN or an infinity.
    bool verify_data = false;
    /// Where the machine's free memory is read from.
    ProcRoot root = {};
    /// Tells where files of parked sessions go, and what is free there; empty: nobody knows.
    std::function<FolderSpace()> parking_space = {};
    /// Loads in the same queue see what is free and commit it one after another.
    std::string queue = load_queue();
    /// Is told in a sentence whom the load waits for when that takes longer than a second, and what
    /// this process no longer used and gave back first, where it was 4 MiB or more.
    std::function<void(std::string_view)> tell = {};
};

}  // namespace hexcore
