// A question that several experts answer, over a tiny model whose tokens are bytes.

#include <gmock/gmock.h>

#include <algorithm>
#include <string>

#include "hexcore/assistant/asked_question.hpp"
#include "hexcore/session/session_pool.hpp"
#include "session/engine_fixture.hpp"

namespace hexcore {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

/// Three of them, who say what they say by their prompts; or all alike.
AssistantDescription three_voices(bool alike) {
    AssistantDescription assistant{.name = "voices", .description = "voices"};
    for (const char* name : {"LOW", "MID", "HIGH"}) {
        assistant.experts.push_back(
            {.name = name,
             .description = "",
             .system = alike ? "You sing." : std::string("You sing ") + name + ".",
             .examples = {},
             .keywords = {},
             .sampling = {.temperature = 0.0F}});
    }
    assistant.thresholds.confidence = 0.1;
    return assistant;
}

class JoinedQuestion : public test::EngineTest {
protected:
    void start_with(bool alike, bool routed) {
        write({.n_embd = 64, .n_vocab = test::tiny_byte_tokens, .bytes = true});
        start({.tokens_each = 1024,
               .sequences = 4,
               .devices = 1,
               .options = {.equality = Equality::exact},
               .states = true});
        pool_.emplace(*engine_, 16);
        auto chat_template = ChatTemplate::of(model_->model());
        ASSERT_TRUE(chat_template.has_value());
        template_.emplace(*std::move(chat_template));
        auto nothing = Knowledge::open({});
        ASSERT_TRUE(nothing.has_value());
        assistant_.emplace(three_voices(alike), *std::move(nothing));
        if (routed) {
            assistant_->set_router(router());
        }
        host_.emplace(AssistantHost{
            .assistant = *assistant_,
            .chat_template = *template_,
            .adapters = std::vector<std::vector<ChosenAdapter>>(3),
            .engine_for = [this](const auto&) { return Result<Engine*>(&*engine_); },
            .session_for = [this](Engine&,
                                  const Request& request) { return pool_->for_prompt(request); }});
    }
    void TearDown() override {
        pool_.reset();
        EngineTest::TearDown();
    }
    /// Made of states that are far apart.
    static Router router() {
        std::vector<RouterInput> examples;
        std::vector<std::size_t> experts;
        for (std::size_t i = 0; i < 12; ++i) {
            RouterInput input{.embedding = std::vector<float>(64), .keywords = {}};
            input.embedding[i % 3] = 1;
            input.embedding[3 + i] = 0.1F;
            input.keywords.resize(KeywordFeatures(three_voices(true)).of("").size());
            examples.push_back(std::move(input));
            experts.push_back(i % 3);
        }
        return Router::fit(examples, experts, 3);
    }

    Result<AssistantAnswer> answer(AssistantQuestion question) {
        std::optional<Result<AssistantAnswer>> answer;
        shown_.clear();
        question.max_tokens = 12;
        question.on_piece = [this](std::string_view text) { shown_ += text; };
        question.on_end = [&answer](Result<AssistantAnswer> ended) { answer = std::move(ended); };
        AskedQuestion course(*host_, std::move(question));
        course.start();
        while (!answer && engine_->turn()) {
        }
        EXPECT_TRUE(answer.has_value());
        return answer ? *std::move(answer) : fail(ErrorCode::negative, "it did not end");
    }

