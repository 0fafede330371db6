// Rules of a game as a text: headings "7. Additional Rules" and "702. Keyword Abilities",
// paragraphs "702.19. Trample" and "702.19b ...", further lines up to an empty one, and a glossary
// of terms. A list of the headings at the start has no paragraphs, and so gives nothing.

#include <algorithm>
#include <cctype>
#include <string_view>
#include <utility>

#include "hexcore/assistant/knowledge_import.hpp"
#include "hexcore/assistant/line_source.hpp"

namespace hexcore {
namespace {

constexpr std::size_t rule_bytes_max = 16384;
constexpr std::size_t title_bytes_max = 60;

bool is_number_digit(char character) { return character >= '0' && character <= '9'; }

std::size_t digits_at(std::string_view text, std::size_t at) {
    std::size_t end = at;
    while (end < text.size() && is_number_digit(text[end])) {
        ++end;
    }
    return end - at;
}

struct NumberedLine {
    std::string number;  ///< "702", "702.19", "702.19b"; empty: the line has none
    std::string_view text;
};

/// "702.19b Text", "702.19. Text" or "702. Text"; of a heading of one digit nothing.
NumberedLine numbered(std::string_view line) {
    constexpr std::size_t section_digits = 3;
    if (digits_at(line, 0) != section_digits) {
        return {};
    }
    std::size_t at = section_digits;
    if (line.size() > at && line[at] == '.' && digits_at(line, at + 1) > 0) {
        at += 1 + digits_at(line, at + 1);
        if (at < line.size() && std::islower(static_cast<unsigned char>(line[at])) != 0) {
            at += 1;
        }
    }
    std::string number(line.substr(0, at));
    if (at < line.size() && line[at] == '.') {
        at += 1;
    }
    if (at >= line.size() || line[at] != ' ') {
        return {};
    }
    return {std::move(number), line.substr(std::min(line.find_first_not_of(' ', at), line.size()))};
}

bool is_rule(const NumberedLine& line) { return line.number.find('.') != std::string::npos; }

class RulesReader {
public:
    explicit RulesReader(KnowledgeWriter& into) : into_(into) {}

    Result<void> take(const std::string& line) {
        NumberedLine read = numbered(line);
        if (!read.number.empty()) {
            HEXCORE_TRY_VOID(end_passage());
            in_glossary_ = false;
            return begin_rule(std::move(read));
        }
        if (line.find_first_not_of(' ') == std::string::npos) {
            // An example may stand apart from its rule, but nothing else does.
            return in_glossary_ ? end_passage() : Result<void>();
        }
        if (line == "Glossary" || line == "Credits") {
            HEXCORE_TRY_VOID(end_passage());
            in_glossary_ = line == "Glossary" && has_rules_;
            return {};
        }
        if (in_glossary_ && passage_.id.empty()) {
            passage_ = {.id = "glossary: " + line, .title = line, .body = {}};
            return {};
        }
        const bool is_example = line.starts_with("Example:");
        if (!passage_.id.empty() && (in_glossary_ || is_example || continues_) &&
            passage_.body.size() < rule_bytes_max) {
            passage_.body += (passage_.body.empty() ? "" : " ") + line;
        }
        return {};
    }

    Result<void> end_passage() {
        if (!passage_.id.empty() && !passage_.body.empty()) {
            HEXCORE_TRY(id, into_.add(passage_));
            (void)id;
        }
        passage_ = {};
        return {};
    }

private:
    Result<void> begin_rule(NumberedLine line) {
        if (!is_rule(line)) {
            section_ = line.text;
            rule_.clear();
            return {};
        }
        has_rules_ = true;
        const bool is_letter = std::islower(static_cast<unsigned char>(line.number.back())) != 0;
        if (!is_letter) {
            rule_ = line.text.size() <= title_bytes_max ? line.text : std::string_view();
        }
        std::string title = section_;
        if (!rule_.empty() && is_letter) {
            title += (title.empty() ? "" : ", ") + rule_;
        }
        passage_ = {.id = std::move(line.number),
                    .title = std::move(title),
                    .body = std::string(line.text)};
        continues_ = true;
        return {};
    }

    KnowledgeWriter& into_;
    KnowledgePassage passage_;
    std::string section_;
    std::string rule_;  ///< the name of the numbered rule that letters belong to
    bool in_glossary_ = false;
    bool has_rules_ = false;
    bool continues_ = false;
};

}  // namespace

bool looks_like_rules(const std::filesystem::path& file) {
    constexpr int looked_at = 400;
    constexpr int enough = 3;
    auto lines = LineSource::open(file);
    int rules = 0;
    int paragraphs = 0;
    for (int line = 0; lines && line < looked_at; ++line) {
        const auto read = lines->next();
        if (!read || !*read) {
            break;
        }
        paragraphs += (*read)->empty() ? 0 : 1;
        rules += numbered(**read).number.empty() ? 0 : 1;
    }
    return rules >= enough && rules * 4 >= paragraphs;
}

Result<std::vector<std::string>> import_rules(const KnowledgeImport& what, KnowledgeWriter& into) {
    HEXCORE_TRY(lines, LineSource::open(what.source));
    RulesReader reader(into);
    for (;;) {
        HEXCORE_TRY(line, lines.next());
        if (what.stop != nullptr && what.stop->load()) {
            return fail(ErrorCode::interrupted, "interrupted");
        }
        if (lines.is_binary()) {
            return fail(ErrorCode::bad_input, "{} has NUL bytes, which no text has",
                        what.source.string());
        }
        if (!line) {
            break;
        }
        HEXCORE_TRY_VOID(reader.take(*line));
    }
    HEXCORE_TRY_VOID(reader.end_passage());
    std::vector<std::string> notes;
    if (lines.replaced() > 0) {
        notes.push_back(replaced_note(lines.replaced()));
    }
    return notes;
}

}  // namespace hexcore
