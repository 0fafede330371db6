#pragma once

#include <memory>
#include <string>

#include "hexcore/track/ring.hpp"

namespace hexcore {

/// The ring of this process in a watcher's folder. Takes all its space when it is made; telling
/// never waits for the watcher and takes no memory. For one thread at a time.
class RingWriter {
public:
    /// Null where that cannot be: the folder is not there, or the disk is full.
    [[nodiscard]] static std::unique_ptr<RingWriter> make(const std::string& folder,
                                                          std::uint64_t capacity);
    ~RingWriter();
    RingWriter(const RingWriter&) = delete;
    RingWriter& operator=(const RingWriter&) = delete;

    /// False where there is no room: it is lost, and counted. At most ring_record_bytes_max; texts
    /// are cut.
    bool put(const RingRecord& record);
    [[nodiscard]] bool is_abandoned() const;

private:
    RingWriter(int descriptor, void* mapping, std::uint64_t capacity);
    void copy(std::uint64_t position, const void* from, std::size_t size);
    [[nodiscard]] RingHeader& header() const { return *static_cast<RingHeader*>(mapping_); }

    int descriptor_;  ///< has the lock
    void* mapping_;
    std::uint64_t capacity_;
};

}  // namespace hexcore