    std::optional<Assistant> assistant_;
    std::optional<SessionPool> pool_;
    std::optional<ChatTemplate> template_;
    std::optional<AssistantHost> host_;
    std::string shown_;
};

TEST_F(JoinedQuestion, OfEqualExpertsIsAnsweredAsOfOneToTheBit) {
    start_with(true, true);
    const auto one = answer({.text = "Hello", .experts = 1});
    ASSERT_TRUE(one) << one.error().message;
    for (const Combination how :
         {Combination::choose, Combination::merge, Combination::blend, Combination::attend}) {
        SCOPED_TRACE(to_string(how));
        const auto three = answer({.text = "Hello", .experts = 3, .combine = how});
        ASSERT_TRUE(three) << three.error().message;
        EXPECT_EQ(three->text, one->text);
        EXPECT_EQ(three->stop, one->stop);
        EXPECT_EQ(shown_, one->text);
        EXPECT_EQ(three->combine, to_string(how));
        EXPECT_THAT(three->experts, SizeIs(3));
    }
}

TEST_F(JoinedQuestion, IsAnsweredByThatsChosenWithEveryScore) {
    start_with(false, false);
    const auto chosen = answer({.text = "Hello", .experts = 3});
    ASSERT_TRUE(chosen) << chosen.error().message;
    ASSERT_THAT(chosen->experts, SizeIs(3));
    EXPECT_EQ(chosen->combine, "choose");
    EXPECT_EQ(std::ranges::count_if(chosen->experts, &AnsweringExpert::chosen), 1);
    const auto winner = std::ranges::find_if(chosen->experts, &AnsweringExpert::chosen);
    for (const AnsweringExpert& expert : chosen->experts) {
        ASSERT_TRUE(expert.score.has_value());
        EXPECT_LT(*expert.score, 0);
    }
    const auto alone = answer({.text = winner->name + ": Hello"});
    ASSERT_TRUE(alone);
    EXPECT_EQ(chosen->text, alone->text);
    EXPECT_GT(chosen->timing.score_ms, 0);
}

TEST_F(JoinedQuestion, ToldByTheFilesMethodHasWeights) {
    start_with(false, true);
    AssistantDescription description = three_voices(false);
    description.combining.method = Combination::blend;
    *assistant_ = Assistant(description, *Knowledge::open({}));
    assistant_->set_router(router());
    for (const bool attends : {false, true}) {
        AssistantQuestion question{.text = "Hello", .experts = 2};
        if (attends) {
            question.combine = Combination::attend;
        }
        const auto joint = answer(std::move(question));
        ASSERT_TRUE(joint) << joint.error().message;
        EXPECT_EQ(joint->combine, attends ? "attend" : "blend");
        ASSERT_THAT(joint->experts, SizeIs(2));
        EXPECT_NEAR(joint->experts[0].weight + joint->experts[1].weight, 1, 1e-9);
        EXPECT_EQ(joint->generated_tokens, 12U);
        EXPECT_EQ(shown_, joint->text);
    }
}

TEST_F(JoinedQuestion, SaysWhatThereIsNothingFor) {
    start_with(false, false);
    const auto blended = answer({.text = "Hello", .experts = 2, .combine = Combination::attend});
    ASSERT_TRUE(blended) << blended.error().message;
    EXPECT_EQ(blended->combine, "blend");
    EXPECT_THAT(blended->notes, ElementsAre(HasSubstr("the answer is a blend")));
    const auto merged = answer({.text = "Hello", .experts = 2, .combine = Combination::merge});
    ASSERT_TRUE(merged) << merged.error().message;
    EXPECT_THAT(merged->notes, ElementsAre(HasSubstr("nothing to merge: LOW answers")));
    const auto low = answer({.text = "LOW: Hello"});
    ASSERT_TRUE(low);
    EXPECT_EQ(merged->text, low->text);
}

TEST_F(JoinedQuestion, GoesWithoutAGateThatIsForAnotherModel) {
    start_with(false, true);
    for (const std::size_t values : {63, 64}) {
        AssistantDescription description = three_voices(false);
        description.combining.method = Combination::attend;
        description.combining.gate = std::vector<float>(values, 1);
        *assistant_ = Assistant(description, *Knowledge::open({}));
        assistant_->set_router(router());
        const auto answered = answer({.text = "Hello", .experts = 2});
        ASSERT_TRUE(answered) << answered.error().message;
        EXPECT_EQ(answered->combine, "attend");
        if (values == 63) {
            EXPECT_THAT(answered->notes, ElementsAre(HasSubstr("63 dimensions")));
        } else {
            EXPECT_TRUE(answered->notes.empty());
        }
    }
}

TEST_F(JoinedQuestion, ThatNobodyWaitsForMayOutliveItsSessions) {
    start_with(false, true);
    for (const Combination how : {Combination::choose, Combination::blend, Combination::attend}) {
        for (const std::uint32_t experts : {1, 3}) {
            for (int turns = 0; turns < 12; turns += 2) {
                {
                    AskedQuestion course(
                        *host_,
                        {.text = "Hello", .experts = experts, .combine = how, .max_tokens = 8});
                    course.start();
                    for (int turn = 0; turn < turns; ++turn) {
                        (void)engine_->turn();
                    }
                }
                pool_.emplace(*engine_, 16);  // without a turn in between
            }
        }
    }
    EXPECT_FALSE(engine_->turn());
}

TEST_F(JoinedQuestion, CancelledAtAnyTurnEndsAndLeavesNobodyAnswering) {
    start_with(false, true);
    for (const Combination how : {Combination::choose, Combination::blend, Combination::attend}) {
        for (int turns = 0; turns < 30; turns += 5) {
            std::optional<AssistantAnswer> ended;
            AskedQuestion course(*host_, {.text = "Hello",
                                          .experts = 3,
                                          .combine = how,
                                          .max_tokens = 8,
                                          .on_end = [&](auto answer) {
                                              ended = std::move(answer).value_or(AssistantAnswer());
                                          }});
            course.start();
            for (int turn = 0; turn < turns && !ended; ++turn) {
                (void)engine_->turn();
            }
            course.cancel();
            while (engine_->turn()) {
            }
            EXPECT_TRUE(ended.has_value()) << to_string(how) << turns;
            EXPECT_EQ(engine_->answering(), 0U);
        }
    }
}

}  // namespace
}  // namespace hexcore
