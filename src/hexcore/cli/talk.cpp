#include "hexcore/cli/talk.hpp"

#include <nlohmann/json.hpp>
#include <utility>

#include "hexcore/cli/answer_printer.hpp"
#include "hexcore/cli/end_of_answer.hpp"
#include "hexcore/cli/terminal.hpp"
#include "hexcore/report/json_cursor.hpp"

namespace hexcore {
namespace {

using Json = nlohmann::ordered_json;

}  // namespace

Result<std::string> load_session(Session& session, const std::filesystem::path& file) {
    HEXCORE_TRY(loaded, session.load_from(file));
    if (!loaded.problem.empty()) {
        complain(
            fmt::format("{}: {}; its tokens are computed again", file.string(), loaded.problem));
    }
    return std::move(loaded.note);
}

Talk::Talk(Engine& engine, Session& session, Request settings, ChatTemplate chat_template)
    : engine_(&engine),
      session_(&session),
      settings_(std::move(settings)),
      template_(std::move(chat_template)) {
    if (!template_.is_own()) {
        print_aside("The model has no chat template; ChatML is used.\n");
    }
}

void Talk::begin_anew(std::string system) {
    session_->clear();
    in_cache_ = 0;
    messages_.clear();
    system_ = std::move(system);
    if (!system_.empty()) {
        messages_.push_back({"system", system_});
    }
}

Request Talk::request_for(const ChatPrompt& prompt) const {
    Request request = settings_;
    request.text = prompt.text.substr(in_cache_);
    request.stops.insert(request.stops.end(), prompt.stops.begin(), prompt.stops.end());
    request.shown_tokens = prompt.shown_tokens;
    return request;
}

Result<Answer> Talk::ask(const std::string& question, const Interrupt& interrupt) {
    messages_.push_back({"user", question});
    auto prompt = template_.apply({.messages = messages_});
    if (!prompt) {
        messages_.pop_back();
        return tl::unexpected(std::move(prompt.error()));
    }
    Request request = request_for(*prompt);
    AnswerPrinter printer(*prompt);
    request.on_piece = [&](const AnswerPiece& piece) {
        if (show_) {
            show_(piece.text);
        } else {
            printer.add(piece.text);
        }
    };
    auto answer = engine_->answer(*session_, std::move(request), interrupt.flag());
    if (!show_) {
        printer.finish();
    }
    if (!answer || answer->prompt_tokens == 0) {
        messages_.pop_back();
        return answer;
    }
    messages_.push_back({"assistant", answer->text});
    HEXCORE_TRY(so_far, template_.apply({.messages = messages_, .turn = Turn::user}));
    // What the template puts behind the answer goes in with the next prompt.
    in_cache_ = end_of_answer(so_far.text, prompt->text, answer->text);
    return answer;
}

Result<void> Talk::save_to(const std::filesystem::path& file) {
    Json messages = Json::array();
    for (const ChatMessage& message : messages_) {
        messages.push_back({{"role", message.role}, {"content", message.content}});
    }
    const Json note{{"messages", messages}, {"in_cache", in_cache_}};
    return session_->save_to(file, note.dump(-1, ' ', false, Json::error_handler_t::replace));
}

Result<void> Talk::load_from(const std::filesystem::path& file) {
    HEXCORE_TRY(text, load_session(*session_, file));
    HEXCORE_TRY(note, parse_json(text, "saved conversation"));
    const JsonCursor cursor(note, "");
    HEXCORE_TRY(in_cache, cursor.member("in_cache"));
    HEXCORE_TRY(bytes, in_cache.count());
    HEXCORE_TRY(list, cursor.member("messages"));
    HEXCORE_TRY(elements, list.elements());
    std::vector<ChatMessage> messages;
    for (const JsonCursor& element : elements) {
        HEXCORE_TRY(role, element.member("role"));
        HEXCORE_TRY(role_text, role.text());
        HEXCORE_TRY(content, element.member("content"));
        HEXCORE_TRY(content_text, content.text());
        messages.push_back({role_text, content_text});
    }
    messages_ = std::move(messages);
    system_ = !messages_.empty() && messages_[0].role == "system" ? messages_[0].content : "";
    in_cache_ = bytes;
    return {};
}

}  // namespace hexcore
