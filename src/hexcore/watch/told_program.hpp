#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "hexcore/track/ring.hpp"
#include "hexcore/watch/held_books.hpp"
#include "hexcore/watch/told_names.hpp"

namespace hexcore {

/// What the program behind one ring tells, made into what is recorded. Believes nothing: what makes
/// no sense is left out.
class ToldProgram {
public:
    /// The innermost label that another ring of the same process has open on a thread.
    using OtherLabel = std::function<TextRef(std::uint32_t thread)>;
    ToldProgram(ProcessRef process, ToldNames& names, OtherLabel other_label);

    [[nodiscard]] const ProcessRef& process() const { return process_; }
    void set_process(ProcessRef process) { process_ = std::move(process); }

    void record(const RingRecord& record, RecordedTime time, RecordSink& sink);
    /// Tells what its holders have now, and had at most, where that has changed.
    void tell_amounts(RecordedTime now, RecordSink& sink);
    /// The process has ended, or become another program: so have its labels, and its holders have
    /// nothing.
    void end(RecordedTime now, RecordSink& sink);
    /// Null: none is open on that thread.
    [[nodiscard]] TextRef innermost_label(std::uint32_t thread) const;

private:
    [[nodiscard]] HeldBooks* books_of(const RingRecord& record);
    void open_holder(const RingRecord& record);
    void set_amounts(const RingRecord& record, RecordedTime time);
    void allocation(const RingRecord& record, RecordedTime time, RecordSink& sink);
    void label(const RingRecord& record, RecordedTime time, RecordSink& sink);
    void tell_sums(std::size_t depth, RecordedTime time, RecordSink& sink);
    void stack(const RingRecord& record);
    /// Ends the labels of a thread that are deeper.
    void end_labels(std::uint32_t thread, std::size_t depth, RecordedTime time, RecordSink& sink);
    [[nodiscard]] TextRef purpose_in(const RingRecord& record);
    [[nodiscard]] RecordedSite site_in(const RingRecord& record, const HolderRef& holder,
                                       std::uint64_t stack);

    ProcessRef process_;
    ToldNames& names_;
    OtherLabel other_label_;
    std::unordered_map<std::uint32_t, HeldBooks> holders_;
    std::map<std::uint32_t, std::vector<TextRef>> labels_;  ///< open, by thread; null: not known
    std::unordered_map<std::uint64_t, TextRef> modules_;
    std::unordered_map<std::uint64_t, StackRef> stacks_;
    std::vector<RecordedAmounts> changes_;
    RecordedTime next_sums_{};    ///< of labels as deep as the one below
    std::size_t sums_depth_ = 0;  ///< of the label at whose end they were last told
};

}  // namespace hexcore
