// llama.cpp has splitters of its own for some vocabularies; all others are split by std::regex,
// whose matcher calls itself for each character that a loop takes: with some hundred bytes each, a
// few ten thousand equal characters overflow the usual stack. Which loops a vocabulary's
// expressions have is known to libllama alone, and differs between its versions. So it is tried:
// each kind of characters, and the kinds in pairs, which tell where a loop goes on from one to
// another. What of the stack each text used is measured.
#include "hexcore/runtime/long_stretches.hpp"

#include <algorithm>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <vector>

#include "hexcore/base/bytes.hpp"
#include "hexcore/base/deep_stack.hpp"
#include "hexcore/base/utf8.hpp"
#include "llama.h"

namespace hexcore {
namespace {

// With up to a KiB for each character, and two stretches in one match, half of the usual stack.
constexpr std::size_t short_stretch = 2000;

constexpr std::size_t characters_tried = 1000;
constexpr std::size_t stack_of_trial = std::size_t{128} << 20;  // for all of them as one stretch
constexpr std::size_t stack_of_others = std::size_t{1} << 20;   // all but the splitter
// A match may go over two stretches that adjoin ("...\n\n"), and frames differ a little.
constexpr std::size_t times_the_stack = 3;

constexpr const char* parted = "a1. 1a\n.";
constexpr std::array<char, StretchCost::kinds> examples = {' ', '\n', 'a', '1', '.'};
constexpr std::array others_tried = {"A",  "aA",   "+",       ".+",     "\t",    "é",
                                     "中", "の",   "한",      "ก",      "。",    "٣",
                                     "😀",  "中。", "é\u0301", "\u0301", "\u00a0"};

/// Of an ASCII character, the kind.
std::size_t kind_of(char byte) {
    const auto between = [byte](char first, char last) { return first <= byte && byte <= last; };
    if (byte == '\n' || byte == '\r') {
        return 1;
    }
    if (byte == ' ' || between('\t', '\f')) {
        return 0;
    }
    if (between('a', 'z') || between('A', 'Z')) {
        return 2;
    }
    return between('0', '9') ? 3 : 4;
}

/// How many bytes of a character may follow its first.
std::size_t bytes_behind(unsigned char first) {
    if (first >= 0xF0) {
        return 3;
    }
    if (first >= 0xC0) {
        return first >= 0xE0 ? 2 : 1;
    }
    return 0;
}

/// So often that a loop over it goes over as many characters as are tried, or a few more.
std::string repeated(std::string_view text) {
    const auto characters = static_cast<std::size_t>(
        std::ranges::count_if(text, [](char byte) { return !is_continuation(byte); }));
    std::string all;
    for (std::size_t i = 0; i < characters_tried; i += characters) {
        all += text;
    }
    return all;
}

/// What tokenizing a text takes of the stack; nothing: the system refused the thread.
std::optional<std::size_t> stack_used(const llama_vocab& vocab, const std::string& text) {
    const DeepStack stack(stack_of_trial);
    std::vector<llama_token> tokens(text.size() + 2);
    const bool ran = stack.run([&] {
        try {
            (void)llama_tokenize(&vocab, text.data(), static_cast<std::int32_t>(text.size()),
                                 tokens.data(), static_cast<std::int32_t>(tokens.size()), false,
                                 false);
        } catch (const std::exception&) {
            // What it cannot take it refuses before it recurses.
        }
    });
    return ran ? std::optional(stack.used()) : std::nullopt;
}

tl::unexpected<Error> refused_stack(std::size_t bytes) {
    return fail(ErrorCode::does_not_fit,
                {{.change = Change::raise_limit, .value = "ulimit -v, ulimit -d, ulimit -u"}},
                "the system refuses a thread with a stack of {} to split the text in",
                to_string(Bytes(bytes)));
}

/// Tries texts with the splitter of one vocabulary. Each trial compiles its expressions anew, so
/// texts are tried together.
class Trial {
public:
    explicit Trial(const llama_vocab& vocab) : vocab_(vocab), least_(stack_used(vocab, parted)) {}

