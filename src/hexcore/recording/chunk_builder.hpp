#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "hexcore/recording/record_bytes.hpp"
#include "hexcore/recording/record_kind.hpp"
#include "hexcore/recording/told_records.hpp"

namespace hexcore {

/// The records of the chunk that is being made. What a record refers to is told before it, once a
/// chunk. Takes what it needs for a whole chunk when it is made.
class ChunkBuilder {
public:
    ChunkBuilder();

    /// A new one, with nothing in it.
    void start();
    void add(RecordKind kind, const RecordWriter& fields);
    /// What was added is of that time.
    void extend(RecordedTime time);

    // These tell what a record is about to refer to, unless that was done, and return the number
    // that the record has for it; 0: none.
    std::uint64_t refer(const ProcessRef& process);
    std::uint64_t refer(const TextRef& text);
    std::uint64_t refer(const HolderRef& holder);
    std::uint64_t refer(const StackRef& stack);

    [[nodiscard]] const std::string& bytes() const { return bytes_; }
    [[nodiscard]] std::uint32_t n_records() const { return n_records_; }
    [[nodiscard]] bool has_time() const { return has_time_; }
    [[nodiscard]] RecordedTime begun() const { return begun_; }  ///< the time it was extended by
    [[nodiscard]] RecordedTime first() const { return first_; }  ///< the earliest in it
    [[nodiscard]] RecordedTime last() const { return last_; }

private:
    RecordWriter fields_;  ///< of what is referred to
    RecordWriter frame_;
    std::string bytes_;
    std::uint32_t n_records_ = 0;
    bool has_time_ = false;
    RecordedTime begun_{};
    RecordedTime first_{};
    RecordedTime last_{};
    std::unordered_map<std::uint64_t, ProcessRef> processes_;
    std::unordered_set<std::uint64_t> texts_;
    std::unordered_set<std::uint64_t> holders_;
    std::unordered_set<std::uint64_t> stacks_;
};

}  // namespace hexcore
