#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "hexcore/assistant/knowledge_file.hpp"
#include "hexcore/base/result.hpp"

namespace hexcore {

/// A text's words, folded, with single spaces: what names are looked up by.
[[nodiscard]] std::string name_words(std::string_view text);

/// The names of cards, and how each has to be written in a question to mean its card. A word that
/// the texts of cards use is an ordinary one ("Flash", "Fear"); so are some more of every sentence.
class CardNames {
public:
    void count_words(std::string_view card_text);
    void add(std::int64_t passage, const std::string& spelled);
    /// Once all texts are counted.
    [[nodiscard]] Result<void> write(KnowledgeWriter& into) const;

private:
    struct Spelled {
        std::int64_t passage = 0;
        std::string name;
    };
    [[nodiscard]] bool is_ordinary(const std::string& word) const;
    [[nodiscard]] NameCare care_of(const std::string& words) const;

    std::vector<Spelled> names_;
    std::unordered_map<std::string, std::uint32_t> texts_with_word_;
};

}  // namespace hexcore
