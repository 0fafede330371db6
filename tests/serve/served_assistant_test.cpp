// An assistant behind a server, over a tiny model whose tokens are bytes.

#include "hexcore/serve/served_assistant.hpp"

#include <gmock/gmock.h>

#include "hexcore/serve/open_answer.hpp"
#include "session/engine_fixture.hpp"
#include "support/tiny_adapter.hpp"

namespace hexcore::test {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using Json = nlohmann::ordered_json;

/// Two experts, told apart by a word each.
AssistantDescription two_experts() {
    AssistantDescription assistant;
    assistant.name = "voices";
    for (const char* name : {"LOW", "HIGH"}) {
        ExpertDescription& expert = assistant.experts.emplace_back();
        expert.name = name;
        expert.system = std::string("You are ") + name + ".";
        expert.keywords = {std::string(name) == "LOW" ? "deep" : "bright"};
        expert.sampling.temperature = 0.0F;
    }
    return assistant;
}

/// By keywords alone.
Router word_router(const AssistantDescription& assistant) {
    const KeywordFeatures keywords(assistant);
    std::vector<RouterInput> inputs;
    std::vector<std::size_t> experts;
    for (int i = 0; i < 10; ++i) {
        for (std::size_t expert = 0; expert < 2; ++expert) {
            inputs.push_back(
                {.embedding = {}, .keywords = keywords.of(expert == 0 ? "so deep" : "so bright")});
            experts.push_back(expert);
        }
    }
    return Router::fit(inputs, experts, 2);
}

class ServedAssistantTest : public EngineTest {
protected:
    void SetUp() override {
        write({.n_vocab = tiny_byte_tokens, .bytes = true});
        start({.tokens_each = 1024, .sequences = 2, .devices = 1});
        ASSERT_TRUE(engine_.has_value());
        engine_.reset();  // the server has its own
        serve(std::vector<std::vector<ChosenAdapter>>(2));
    }
    void serve(std::vector<std::vector<ChosenAdapter>> adapters, ResidentAdapters resident = {}) {
        served_.reset();
        auto nothing = Knowledge::open({});
        ASSERT_TRUE(nothing.has_value());
        OfferedAssistant offered{
            .assistant = {two_experts(), *std::move(nothing)},
            .adapters = std::move(adapters),
            .router = [](const AssistantDescription& assistant, Engine&, const ChatTemplate&) {
                return Result<Router>(word_router(assistant));
            }};
        auto served = ServedModel::make(
            *model_, {.engine = {.equality = Equality::exact}, .resident = resident, .sessions = 8},
            metrics_, std::move(offered));
        ASSERT_TRUE(served.has_value()) << served.error().message;
        served_ = *std::move(served);
    }
    void TearDown() override {
        served_.reset();
        EngineTest::TearDown();
    }

    std::vector<ChosenAdapter> adapter(std::uint32_t seed) {
        const auto path = folder_.path() / fmt::format("adapter{}.gguf", seed);
        write_tiny_adapter(
            path, inventory_, [](auto) { return true; }, 4, seed);
        return read_adapters(std::vector<AdapterWish>{{path}}, inventory_).value();
    }
    /// With two contexts: without adapters, and with `other`.
    void serve_with(const std::vector<ChosenAdapter>& other,
                    std::vector<std::vector<ChosenAdapter>> of_experts) {
        served_.reset();
        const Plan plan = model_->plan();
        model_.reset();
        LoadOptions options = load_options();
        options.context.more_adapters = {other};
        auto model = LoadedModel::load(*machine_, inventory_, plan, options);
        ASSERT_TRUE(model.has_value()) << model.error().message;
        model_.emplace(*std::move(model));
        serve(std::move(of_experts));
    }
    std::string text_of(const std::string& body) {
        const auto answer = ask(body);
        EXPECT_TRUE(answer.has_value()) << answer.error().message;
        return answer ? answer->at("choices").at(0).at("message").at("content") : Json("");
    }
    static std::string body(const std::string& model, const std::string& question,
                            const Json& more = Json::object()) {
        Json json = {{"model", model},
                     {"messages", {{{"role", "user"}, {"content", question}}}},
                     {"max_tokens", 8}};
        json.update(more);
        return json.dump();
    }
    Asked<std::unique_ptr<OpenAnswer>> open_chat(const std::string& body) {
        return OpenAnswer::chat(*served_, body);
    }
    /// Takes all of an answer.
    static Asked<Json> wait_for(OpenAnswer& open) {
        std::vector<Json> chunks;
        while (!open.has_ended()) {
            HEXCORE_TRY_VOID(open.advance(1s, chunks));
        }
        return open.whole();
    }
    Asked<Json> ask(const std::string& body) {
        HEXCORE_TRY(open, open_chat(body));
        return wait_for(*open);
    }
    ApiError refused(const std::string& body) {
        const auto answer = ask(body);
        EXPECT_FALSE(answer.has_value()) << body;
        return answer ? ApiError{} : answer.error();
    }

