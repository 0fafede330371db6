// Experts whose adapters take turns, as not all of them have room at the same time.

#include <gmock/gmock.h>

#include <algorithm>
#include <deque>

#include "assistant/planned_assistant.hpp"

namespace hexcore::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class AdapterTurnsTest : public PlannedAssistantTest {
protected:
    /// With sequences for four side by side, and so many sets at a time; 0: as many as there are.
    void load_with(std::size_t sets, Combination how = Combination::choose,
                   const std::string& device = "host=64MiB") {
        unload();
        PlanningOptions asked = options(device, how);
        asked.resident.sets = sets;
        asked.sequences = 4;
        asked.context = TokenCount(2048);
        load(asked);
    }
    AssistantAnswer ask_all(Combination how) {
        return ask({.text = "Hello",
                    .experts = static_cast<std::uint32_t>(assistant_->description().experts.size()),
                    .combine = how});
    }
    static std::vector<std::string> names(const AssistantAnswer& answer) {
        std::vector<std::string> names;
        for (const AnsweringExpert& expert : answer.experts) {
            names.push_back(expert.name);
        }
        return names;
    }
    Bytes planned() const { return planned_->plan().devices[0].planned.total(); }
    Bytes accounted() const {
        return planned_->machine().device(DeviceId(0)).memory().accounted().total();
    }
    /// Made of states that are far apart.
    Router router() const {
        const std::size_t n = assistant_->description().experts.size();
        std::vector<RouterInput> examples;
        std::vector<std::size_t> experts;
        for (std::size_t i = 0; i < 4 * n; ++i) {
            RouterInput input{.embedding = std::vector<float>(64), .keywords = {}};
            input.embedding[i % n] = 1;
            input.embedding[n + i] = 0.1F;
            input.keywords.resize(KeywordFeatures(assistant_->description()).of("").size());
            examples.push_back(std::move(input));
            experts.push_back(i % n);
        }
        return Router::fit(examples, experts, n);
    }

    /// A question among several that are under way at the same time.
    struct UnderWay {
        std::optional<AskedQuestion> question;
        std::optional<Result<AssistantAnswer>> answer;
    };
    UnderWay& begin(AssistantQuestion question) {
        UnderWay& one = under_way_.emplace_back();
        question.max_tokens = question.max_tokens == 0 ? 12 : question.max_tokens;
        question.sampling.seed = 5;
        question.on_end = [this, &one](Result<AssistantAnswer> end) {
            one.answer = std::move(end);
            ended_.push_back(&one);
        };
        one.question.emplace(*host_, std::move(question));
        one.question->start();
        return one;
    }
    void TearDown() override {
        under_way_.clear();
        PlannedAssistantTest::TearDown();
    }

    std::deque<UnderWay> under_way_;  // stay where they are
    std::vector<const UnderWay*> ended_;
};

TEST_F(AdapterTurnsTest, EachOfSeveralAnswersInItsTurnAndAllAreScored) {
    make_assistant({adapter(1), adapter(2), {}});
    load_with(0);
    const AssistantAnswer side_by_side = ask_all(Combination::choose);
    load_with(1);
    const AssistantAnswer in_turns = ask_all(Combination::choose);
    EXPECT_THAT(names(in_turns), ElementsAre("E0", "E1", "E2"));
    EXPECT_THAT(in_turns.notes, IsEmpty());
    EXPECT_EQ(in_turns.text, side_by_side.text);
    EXPECT_EQ(in_turns.generated_tokens, side_by_side.generated_tokens);
    for (std::size_t i = 0; i < 3; ++i) {
        ASSERT_TRUE(in_turns.experts[i].score) << i;
        EXPECT_NEAR(*in_turns.experts[i].score, side_by_side.experts[i].score.value(), 1e-5) << i;
    }
    EXPECT_EQ(accounted(), planned());
}

