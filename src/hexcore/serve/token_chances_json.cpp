#include "hexcore/serve/token_chances_json.hpp"

#include <nlohmann/json.hpp>

namespace hexcore {
namespace {

using Json = nlohmann::ordered_json;

Json chance_json(const std::string& bytes, float log_probability) {
    Json numbers = Json::array();
    for (const char byte : bytes) {
        numbers.push_back(static_cast<unsigned char>(byte));
    }
    return {{"token", bytes}, {"logprob", log_probability}, {"bytes", std::move(numbers)}};
}

}  // namespace

Json token_chances_json(const GeneratedToken& token, const TokenText& text_of) {
    Json json = chance_json(token.bytes, token.chances ? token.chances->chosen.log_probability : 0);
    Json others = Json::array();
    if (token.chances) {
        for (const TokenChance& other : token.chances->best) {
            others.push_back(chance_json(text_of(other.token), other.log_probability));
        }
    }
    json["top_logprobs"] = std::move(others);
    return json;
}

}  // namespace hexcore
