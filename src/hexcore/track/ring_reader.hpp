#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "hexcore/base/file_descriptor.hpp"
#include "hexcore/track/ring.hpp"

namespace hexcore {

/// Reads the ring of a program and believes nothing in it. Reads it as a file: a mapping of it
/// would end with a signal where the program cuts it off.
class RingReader {
public:
    /// Null: it is no ring, or cannot be read.
    [[nodiscard]] static std::unique_ptr<RingReader> open(const std::string& path);

    [[nodiscard]] std::uint32_t pid() const { return pid_; }
    /// Sees how much has been told. False: nothing new.
    [[nodiscard]] bool look();
    /// The next record of that; what it refers to lives until the next call. Null: that was all, or
    /// what follows is no record, and nothing of this ring will be read any more.
    [[nodiscard]] const RingRecord* next();
    /// Records that were lost since it was last asked.
    [[nodiscard]] std::uint64_t take_lost();

    /// Whether who wrote it is no longer there, or has become another program: it has neither the
    /// file's lock, which goes where a program closes all files, nor the file in its memory. What
    /// it told before may still be to be drained.
    [[nodiscard]] bool has_ended() const;
    /// Something in it was not as it should be.
    [[nodiscard]] bool is_broken() const { return broken_; }
    /// Tells the program that nobody reads any more.
    void abandon();

private:
    RingReader(FileDescriptor file, std::string name, std::uint32_t pid, std::uint64_t capacity);
    struct Counters {
        std::uint64_t head = 0;
        std::uint64_t lost = 0;
    };
    [[nodiscard]] Counters counters() const;
    [[nodiscard]] bool has_whole_record() const;
    [[nodiscard]] bool refill();
    void free_what_was_read();
    [[nodiscard]] bool parse(const char* at, std::size_t size);

    FileDescriptor file_;
    std::string name_;  ///< of the file, behind a slash
    std::uint32_t pid_;
    std::uint64_t capacity_;
    std::uint64_t tail_ = 0;       ///< where the next record is
    std::uint64_t head_ = 0;       ///< as the program had it at the last look
    std::uint64_t freed_ = 0;      ///< the program may use what is before it
    std::uint64_t lost_ = 0;       ///< as the program had it
    std::uint64_t told_lost_ = 0;  ///< of them, asked for
    bool broken_ = false;
    std::vector<char> piece_;   ///< of the ring
    std::size_t position_ = 0;  ///< in it, of the next record
    std::size_t filled_ = 0;    ///< of it
    RingRecord record_;
    std::vector<std::uint64_t> numbers_;
    std::vector<std::string_view> texts_;
};

}  // namespace hexcore
