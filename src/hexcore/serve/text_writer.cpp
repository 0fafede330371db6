#include "hexcore/serve/text_writer.hpp"

#include <utility>

namespace hexcore {
namespace {

using Json = nlohmann::ordered_json;

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

    [[nodiscard]] Json empty_chunk() const override {
        return {{"id", head_.id},
                {"object", "text_completion"},
                {"created", head_.created},
                {"model", head_.model},
                {"choices", Json::array()}};
    }

private:
    struct Choice {
        std::string text;
        std::size_t offset = 0;  ///< bytes of the tokens so far
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
            Json others = Json::object();
            for (const TokenChance& other : token.chances->best) {
                others[text_of_(other.token)] = other.log_probability;
            }
            json["tokens"].push_back(token.bytes);
            json["token_logprobs"].push_back(token.chances->chosen.log_probability);
            json["top_logprobs"].push_back(std::move(others));
            json["text_offset"].push_back(choice.offset);
            choice.offset += token.bytes.size();
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
