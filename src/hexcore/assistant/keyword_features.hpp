#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hexcore/assistant/assistant_description.hpp"

namespace hexcore {

/// What a question's words say of who it is for, by the keywords of the experts: one or more words
/// each, `^` before them where a sentence has to begin so, `*` after a word for any ending, before
/// one for any beginning.
class KeywordFeatures {
public:
    explicit KeywordFeatures(const AssistantDescription& assistant);

    /// For each expert whether it has one of its keywords, and how many; then how long it is,
    /// whether it ends as a question, and whether it has several sentences. All from 0 to about 1.
    [[nodiscard]] std::vector<float> of(std::string_view question) const;
    [[nodiscard]] std::size_t size() const { return 2 * experts_.size() + 3; }
    /// How many keywords of each expert it has.
    [[nodiscard]] std::vector<std::size_t> counts(std::string_view question) const;
    /// The expert with most of them, the first of equals: a router by rules, to compare with.
    [[nodiscard]] std::size_t rule_choice(std::string_view question) const;

private:
    struct KeyWord {
        std::string text;
        bool any_start = false;
        bool any_end = false;

        [[nodiscard]] bool fits(std::string_view word) const;
    };
    struct Keyword {
        std::vector<KeyWord> words;
        bool at_start = false;
    };
    static Keyword read(std::string_view text);
    std::vector<std::vector<Keyword>> experts_;
};

}  // namespace hexcore
