#include "hexcore/watch/told_program.hpp"

#include <algorithm>
#include <utility>

namespace hexcore {
namespace {

// More is not followed.
constexpr std::size_t told_threads_max = 4096;
constexpr std::size_t told_depth_max = 64;
constexpr std::size_t stacks_max = 65536;

std::uint64_t number_in(const RingRecord& record, std::size_t index) {
    return index < record.numbers.size() ? record.numbers[index] : 0;
}

std::string_view text_in(const RingRecord& record, std::size_t index) {
    return index < record.texts.size() ? record.texts[index] : std::string_view();
}

}  // namespace

ToldProgram::ToldProgram(ProcessRef process, ToldNames& names, OtherLabel other_label)
    : process_(std::move(process)), names_(names), other_label_(std::move(other_label)) {}

void ToldProgram::record(const RingRecord& record, RecordedTime time, RecordSink& sink) {
    switch (record.kind) {
        case RingKind::holder:
            open_holder(record);
            break;
        case RingKind::holder_ends:
            if (HeldBooks* books = books_of(record)) {
                books->give_all_back(time, sink);
                tell_amounts(time, sink);
                names_.holder_ends(books->holder());
                holders_.erase(record.holder);
            }
            break;
        case RingKind::amounts:
            set_amounts(record, time);
            break;
        case RingKind::taken:
        case RingKind::released:
        case RingKind::relabelled:
        case RingKind::refused:
            allocation(record, time, sink);
            break;
        case RingKind::label_begins:
        case RingKind::label_ends:
            label(record, time, sink);
            break;
        case RingKind::mark:
            if (const TextRef name = names_.text(text_in(record, 0))) {
                sink.mark({time, process_, name});
            }
            break;
        case RingKind::stack:
            stack(record);
            break;
        case RingKind::module:
            if (modules_.size() < stacks_max) {
                modules_[number_in(record, 0)] = names_.text(text_in(record, 0));
            }
            break;
    }
}

HeldBooks* ToldProgram::books_of(const RingRecord& record) {
    const auto found = holders_.find(record.holder);
    return found == holders_.end() ? nullptr : &found->second;
}

void ToldProgram::open_holder(const RingRecord& record) {
    if (holders_.contains(record.holder) ||
        record.detail > static_cast<std::uint8_t>(HolderKind::program)) {
        return;
    }
    HolderRef holder =
        names_.holder(process_, static_cast<HolderKind>(record.detail), text_in(record, 0),
                      std::min(Bytes(number_in(record, 0)), recorded_bytes_max));
    if (holder != nullptr) {
        holders_.try_emplace(record.holder, std::move(holder), names_.allocations());
    }
}

void ToldProgram::set_amounts(const RingRecord& record, RecordedTime time) {
    HeldBooks* books = books_of(record);
    if (books == nullptr) {
        return;
    }
    std::vector<RecordedAmount> amounts;
    for (std::size_t i = 0; i < record.numbers.size(); ++i) {
        const TextRef name = names_.text(text_in(record, i));
        if (name != nullptr && record.numbers[i] > 0) {
            amounts.push_back({name, Bytes(record.numbers[i])});
        }
    }
    books->set_amounts(time, amounts);
}

TextRef ToldProgram::purpose_in(const RingRecord& record) {
    const std::string_view text = text_in(record, 0);
    return names_.text(text.empty() ? "other" : text);
}

RecordedSite ToldProgram::site_in(const RingRecord& record, const HolderRef& holder,
                                  std::uint64_t stack) {
    TextRef label = innermost_label(record.thread);
    if (label == nullptr) {
        label = other_label_(record.thread);
    }
    const auto found = stacks_.find(stack);
    return {holder, purpose_in(record), std::move(label),
            found == stacks_.end() ? nullptr : found->second};
}

void ToldProgram::allocation(const RingRecord& record, RecordedTime time, RecordSink& sink) {
    HeldBooks* books = books_of(record);
    if (books == nullptr) {
        return;
    }
    const auto tell = [&sink](const std::optional<RecordedEvent>& event) {
        if (event) {
            sink.event(*event);
        }
    };
    const std::uint64_t id = number_in(record, 0);
    const Bytes bytes(number_in(record, 1));
    switch (record.kind) {
        case RingKind::taken:
            tell(books->release(time, id));  // its release was lost
            tell(books->take(time, id, bytes,
                             site_in(record, books->holder(), number_in(record, 2))));
            break;
        case RingKind::released:
            if (const auto event = books->release(time, id)) {
                sink.event(*event);
            } else if (bytes > Bytes()) {
                books->release_unknown(time, purpose_in(record), bytes);
            }
            break;
        case RingKind::relabelled:
            if (const auto event = books->relabel(time, id, purpose_in(record))) {
                sink.event(*event);
            } else if (const TextRef before = names_.text(text_in(record, 1))) {
                books->relabel_unknown(time, before, purpose_in(record), bytes);
            }
            break;
        case RingKind::refused:
            tell(RecordedEvent{time,
                               EventKind::refused,
                               0,
                               std::min(bytes, recorded_bytes_max),
                               site_in(record, books->holder(), 0),
                               {}});
            break;
        default:
            break;
    }
}

void ToldProgram::end_labels(std::uint32_t thread, std::size_t depth, RecordedTime time,
                             RecordSink& sink) {
    const auto open = labels_.find(thread);
    if (open == labels_.end()) {
        return;
    }
    for (; open->second.size() > depth; open->second.pop_back()) {
        if (open->second.back() != nullptr) {
            sink.label({time, LabelEdge::end, process_, thread, open->second.back()});
        }
    }
    if (open->second.empty()) {
        labels_.erase(open);
    }
}

/// By its depth: what stands deeper has ended, and what is missing before it was lost, or began
/// before anybody listened.
void ToldProgram::label(const RingRecord& record, RecordedTime time, RecordSink& sink) {
    if (record.depth == 0 || record.depth > told_depth_max) {
        return;
    }
    if (record.kind == RingKind::label_ends) {
        tell_sums(record.depth, time, sink);
    }
    end_labels(record.thread, record.depth - 1U, time, sink);
    if (record.kind != RingKind::label_begins || labels_.size() >= told_threads_max) {
        return;
    }
    std::string_view text = text_in(record, 0);
    const TextRef name = names_.text(text.empty() ? "(no name)" : text);
    auto& open = labels_[record.thread];
    open.resize(record.depth - 1U);
    open.push_back(name);
    sink.label({time, LabelEdge::begin, process_, record.thread, name});
}

TextRef ToldProgram::innermost_label(std::uint32_t thread) const {
    const auto open = labels_.find(thread);
    return open == labels_.end() || open->second.empty() ? nullptr : open->second.back();
}

void ToldProgram::stack(const RingRecord& record) {
    if (record.numbers.empty() || stacks_.size() >= stacks_max) {
        return;
    }
    std::vector<RecordedFrame> frames;
    const auto numbers = record.numbers.subspan(1);
    for (std::size_t i = 0; i + 1 < numbers.size() && frames.size() < recorded_frames_max; i += 2) {
        const auto module = modules_.find(numbers[i]);
        frames.push_back({module == modules_.end() ? nullptr : module->second, numbers[i + 1]});
    }
    stacks_[record.numbers.front()] = names_.stack(std::move(frames));
}

/// While a label is still open: its repeats are compared by what each left, and of a holder that
/// tells no allocations this is how it is known. Not at each end of labels within another, which
/// may be very many; but never does what one within had stand for what the outer one left.
void ToldProgram::tell_sums(std::size_t depth, RecordedTime time, RecordSink& sink) {
    constexpr std::chrono::milliseconds between(10);
    if (depth > 1 && depth >= sums_depth_ && time < next_sums_) {
        return;
    }
    next_sums_ = time + between;
    sums_depth_ = depth;
    changes_.clear();
    for (auto& [number, books] : holders_) {
        if (books.has_sums_only()) {
            books.take_changes(time, changes_);
        }
    }
    for (const RecordedAmounts& amounts : changes_) {
        sink.amounts(amounts);
    }
}

void ToldProgram::tell_amounts(RecordedTime now, RecordSink& sink) {
    for (auto& [number, books] : holders_) {
        changes_.clear();
        books.take_changes(now, changes_);
        for (const RecordedAmounts& amounts : changes_) {
            sink.amounts(amounts);
        }
    }
}

void ToldProgram::end(RecordedTime now, RecordSink& sink) {
    while (!labels_.empty()) {
        end_labels(labels_.begin()->first, 0, now, sink);
    }
    for (auto& [number, books] : holders_) {
        books.clear(now);
    }
    tell_amounts(now, sink);
    for (auto& [number, books] : holders_) {
        names_.holder_ends(books.holder());
    }
    holders_.clear();
}

}  // namespace hexcore
