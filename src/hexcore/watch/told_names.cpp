#include "hexcore/watch/told_names.hpp"

#include <algorithm>
#include <utility>

#include "hexcore/base/printable.hpp"

namespace hexcore {

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
    if (last_holder_ >= recorded_holders_max) {
        return nullptr;
    }
    return std::make_shared<RecordedHolder>(
        RecordedHolder{++last_holder_, process, kind, name, total});
}

void ToldNames::holder_ends(HolderRef holder) { ended_.push_back(std::move(holder)); }

StackRef ToldNames::stack(std::vector<RecordedFrame> frames) {
    return std::make_shared<RecordedStack>(RecordedStack{++last_stack_, std::move(frames)});
}

}  // namespace hexcore
