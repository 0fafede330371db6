#include <algorithm>
#include <limits>

#include "hexcore/serve/read_answer_fields.hpp"

namespace hexcore {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t prompts_most = 128;

bool is_token(const Json& value) {
    return value.is_number_integer() && value >= 0 && value <= std::numeric_limits<Token>::max();
}

bool are_tokens(const Json& value) {
    return value.is_array() && !value.empty() && std::ranges::all_of(value, is_token);
}

/// A text, tokens, or a list of either.
void read_prompts(JsonFields& fields, AskedText& asked) {
    const Json* prompt = fields.any("prompt");
    if (prompt == nullptr) {
        return fields.complain("prompt", "is missing");
    }
    const bool is_one = !prompt->is_array() || are_tokens(*prompt);
    const Json list = is_one ? Json::array({*prompt}) : *prompt;
    if (list.empty() || list.size() > prompts_most) {
        return fields.complain("prompt", "must be 1 to 128 prompts");
    }
    for (const Json& one : list) {
        if (one.is_string()) {
            asked.prompts.emplace_back(one.get<std::string>());
        } else if (are_tokens(one)) {
            asked.prompts.emplace_back(one.get<std::vector<Token>>());
        } else {
            return fields.complain("prompt",
                                   "must be a string, a list of tokens, or a list of "
                                   "such");
        }
    }
    if (asked.prompts.size() > 1 && !asked.answer.session_name.empty()) {
        fields.complain("prompt", "must be one in a session with a name");
    }
}

}  // namespace

Asked<AskedText> read_text(std::string_view body) {
    HEXCORE_TRY(json, read_body(body));
    std::optional<ApiError> problem;
    JsonFields fields(json, {}, problem);
    AskedText asked;
    asked.answer = read_answer_fields(fields);
    read_prompts(fields, asked);
    const std::int64_t chances = fields.integer("logprobs", -1, 0, 20);
    if (chances >= 0) {
        asked.answer.how.chances = static_cast<std::uint32_t>(chances);
    }
    fields.harmless("echo", false);
    fields.harmless("best_of", asked.answer.choices);
    fields.harmless("suffix", "");
    fields.nothing_else();
    if (problem) {
        return tl::unexpected(*std::move(problem));
    }
    return asked;
}

}  // namespace hexcore
