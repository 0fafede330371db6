#pragma once

#include <atomic>
#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "hexcore/base/file_descriptor.hpp"
#include "hexcore/base/result.hpp"
#include "hexcore/reserve/reservation_record.hpp"

namespace hexcore {

/// Where this user's reservations are.
[[nodiscard]] std::filesystem::path reservations_home();

/// What is in the folder.
struct ReservationsRead {
    std::vector<ReservationRecord> records = {};  ///< that hold or wait, by ticket
    std::vector<std::string> ignored = {};        ///< sentences on files that say nothing usable
};

/// The folder, while nobody else reads or changes it. Ends with this object, or the process.
class FolderTurn {
public:
    FolderTurn(FolderTurn&&) noexcept = default;
    FolderTurn& operator=(FolderTurn&&) = delete;
    ~FolderTurn();

    /// Reads all, and removes what dead processes left. Fails with ErrorCode::negative where
    /// something there cannot be seen, which could be anything.
    [[nodiscard]] Result<ReservationsRead> read() const;
    /// A name for a file of this process that is not there.
    [[nodiscard]] std::string new_name() const;
    /// Writes the record to its file, in place of what was there. It holds as long as the result is
    /// open. Fails with ErrorCode::negative where it cannot be written; nothing has changed then.
    [[nodiscard]] Result<FileDescriptor> write(const ReservationRecord& record) const;

private:
    friend class ReservationFolder;
    FolderTurn(std::filesystem::path folder, FileDescriptor lock);

    std::filesystem::path folder_;
    FileDescriptor lock_;
};

/// The folder of docs/formats/reservations.md.
class ReservationFolder {
public:
    /// Makes it if need be. Fails with ErrorCode::negative where it cannot be made, or where others
    /// could write to it.
    [[nodiscard]] static Result<ReservationFolder> open(std::filesystem::path path);

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }
    /// Waits for the turn. Fails with ErrorCode::negative, naming the process that has it, where it
    /// does not come in `at_most` (that one is stopped, or hangs), and with interrupted within 10
    /// ms after `stop` (null: never) is set.
    [[nodiscard]] Result<FolderTurn> take_turn(std::chrono::milliseconds at_most,
                                               const std::atomic<bool>* stop = nullptr) const;

private:
    explicit ReservationFolder(std::filesystem::path path) : path_(std::move(path)) {}

    std::filesystem::path path_;
};

}  // namespace hexcore
