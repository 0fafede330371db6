#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hexcore/base/bytes.hpp"
#include "hexcore/device/proc_root.hpp"

namespace hexcore {

/// A process that holds main memory which the kernel cannot take back: its own pages and shared
/// ones, without the page cache.
struct MemoryHolder {
    std::uint32_t pid = 0;
    std::string command;  ///< as command_of() gives it
    Bytes bytes;
};

/// `python3 train.py`: the program, and its first argument unless that is an option (what follows
/// may be secret). Empty where it cannot be told, also for a process that ends meanwhile.
[[nodiscard]] std::string command_of(const ProcRoot& root, std::uint32_t pid);

/// The words of a process's command line, the program's name first; `folder` is its folder in
/// /proc. Empty where it cannot be told.
[[nodiscard]] std::vector<std::string> command_words(const ProcRoot& root,
                                                     const std::string& folder);

/// What a process, a pid or `self`, holds of it: RssAnon and RssShmem of its status file. Nothing
/// for a kernel thread, which has neither, for one that has ended, and where the kernel does not
/// tell.
[[nodiscard]] std::optional<Bytes> memory_of_process(const ProcRoot& root,
                                                     std::string_view process);

/// The most that a process, a pid or `self`, ever had in main memory since it became this program,
/// file pages included: VmHWM of its status file. Nothing for one that has ended.
[[nodiscard]] std::optional<Bytes> high_water_of_process(const ProcRoot& root,
                                                         std::string_view process);

/// Of one status file: as which program a process runs, and the most that it had as that.
struct ProcessStatus {
    std::string name = {};                 ///< as the kernel cuts it; it may change that itself
    std::optional<Bytes> high_water = {};  ///< as high_water_of_process() gives it
};
[[nodiscard]] ProcessStatus status_of_process(const ProcRoot& root, std::string_view process);

/// What a process has in main memory: all of it, and with a share only of each page for each
/// process that has it, too.
struct SharedMemory {
    Bytes resident;
    Bytes once;
};
/// That of a process, a pid or `self`: Rss and Pss of its smaps_rollup, for which the kernel goes
/// through every page. Of one that may not be asked (another user's program) its resident pages for
/// both. Nothing for one that has ended.
[[nodiscard]] std::optional<SharedMemory> shared_memory_of_process(const ProcRoot& root,
                                                                   std::string_view process);
/// Whether the kernel tells that (Linux does from 4.14 on).
[[nodiscard]] bool tells_shared_memory(const ProcRoot& root);

/// The processes that hold most, at most `count`, the largest first, without this one. Only those
/// that this process can see: none where /proc cannot be listed. With a control group's folder only
/// those in it, since nobody else uses up what it may take.
[[nodiscard]] std::vector<MemoryHolder> largest_memory_holders(const ProcRoot& root,
                                                               std::size_t count,
                                                               const std::string& cgroup_path = {});

}  // namespace hexcore
