// Answers of several experts over a tiny model.
#include "hexcore/assistant/experts_answer.hpp"

#include <gmock/gmock.h>

#include "session/engine_fixture.hpp"

namespace hexcore::test {
namespace {

using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ExpertsAnswerTest : public EngineTest {
protected:
    void begin(std::uint32_t sequences = 4) {
        start({.sequences = sequences,
               .options = {.equality = Equality::exact},
               .states = true,
               .words = true});
    }
    void TearDown() override { sessions_.clear(); }

    /// New ones, which stay.
    SessionFor session_for() {
        return [this](const Request&) -> Result<Session*> {
            sessions_.push_back(std::make_unique<Session>(open()));
            return sessions_.back().get();
        };
    }
    /// An expert whose prompt has so many tokens of that seed.
    ExpertPart expert(std::size_t prompt, std::uint32_t seed, std::uint32_t max_tokens = 12) {
        ExpertPart part{.session_for = session_for()};
        part.request = request(prompt, seed, max_tokens);
        return part;
    }
    /// What the first expert says alone.
    Answer alone(const ExpertPart& part) {
        Session session = open();
        return answer(session, part.request);
    }
    BasePart base(std::size_t prompt = 10) {
        BasePart part{.session_for = session_for()};
        part.request = request(prompt, 99, 0);
        return part;
    }
    AttendedCentres centres(std::size_t experts) {
        AttendedCentres centres{.all = std::vector(experts, std::vector<float>(256))};
        for (std::size_t i = 0; i < experts; ++i) {
            std::mt19937 random(static_cast<std::uint32_t>(i));
            for (float& value : centres.all[i]) {
                value = static_cast<float>(random() % 100) / 100;
            }
            centres.taking_part.push_back(i);
        }
        return centres;
    }

    Result<ExpertsEnd> ask(ExpertsQuestion question) {
        std::optional<Result<ExpertsEnd>> end;
        shown_.clear();
        pieces_ = 0;
        question.on_piece = [this](std::string_view text) {
            shown_ += text;
            ++pieces_;
        };
        question.on_end = [&](Result<ExpertsEnd> ended) { end = std::move(ended); };
        const ExpertsAnswer under_way(std::move(question));
        while (!end && engine_->turn()) {
        }
        EXPECT_TRUE(end.has_value());
        EXPECT_FALSE(engine_->turn());
        return end ? *std::move(end) : fail(ErrorCode::negative, "it did not end");
    }

    std::vector<std::unique_ptr<Session>> sessions_;
    std::string shown_;
    std::size_t pieces_ = 0;
};

TEST_F(ExpertsAnswerTest, OneOrEqualExpertsSayWhatOneSaysAlone) {
    begin();
    Request sampled = request(10, 1, 20);
    sampled.sampling = {.repeat_penalty = 1.2F, .seed = 5};
    const auto equal = [&](Combination how, std::size_t count) {
        ExpertsQuestion question{.how = how, .base = base(), .centres = centres(3)};
        question.centres->taking_part.resize(count);
        for (std::size_t i = 0; i < count; ++i) {
            question.parts.push_back({.request = sampled, .session_for = session_for()});
        }
        return question;
    };
    const Answer expected = alone({.request = sampled});
    for (const Combination how :
         {Combination::choose, Combination::merge, Combination::blend, Combination::attend}) {
        for (const std::size_t count : {1, 3}) {
            if (how == Combination::merge && count > 1) {
                continue;
            }
            SCOPED_TRACE(fmt::format("{} {}", to_string(how), count));
            const auto end = ask(equal(how, count));
            ASSERT_TRUE(end.has_value()) << end.error().message;
            EXPECT_EQ(end->text, expected.text);
            EXPECT_EQ(bits(end->answer), bits(expected));
            EXPECT_EQ(end->answer.stop, expected.stop);
            EXPECT_EQ(end->winner, 0U);
            EXPECT_EQ(shown_, expected.text);
            sessions_.clear();
        }
    }
}

TEST_F(ExpertsAnswerTest, OfSeveralAnswersTheBaseModelsFavouriteIsChosen) {
    begin();
    std::vector<ExpertPart> parts;
    for (std::uint32_t seed = 1; seed <= 4; ++seed) {
        parts.push_back(expert(10 + seed, seed, 5 + seed));
    }
    std::vector<double> expected;
    std::vector<std::string> texts;
    for (const ExpertPart& part : parts) {
        const Answer said = alone(part);
        texts.push_back(said.text);
        // Forced behind the base's prompt: the mean over all tokens.
        Session session = open();
        Request scored = base().request;
        double sum = 0;
        std::size_t at = 0;
        scored.on_next = [&](const NextToken& next) {
            const Token token = said.tokens[at].token;
            sum += chances(next.logits, token, 0).chosen.log_probability;
            ++at == said.tokens.size() ? session.finish(StopReason::length) : session.take(token);
        };
        (void)answer(session, std::move(scored));
        expected.push_back(sum / static_cast<double>(said.tokens.size()));
    }
    sessions_.clear();
    const auto end = ask({.parts = std::move(parts), .base = base()});
    ASSERT_TRUE(end.has_value()) << end.error().message;
    ASSERT_THAT(end->scores, SizeIs(4));
    std::size_t best = 0;
    for (std::size_t i = 0; i < 4; ++i) {
        EXPECT_NEAR(end->scores[i].value(), expected[i], 1e-5) << i;
        best = expected[i] > expected[best] ? i : best;
    }
    if (end->wrong == Degeneration::none) {
        EXPECT_EQ(end->winner, best);
    }
    EXPECT_EQ(end->text, texts[end->winner]);
    EXPECT_EQ(shown_, end->text);
    EXPECT_EQ(pieces_, 1U);  // nothing is shown before there is a choice
    EXPECT_EQ(end->answer.generated_tokens, 6U + 7 + 8 + 9);
    EXPECT_GE(end->score_ms, 0);
}

TEST_F(ExpertsAnswerTest, WhoeverFailsIsNoChoiceAndTheOthersAre) {
    begin();
    const auto with = [&](std::vector<std::size_t> prompts) {
        ExpertsQuestion question{.base = base()};
        for (const std::size_t prompt : prompts) {
            question.parts.push_back(expert(prompt, 1));
        }
        return question;
    };
    const auto one = ask(with({300, 10, 300}));
    ASSERT_TRUE(one.has_value());
    EXPECT_EQ(one->winner, 1U);
    EXPECT_THAT(one->failed, ElementsAre(Field(&FailedPart::part, 0), Field(&FailedPart::part, 2)));
    EXPECT_FALSE(one->scores[1].has_value());  // there was no choice
    const auto none = ask(with({300, 310}));
    ASSERT_FALSE(none.has_value());
    EXPECT_THAT(none.error().message, HasSubstr("has 300 tokens"));
    ExpertsQuestion nowhere = with({10, 12});
    nowhere.parts[0].session_for = [](const Request&) -> Result<Session*> {
        return fail(ErrorCode::negative, "no session is free");
    };
    nowhere.parts[1].session_for = nowhere.parts[0].session_for;
    const auto refused = ask(std::move(nowhere));
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().message, "no session is free");
    // Together all of them are needed, and the base model has no room for a score.
    ExpertsQuestion joint = with({10, 300});
    joint.how = Combination::blend;
    EXPECT_FALSE(ask(std::move(joint)).has_value());
    ExpertsQuestion unscored = with({10, 20});
    unscored.base = base(255);
    const auto first = ask(std::move(unscored));
    ASSERT_TRUE(first.has_value());
    EXPECT_FALSE(first->scores[0] || first->scores[1]);
}

TEST_F(ExpertsAnswerTest, CancelledItEndsWithWhatThereIs) {
    for (const Combination how : {Combination::choose, Combination::blend, Combination::attend}) {
        SCOPED_TRACE(to_string(how));
        begin();
        std::optional<Result<ExpertsEnd>> end;
        ExpertsQuestion question{.how = how, .base = base(), .centres = centres(2)};
        question.parts.push_back(expert(10, 1, 100));
        question.parts.push_back(expert(20, 2, 100));
        question.on_end = [&](Result<ExpertsEnd> ended) { end = std::move(ended); };
        ExpertsAnswer under_way(std::move(question));
        for (int turn = 0; turn < 6; ++turn) {
            (void)engine_->turn();
        }
        EXPECT_FALSE(end.has_value());
        under_way.cancel();
        (void)engine_->turn();
        ASSERT_TRUE(end && *end);
        EXPECT_EQ((*end)->answer.stop, StopReason::interrupted);
        EXPECT_GT((*end)->answer.generated_tokens, 0U);
        EXPECT_FALSE(engine_->turn());
        sessions_.clear();
    }
}

TEST_F(ExpertsAnswerTest, WhoeverGoesBeforeItsEndIsToldNothing) {
    for (const Combination how : {Combination::choose, Combination::blend, Combination::attend}) {
        for (int turns = 0; turns < 30; turns += 5) {
            begin();
            bool told = false;
            ExpertsQuestion question{.how = how, .base = base(), .centres = centres(2)};
            question.parts.push_back(expert(10, 1, 8));
            question.parts.push_back(expert(20, 2, 8));
            question.on_end = [&](const Result<ExpertsEnd>&) { told = true; };
            std::optional<ExpertsAnswer> under_way(std::in_place, std::move(question));
            for (int turn = 0; turn < turns && !told; ++turn) {
                (void)engine_->turn();
            }
            const bool before = told;
            under_way.reset();
            (void)engine_->turn();
            EXPECT_EQ(told, before);
            EXPECT_FALSE(engine_->turn());
            sessions_.clear();
        }
    }
}

}  // namespace
}  // namespace hexcore::test
