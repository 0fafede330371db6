#include "hexcore/serve/text_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "hexcore/base/utf8.hpp"

namespace hexcore {
namespace {

using Json = nlohmann::ordered_json;

/// Whether bytes of a text begin and end no character that is not in them whole.
bool has_whole_characters(std::string_view bytes) {
    std::size_t missing = 0;
    for (const char byte : bytes) {
        if (is_continuation(byte) != (missing > 0)) {
            return false;
        }
        const auto first = static_cast<unsigned char>(byte);
        missing = missing > 0 ? missing - 1 : first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : first >= 0xC0;
    }
    return missing == 0;
}

/// Of a token: its text, or as OpenAI has it, the bytes of one that is only a part of a character.
std::string name_of(const std::string& bytes) {
    if (has_whole_characters(bytes)) {
        return bytes;
    }
    std::string name = "bytes:";
    for (const char byte : bytes) {
        name += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
    }
    return name;
}

class TextWriter : public AnswerWriter {
public:
    TextWriter(AnswerHead head, std::uint32_t choices, TokenText text_of)
        : head_(std::move(head)), choices_(choices), text_of_(std::move(text_of)) {}

    void begin(std::vector<Json>&) override {}

    void piece(const Exchange::Piece& piece, std::vector<Json>& chunks) override {
        Choice& choice = choices_[piece.choice];
        choice.text += piece.text;
        Json chances = chances_json(choice, piece.tokens);
        add(choice.chances, chances);
        chunks.push_back(chunk(piece.choice, piece.text, std::move(chances), nullptr));
    }

    void end(std::uint32_t index, const Answer& answer, std::vector<Json>& chunks) override {
        choices_[index].finish = finish_reason(answer.stop);
        chunks.push_back(chunk(index, "", nullptr, choices_[index].finish));
    }

    [[nodiscard]] Json whole() const override {
        Json json = empty_chunk();
        for (std::size_t i = 0; i < choices_.size(); ++i) {
            const Choice& choice = choices_[i];
            json["choices"].push_back(entry(i, choice.text, choice.chances, choice.finish));
        }
        return json;
    }

    [[nodiscard]] Json empty_chunk() const override { return empty_part(head_, "text_completion"); }

private:
    struct Choice {
        std::string text;
        std::size_t characters = 0;  ///< that have begun
        Json chances = nullptr;
        std::string finish;
    };

    static Json entry(std::size_t index, const std::string& text, Json chances, Json finish) {
        return {{"index", index},
                {"text", text},
                {"logprobs", std::move(chances)},
                {"finish_reason", std::move(finish)}};
    }

    [[nodiscard]] Json chunk(std::size_t index, const std::string& text, Json chances,
                             Json finish) const {
        Json json = empty_chunk();
        json["choices"].push_back(entry(index, text, std::move(chances), std::move(finish)));
        return json;
    }

    [[nodiscard]] Json chances_json(Choice& choice,
                                    const std::vector<GeneratedToken>& tokens) const {
        if (tokens.empty()) {
            return nullptr;
        }
        Json json = {{"tokens", Json::array()},
                     {"token_logprobs", Json::array()},
                     {"top_logprobs", Json::array()},
                     {"text_offset", Json::array()}};
        for (const GeneratedToken& token : tokens) {
            const float chosen = token.chances->chosen.log_probability;
            Json all = Json::object();
            for (const TokenChance& other : token.chances->best) {
                all[name_of(text_of_(other.token))] = other.log_probability;
            }
            all[name_of(token.bytes)] = chosen;
            json["tokens"].push_back(name_of(token.bytes));
            json["token_logprobs"].push_back(chosen);
            json["top_logprobs"].push_back(std::move(all));
            const bool goes_on = !token.bytes.empty() && is_continuation(token.bytes.front());
            json["text_offset"].push_back(choice.characters -
                                          std::min<std::size_t>(choice.characters, goes_on));
            choice.characters += static_cast<std::size_t>(
                token.bytes.size() - std::ranges::count_if(token.bytes, is_continuation));
        }
        return json;
    }

    static void add(Json& all, const Json& more) {
        if (all.is_null()) {
            all = more;
            return;
        }
        for (const auto& [name, list] : more.items()) {
            all[name].insert(all[name].end(), list.begin(), list.end());
        }
    }

    AnswerHead head_;
    std::vector<Choice> choices_;
    TokenText text_of_;
};

}  // namespace

std::unique_ptr<AnswerWriter> text_writer(AnswerHead head, std::uint32_t choices,
                                          TokenText text_of) {
    return std::make_unique<TextWriter>(std::move(head), choices, std::move(text_of));
}

Json empty_part(const AnswerHead& head, const char* object) {
    Json json = {{"id", head.id},
                 {"object", object},
                 {"created", head.created},
                 {"model", head.model},
                 {"choices", Json::array()}};
    if (head.counts) {
        json["usage"] = nullptr;
    }
    return json;
}

Json AnswerUsage::json() const {
    return {{"prompt_tokens", prompt_tokens},
            {"completion_tokens", completion_tokens},
            {"total_tokens", prompt_tokens + completion_tokens},
            {"prompt_tokens_details", {{"cached_tokens", cached_tokens}}}};
}

const char* finish_reason(StopReason reason) {
    switch (reason) {
        case StopReason::eos:
        case StopReason::stop_text:
            return "stop";
        case StopReason::length:
        case StopReason::context_full:
            return "length";
        case StopReason::interrupted:
            break;  // nobody is sent that
    }
    HEXCORE_CHECK(false, static_cast<int>(reason), "ends no answer");
    return "";
}

}  // namespace hexcore
