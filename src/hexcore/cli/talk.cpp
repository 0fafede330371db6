#include "hexcore/cli/talk.hpp"

#include <utility>

#include "hexcore/api/put_chat.hpp"
#include "hexcore/cli/answer_printer.hpp"
#include "hexcore/cli/conversation_note.hpp"
#include "hexcore/cli/terminal.hpp"
#include "hexcore/session/session_file.hpp"

namespace hexcore {

Result<void> load_session(Session& session, const std::filesystem::path& file,
                          const std::function<Result<void>(const std::string&)>& takes_note) {
    HEXCORE_TRY(loaded, session.load_from(file, takes_note));
    if (!loaded.problem.empty()) {
        complain(
            fmt::format("{}: {}; its tokens are computed again", file.string(), loaded.problem));
    }
    return {};
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
    messages_.clear();
    system_ = std::move(system);
    if (!system_.empty()) {
        messages_.push_back({"system", system_});
    }
}

Result<Answer> Talk::ask(const std::string& question, const Interrupt& interrupt) {
    std::vector<ChatMessage> messages = messages_;
    messages.push_back({.role = "user", .content = question});
    HEXCORE_TRY(prompt, template_.apply({.messages = messages}));
    Request request = settings_;
    HEXCORE_TRY_VOID(put_chat(request, prompt, engine_->model()));
    AnswerReader reader(std::move(prompt));
    AnswerPrinter printer;
    request.on_piece = [&](const AnswerPiece& piece) {
        const std::vector<ChatDelta> deltas = reader.add(piece.text);
        show_ ? show_(piece.text) : printer.add(deltas);
    };
    auto answer = engine_->answer(*session_, std::move(request), interrupt.flag());
    // What is no message in the template's form is one as far as it could be read.
    const auto rest = reader.finish();
    if (!show_) {
        printer.add(rest.value_or(std::vector<ChatDelta>()));
        printer.finish();
    }
    if (answer && answer->prompt_tokens > 0) {
        messages.push_back(reader.message());
        messages_ = std::move(messages);
        answer->prompt_tokens -= std::exchange(answer->reused_tokens, 0);
    }
    return answer;
}

Result<void> Talk::save_to(const std::filesystem::path& file) {
    HEXCORE_TRY_VOID(check_session_file(file));  // nothing else is written over
    return session_->save_to(file, conversation_note(messages_));
}

Result<void> Talk::load_from(const std::filesystem::path& file) {
    std::vector<ChatMessage> messages;
    const auto take = [&messages](const std::string& note) -> Result<void> {
        HEXCORE_TRY(read, read_conversation_note(note));
        messages = std::move(read);
        return {};
    };
    HEXCORE_TRY_VOID(load_session(*session_, file, take));
    messages_ = std::move(messages);
    system_ = !messages_.empty() && messages_[0].role == "system" ? messages_[0].content : "";
    return {};
}

}  // namespace hexcore
