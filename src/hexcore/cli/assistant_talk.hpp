#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "hexcore/assistant/assistant_engines.hpp"
#include "hexcore/assistant/dialogue.hpp"
#include "hexcore/cli/chat_partner.hpp"

namespace hexcore {

/// Fails with ErrorCode::usage where an expert is named and asked nothing.
[[nodiscard]] Result<void> check_question(const AssistantDescription& assistant,
                                          std::string_view question);

/// One conversation with an assistant: questions go in, and answers are printed as they come.
class AssistantTalk : public ChatPartner {
public:
    /// Each question has `settings`, with its text and history. What is given outlives it.
    AssistantTalk(AssistantEngines& engines, AssistantHost& host, AssistantQuestion settings);

    [[nodiscard]] Result<Answer> ask(const std::string& question,
                                     const Interrupt& interrupt) override;
    /// How many questions got no answer.
    [[nodiscard]] std::size_t failed() const { return failed_; }
    /// The newest answer with all that there is to know of it.
    [[nodiscard]] const AssistantAnswer& newest() const { return newest_; }
    void begin_anew(std::string system) override;
    [[nodiscard]] const std::string& system() const override { return settings_.instructions; }
    [[nodiscard]] CacheStats stats() const override { return newest_.cache; }
    /// Each answer's summary is printed behind it, and the conversation is kept in this file, if it
    /// is not empty.
    void is_chat() { is_chat_ = true; }
    /// No part of an answer is printed.
    void is_quiet() { is_quiet_ = true; }
    /// Is kept there after each answer. Fails as Dialogue::read_to_keep().
    [[nodiscard]] Result<void> keep_in(const std::filesystem::path& file);
    /// Whether it could be, the last time.
    [[nodiscard]] const Result<void>& kept() const { return kept_; }

    [[nodiscard]] Result<void> save_to(const std::filesystem::path& file) override;
    [[nodiscard]] Result<void> load_from(const std::filesystem::path& file) override;
    static constexpr std::string_view question_or_file = "a question, or --file FILE";
    [[nodiscard]] std::string_view what_to_give() const override { return question_or_file; }
    /// Another expert, or fewer of them, may well answer.
    [[nodiscard]] bool goes_on_after(const Error& error) const override {
        return error.code != ErrorCode::interrupted && error.code != ErrorCode::missing_device;
    }
    [[nodiscard]] std::string_view own_help() const override;
    [[nodiscard]] bool obeys(std::string_view name, const std::string& value) override;

private:
    [[nodiscard]] Result<Answer> answer_to(const std::string& question, const Interrupt& interrupt);
    void keep(const std::string& question);
    void set_expert(const std::string& name);
    void set_experts(const std::string& number);
    void set_combination(const std::string& name);
    void tell_if_by_words() const;

    AssistantEngines& engines_;
    AssistantHost& host_;
    AssistantQuestion settings_;
    Dialogue dialogue_;
    AssistantAnswer newest_;
    std::filesystem::path file_;  ///< empty: it is kept nowhere
    Result<void> kept_ = {};
    std::size_t failed_ = 0;
    bool is_chat_ = false;
    bool is_quiet_ = false;
};

}  // namespace hexcore
