#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

#include "hexcore/base/file_descriptor.hpp"
#include "hexcore/base/result.hpp"
#include "hexcore/base/write_place.hpp"

namespace hexcore {

/// What a file that was written survives.
enum class Durability {
    machine,  ///< it is on the disk, under its name
    process,  ///< worth nothing after this process, which removes what is beside it, too
};

/// Whom a file that was written is for.
enum class Readers {
    owner,      ///< its owner's eyes only: mode 0600
    as_before,  ///< who could read the one before, or its owner where there was none
};

/// A file that is going to be `path`, or where `path` leads if it is a link. It is written beside
/// that, as `path.hexcore-` and six characters, and renamed once it is whole: whoever is killed
/// meanwhile leaves what was there before. Removed unless it was finished. Move-only.
///
/// While it is written it is locked, so that one without a lock is known to be a dead process's.
/// Durability::machine: it is noted, too, by a symbolic link in private_file_notes(), so that it
/// can be found wherever it lies.
class PrivateFile {
public:
    /// Begins it, and removes what dead processes left beside `path` (with Durability::machine).
    /// Fails with ErrorCode::negative, as all below, where it cannot be written, and where what is
    /// there is no file: it would be gone.
    [[nodiscard]] static Result<PrivateFile> begin(const std::filesystem::path& path,
                                                   Durability durability = Durability::machine,
                                                   Readers readers = Readers::owner);
    PrivateFile(PrivateFile&& other) noexcept = default;
    PrivateFile& operator=(PrivateFile&&) = delete;
    ~PrivateFile();

    [[nodiscard]] Result<void> write(std::span<const std::byte> bytes) const;
    /// Where it lies until it is whole, for whoever has a library write it.
    [[nodiscard]] const std::filesystem::path& beside() const { return beside_; }
    /// It is `path` from now on.
    [[nodiscard]] Result<void> finish();

private:
    PrivateFile(WritePlace place, Durability durability, Readers readers);
    void be_as_the_old_one() const;

    WritePlace place_;
    std::filesystem::path beside_;  ///< empty: it was finished
    Durability durability_;
    Readers readers_;
    std::filesystem::path note_;  ///< empty: none
    FileDescriptor file_;
};

/// Writes such a file whole. Fails as PrivateFile.
[[nodiscard]] Result<void> write_private_file(const std::filesystem::path& path,
                                              std::string_view text,
                                              Durability durability = Durability::machine);

/// Whether one could be written there now; nothing of it is left. Fails as PrivateFile.
[[nodiscard]] Result<void> check_private_file(const std::filesystem::path& path);

/// Where files that are being written are noted: `unfinished` in state_home(); empty: nowhere.
[[nodiscard]] std::filesystem::path private_file_notes();

/// Files that were going to be `path`, and whose processes are dead; of this user alone.
[[nodiscard]] std::vector<std::filesystem::path> left_private_files(
    const std::filesystem::path& path);
/// The same wherever they lie, as far as `notes` has them. Removes notes of what is gone.
[[nodiscard]] std::vector<std::filesystem::path> noted_private_files(
    const std::filesystem::path& notes);
/// Removes one of them. Fails with ErrorCode::negative where it is none of them any more.
[[nodiscard]] Result<void> remove_left_private_file(const std::filesystem::path& file);

}  // namespace hexcore
