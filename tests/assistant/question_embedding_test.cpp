#include "hexcore/assistant/question_embedding.hpp"

#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "hexcore/assistant/keyword_features.hpp"
#include "session/engine_fixture.hpp"

namespace hexcore::test {
namespace {

using ::testing::SizeIs;

/// A base model that reads letters, and an assistant whose two experts are for early and for late
/// ones.
class QuestionEmbedding : public EngineTest {
protected:
    QuestionEmbedding() {
        // NOLINTNEXTLINE(concurrency-mt-unsafe)
        ::setenv("HEXCORE_CACHE", cache_.path().c_str(), 1);
    }
    ~QuestionEmbedding() override {
        // NOLINTNEXTLINE(concurrency-mt-unsafe)
        ::unsetenv("HEXCORE_CACHE");
    }
    void SetUp() override { start_base(7); }

    void start_base(std::uint32_t seed, std::uint32_t tokens = 512) {
        engine_.reset();
        model_.reset();
        write({.seed = seed, .letters = true});
        start({.tokens_each = tokens, .states = true});
        auto chats = ChatTemplate::of(model_->model());
        ASSERT_TRUE(chats.has_value());
        chats_.emplace(std::move(*chats));
    }
    static AssistantDescription two_experts() {
        AssistantDescription assistant{.name = "two", .description = "two"};
        assistant.router = {
            .system = "Early or late?", .shown = {{"aa", "early"}}, .instruction = "{question}!"};
        assistant.experts = {{.name = "LOW",
                              .description = "",
                              .system = "",
                              .examples = {"ab", "c", "ad", "bb"},
                              .keywords = {"bb"}},
                             {.name = "HIGH",
                              .description = "",
                              .system = "",
                              .examples = {"xy", "z", "yx", "zz"},
                              .keywords = {}}};
        return assistant;
    }
    Result<std::vector<float>> embedding(Session& session, const std::string& question,
                                         const std::atomic<bool>* stop = nullptr) const {
        QuestionReading reading(*chats_, assistant_, *model_);
        return embedding_of(session, reading, question, stop);
    }
    Result<Router> trained(std::size_t& told, const std::atomic<bool>* stop = nullptr) {
        return trained_router(
            assistant_, *engine_, *chats_, [&](RouterProgress) { ++told; }, stop);
    }
    std::vector<std::filesystem::path> routers() const {
        std::vector<std::filesystem::path> files;
        std::error_code none;
        for (const auto& entry :
             std::filesystem::directory_iterator(cache_.path() / "routers", none)) {
            if (!is_kept(entry.path())) {
                files.push_back(entry.path());
            }
        }
        return files;
    }
    static bool is_kept(const std::filesystem::path& file) {
        return file.string().ends_with("-read.json");
    }
    /// Where embeddings are.
    std::filesystem::path kept_file() const {
        for (const auto& entry : std::filesystem::directory_iterator(cache_.path() / "routers")) {
            if (is_kept(entry.path())) {
                return entry.path();
            }
        }
        return {};
    }
    static std::string text_of(const std::filesystem::path& file) {
        std::ostringstream text;
        text << std::ifstream(file).rdbuf();
        return text.str();
    }
    template <typename Edit>
    static std::string edited(const std::string& text, const Edit& edit) {
        auto document = nlohmann::json::parse(text);
        edit(document);
        return document.dump();
    }

