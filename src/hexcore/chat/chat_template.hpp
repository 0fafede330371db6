#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "hexcore/base/result.hpp"
#include "hexcore/chat/chat_message.hpp"

struct llama_model;

namespace hexcore {

/// Whose words come next.
enum class Turn { user, assistant };

enum class ToolChoice {
    automatic,  ///< the model decides
    required,   ///< it has to call one
    none,       ///< it knows of them, and may not call any
};

/// Where what a model thinks is put.
enum class Thoughts {
    apart,      ///< into ChatMessage::reasoning
    in_content  ///< they stay where the model writes them
};

/// What is asked of a model.
struct ChatRequest {
    std::vector<ChatMessage> messages = {};
    Turn turn = Turn::assistant;
    std::vector<ChatTool> tools = {};
    ToolChoice tool_choice = ToolChoice::automatic;
    bool parallel_tool_calls = false;  ///< several calls in one answer
    std::string json_schema = {};      ///< JSON text; what the answer has to be like. Or:
    std::string grammar = {};          ///< GBNF with the rule "root"; not together with tools
    bool thinking = true;              ///< for templates that can do without
    Thoughts thoughts = Thoughts::apart;
    std::map<std::string, std::string> variables = {};  ///< of the template: name to JSON text
};

/// What starts a lazy grammar, as llama_sampler_init_grammar_lazy_patterns takes it.
struct GrammarTriggers {
    std::vector<std::string> patterns = {};  ///< regular expressions
    std::vector<std::int32_t> tokens = {};
};

/// How answers to one prompt are read.
struct AnswerSyntax;

/// A conversation in a model's own words, and what is to be known of the answer to it.
struct ChatPrompt {
    std::string text = {};
    /// The end of `text` with which the answer begins, "<|im_start|>assistant\n<think>" for
    /// instance: read_answer() knows of it and is not given it.
    std::string answer_start = {};
    std::string grammar = {};   ///< GBNF with the rule "root"; empty: anything may be answered
    bool grammar_lazy = false;  ///< it holds from the first of the triggers on
    /// The grammar describes answer_start, too: its tokens are accepted before the first is drawn.
    bool grammar_has_answer_start = false;
    GrammarTriggers triggers = {};
    std::vector<std::string> stops = {};  ///< texts that end the answer, beside the model's tokens
    /// Special tokens that read_answer() needs to see as text. Empty for a template without a
    /// model.
    std::vector<std::int32_t> shown_tokens = {};
    bool can_think = false;  ///< the template marks thoughts:
    std::string thinking_start = {};
    std::vector<std::string> thinking_ends = {};  ///< any of them
    /// Shared, since copies of a prompt are read alike, and it never changes.
    std::shared_ptr<const AnswerSyntax> syntax = {};
};

/// How conversations are put to a model: its own Jinja template, by llama.cpp's interpreter of
/// them. It may be used by several threads at once.
class ChatTemplate {
public:
    /// The model's; "ChatML", as in llama.cpp, for a model without one. The model must outlive it.
    /// Fails with ErrorCode::bad_input where the template is none, comes to no end, or cannot even
    /// be used for one question.
    [[nodiscard]] static Result<ChatTemplate> of(const llama_model& model);
    /// The same of another text in place of the model's own.
    [[nodiscard]] static Result<ChatTemplate> of(const llama_model& model, std::string_view text);
    /// The same of a text without a model, with the texts of the tokens that begin and end a
    /// conversation.
    [[nodiscard]] static Result<ChatTemplate> from_text(std::string_view text,
                                                        const std::string& bos = {},
                                                        const std::string& eos = {});
    ChatTemplate(ChatTemplate&& other) noexcept;
    ChatTemplate& operator=(ChatTemplate&& other) noexcept;
    ~ChatTemplate();

    /// The conversation up to where `turn` speaks. Fails with ErrorCode::usage where the request is
    /// wrong in itself (a schema, arguments that are no JSON) or the template refuses it (roles
    /// that do not alternate, for instance), with bad_input where the template comes to no end.
    [[nodiscard]] Result<ChatPrompt> apply(const ChatRequest& request) const;

    /// Whether the model itself has one, and it is not "ChatML" for want of it.
    [[nodiscard]] bool is_own() const;
    /// Whether it tells the model of tools. Without that they are not told of.
    [[nodiscard]] bool knows_tools() const;
    [[nodiscard]] const std::string& text() const;

private:
    struct State;
    explicit ChatTemplate(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

enum class AnswerEnd {
    reached,
    open,  ///< more may follow: what is not decided yet is left out
};

/// What an answer to a prompt means: content, thoughts, calls of tools. The role is "assistant".
/// Calls have an id only where the model gave one. Fails with ErrorCode::negative where the text
/// is not as the template lets the model answer, or nested without measure.
[[nodiscard]] Result<ChatMessage> read_answer(const ChatPrompt& prompt, std::string_view text,
                                              AnswerEnd end);

/// The grammar, GBNF with the rule "root", of the JSON that a JSON schema describes. References are
/// followed within the schema only. Fails with ErrorCode::usage and what is wrong where that is no
/// schema, or one beyond what can be a grammar.
[[nodiscard]] Result<std::string> grammar_of_schema(std::string_view json_schema);

}  // namespace hexcore