TEST_F(AdapterTurnsTest, WhoAnswersTogetherIsWhoFitsTogether) {
    make_assistant({adapter(1), adapter(2), {}, adapter(3)});
    assistant_->set_router(router());
    for (const std::size_t sets : {1U, 2U, 0U}) {
        load_with(sets);
        for (const Combination how : {Combination::blend, Combination::attend}) {
            const AssistantAnswer joint = ask_all(how);
            EXPECT_EQ(joint.combine, to_string(how));
            EXPECT_EQ(joint.generated_tokens, 12U);
            EXPECT_THAT(joint.experts, SizeIs(sets == 0 ? 4 : sets + 1)) << sets;
            if (sets == 0) {
                EXPECT_THAT(joint.notes, IsEmpty());
            } else {
                EXPECT_THAT(
                    joint.notes,
                    ElementsAre(fmt::format(
                        "4 experts were to answer; there is room for {} side by side", sets + 1)));
            }
        }
    }
}

TEST_F(AdapterTurnsTest, ExpertsWithContextsOfTheirOwnNeedNoFurtherSequences) {
    make_assistant({adapter(1), adapter(2), {}, {}});
    load(options());  // for one sequence in each context
    const AssistantAnswer blended = ask_all(Combination::blend);
    EXPECT_THAT(names(blended), ElementsAre("E0", "E1", "E2"));
    EXPECT_THAT(blended.notes,
                ElementsAre("4 experts were to answer; there is room for 3 side by side"));
    EXPECT_THAT(names(ask_all(Combination::choose)), ElementsAre("E0", "E1", "E2"));
}

TEST_F(AdapterTurnsTest, AMergeIsPlannedToTheByteAlsoWhereItIsAllThatThereIsRoomFor) {
    make_assistant({adapter(1), adapter(2), {}});
    const auto total = [&](std::size_t sets, bool merges) {
        PlanningOptions asked =
            options("host=64MiB", merges ? Combination::merge : Combination::choose);
        asked.resident.sets = sets;
        asked.if_adapter_fails = IfAdapterFails::fail;
        return PlannedModel::make(asked).value().plan().devices[0].planned.total().count();
    };
    const std::uint64_t roomy = total(0, true);
    const std::uint64_t one_beside = total(1, true);
    ASSERT_LT(one_beside, roomy);
    for (const std::uint64_t bytes : {roomy, one_beside, one_beside - 1}) {
        SCOPED_TRACE(bytes);
        unload();
        load(options(fmt::format("host={}", bytes), Combination::merge));
        EXPECT_FALSE(lacks_room(*planned_));
        const AssistantAnswer merged = ask_all(Combination::merge);
        EXPECT_THAT(names(merged), ElementsAre("E0", "E1", "E2"));
        EXPECT_THAT(merged.notes, IsEmpty());
        EXPECT_EQ(accounted(), planned());
        // Each alone has room in its place.
        EXPECT_THAT(names(ask_all(Combination::choose)), ElementsAre("E0", "E1", "E2"));
        EXPECT_LE(accounted(), planned());
        (void)ask_all(Combination::merge);
        EXPECT_EQ(accounted(), planned());
    }
    // Where there is no room for a merge, as many as fit: one adapter, and who has none.
    unload();
    load(options(fmt::format("host={}", total(1, false)), Combination::merge));
    const AssistantAnswer fewer = ask_all(Combination::merge);
    EXPECT_THAT(names(fewer), ElementsAre("E0", "E2"));
    EXPECT_THAT(fewer.notes,
                ElementsAre("3 experts were to answer; there is room for 2 side by side"));
    EXPECT_EQ(accounted(), planned());
}

TEST_F(AdapterTurnsTest, QuestionsWaitForPlacesInTheOrderOfComing) {
    make_assistant({adapter(1), adapter(2), {}});
    load_with(1);
    const std::string first_alone = ask(0).text;
    const std::string second_alone = ask(1).text;
    UnderWay& first = begin({.text = "Hello", .expert = 0});
    UnderWay& second = begin({.text = "Hello", .expert = 1});
    UnderWay& again = begin({.text = "Hello", .expert = 0, .max_tokens = 1});
    UnderWay& base = begin({.text = "Hello", .expert = 2});
    EXPECT_EQ(engines_->engines().size(), 2U);
    while (engines_->turn()) {
    }
    for (const UnderWay& one : under_way_) {
        ASSERT_TRUE(one.answer && *one.answer);
        EXPECT_THAT((*one.answer)->notes, IsEmpty());
    }
    EXPECT_EQ((*first.answer)->text, first_alone);
    EXPECT_EQ((*second.answer)->text, second_alone);
    // The third, too, though its adapters were there when it came; who needs none waits for nobody.
    const auto place = [&](const UnderWay& one) { return std::ranges::find(ended_, &one); };
    EXPECT_LT(place(first), place(second));
    EXPECT_LT(place(base), place(second));
    EXPECT_LT(place(second), place(again));
}