    TempFolder cache_;
    std::optional<ChatTemplate> chats_;
    AssistantDescription assistant_ = two_experts();
};

TEST_F(QuestionEmbedding, IsTheSameForTheSameQuestionWhateverWasReadBefore) {
    Session session = open();
    const auto first = embedding(session, "abc");
    ASSERT_TRUE(first.has_value()) << first.error().message;
    EXPECT_THAT(*first, SizeIs(inventory_.n_embd));
    const auto other = embedding(session, "abd");
    ASSERT_TRUE(other.has_value());
    EXPECT_NE(*other, *first);
    for (const char* question : {"", "!", "a"}) {
        EXPECT_TRUE(embedding(session, question).has_value()) << question;
    }
    EXPECT_EQ(embedding(session, "abc").value(), *first);
    Session fresh = open();
    EXPECT_EQ(embedding(fresh, "abc").value(), *first);
}

TEST_F(QuestionEmbedding, OfALongQuestionIsThatOfItsEnds) {
    start_base(7, 4096);
    Session session = open();
    std::string question(1'000'000, 'a');
    const auto first = embedding(session, question);
    ASSERT_TRUE(first.has_value()) << first.error().message;
    question[500'000] = 'b';
    EXPECT_EQ(embedding(session, question).value(), *first);
}

TEST_F(QuestionEmbedding, IsToldOfAnInterruptAndTheSessionIsIdleThen) {
    Session session = open();
    const std::atomic<bool> stop{true};
    const auto stopped = embedding(session, "a", &stop);
    ASSERT_FALSE(stopped.has_value());
    EXPECT_EQ(stopped.error().code, ErrorCode::interrupted);
    EXPECT_TRUE(session.idle());
    EXPECT_TRUE(embedding(session, "a").has_value());
}

TEST_F(QuestionEmbedding, TrainsARouterOnceForModelExamplesAndKeywords) {
    std::size_t told = 0;
    const auto router = trained(told);
    ASSERT_TRUE(router.has_value()) << router.error().message;
    EXPECT_EQ(told, 9U);  // before each, and at the end
    EXPECT_THAT(routers(), SizeIs(1));
    RouterInput input{.embedding = {}, .keywords = KeywordFeatures(assistant_).of("yy")};
    {
        Session session = open();
        input.embedding = *embedding(session, "yy");
    }
    const auto probabilities = router->probabilities(input);

    told = 0;
    const auto again = trained(told);
    ASSERT_TRUE(again.has_value());
    EXPECT_EQ(told, 0U);
    EXPECT_EQ(again->probabilities(input), probabilities);

    const std::string whole = text_of(routers().front());
    const std::string shorter = edited(whole, [](auto& document) {
        for (const char* key : {"means", "spreads"}) {
            document[key].erase(document[key].begin());
        }
        for (auto& centre : document["centres"]) {
            centre.erase(centre.begin());
        }
    });
    const std::string flat = edited(whole, [](auto& document) { document["spreads"][0] = 0; });
    for (const std::string& damage :
         {std::string(), std::string("{}"), shorter, flat, whole.substr(0, whole.size() / 2)}) {
        std::ofstream(routers().front()) << damage;
        told = 0;
        const auto anew = trained(told);
        ASSERT_TRUE(anew.has_value()) << damage.substr(0, 200);
        EXPECT_EQ(told, 1U) << "what was read is kept";
        EXPECT_EQ(anew->probabilities(input), probabilities);
        EXPECT_EQ(text_of(routers().front()), whole);
    }

    const auto newly_read = [&](const char* what) {
        told = 0;
        const std::size_t before = routers().size();
        EXPECT_TRUE(trained(told).has_value()) << what;
        EXPECT_EQ(routers().size(), before + 1) << what;
        return told - 1;
    };
    assistant_.experts[0].keywords = {"bb", "a"};
    EXPECT_EQ(newly_read("keywords"), 0U);
    assistant_.experts[1].examples.back() = "zzz";
    EXPECT_EQ(newly_read("examples"), 1U);
    assistant_.router.instruction = "{question}";
    EXPECT_EQ(newly_read("instruction"), 8U);
    start_base(8);
    EXPECT_EQ(newly_read("model"), 8U);
}

TEST_F(QuestionEmbedding, WhatWasReadBeforeAnInterruptIsNotReadAgain) {
    std::atomic<bool> stop{false};
    std::size_t told = 0;
    for (const std::size_t read : {3U, 5U}) {
        stop = false;
        const auto router = trained_router(
            assistant_, *engine_, *chats_,
            [&](RouterProgress progress) { stop = progress.done == read; }, &stop);
        ASSERT_FALSE(router.has_value());
        EXPECT_EQ(router.error().code, ErrorCode::interrupted);
        EXPECT_THAT(routers(), SizeIs(0));
        EXPECT_EQ(engine_->n_sessions(), 0U);
    }
    // While the router is fitted.
    const auto router = trained_router(
        assistant_, *engine_, *chats_,
        [&](RouterProgress progress) { stop = ++told > 0 && progress.done == progress.total; },
        &stop);
    ASSERT_FALSE(router.has_value());
    EXPECT_EQ(router.error().code, ErrorCode::interrupted);
    EXPECT_EQ(told, 4U);
    EXPECT_THAT(routers(), SizeIs(0));
    told = 0;
    EXPECT_TRUE(trained(told).has_value());
    EXPECT_EQ(told, 1U);
}

TEST_F(QuestionEmbedding, KeptOnesThatAreDamagedAreReadAgain) {
    std::size_t told = 0;
    ASSERT_TRUE(trained(told).has_value());
    const std::filesystem::path file = kept_file();
    const std::string whole = text_of(file);
    for (const std::string& damage :
         {std::string("[]"), edited(whole, [](auto& kept) { kept["questions"]["ab"].clear(); }),
          edited(whole, [](auto& kept) { kept["key"] = "other"; })}) {
        std::ofstream(file) << damage;
        std::filesystem::remove(routers().front());
        told = 0;
        ASSERT_TRUE(trained(told).has_value());
        EXPECT_GE(told, 2U);
        EXPECT_EQ(text_of(file), whole);
    }
}

TEST_F(QuestionEmbedding, SeveralWhoWriteTheSameRouterLeaveAWholeOne) {
    std::size_t told = 0;
    const auto router = trained(told);
    ASSERT_TRUE(router.has_value());
    const std::filesystem::path file = cache_.path() / "routers" / "one.json";
    ASSERT_TRUE(router->write(file, "one").has_value());
    const auto write = [&] {
        for (int i = 0; i < 20; ++i) {
            EXPECT_TRUE(router->write(file, "one").has_value());
            EXPECT_TRUE(Router::read(file, "one").has_value());
        }
    };
    std::thread other(write);
    write();
    other.join();
    EXPECT_THAT(routers(), SizeIs(2));
}

}  // namespace
}  // namespace hexcore::test
