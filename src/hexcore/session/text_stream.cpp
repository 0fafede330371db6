#include "hexcore/session/text_stream.hpp"

#include <algorithm>
#include <utility>

#include "hexcore/base/utf8.hpp"

namespace hexcore {
namespace {

/// How many bytes a character has that begins with this one; 1 where none does.
std::size_t character_length(unsigned char first) {
    if (first >= 0xF0 && first < 0xF8) {
        return 4;
    }
    if (first >= 0xE0) {
        return first < 0xF0 ? 3 : 1;
    }
    return first >= 0xC0 ? 2 : 1;
}

/// Bytes at the end of `text` that are the beginning of a character.
std::size_t unfinished_character(std::string_view text) {
    for (std::size_t back = 1; back <= std::min<std::size_t>(3, text.size()); ++back) {
        const char byte = text[text.size() - back];
        if (!is_continuation(byte)) {
            return character_length(static_cast<unsigned char>(byte)) > back ? back : 0;
        }
    }
    return 0;
}

/// Bytes at the end of `text` that are the beginning of `stop`.
std::size_t unfinished_stop(std::string_view text, std::string_view stop) {
    for (std::size_t size = std::min(text.size(), stop.size() - 1); size > 0; --size) {
        if (text.ends_with(stop.substr(0, size))) {
            return size;
        }
    }
    return 0;
}

}  // namespace

TextStream::TextStream(std::vector<std::string> stops) : stops_(std::move(stops)) {
    std::erase(stops_, "");
}

std::string TextStream::take(std::string_view bytes) {
    held_ += bytes;
    std::size_t end = std::string::npos;
    for (const std::string& stop : stops_) {
        end = std::min(end, held_.find(stop));
    }
    if (end != std::string::npos) {
        stopped_ = true;
        held_.resize(end);
        return std::exchange(held_, {});
    }
    std::size_t hold = unfinished_character(held_);
    for (const std::string& stop : stops_) {
        hold = std::max(hold, unfinished_stop(held_, stop));
    }
    std::string shown = held_.substr(0, held_.size() - hold);
    held_.erase(0, shown.size());
    return shown;
}

std::string TextStream::rest() {
    held_.erase(held_.size() - unfinished_character(held_));
    return std::exchange(held_, {});
}

}  // namespace hexcore
