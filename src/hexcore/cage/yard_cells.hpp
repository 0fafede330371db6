#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hexcore/base/file_descriptor.hpp"
#include "hexcore/base/result.hpp"
#include "hexcore/cage/control_cell.hpp"
#include "hexcore/cage/guards.hpp"

namespace hexcore {

/// A folder of control groups for the cells of this process, locked as long as it lives: one
/// without a lock is a dead process's.
class YardFolder {
public:
    /// In the group `parent`. Removes those of dead processes that are there.
    [[nodiscard]] static Result<YardFolder> make(const std::string& parent);
    YardFolder(YardFolder&& other) noexcept = default;
    YardFolder& operator=(YardFolder&&) = delete;
    ~YardFolder();

    [[nodiscard]] const std::string& path() const { return path_; }

private:
    YardFolder(std::string path, FileDescriptor lock)
        : path_(std::move(path)), lock_(std::move(lock)) {}

    std::string path_;
    FileDescriptor lock_;
};

/// Which guards are asked for; nothing: the best that there is.
struct WantedGuards {
    std::optional<MemoryGuard> memory = {};
    std::optional<KillGuard> kill = {};
};

/// The control groups of a yard: where they can be made, and those that no cage has just now.
class YardCells {
public:
    /// Finds out what there is; `guards` says it. Fails with ErrorCode::missing_device where what
    /// is wanted is not there.
    [[nodiscard]] static Result<std::unique_ptr<YardCells>> open(const WantedGuards& wanted,
                                                                 Guards& guards);

    /// A cell that is set up; null: there are no control groups.
    [[nodiscard]] Result<std::unique_ptr<ControlCell>> take(const CageLimits& limits);
    void give_back(std::unique_ptr<ControlCell> cell);

private:
    YardCells() = default;
    [[nodiscard]] std::optional<std::string> open_memory_v2();
    [[nodiscard]] std::optional<std::string> open_memory_v1();
    [[nodiscard]] std::optional<std::string> open_kill();
    void open_processes(Guards& guards);

    std::vector<YardFolder> yards_;
    CellFolders parents_;  ///< where each kind of group is made
    std::vector<std::unique_ptr<ControlCell>> free_;
    std::uint64_t made_ = 0;
};

}  // namespace hexcore