    /// What of the stack each character takes, where that is the most; 0: no more than all take.
    [[nodiscard]] Result<std::size_t> bytes_each(const std::string& text) const {
        const auto used = stack_used(vocab_, text);
        if (!used || !least_) {
            return refused_stack(stack_of_trial);
        }
        // Some pages more say nothing yet: frames have more than 100 bytes.
        const std::size_t others = *least_ + 64 * 1024;
        return (*used - std::min(*used, others) + characters_tried - 1) / characters_tried;
    }

private:
    const llama_vocab& vocab_;
    std::optional<std::size_t> least_;  ///< what a text takes that has nothing to go on over
};

std::string each_kind() {
    std::string all;
    for (const char example : examples) {
        all += repeated(std::string(1, example)) + parted;
    }
    for (const char* text : others_tried) {
        all += repeated(text) + parted;
    }
    return all;
}

std::string pair(std::size_t kind, std::size_t other) {
    std::string all;
    for (const std::size_t times : {1U, 2U}) {
        all += repeated(std::string(times, examples[kind]) + std::string(times, examples[other]));
    }
    return all;
}

}  // namespace

Result<StretchCost> stretch_cost(const llama_vocab& vocab) {
    StretchCost cost;
    const Trial trial(vocab);
    HEXCORE_TRY(of_kinds, trial.bytes_each(each_kind()));
    cost.bytes = of_kinds;
    for (std::size_t kind = 1; kind < StretchCost::kinds && cost.bytes > 0; ++kind) {
        for (std::size_t other = 0; other < kind; ++other) {
            HEXCORE_TRY(of_pair, trial.bytes_each(pair(kind, other)));
            if (of_pair > 0) {
                cost.bytes = std::max(cost.bytes, of_pair);
                std::ranges::replace(cost.group, std::size_t{cost.group[kind]},
                                     std::size_t{cost.group[other]});
            }
        }
    }
    return cost;
}

std::size_t longest_stretch(std::string_view text, const StretchCost& cost) {
    std::array<std::size_t, StretchCost::kinds> now{};  // for each group
    std::size_t longest = 0;
    std::size_t of_last = 0;  // bytes that still may belong to the last character
    for (const char byte : text) {
        if (is_continuation(byte) && of_last > 0) {
            --of_last;
            continue;
        }
        if (static_cast<unsigned char>(byte) >= 0x80U) {
            of_last = bytes_behind(static_cast<unsigned char>(byte));
            std::ranges::for_each(now, [](std::size_t& count) { ++count; });
        } else {
            of_last = 0;
            std::size_t& count = now[cost.group[kind_of(byte)]];
            const std::size_t grown = count + 1;
            now.fill(0);
            count = grown;
        }
        longest = std::max(longest, std::ranges::max(now));
    }
    return longest;
}

Result<StretchCost> LongStretches::cost_of(const llama_vocab& vocab) {
    const std::lock_guard lock(mutex_);
    if (!cost_) {
        HEXCORE_TRY(cost, stretch_cost(vocab));
        cost_ = cost;
    }
    return *cost_;
}

Result<void> LongStretches::with_stack_for(std::string_view text, const llama_vocab& vocab,
                                           const std::function<void()>& tokenize) {
    if (text.size() <= short_stretch || llama_vocab_type(&vocab) != LLAMA_VOCAB_TYPE_BPE) {
        tokenize();
        return {};
    }
    HEXCORE_TRY(cost, cost_of(vocab));
    const std::size_t longest = cost.bytes == 0 ? 0 : longest_stretch(text, cost);
    if (longest <= short_stretch) {
        tokenize();
        return {};
    }
    if (longest > longest_stretch_taken) {
        return fail(ErrorCode::usage,
                    "the prompt has {} characters in a row that the model's tokenizer does not "
                    "part (letters, for instance, or blanks); up to {} are taken",
                    longest, longest_stretch_taken);
    }
    const std::lock_guard lock(one_at_a_time_);
    const std::size_t bytes = stack_of_others + longest * cost.bytes * times_the_stack;
    return DeepStack(bytes).run(tokenize) ? Result<void>() : refused_stack(bytes);
}

}  // namespace hexcore
