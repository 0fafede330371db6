#include <utility>

#include "hexcore/recording/told_code.hpp"

namespace hexcore {
namespace {

constexpr std::int64_t latest_told_us = 1LL << 53U;
constexpr std::uint64_t most_told = 1ULL << 53U;  // of what is counted

Bytes bytes_in(RecordCursor& cursor) { return Bytes(cursor.number(recorded_bytes_max.count())); }

template <typename Ref>
Ref found_in(const std::unordered_map<std::uint64_t, Ref>& told, std::uint64_t number) {
    const auto found = told.find(number);
    return found == told.end() ? nullptr : found->second;
}

}  // namespace

void ToldDecoder::start_chunk() {
    time_us_ = 0;
    id_ = 0;
    processes_.clear();
    texts_.clear();
    holders_.clear();
    stacks_.clear();
}

bool ToldDecoder::record(RecordKind kind, RecordCursor& cursor) {
    good_ = true;
    switch (kind) {
        case RecordKind::text:
            return text(cursor);
        case RecordKind::holder:
            return holder(cursor);
        case RecordKind::stack:
            return stack(cursor);
        case RecordKind::amounts:
            return amounts(cursor);
        case RecordKind::event:
            return event(cursor);
        case RecordKind::site:
            return site_sum(cursor);
        case RecordKind::label:
            return label(cursor);
        case RecordKind::label_sum:
            return label_sum(cursor);
        case RecordKind::mark:
            return mark(cursor);
        case RecordKind::loss:
            return loss(cursor);
        case RecordKind::summed:
            return summed(cursor);
        case RecordKind::counted_once:
            return counted_once(cursor);
        default:
            return false;
    }
}

RecordedTime ToldDecoder::take_time(RecordCursor& cursor) {
    good_ = !__builtin_add_overflow(time_us_, cursor.signed_number(), &time_us_) && time_us_ >= 0 &&
            time_us_ <= latest_told_us && good_;
    return RecordedTime(time_us_);
}

ProcessRef ToldDecoder::take_process(RecordCursor& cursor) {
    auto process = found_in(processes_, cursor.number(~0ULL));
    good_ = good_ && process != nullptr;
    return process;
}

TextRef ToldDecoder::take_text(RecordCursor& cursor) {
    const std::uint64_t number = cursor.number(~0ULL);
    auto text = found_in(texts_, number);
    good_ = good_ && (number == 0 || text != nullptr);
    return text;
}

HolderRef ToldDecoder::take_holder(RecordCursor& cursor) {
    auto holder = found_in(holders_, cursor.number(~0ULL));
    good_ = good_ && holder != nullptr;
    return holder;
}

StackRef ToldDecoder::take_stack(RecordCursor& cursor) {
    const std::uint64_t number = cursor.number(~0ULL);
    auto stack = found_in(stacks_, number);
    good_ = good_ && (number == 0 || stack != nullptr);
    return stack;
}

RecordedSite ToldDecoder::take_site(RecordCursor& cursor) {
    RecordedSite site;
    site.holder = take_holder(cursor);
    site.purpose = take_text(cursor);
    site.label = take_text(cursor);
    site.stack = take_stack(cursor);
    return site;
}

bool ToldDecoder::is_next(const RecordCursor& cursor, RecordedTime time,
                          RecordedTime& latest) const {
    if (!good_ || !cursor.good() || time < latest) {
        return false;
    }
    latest = time;
    return true;
}

bool ToldDecoder::text(RecordCursor& cursor) {
    auto text = std::make_shared<RecordedText>();
    text->number = cursor.number(~0ULL);
    text->text = cursor.text();
    const std::uint64_t number = text->number;
    return cursor.good() && number != 0 && texts_.emplace(number, std::move(text)).second;
}

bool ToldDecoder::holder(RecordCursor& cursor) {
    auto holder = std::make_shared<RecordedHolder>();
    holder->number = cursor.number(recorded_holders_max);
    holder->process = take_process(cursor);
    holder->kind =
        static_cast<HolderKind>(cursor.number(static_cast<std::uint64_t>(HolderKind::program)));
    holder->device = cursor.text();
    holder->total = bytes_in(cursor);
    const std::uint64_t number = holder->number;
    return good_ && cursor.good() && number != 0 &&
           holders_.emplace(number, std::move(holder)).second;
}

bool ToldDecoder::stack(RecordCursor& cursor) {
    auto stack = std::make_shared<RecordedStack>();
    stack->number = cursor.number(~0ULL);
    const std::uint64_t n_frames = cursor.number(recorded_frames_max);
    for (std::uint64_t i = 0; i < n_frames && cursor.good(); ++i) {
        TextRef module = take_text(cursor);
        stack->frames.push_back({std::move(module), cursor.number(~0ULL)});
    }
    const std::uint64_t number = stack->number;
    return good_ && cursor.good() && number != 0 &&
           stacks_.emplace(number, std::move(stack)).second;
}

bool ToldDecoder::amounts(RecordCursor& cursor) {
    RecordedAmounts amounts;
    amounts.time = take_time(cursor);
    amounts.holder = take_holder(cursor);
    const std::uint64_t count = cursor.number(recorded_amounts_max);
    for (std::uint64_t i = 0; i < count && cursor.good(); ++i) {
        TextRef name = take_text(cursor);
        good_ = good_ && name != nullptr;
        amounts.amounts.push_back({std::move(name), bytes_in(cursor)});
    }
    latest_amounts_.resize(recorded_holders_max + 1);
    if (!good_ || !is_next(cursor, amounts.time, latest_amounts_[amounts.holder->number])) {
        return false;
    }
    sink_.amounts(amounts);
    return true;
}

bool ToldDecoder::event(RecordCursor& cursor) {
    RecordedEvent event;
    event.time = take_time(cursor);
    event.kind =
        static_cast<EventKind>(cursor.number(static_cast<std::uint64_t>(EventKind::refused)));
    id_ += static_cast<std::uint64_t>(cursor.signed_number());
    event.id = id_;
    event.bytes = bytes_in(cursor);
    event.site = take_site(cursor);
    if (event.kind == EventKind::relabelled) {
        event.purpose_before = take_text(cursor);
    }
    if (!is_next(cursor, event.time, latest_)) {
        return false;
    }
    sink_.event(event);
    return true;
}

bool ToldDecoder::site_sum(RecordCursor& cursor) {
    RecordedSiteSum sum;
    sum.time = take_time(cursor);
    sum.site = take_site(cursor);
    sum.bytes = bytes_in(cursor);
    sum.n_alive = cursor.number(most_told);
    sum.n_ever = cursor.number(most_told);
    if (!is_next(cursor, sum.time, latest_sum_)) {
        return false;
    }
    sink_.site(sum);
    return true;
}

bool ToldDecoder::label(RecordCursor& cursor) {
    RecordedLabel label;
    label.time = take_time(cursor);
    label.edge = static_cast<LabelEdge>(cursor.number(1));
    label.process = take_process(cursor);
    label.thread = static_cast<std::uint32_t>(cursor.number(0xFFFFFFFFU));
    label.name = take_text(cursor);
    if (label.name == nullptr || !is_next(cursor, label.time, latest_)) {
        return false;
    }
    sink_.label(label);
    return true;
}

bool ToldDecoder::label_sum(RecordCursor& cursor) {
    RecordedLabelSum sum;
    sum.last = take_time(cursor);
    sum.process = take_process(cursor);
    sum.name = take_text(cursor);
    sum.count = cursor.number(most_told);
    if (!good_ || !cursor.good() || sum.name == nullptr) {
        return false;
    }
    sink_.label_sum(sum);
    return true;
}

bool ToldDecoder::mark(RecordCursor& cursor) {
    RecordedMark mark;
    mark.time = take_time(cursor);
    mark.process = take_process(cursor);
    mark.name = take_text(cursor);
    if (mark.name == nullptr || !is_next(cursor, mark.time, latest_)) {
        return false;
    }
    sink_.mark(mark);
    return true;
}

bool ToldDecoder::loss(RecordCursor& cursor) {
    RecordedLoss loss;
    loss.time = take_time(cursor);
    loss.process = take_process(cursor);
    loss.records = cursor.number(most_told);
    if (!good_ || !cursor.good()) {
        return false;
    }
    sink_.lost(loss);
    return true;
}

bool ToldDecoder::counted_once(RecordCursor& cursor) {
    RecordedCountedOnce counted;
    counted.time = take_time(cursor);
    counted.resident = bytes_in(cursor);
    counted.once = bytes_in(cursor);
    counted.n_processes = cursor.number(recorded_processes_max);
    if (!is_next(cursor, counted.time, latest_counted_once_)) {
        return false;
    }
    sink_.counted_once(counted);
    return true;
}

bool ToldDecoder::summed(RecordCursor& cursor) {
    const RecordedTime from(cursor.number(most_told));
    const auto part =
        static_cast<SummedPart>(cursor.number(static_cast<std::uint64_t>(SummedPart::labels)));
    if (cursor.good()) {
        sink_.summed(from, part);
    }
    return cursor.good();
}

}  // namespace hexcore
