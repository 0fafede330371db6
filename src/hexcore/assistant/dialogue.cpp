#include "hexcore/assistant/dialogue.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <span>
#include <string_view>
#include <system_error>

#include "hexcore/base/printable.hpp"
#include "hexcore/base/private_file.hpp"
#include "hexcore/base/text_file.hpp"

namespace hexcore {
namespace {

constexpr std::string_view dialogue_schema = "hexcore.dialogue/1";
constexpr std::string_view any_dialogue = "hexcore.dialogue/";
constexpr std::string_view any_session = "hexcore.session/";

tl::unexpected<Error> refused(const std::filesystem::path& file, std::string_view why,
                              std::string_view what_to_do) {
    return fail(ErrorCode::bad_input, "{} is no conversation with an assistant{}; {}",
                printable(file.string()), why, what_to_do);
}

/// The document of a file that is one; says of others what they are.
Result<nlohmann::json> dialogue_document(const std::filesystem::path& file,
                                         const std::string& text) {
    constexpr std::string_view other_name = "name another file";
    constexpr std::string_view or_remove = "name another file, or remove this one";
    if (text.find_first_not_of(" \t\r\n") == std::string::npos) {
        return refused(file, ": it is empty", or_remove);
    }
    if (text.starts_with(any_session)) {
        return refused(file, ", but one of `hexcore run`", other_name);
    }
    auto document = nlohmann::json::parse(text, nullptr, false);
    if (document.is_discarded()) {
        return refused(file, ": it is damaged, or was never one", or_remove);
    }
    const auto schema =
        document.is_object() && document.contains("schema") ? document["schema"] : nlohmann::json();
    if (schema == dialogue_schema) {
        return document;
    }
    if (schema.is_string() && schema.get<std::string>().starts_with(any_dialogue)) {
        constexpr std::size_t longest = 60;
        return fail(ErrorCode::bad_input,
                    "{} is a conversation as another version of Hexcore keeps it ({}), and this "
                    "one reads {}; {}",
                    printable(file.string()), shortened(schema.get<std::string>(), longest),
                    dialogue_schema, other_name);
    }
    return refused(file, fmt::format(": its schema is not {}", dialogue_schema), other_name);
}

}  // namespace

Result<Dialogue> Dialogue::read(const std::filesystem::path& file, const std::string& assistant) {
    Dialogue dialogue(assistant);
    std::error_code error;
    const auto status = std::filesystem::status(file, error);
    if (status.type() == std::filesystem::file_type::not_found) {
        return dialogue;
    }
    if (!error && !std::filesystem::is_regular_file(status)) {
        return fail(ErrorCode::bad_input,
                    "{} is {}, where no conversation can be kept; name a file", file.string(),
                    std::filesystem::is_directory(status) ? "a folder" : "no ordinary file");
    }
    HEXCORE_TRY(text, read_text_file(file.string(), file.string()));
    HEXCORE_TRY(document, dialogue_document(file, text));
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
        return fail(ErrorCode::bad_input,
                    "{} is a conversation of which parts are missing; name another file, or remove "
                    "this one",
                    file.string());
    }
    return dialogue;
}

Result<Dialogue> Dialogue::read_to_keep(const std::filesystem::path& file,
                                        const std::string& assistant) {
    HEXCORE_TRY(dialogue, read(file, assistant));
    HEXCORE_TRY_VOID(check_private_file(file));
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