    Metrics metrics_;
    std::unique_ptr<ServedModel> served_;
};

TEST_F(ServedAssistantTest, AQuestionGoesToWhoeverItIsForAndTheAnswerSaysToWhom) {
    const auto low = ask(body("voices", "so deep"));
    ASSERT_TRUE(low.has_value()) << low.error().message;
    EXPECT_EQ(low->at("model"), "voices");
    EXPECT_EQ(low->at("usage").at("completion_tokens"), 8);
    const Json& said = low->at("hexcore");
    EXPECT_EQ(said.at("experts").at(0).at("name"), "LOW");
    EXPECT_GT(said.at("experts").at(0).at("confidence"), 0.5);
    EXPECT_TRUE(said.at("fallback").is_null());
    for (const char* key : {"combine", "sources", "timing", "cache_stats", "devices"}) {
        EXPECT_TRUE(said.contains(key)) << key;
    }
    EXPECT_EQ(ask(body("voices", "so bright"))->at("hexcore").at("experts").at(0).at("name"),
              "HIGH");
    const auto named = ask(body("voices:high", "so deep"));
    EXPECT_EQ(named->at("model"), "voices:high");
    EXPECT_EQ(named->at("hexcore").at("experts").at(0).at("name"), "HIGH");
    EXPECT_THAT(served_->metrics_text(),
                HasSubstr("hexcore_assistant_questions_total{expert=\"HIGH\"} 2\n"));
    EXPECT_FALSE(ask(body("the model itself", "so deep"))->at("hexcore").contains("experts"));
}

TEST_F(ServedAssistantTest, AStreamIsTheAnswerInPartsWithTheSameFactsInItsLast) {
    const auto whole = ask(body("voices:LOW", "Why?"));
    auto open = open_chat(body("voices:LOW", "Why?", {{"stream", true}}));
    ASSERT_TRUE(open.has_value()) << open.error().message;
    std::vector<Json> chunks;
    (*open)->begin(chunks);
    while (!(*open)->has_ended()) {
        ASSERT_TRUE((*open)->advance(1s, chunks));
    }
    std::string text;
    for (const Json& chunk : chunks) {
        text += chunk.at("choices").at(0).at("delta").value("content", "");
    }
    EXPECT_EQ(text, whole->at("choices").at(0).at("message").at("content"));
    EXPECT_EQ(chunks.back().at("hexcore").at("experts").at(0).at("name"), "LOW");
    EXPECT_EQ(chunks.front().at("model"), "voices:LOW");
}

TEST_F(ServedAssistantTest, SeveralClientsAreAnsweredSideBySideBesideTheModelsOwn) {
    std::vector<std::unique_ptr<OpenAnswer>> open;
    for (const char* model : {"voices:LOW", "", "voices:HIGH", "voices:LOW"}) {
        open.push_back(open_chat(body(model, "Why?", {{"temperature", 0}})).value());
    }
    std::vector<std::string> texts;
    for (const auto& one : open) {
        texts.push_back(wait_for(*one)->at("choices").at(0).at("message").at("content"));
    }
    EXPECT_EQ(texts[0], texts[3]);
    EXPECT_EQ(texts[0],
              ask(body("voices:LOW", "Why?"))->at("choices").at(0).at("message").at("content"));
}

TEST_F(ServedAssistantTest, WhoGoesIsNotAnsweredOnAndOthersAre) {
    const Json endless = {{"max_tokens", -1}, {"temperature", 5}};
    auto gone = open_chat(body("voices:LOW", "Why?", endless)).value();
    auto stays = open_chat(body("voices:LOW", "Why?")).value();
    std::vector<Json> chunks;
    while (chunks.empty()) {
        ASSERT_TRUE(gone->advance(1s, chunks));
    }
    gone.reset();
    EXPECT_TRUE(wait_for(*stays).has_value());
    // In the queue, too, and as many as there can be at once.
    for (int i = 0; i < 20; ++i) {
        EXPECT_TRUE(open_chat(body("voices", "so deep", endless)).has_value()) << i;
        EXPECT_TRUE(ask(body("voices", "so deep", {{"max_tokens", 1}})).has_value());
    }
}

TEST_F(ServedAssistantTest, WhatEndsTheServerEndsItsQuestions) {
    auto open = open_chat(body("voices:LOW", "Why?", {{"max_tokens", -1}, {"temperature", 5}}));
    ASSERT_TRUE(open.has_value());
    served_->end_now();
    const auto ended = wait_for(**open);  // which may have come to its end by itself
    EXPECT_TRUE(ended.has_value() || ended.error().code == "shutting_down");
    EXPECT_EQ(refused(body("voices", "so deep")).code, "shutting_down");
}

TEST_F(ServedAssistantTest, AnExpertThatFailsTooOftenIsOutAndMetricsSaySo) {
    // Without chance this model says one byte for ever.
    const Json for_long = {{"max_tokens", 400}};
    const auto first = ask(body("voices:LOW", "Why?", for_long));
    ASSERT_TRUE(first.has_value()) << first.error().message;
    EXPECT_EQ(first->at("choices").at(0).at("finish_reason"), "length");
    EXPECT_EQ(first->at("hexcore").at("stop"), "repetition");
    EXPECT_EQ(first->at("hexcore").at("fallback").at("expert"), "HIGH");
    EXPECT_THAT(served_->metrics_text(), HasSubstr("hexcore_expert_failures{expert=\"LOW\"} 1\n"));
    (void)ask(body("voices:LOW", "Why?", for_long));
    (void)ask(body("voices:LOW", "Why?", for_long));
    const std::string text = served_->metrics_text();
    EXPECT_THAT(text, HasSubstr("hexcore_expert_out{expert=\"LOW\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("hexcore_expert_out{expert=\"HIGH\"} 0\n"));
    EXPECT_THAT(text, HasSubstr("hexcore_assistant_fallbacks_total{expert=\"HIGH\"} 3\n"));
    const ApiError strict = refused(body("voices:LOW", "Why?", {{"strict", true}}));
    EXPECT_EQ(strict.status, 422);
    EXPECT_EQ(strict.code, "not_sure");
    EXPECT_THAT(strict.message, HasSubstr("LOW"));
    EXPECT_EQ(error_json(strict).at("hexcore").at("fallback").at("expert"), "HIGH");
    EXPECT_THAT(served_->metrics_text(), HasSubstr("hexcore_assistant_refused_total 1\n"));
}

TEST_F(ServedAssistantTest, AnExpertWithAnAdapterIsAnsweredInAContextOfItsOwnBesideTheOthers) {
    const std::string without = text_of(body("voices:HIGH", "Why?"));
    const std::string low = text_of(body("voices:LOW", "Why?"));
    const auto high = adapter(50);
    serve_with(high, {{}, high});
    EXPECT_EQ(text_of(body("voices:LOW", "Why?")), low);
    const std::string with = text_of(body("voices:HIGH", "Why?"));
    EXPECT_NE(with, without);
    // At the same time, and again and again.
    for (int i = 0; i < 3; ++i) {
        std::vector<std::unique_ptr<OpenAnswer>> open;
        for (const char* model : {"voices:HIGH", "voices:LOW", "", "voices:HIGH"}) {
            open.push_back(open_chat(body(model, "Why?")).value());
        }
        for (const auto& one : open) {
            EXPECT_TRUE(wait_for(*one).has_value());
        }
        EXPECT_EQ(text_of(body("voices:HIGH", "Why?")), with);
    }
    auto gone = open_chat(body("voices:HIGH", "Why?", {{"max_tokens", -1}})).value();
    gone.reset();
    EXPECT_THAT(served_->metrics_text(), HasSubstr("hexcore_cache_cells_total 4096\n"));
    served_.reset();
    model_.reset();
    expect_empty_devices();
}

TEST_F(ServedAssistantTest, QuestionsWaitForThePlaceOfTheirExpertsAdapters) {
    const auto low = adapter(50);
    serve_with(low, {low, adapter(51)});
    const std::string of_low = text_of(body("voices:LOW", "Why?"));
    const std::string of_high = text_of(body("voices:HIGH", "Why?"));
    EXPECT_NE(of_low, of_high);
    auto busy = open_chat(body("voices:LOW", "Why?", {{"max_tokens", -1}, {"temperature", 5}}));
    ASSERT_TRUE(busy.has_value());
    std::vector<Json> chunks;
    while (chunks.empty()) {
        ASSERT_TRUE((*busy)->advance(1s, chunks));
    }
    const auto open_one = [&](const std::string& model, const Json& more = Json::object()) {
        return open_chat(body(model, "Why?", more)).value();
    };
    auto high = open_one("voices:HIGH");
    auto gone = open_one("voices:HIGH");
    auto each = open_one("voices", {{"experts", 2}});
    auto blended = open_one("voices", {{"experts", 2}, {"combine", "blend"}});
    EXPECT_TRUE(ask(body("", "Why?")).has_value()) << "it waits for nobody";
    gone.reset();
    busy->reset();
    EXPECT_EQ(wait_for(*high)->at("choices").at(0).at("message").at("content"), of_high);
    const Json chosen = wait_for(*each).value().at("hexcore");
    EXPECT_EQ(chosen.at("experts").size(), 2U);
    EXPECT_FALSE(chosen.at("experts").at(1).at("score").is_null());
    const Json one = wait_for(*blended).value().at("hexcore");
    EXPECT_EQ(one.at("experts").size(), 1U);
    EXPECT_THAT(one.at("notes").at(0).get<std::string>(), HasSubstr("there is room for 1"));
    for (int round = 0; round < 3; ++round) {
        std::vector<std::unique_ptr<OpenAnswer>> open;
        for (const char* model : {"voices:HIGH", "voices:LOW", "", "voices:HIGH"}) {
            open.push_back(open_one(model));
        }
        EXPECT_EQ(wait_for(*open[0])->at("choices").at(0).at("message").at("content"), of_high);
        EXPECT_EQ(wait_for(*open[1])->at("choices").at(0).at("message").at("content"), of_low);
        EXPECT_TRUE(wait_for(*open[2]).has_value() && wait_for(*open[3]).has_value());
    }
    // What waits ends with the server, too.
    auto last = open_one("voices:LOW", {{"max_tokens", -1}, {"temperature", 5}});
    auto behind = open_one("voices:HIGH");
    served_->end_now();
    const auto ended = wait_for(*behind);
    EXPECT_TRUE(ended.has_value() || ended.error().code == "shutting_down");
}

TEST_F(ServedAssistantTest, AdaptersOfMoreBytesThanMayBeThereDoNotComeIn) {
    const auto low = adapter(50);
    const Bytes bytes = low.front().file.bytes();
    serve_with(adapter(51), {low, {}});
    const auto answers_low = [&](Bytes most) {
        serve({low, {}}, {.bytes = most});
        const auto answer = ask(body("voices:LOW", "Why?"));
        return answer && answer->at("hexcore").at("experts").at(0).at("name") == "LOW";
    };
    EXPECT_FALSE(answers_low(bytes - 1_B));
    EXPECT_TRUE(answers_low(bytes));
}

TEST_F(ServedAssistantTest, WhatIsAskedWronglyIsRefusedByItsField) {
    EXPECT_EQ(refused(body("voices:NOBODY", "Why?")).status, 404);
    EXPECT_EQ(refused(body("voices", "Why?", {{"n", 2}})).param, "n");
    EXPECT_EQ(refused(body("voices:LOW", "Why?", {{"experts", 2}})).param, "experts");
    EXPECT_EQ(refused(body("", "Why?", {{"experts", 2}})).code, "unsupported_field");
    const auto text = OpenAnswer::text(*served_, R"({"model": "voices", "prompt": "a"})");
    ASSERT_FALSE(text.has_value());
    EXPECT_EQ(text.error().param, "model");
    const auto too_long = refused(body("voices:LOW", std::string(2000, 'a')));
    EXPECT_EQ(too_long.status, 400);
    EXPECT_EQ(too_long.code, "context_length_exceeded");
}

}  // namespace
}  // namespace hexcore::test
