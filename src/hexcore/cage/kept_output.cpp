#include "hexcore/cage/kept_output.hpp"

#include <algorithm>

namespace hexcore {

void KeptOutput::take(std::string_view text) {
    if (listener_) {
        listener_(text);
    }
    bytes_ += text.size();
    const std::size_t for_head = std::min(text.size(), kept_each_ - head_.size());
    head_.append(text.substr(0, for_head));
    text.remove_prefix(for_head);
    text.remove_prefix(text.size() - std::min(text.size(), kept_each_));
    const std::size_t grown = std::min(text.size(), kept_each_ - ring_.size());
    ring_.append(text.substr(0, grown));
    text.remove_prefix(grown);
    while (!text.empty()) {
        const std::size_t count = std::min(text.size(), ring_.size() - next_);
        std::copy_n(text.begin(), count, ring_.begin() + static_cast<std::ptrdiff_t>(next_));
        next_ = (next_ + count) % ring_.size();
        text.remove_prefix(count);
    }
}

std::string KeptOutput::tail() const { return ring_.substr(next_) + ring_.substr(0, next_); }

}  // namespace hexcore
