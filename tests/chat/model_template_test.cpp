// Templates with a vocabulary: of models of which only that is loaded.
#include <gmock/gmock.h>

#include "chat/templates.hpp"
#include "llama-cpp.h"

namespace hexcore {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

llama_model_ptr vocabulary(const std::string& name) {
    llama_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
    llama_model_params parameters = llama_model_default_params();
    parameters.vocab_only = true;
    return llama_model_ptr(llama_model_load_from_file(
        (std::string(HEXCORE_TEMPLATES) + "/../ggml-vocab-" + name + ".gguf").c_str(), parameters));
}

TEST(ModelTemplate, IsChatMlForAModelWithoutOne) {
    const llama_model_ptr model = vocabulary("llama-bpe");
    ASSERT_TRUE(model);
    const auto chat_template = ChatTemplate::of(*model);
    ASSERT_TRUE(chat_template) << chat_template.error().message;
    EXPECT_FALSE(chat_template->is_own());
    const auto prompt = chat_template->apply(test::question());
    ASSERT_TRUE(prompt) << prompt.error().message;
    EXPECT_THAT(prompt->text, HasSubstr("<|im_start|>user\nHow is the weather in Rome?<|im_end|>"));
    EXPECT_TRUE(prompt->text.ends_with("<|im_start|>assistant\n"));
}

TEST(ModelTemplate, KnowsTheTokensThatItsAnswersAreMadeOf) {
    const llama_model_ptr model = vocabulary("gemma-4");
    ASSERT_TRUE(model);
    EXPECT_TRUE(ChatTemplate::of(*model)->is_own());
    const auto chat_template =
        ChatTemplate::of(*model, test::template_text("google-gemma-4-31B-it"));
    ASSERT_TRUE(chat_template) << chat_template.error().message;
    const auto prompt = chat_template->apply(test::question_with_tool());
    ASSERT_TRUE(prompt) << prompt.error().message;
    EXPECT_THAT(prompt->shown_tokens, Not(IsEmpty()));
    EXPECT_THAT(prompt->triggers.tokens, Not(IsEmpty()));
}

/// What a sampler is made of is what libllama takes.
class GrammarsOf : public ::testing::TestWithParam<const char*> {};

TEST_P(GrammarsOf, PromptsAreGrammarsToLibllama) {
    const llama_model_ptr model = vocabulary("qwen2");
    ASSERT_TRUE(model);
    const llama_vocab* vocab = llama_model_get_vocab(model.get());
    const ChatTemplate chat_template = test::real_template(GetParam());
    ChatRequest request = test::question_with_tool();
    const ChatPrompt lazy = chat_template.apply(request).value();
    ASSERT_THAT(lazy.grammar, Not(IsEmpty()));
    std::vector<const char*> patterns;
    for (const std::string& pattern : lazy.triggers.patterns) {
        patterns.push_back(pattern.c_str());
    }
    const llama_sampler_ptr waiting(llama_sampler_init_grammar_lazy_patterns(
        vocab, lazy.grammar.c_str(), "root", patterns.data(), patterns.size(),
        lazy.triggers.tokens.data(), lazy.triggers.tokens.size()));
    EXPECT_TRUE(waiting);

    request.tool_choice = ToolChoice::required;
    const ChatPrompt strict = chat_template.apply(request).value();
    const llama_sampler_ptr at_once(
        llama_sampler_init_grammar(vocab, strict.grammar.c_str(), "root"));
    EXPECT_TRUE(at_once);
}

INSTANTIATE_TEST_SUITE_P(OfLlamaCpp, GrammarsOf,
                         ::testing::Values("Qwen-Qwen3-0.6B", "Qwen3-Coder", "openai-gpt-oss-120b",
                                           "mistralai-Mistral-Nemo-Instruct-2407",
                                           "deepseek-ai-DeepSeek-V3.2", "Kimi-K2-Instruct"));

}  // namespace
}  // namespace hexcore