TEST_F(AdapterTurnsTest, WhoWaitsAndGoesIsWaitedForByNobody) {
    make_assistant({adapter(1), adapter(2), {}});
    load_with(1);
    UnderWay& first = begin({.text = "Hello", .expert = 0});
    UnderWay& cancelled = begin({.text = "Hello", .expert = 1});
    UnderWay& joint =
        begin({.text = "Hello", .expert = 1, .experts = 3, .combine = Combination::blend});
    UnderWay& gone = begin({.text = "Hello", .expert = 1});
    UnderWay& last = begin({.text = "Hello", .expert = 1});
    cancelled.question->cancel();
    joint.question->cancel();
    ASSERT_TRUE(cancelled.answer && *cancelled.answer && joint.answer && *joint.answer);
    EXPECT_EQ((*cancelled.answer)->stop, StopReason::interrupted);
    EXPECT_EQ((*joint.answer)->stop, StopReason::interrupted);
    gone.question.reset();
    while (engines_->turn()) {
    }
    EXPECT_FALSE(gone.answer);
    EXPECT_THAT(ended_, ElementsAre(&cancelled, &joint, &first, &last));
    EXPECT_EQ(assistant_->breaker().failures(1, ExpertBreaker::Time::clock::now()), 0U);
}

TEST_F(AdapterTurnsTest, AnswersThatNeedSeveralPlacesNeverHaveWhatEachOtherWaitsFor) {
    make_assistant({adapter(1), adapter(2), adapter(3)});
    load_with(2);
    for (int round = 0; round < 2; ++round) {
        for (const std::size_t leads : {0U, 1U, 2U}) {
            for (const Combination how : {Combination::blend, Combination::choose}) {
                begin({.text = "Hello", .expert = leads, .experts = 3, .combine = how});
            }
        }
        UnderWay& cut = begin({.text = "Hello", .expert = 0, .experts = 3});
        (void)engines_->turn();
        cut.question->cancel();
        while (engines_->turn()) {
        }
        for (const UnderWay& one : under_way_) {
            ASSERT_TRUE(one.answer && *one.answer);
            const bool is_blend = (*one.answer)->combine == "blend";
            EXPECT_TRUE(&one == &cut || (*one.answer)->experts.size() == (is_blend ? 2U : 3U));
        }
        under_way_.clear();
    }
}

TEST_F(AdapterTurnsTest, StrictlyNobodyAnswersInPlaceOfThoseWhoCannot) {
    make_assistant({folder_.path() / "none.gguf", path_, {}});
    load_with(0);
    const AssistantQuestion two{.text = "Hello", .expert = 0, .experts = 2};
    const AssistantAnswer loose = ask(two);
    EXPECT_THAT(names(loose), ElementsAre("E2"));
    EXPECT_EQ(loose.named_by, "");
    ASSERT_TRUE(loose.fallback);
    EXPECT_EQ(loose.fallback->expert, "E2");
    EXPECT_THAT(loose.fallback->reason, HasSubstr("E0: its adapter is missing: "));
    EXPECT_THAT(loose.notes, ElementsAre("2 experts were to answer, and 1 can",
                                         HasSubstr("E1: its adapter is foreign: ")));
    AssistantQuestion strict = two;
    strict.strict = true;
    const AssistantAnswer refused = ask(std::move(strict));
    EXPECT_TRUE(refused.refused);
    EXPECT_EQ(refused.text, "");
    EXPECT_THAT(refused.experts, IsEmpty());
    ASSERT_TRUE(refused.fallback);
    EXPECT_EQ(refused.fallback->reason, loose.fallback->reason);
}

}  // namespace
}  // namespace hexcore::test
