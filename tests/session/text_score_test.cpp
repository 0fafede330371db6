#include "hexcore/session/text_score.hpp"

#include <gmock/gmock.h>

#include "session/engine_fixture.hpp"

namespace hexcore::test {
namespace {

using ::testing::HasSubstr;

class TextScoring : public EngineTest {
protected:
    struct Scored {
        std::vector<Token> tokens;
        double expected = 0;  ///< as they were generated
    };
    /// An answer, which its own chances score.
    Scored generated(std::uint32_t seed, std::uint32_t count) {
        Session session = open();
        Request asked = request(10, seed, count);
        asked.sampling.temperature = 1;
        asked.sampling.seed = seed;
        Scored scored;
        for (const GeneratedToken& token : answer(session, std::move(asked)).tokens) {
            scored.tokens.push_back(token.token);
            scored.expected += double{token.chances->chosen.log_probability} / count;
        }
        return scored;
    }
};

TEST_F(TextScoring, IsTheMeanOfWhatEachTokenHadWhenItWasGeneratedManyAtOnce) {
    start({.sequences = 3});
    std::vector<Scored> texts;
    std::vector<Session> sessions;
    std::vector<TextScore> scores(3);
    for (std::uint32_t i = 0; i < 3; ++i) {
        texts.push_back(generated(i, 4 + 3 * i));
    }
    for (std::uint32_t i = 0; i < 3; ++i) {
        sessions.push_back(open());
    }
    for (std::uint32_t i = 0; i < 3; ++i) {
        score_text(sessions[i], {texts[i].tokens, request(10, i, 1)},
                   [&scores, i](const Result<TextScore>& score) { scores[i] = score.value(); });
    }
    while (engine_->turn()) {
    }
    for (std::uint32_t i = 0; i < 3; ++i) {
        EXPECT_EQ(scores[i].tokens, texts[i].tokens.size());
        EXPECT_NEAR(scores[i].mean_log_probability, texts[i].expected, 1e-5);
        EXPECT_TRUE(sessions[i].idle());
    }
    EXPECT_EQ(sessions[0].tokens().size(), 10 + texts[0].tokens.size() - 1);
}

TEST_F(TextScoring, TheLastTokenMayBeTheOneThatEndsTheAnswer) {
    start({.words = true});
    Session session = open();
    std::optional<Result<TextScore>> score;
    const auto take = [&](const Result<TextScore>& end) { score = end; };
    score_text(session, {{5, 2}, request(4, 1, 1)}, take);
    while (engine_->turn()) {
    }
    ASSERT_TRUE(score && *score);
    EXPECT_EQ((*score)->tokens, 2U);
    EXPECT_LT((*score)->mean_log_probability, 0);
}

TEST_F(TextScoring, WhoeverCannotBeScoredIsToldWhy) {
    start({.sequences = 1, .words = true});
    Session session = open();
    std::vector<Error> errors;
    const auto take = [&](const Result<TextScore>& end) {
        ASSERT_FALSE(end.has_value());
        errors.push_back(end.error());
    };
    score_text(session, {{}, request(4, 1, 1)}, take);
    score_text(session, {{5, 128}, request(4, 1, 1)}, take);
    score_text(session, {{5, 2, 5}, request(4, 1, 1)}, take);
    score_text(session, {{5}, request(300, 1, 1)}, take);
    ASSERT_EQ(errors.size(), 4U);
    EXPECT_THAT(errors[0].message, HasSubstr("no tokens"));
    EXPECT_THAT(errors[1].message, HasSubstr("none of the model's"));
    EXPECT_THAT(errors[2].message, HasSubstr("ends answers"));
    EXPECT_THAT(errors[3].message, HasSubstr("has 300 tokens"));
    score_text(session, {std::vector<Token>(300, 5), request(4, 1, 1)}, take);
    while (engine_->turn()) {
    }
    ASSERT_EQ(errors.size(), 5U);
    EXPECT_EQ(errors[4].code, ErrorCode::does_not_fit);
    EXPECT_THAT(errors[4].message, HasSubstr("full after 253 of 300 tokens"));
    session.clear();
    score_text(session, {std::vector<Token>(30, 5), request(4, 1, 1)}, take);
    ASSERT_TRUE(engine_->turn());
    session.cancel();
    while (engine_->turn()) {
    }
    ASSERT_EQ(errors.size(), 6U);
    EXPECT_EQ(errors[5].code, ErrorCode::interrupted);
}

}  // namespace
}  // namespace hexcore::test
