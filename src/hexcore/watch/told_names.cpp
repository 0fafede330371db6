#include "hexcore/watch/told_names.hpp"

#include <algorithm>
#include <utility>

#include "hexcore/base/printable.hpp"

namespace hexcore {

ToldNames::ToldNames(ToldLimits limits)
    : allocations_(limits.allocations, "living allocations"),
      holders_(limits.holders, "holders of memory"),
      stack_budget_(limits.stacks, "call stacks") {}

TextRef ToldNames::text(std::string_view told) {
    if (told.empty()) {
        return nullptr;
    }
    const auto known = texts_.find(std::string(told));
    if (known != texts_.end()) {
        return known->second;
    }
    const auto make = [this](std::string text) {
        return std::make_shared<RecordedText>(RecordedText{++last_text_, std::move(text)});
    };
    if (texts_.size() >= texts_max) {
        beyond_ = beyond_ == nullptr ? make("(one of too many names)") : beyond_;
        return beyond_;
    }
    return texts_.emplace(told, make(printable(told))).first->second;
}

HolderRef ToldNames::holder(const ProcessRef& process, HolderKind kind, std::string_view device,
                            Bytes total) {
    const std::string name = printable(device);
    const auto like = std::find_if(ended_.begin(), ended_.end(), [&](const HolderRef& holder) {
        return holder->process->number == process->number && holder->kind == kind &&
               holder->device == name && holder->total == total;
    });
    if (like != ended_.end()) {
        HolderRef holder = std::move(*like);
        ended_.erase(like);
        return holder;
    }
    if (!holders_.take()) {
        return nullptr;
    }
    return std::make_shared<RecordedHolder>(
        RecordedHolder{++last_holder_, process, kind, name, total});
}

void ToldNames::holder_ends(HolderRef holder) { ended_.push_back(std::move(holder)); }

std::size_t ToldNames::FramesHash::operator()(const StackRef& stack) const {
    std::uint64_t hash = stack->frames.size();
    for (const RecordedFrame& frame : stack->frames) {
        for (const std::uint64_t part :
             {frame.module == nullptr ? 0 : frame.module->number, frame.offset}) {
            hash = (hash ^ part) * 0x9E3779B97F4A7C15ULL;  // 2^64 over the golden ratio
            hash ^= hash >> 32U;
        }
    }
    return hash;
}

bool ToldNames::SameFrames::operator()(const StackRef& a, const StackRef& b) const {
    return std::equal(a->frames.begin(), a->frames.end(), b->frames.begin(), b->frames.end(),
                      [](const RecordedFrame& one, const RecordedFrame& other) {
                          return one.module == other.module && one.offset == other.offset;
                      });
}

StackRef ToldNames::stack(std::vector<RecordedFrame> frames) {
    auto stack =
        std::make_shared<RecordedStack>(RecordedStack{stacks_.size() + 1, std::move(frames)});
    if (const auto known = stacks_.find(stack); known != stacks_.end()) {
        return *known;
    }
    if (!stack_budget_.take()) {
        return nullptr;
    }
    return *stacks_.insert(std::move(stack)).first;
}

std::string ToldNames::notes() const {
    return allocations_.note() + holders_.note() + stack_budget_.note();
}

}  // namespace hexcore
