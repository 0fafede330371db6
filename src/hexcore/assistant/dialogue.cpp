#include "hexcore/assistant/dialogue.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <span>
#include <system_error>

#include "hexcore/base/printable.hpp"
#include "hexcore/base/private_file.hpp"
#include "hexcore/base/text_file.hpp"

namespace hexcore {
namespace {

constexpr const char* dialogue_schema = "hexcore.dialogue/1";

}  // namespace

Result<Dialogue> Dialogue::read(const std::filesystem::path& file, const std::string& assistant) {
    Dialogue dialogue(assistant);
    std::error_code error;
    if (!std::filesystem::exists(file, error) && !error) {
        return dialogue;
    }
    HEXCORE_TRY(text, read_text_file(file.string(), file.string()));
    const auto document = nlohmann::json::parse(text, nullptr, false);
    if (!document.is_object() || !document.contains("schema") ||
        document["schema"] != dialogue_schema) {
        return fail(ErrorCode::bad_input, "{} is no conversation with an assistant ({})",
                    file.string(), dialogue_schema);
    }
    try {
        const auto with = document.at("assistant").get<std::string>();
        if (with != assistant) {
            constexpr std::size_t longest = 60;
            return fail(ErrorCode::bad_input, "{} is a conversation with {}, and not with {}",
                        file.string(), shortened(with, longest), assistant);
        }
        for (const auto& turn : document.at("turns")) {
            dialogue.turns_.push_back({turn.at("question").get<std::string>(),
                                       turn.at("answer").get<std::string>(),
                                       turn.at("experts").get<std::vector<std::string>>()});
        }
    } catch (const nlohmann::json::exception&) {
        return fail(ErrorCode::bad_input, "{} is a conversation of which parts are missing",
                    file.string());
    }
    return dialogue;
}

Result<void> Dialogue::write(const std::filesystem::path& file) const {
    nlohmann::ordered_json turns = nlohmann::ordered_json::array();
    for (const DialogueTurn& turn : turns_) {
        turns.push_back(
            {{"question", turn.question}, {"answer", turn.answer}, {"experts", turn.experts}});
    }
    const nlohmann::ordered_json document = {
        {"schema", dialogue_schema}, {"assistant", assistant_}, {"turns", std::move(turns)}};
    // An answer may end within a character.
    const std::string text =
        document.dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
    return write_private_file(file, text);
}

}  // namespace hexcore
