#include "hexcore/runtime/long_stretches.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "hexcore/base/deep_stack.hpp"
#include "hexcore/runtime/llama_log.hpp"
#include "llama.h"

namespace hexcore {
namespace {

std::string times(std::size_t count, std::string_view text) {
    std::string all;
    for (std::size_t i = 0; i < count; ++i) {
        all += text;
    }
    return all;
}

/// A vocabulary that is split as `pre` says.
class Vocabulary {
public:
    explicit Vocabulary(const char* pre) {
        const LlamaLog quiet;
        llama_model_kv_override overrides[2] = {};
        overrides[0].tag = LLAMA_KV_OVERRIDE_TYPE_STR;
        std::strcpy(overrides[0].key, "tokenizer.ggml.pre");
        std::strcpy(overrides[0].val_str, pre);
        llama_model_params params = llama_model_default_params();
        params.vocab_only = true;
        params.kv_overrides = overrides;
        model_.reset(
            llama_model_load_from_file(HEXCORE_LLAMA_MODELS "/ggml-vocab-starcoder.gguf", params));
        if (!model_) {
            throw std::runtime_error(std::string("libllama does not load the vocabulary of ") +
                                     HEXCORE_LLAMA_MODELS " as " + pre);
        }
    }
    [[nodiscard]] const llama_vocab& operator*() const {
        return *llama_model_get_vocab(model_.get());
    }
    [[nodiscard]] std::vector<llama_token> tokens(const std::string& text) const {
        std::vector<llama_token> tokens(text.size() + 2);
        const int count =
            llama_tokenize(&**this, text.data(), static_cast<int>(text.size()), tokens.data(),
                           static_cast<int>(tokens.size()), false, false);
        EXPECT_GE(count, 0);
        tokens.resize(static_cast<std::size_t>(std::max(count, 0)));
        return tokens;
    }

private:
    struct Free {
        void operator()(llama_model* model) const { llama_model_free(model); }
    };
    std::unique_ptr<llama_model, Free> model_;
};

TEST(LongStretches, AreCountedInCharactersOfOneKind) {
    const StretchCost apart;
    EXPECT_EQ(longest_stretch("", apart), 0U);
    EXPECT_EQ(longest_stretch("abc 12345 de.f", apart), 5U);
    EXPECT_EQ(longest_stretch("a \t  b\n\n", apart), 4U);
    EXPECT_EQ(longest_stretch("Grüße", apart), 5U);
    EXPECT_EQ(longest_stretch("日本 12語", apart), 3U);         // 日本 and the blank
    EXPECT_EQ(longest_stretch("\x80\x80\x80\x80", apart), 4U);  // no characters, each taken for one
    StretchCost words;
    words.group = {0, 1, 2, 2, 2};
    EXPECT_EQ(longest_stretch("see http://a.example/1 there", words), 18U);
}

class SplittersTest : public ::testing::TestWithParam<const char*> {};

TEST_P(SplittersTest, GetTheStackThatALongStretchTakes) {
    const Vocabulary vocabulary(GetParam());
    LongStretches stretches;
    const DeepStack vast(std::size_t{1} << 30);
    for (const char* text : {"a", "A", "1", ".", " ", "\n", "中", "a1", "a "}) {
        const std::string all = "Now: " + times(24'000, text) + " ends.";
        std::vector<llama_token> given, expected;
        const auto done =
            stretches.with_stack_for(all, *vocabulary, [&] { given = vocabulary.tokens(all); });
        ASSERT_TRUE(done.has_value()) << text << ": " << done.error().message;
        ASSERT_TRUE(vast.run([&] { expected = vocabulary.tokens(all); }));
        EXPECT_EQ(given, expected) << text;
        EXPECT_FALSE(given.empty());
    }
}

INSTANTIATE_TEST_SUITE_P(LongStretches, SplittersTest,
                         ::testing::Values("deepseek-llm", "deepseek-v3", "tekken", "viking",
                                           "exaone-moe", "llama-bpe"));

TEST(LongStretches, BeyondAllMeasureAreRefused) {
    const Vocabulary vocabulary("deepseek-v3");
    LongStretches stretches;
    bool tokenized = false;
    const auto refused = stretches.with_stack_for(times(longest_stretch_taken + 1, "a"),
                                                  *vocabulary, [&] { tokenized = true; });
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, ErrorCode::usage);
    EXPECT_NE(refused.error().message.find("65537 characters"), std::string::npos)
        << refused.error().message;
    EXPECT_FALSE(tokenized);
}

TEST(LongStretches, OfAVocabularyThatDoesNotRecurseMayBeOfAnyLength) {
    for (const char* pre : {"llama-bpe", "smollm"}) {
        const Vocabulary vocabulary(pre);
        LongStretches stretches;
        bool tokenized = false;
        ASSERT_TRUE(stretches
                        .with_stack_for(times(longest_stretch_taken * 2, "a"), *vocabulary,
                                        [&] { tokenized = true; })
                        .has_value());
        EXPECT_TRUE(tokenized);
    }
}

TEST(LongStretches, AreOfTheKindsThatASplitterGoesOver) {
    const auto cost_of = [](const char* pre) {
        const auto cost = stretch_cost(*Vocabulary(pre));
        EXPECT_TRUE(cost.has_value());
        return cost.value_or(StretchCost());
    };
    EXPECT_EQ(cost_of("llama-bpe").bytes, 0U);
    const StretchCost letters = cost_of("deepseek-v3");
    EXPECT_GT(letters.bytes, 0U);
    EXPECT_NE(letters.group[2], letters.group[3]);
    const StretchCost words = cost_of("viking");  // all but blanks and some punctuation
    EXPECT_EQ(words.group[2], words.group[3]);
    EXPECT_NE(words.group[2], words.group[0]);
    const StretchCost sentences = cost_of("exaone-moe");
    EXPECT_EQ(sentences.group[2], sentences.group[0]);
}

}  // namespace
}  // namespace hexcore
