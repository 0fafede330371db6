// An assistant whose experts have adapters, planned and asked: also with adapters that cannot be
// had.

#include "hexcore/assistant/assistant_plan.hpp"

#include <gmock/gmock.h>

#include "assistant/planned_assistant.hpp"

namespace hexcore {
namespace {

using testing::HasSubstr;

class AssistantPlanTest : public test::PlannedAssistantTest {};

TEST_F(AssistantPlanTest, ExpertsWhoseAdaptersCannotBeHadHaveTheOthersAnswerAndSayWhy) {
    const auto damaged = adapter(3);
    std::filesystem::resize_file(damaged, 4096);
    make_assistant({{}, adapter(1), folder_.path() / "none.gguf", damaged, path_});
    load(options());
    EXPECT_TRUE(adapters_[0].empty());
    EXPECT_EQ(adapters_[1].size(), 1U);
    const AssistantAnswer good = ask(1);
    EXPECT_EQ(good.experts[0].name, "E1");
    EXPECT_FALSE(good.fallback) << good.fallback->reason << good.text;
    EXPECT_NE(good.text, ask(0).text);
    for (const auto& [expert, words] : {std::pair(2U, "its adapter is missing: "),
                                        {3U, "its adapter is damaged: "},
                                        {4U, "its adapter is foreign: "}}) {
        const AssistantAnswer other = ask(expert);
        EXPECT_LT(other.experts[0].name, "E2");
        ASSERT_TRUE(other.fallback) << words;
        EXPECT_THAT(other.fallback->reason, HasSubstr(words));
        EXPECT_GT(other.generated_tokens, 0U);
    }
}

TEST_F(AssistantPlanTest, AnAdapterThatIsTooBigForWhatIsLeftLeavesTheOthers) {
    make_assistant({adapter(1), adapter(2, 3000)});
    PlanningOptions without = options();
    without.more_adapters.resize(1);
    const Bytes enough = PlannedModel::make(without).value().plan().devices[0].planned.total();
    load(options(fmt::format("host={}", enough.count() + 100'000)));
    EXPECT_TRUE(lacks_room(*planned_));
    EXPECT_EQ(ask(0).experts[0].name, "E0");
    const AssistantAnswer other = ask(1);
    EXPECT_EQ(other.experts[0].name, "E0");
    ASSERT_TRUE(other.fallback) << other.text;
    EXPECT_THAT(other.fallback->reason, HasSubstr("its adapter is too big: "));
}

TEST_F(AssistantPlanTest, OnlyAsManySideBySideAreGivenUpAsThatGainsAnExpert) {
    make_assistant({adapter(1), adapter(2, 3000)});
    PlanningOptions small = options();
    small.more_adapters.resize(1);
    const auto total = [](const PlanningOptions& options) {
        return PlannedModel::make(options).value().plan().devices[0].planned.total().count();
    };
    const auto planned_in = [&](std::uint64_t bytes) {
        std::vector<std::uint32_t> asked;
        const auto model = plan_side_by_side(4, [&](std::uint32_t experts) {
            asked.push_back(experts);
            PlanningOptions now = options(fmt::format("host={}", bytes));
            now.sequences = experts;
            now.context = TokenCount(512 * experts);
            return PlannedModel::make(now);
        });
        EXPECT_TRUE(model.has_value());
        return std::pair(model->plan().context.sequences, asked);
    };
    // The large one fits beside nothing: all four stay.
    small.sequences = 4;
    small.context = TokenCount(2048);
    EXPECT_EQ(planned_in(total(small) + 100'000), std::pair(4U, std::vector<std::uint32_t>{4, 1}));
    PlanningOptions two = options();
    two.resident.sets = 1;
    two.sequences = 2;
    two.context = TokenCount(1024);
    EXPECT_EQ(planned_in(total(two)).first, 2U);
}

TEST_F(AssistantPlanTest, TurnsGoOnWhereAnAnswersEndAsksAnotherEngine) {
    make_assistant({adapter(1)});
    load(options());
    const auto ask_in = [&](const std::vector<ChosenAdapter>& set, std::function<void()> then) {
        Engine* engine = engines_->engine_for(set).value();
        Request request;
        request.tokens = {5, 17, 99, 3};
        request.max_tokens = 2;
        request.on_end = [then = std::move(then)](const Result<Answer>& answer) {
            EXPECT_TRUE(answer.has_value());
            then();
        };
        Session* session = engines_->session_for(*engine, request);
        session->ask(std::move(request));
    };
    int ends = 0;
    ask_in({}, [&] {
        ++ends;
        ask_in(adapters_[0], [&] {
            ++ends;
            ask_in({}, [&] { ++ends; });
        });
    });
    while (engines_->turn()) {
    }
    EXPECT_EQ(ends, 3);
}

TEST_F(AssistantPlanTest, AnEngineInWhichSomebodyElseHasASessionStaysWithItsPool) {
    make_assistant({adapter(1), adapter(2)});
    PlanningOptions few = options();
    few.resident.sets = 1;
    load(few);
    Engine* base = engines_->engine_for({}).value();
    std::optional<Session> elses(base->open().value());
    const auto request = [] {
        Request request;
        request.tokens = {5, 17, 99, 3};
        request.max_tokens = 2;
        return request;
    };
    engines_->session_for(*base, request())->ask(request());
    while (engines_->turn()) {
    }
    Engine* first = engines_->engine_for(adapters_[0]).value();
    engines_->session_for(*first, request())->ask(request());
    EXPECT_FALSE(engines_->engine_for(adapters_[1]));
    EXPECT_EQ(engines_->engines().size(), 2U);
    EXPECT_EQ(base->n_sessions(), 2U);
    while (engines_->turn()) {
    }
    EXPECT_TRUE(engines_->engine_for(adapters_[1])) << "in place of the first";
    elses.reset();
}

TEST_F(AssistantPlanTest, MoreExpertsThanAreThereAtATimeTakeTurnsWithTheSameAnswers) {
    make_assistant({adapter(1), adapter(2), adapter(3)});
    load(options());
    std::vector<std::string> texts;
    for (const std::size_t expert : {0U, 1U, 2U}) {
        texts.push_back(ask(expert).text);
    }
    unload();
    PlanningOptions few = options();
    few.resident.sets = 1;
    load(few);
    ASSERT_EQ(model_->n_contexts(), 2U);
    for (int round = 0; round < 2; ++round) {
        for (const std::size_t expert : {0U, 1U, 2U}) {
            EXPECT_EQ(ask(expert).text, texts[expert]) << expert;
        }
    }
    const Bytes planned = planned_->plan().devices[0].planned.total();
    EXPECT_EQ(planned_->machine().device(DeviceId(0)).memory().accounted().total(), planned);
}

}  // namespace
}  // namespace hexcore
