#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

#include "hexcore/base/result.hpp"
#include "hexcore/model/file_stamp.hpp"

namespace hexcore {

/// Bytes that can be read at any offset: a file, or memory in tests.
class ByteSource {
public:
    virtual ~ByteSource() = default;
    [[nodiscard]] virtual std::uint64_t size() const = 0;
    /// Fills `target` from `offset` on. The caller stays within size(); fails with
    /// ErrorCode::bad_input if the medium doesn't deliver all the same.
    [[nodiscard]] virtual Result<void> read_at(std::uint64_t offset,
                                               std::span<std::byte> target) const = 0;
    /// Of a file, as it is now; of memory always the same. Fails with ErrorCode::bad_input.
    [[nodiscard]] virtual Result<FileStamp> stamp() const { return FileStamp{}; }
};

/// Opens a regular file for reading. Never blocks: a directory, a FIFO or a device is refused with
/// ErrorCode::bad_input, as is what is missing or not permitted.
[[nodiscard]] Result<std::unique_ptr<ByteSource>> open_file(const std::filesystem::path& path);

/// Reads from memory that the caller keeps alive.
class MemorySource : public ByteSource {
public:
    explicit MemorySource(std::span<const std::byte> bytes) : bytes_(bytes) {}
    [[nodiscard]] std::uint64_t size() const override { return bytes_.size(); }
    [[nodiscard]] Result<void> read_at(std::uint64_t offset,
                                       std::span<std::byte> target) const override;

private:
    std::span<const std::byte> bytes_;
};

}  // namespace hexcore
