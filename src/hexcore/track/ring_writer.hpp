#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <memory>
#include <string>

#include "hexcore/track/ring.hpp"

namespace hexcore {

/// The ring of this process in a watcher's folder. Takes all its space when it is made; telling
/// never waits for the watcher and takes no memory. For one thread at a time.
class RingWriter {
public:
    /// Null where that cannot be: the folder is not there, not this user's, or left by a watcher
    /// that died, or there is no room for the file.
    [[nodiscard]] static std::unique_ptr<RingWriter> make(const std::string& folder,
                                                          std::uint64_t capacity);
    ~RingWriter();
    RingWriter(const RingWriter&) = delete;
    RingWriter& operator=(const RingWriter&) = delete;

    /// False where there is no room: it is lost, and counted. At most ring_record_bytes_max; texts
    /// are cut.
    bool put(const RingRecord& record);
    void count_lost(std::uint64_t records);
    /// In a child that was forked between the halves of a record: the file stays as it is, what is
    /// still put goes nowhere, and it counts as abandoned.
    void leave_to_parent();
    /// Nobody reads it any more: the watcher said so, or had died when there was no room.
    [[nodiscard]] bool is_abandoned() const;

private:
    RingWriter(std::string folder, int descriptor, void* mapping, std::uint64_t capacity);
    /// Looks for the watcher, now and then.
    void note_if_left(std::uint64_t time_ns);
    void copy(std::uint64_t position, const void* from, std::size_t size);
    [[nodiscard]] RingHeader& header() const { return *static_cast<RingHeader*>(mapping_); }

    std::string folder_;
    int descriptor_;       ///< has the lock, unless the program has closed it
    struct stat file_ {};  ///< what it was opened for
    void* mapping_;
    std::uint64_t capacity_;
    std::uint64_t next_look_ns_ = 0;  ///< for the watcher; as records have it
};

}  // namespace hexcore
