#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "hexcore/chat/answer_reader.hpp"
#include "hexcore/cli/chat_partner.hpp"
#include "hexcore/process/interrupt.hpp"
#include "hexcore/session/engine.hpp"

namespace hexcore {

/// Goes on with the session in a file; says where its tokens have to be computed again. Fails as
/// Session::load_from() does.
[[nodiscard]] Result<void> load_session(
    Session& session, const std::filesystem::path& file,
    const std::function<Result<void>(const std::string& note)>& takes_note = {});

/// One conversation with a model, in the model's own chat template: questions go in, and answers
/// are printed as they come.
class Talk : public ChatPartner {
public:
    /// Of `session`, which has no tokens yet. Each request has `settings`, with its text. That the
    /// template is none of the model's is said.
    Talk(Engine& engine, Session& session, Request settings, ChatTemplate chat_template);

    /// In place of what is said so far: what the model is told before all else; "": nothing.
    void begin_anew(std::string system) override;
    [[nodiscard]] const std::string& system() const override { return system_; }

    /// Asks, and prints the answer; thoughts only on a terminal, dimmed. Each question puts the
    /// whole conversation into the template anew: the session computes what it does not have of
    /// that, and only these are the answer's prompt tokens. A question that fails, or is
    /// interrupted before it is taken in (0 prompt tokens), was never asked.
    [[nodiscard]] Result<Answer> ask(const std::string& question,
                                     const Interrupt& interrupt) override;
    [[nodiscard]] CacheStats stats() const override { return session_->stats(); }
    /// What is called with each part of the text of answers, in place of printing it.
    void show_by(std::function<void(std::string_view)> show) { show_ = std::move(show); }

    /// Keeps the conversation in a file. Fails with ErrorCode::negative where it cannot be written.
    [[nodiscard]] Result<void> save_to(const std::filesystem::path& file) override;
    /// Goes on with the conversation of a file; says where it has to be computed again. Fails with
    /// ErrorCode::bad_input where it is none, or of another model, and then changes nothing.
    [[nodiscard]] Result<void> load_from(const std::filesystem::path& file) override;

private:
    Engine* engine_;
    Session* session_;
    Request settings_;
    ChatTemplate template_;
    std::string system_;
    std::vector<ChatMessage> messages_;  ///< by what they mean
    std::function<void(std::string_view)> show_;
};

}  // namespace hexcore
