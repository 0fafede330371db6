#pragma once

#include <cstddef>
#include <string>

#include "hexcore/base/bytes.hpp"
#include "hexcore/base/result.hpp"
#include "hexcore/device/proc_root.hpp"
#include "hexcore/device/resident_memory.hpp"

namespace hexcore {

/// How a HostMapping makes its pages resident.
enum class Commit {
    automatic,  ///< by MADV_POPULATE_WRITE, by touching where the kernel lacks it (before 5.14)
    touch,      ///< by writing to each page
};

struct HostMappingOptions {
    std::string name = {};  ///< shown in /proc/PID/maps where the kernel can; at most 79 characters
    Commit commit = Commit::automatic;
    ProcRoot root = {};  ///< where the memory that is available is read from
};

/// Memory of a capped host device: mapped, committed page by page when it is made, as a GPU commits
/// its memory, and zero. Aligned to 2 MiB and in huge pages where it is at least that large, else
/// to pages. Lies between two guard pages, so that the kernel never merges it with a neighbour and
/// counts it by itself. Move-only; unmaps itself.
class HostMapping {
public:
    /// Maps and commits `size` bytes. Fails with ErrorCode::does_not_fit, leaving nothing mapped,
    /// where the machine or the cgroup has less available (asking is the only way to be refused: to
    /// commit more is answered by the OOM killer), where a resource limit is in the way, or where
    /// the kernel refuses; with bad_input where it cannot tell what is available.
    [[nodiscard]] static Result<HostMapping> create(Bytes size, const HostMappingOptions& options);
    [[nodiscard]] static Result<HostMapping> create(Bytes size, std::string name = {});

    HostMapping() = default;
    HostMapping(HostMapping&& other) noexcept;
    HostMapping& operator=(HostMapping&& other) noexcept;
    HostMapping(const HostMapping&) = delete;
    HostMapping& operator=(const HostMapping&) = delete;
    ~HostMapping() { release(); }

    /// Null where the size is zero.
    [[nodiscard]] std::byte* data() const { return data_; }
    /// As asked for.
    [[nodiscard]] Bytes size() const { return size_; }
    /// The whole pages that hold it, for resident_bytes().
    [[nodiscard]] AddressRange range() const;

    /// Unmaps now. A second call does nothing.
    void release() noexcept;

private:
    HostMapping(std::byte* data, Bytes size) : data_(data), size_(size) {}

    std::byte* data_ = nullptr;
    Bytes size_;
};

}  // namespace hexcore
