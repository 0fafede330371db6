// The limit on what templates make, and what the files that are built here use of common.cpp and
// log.cpp, which are not. What they log is dropped: whatever is wrong they throw, too, and a log of
// their own, with its thread, has no place in a library.
#include <time.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "common.h"
#include "log.h"
#include "value_limit.hpp"

namespace {

std::int64_t thread_seconds() {
    timespec time{};
    return clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0 ? time.tv_sec : 0;
}

}  // namespace

HexcoreValueLimit& hexcore_value_limit() {
    thread_local HexcoreValueLimit limit;
    return limit;
}

void hexcore_value_made() {
    HexcoreValueLimit& limit = hexcore_value_limit();
    const char here = 0;
    if (reinterpret_cast<std::uintptr_t>(&here) < limit.stack_end) {
        limit.too_deep = true;
        throw std::runtime_error("the template calls itself too deeply");
    }
    // Now and then, since a look at the clock takes longer than making a value.
    if (limit.values_left == 0 || limit.live >= limit.live_max ||
        (limit.values_left % 256 == 0 && thread_seconds() > limit.seconds_max)) {
        limit.values_left = 0;
        limit.too_much = true;
        throw std::runtime_error("the template does not come to an end");
    }
    --limit.values_left;
    ++limit.live;
}

void hexcore_value_gone() noexcept { --hexcore_value_limit().live; }

int common_log_get_verbosity_thold() { return -1; }

bool common_log_get_jsonl() { return false; }

common_log* common_log_main() { return nullptr; }

void common_log_add(common_log*, ggml_log_level, const char*, ...) {}

std::string common_token_to_piece(const llama_vocab* vocab, llama_token token, bool special) {
    std::string piece(64, '\0');
    int size = llama_token_to_piece(vocab, token, piece.data(), static_cast<int>(piece.size()), 0,
                                    special);
    if (size < 0) {
        piece.resize(static_cast<std::size_t>(-size));
        size = llama_token_to_piece(vocab, token, piece.data(), -size, 0, special);
    }
    piece.resize(static_cast<std::size_t>(size < 0 ? 0 : size));
    return piece;
}

std::vector<llama_token> common_tokenize(const llama_vocab* vocab, const std::string& text,
                                         bool add_special, bool parse_special) {
    const int length = static_cast<int>(text.size());
    std::vector<llama_token> tokens(text.size() + 2);
    const int count = llama_tokenize(vocab, text.data(), length, tokens.data(),
                                     static_cast<int>(tokens.size()), add_special, parse_special);
    tokens.resize(static_cast<std::size_t>(count < 0 ? 0 : count));
    return tokens;
}

std::vector<std::string> string_split(const std::string& text, const std::string& separator) {
    std::vector<std::string> parts(1);
    for (std::size_t at = 0; at < text.size();) {
        if (!separator.empty() && text.compare(at, separator.size(), separator) == 0) {
            parts.emplace_back();
            at += separator.size();
        } else {
            parts.back() += text[at++];
        }
    }
    return parts;
}

std::string string_join(const std::vector<std::string>& parts, const std::string& separator) {
    std::string text;
    for (const std::string& part : parts) {
        text += (&part == parts.data() ? "" : separator) + part;
    }
    return text;
}

std::string string_repeat(const std::string& text, std::size_t times) {
    return string_join(std::vector<std::string>(times, text), "");
}

void string_replace_all(std::string& text, const std::string& from, const std::string& to) {
    if (!from.empty()) {
        text = string_join(string_split(text, from), to);
    }
}
