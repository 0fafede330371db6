#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "hexcore/recording/chunk_builder.hpp"

namespace hexcore {

/// Writes what programs tell of themselves into a chunk.
class ToldEncoder {
public:
    explicit ToldEncoder(ChunkBuilder& chunk) : chunk_(chunk) {}

    void start_chunk();
    void encode(const RecordedAmounts& amounts);
    void encode(const RecordedEvent& event);
    void encode(const RecordedSiteSum& sum);
    void encode(const RecordedLabel& label);
    void encode(const RecordedLabelSum& sum);
    void encode(const RecordedMark& mark);
    void encode(const RecordedLoss& loss);
    void encode(const RecordedCountedOnce& counted);

private:
    struct SiteNumbers {
        std::uint64_t holder = 0;
        std::uint64_t purpose = 0;
        std::uint64_t label = 0;
        std::uint64_t stack = 0;
    };
    /// What it refers to may have to be told, and is so before a record is begun.
    [[nodiscard]] SiteNumbers refer(const RecordedSite& site);
    void begin(RecordedTime time);
    void add_site(const SiteNumbers& site);
    void add(RecordKind kind, RecordedTime time);

    ChunkBuilder& chunk_;
    RecordWriter fields_;
    std::int64_t time_us_ = 0;
    std::uint64_t id_ = 0;
};

/// Reads it back and tells a sink; what breaks a rule of the format is refused.
class ToldDecoder {
public:
    explicit ToldDecoder(RecordSink& sink) : sink_(sink) {}

    void start_chunk();
    /// Tells a process of this chunk.
    void tell(const ProcessRef& process) { processes_[process->number] = process; }
    /// False: it is none of these kinds, or not as it should be.
    [[nodiscard]] bool record(RecordKind kind, RecordCursor& cursor);

private:
    [[nodiscard]] bool text(RecordCursor& cursor);
    [[nodiscard]] bool holder(RecordCursor& cursor);
    [[nodiscard]] bool stack(RecordCursor& cursor);
    [[nodiscard]] bool amounts(RecordCursor& cursor);
    [[nodiscard]] bool event(RecordCursor& cursor);
    [[nodiscard]] bool site_sum(RecordCursor& cursor);
    [[nodiscard]] bool label(RecordCursor& cursor);
    [[nodiscard]] bool label_sum(RecordCursor& cursor);
    [[nodiscard]] bool mark(RecordCursor& cursor);
    [[nodiscard]] bool loss(RecordCursor& cursor);
    [[nodiscard]] bool summed(RecordCursor& cursor);
    [[nodiscard]] bool counted_once(RecordCursor& cursor);

    // Of these, what is not there makes good_ false.
    [[nodiscard]] RecordedTime take_time(RecordCursor& cursor);
    [[nodiscard]] ProcessRef take_process(RecordCursor& cursor);
    [[nodiscard]] TextRef take_text(RecordCursor& cursor);
    [[nodiscard]] HolderRef take_holder(RecordCursor& cursor);
    [[nodiscard]] StackRef take_stack(RecordCursor& cursor);
    [[nodiscard]] RecordedSite take_site(RecordCursor& cursor);
    /// Whether all was there, and the time is not before `latest`, which it is then.
    [[nodiscard]] bool is_next(const RecordCursor& cursor, RecordedTime time,
                               RecordedTime& latest) const;

    RecordSink& sink_;
    bool good_ = true;
    std::int64_t time_us_ = 0;
    std::uint64_t id_ = 0;
    std::unordered_map<std::uint64_t, ProcessRef> processes_;
    std::unordered_map<std::uint64_t, TextRef> texts_;
    std::unordered_map<std::uint64_t, HolderRef> holders_;
    std::unordered_map<std::uint64_t, StackRef> stacks_;
    RecordedTime latest_{};      ///< of events, labels and marks
    RecordedTime latest_sum_{};  ///< of sites
    RecordedTime latest_counted_once_{};
    std::vector<RecordedTime> latest_amounts_;  ///< by the holder's number
};

}  // namespace hexcore
