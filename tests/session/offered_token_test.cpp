// Answers whose tokens somebody else chooses.
#include <gmock/gmock.h>

#include "session/engine_fixture.hpp"

namespace hexcore::test {
namespace {

using ::testing::HasSubstr;

class OfferedToken : public EngineTest {
protected:
    /// Sampled with everything that looks back.
    static Request choosy(std::uint32_t seed) {
        Request asked = request(20, seed, 24);
        asked.sampling = {.repeat_penalty = 1.3F, .frequency_penalty = 0.4F, .seed = 11};
        return asked;
    }

    /// The same request, whose tokens the session takes from what it is offered.
    static Request handed_back(Session& session, Request asked) {
        asked.on_next = [&session](const NextToken& next) {
            EXPECT_TRUE(session.take_from(next.logits).has_value());
        };
        return asked;
    }
};

TEST_F(OfferedToken, TakenFromItsOwnLogitsAnAnswerIsWhatItIsWithoutToTheBit) {
    start({.sequences = 2, .options = {.equality = Equality::exact}, .words = true});
    for (std::uint32_t seed = 1; seed <= 3; ++seed) {
        Session plain = open();
        Session offered = open();
        const Answer expected = answer(plain, choosy(seed));
        const Answer taken = answer(offered, handed_back(offered, choosy(seed)));
        EXPECT_EQ(bits(taken), bits(expected));
        EXPECT_EQ(taken.text, expected.text);
        EXPECT_EQ(taken.stop, expected.stop);
        EXPECT_EQ(taken.generated_tokens, expected.generated_tokens);
        EXPECT_EQ(taken.computed_tokens, expected.computed_tokens);
        EXPECT_EQ(offered.tokens(), plain.tokens());
    }
}

TEST_F(OfferedToken, OthersGoOnWhileOneWaitsForItsToken) {
    start({.sequences = 2});
    Session waits = open();
    Session other = open();
    std::size_t told = 0;
    Request asked = request(4, 1, 2);
    std::optional<Answer> end;
    asked.on_next = [&](const NextToken& next) {
        EXPECT_EQ(next.logits.size(), 128U);
        EXPECT_TRUE(next.state.empty());
        ++told;
    };
    asked.on_end = [&](Result<Answer> answer) { end = std::move(answer).value(); };
    waits.ask(std::move(asked));
    EXPECT_EQ(answer(other, request(4, 2, 12)).generated_tokens, 12U);
    EXPECT_EQ(told, 1U);
    EXPECT_FALSE(waits.idle());
    EXPECT_TRUE(engine_->turn());  // it has a question still
    waits.take(7);
    EXPECT_EQ(waits.tokens().back(), 7);
    EXPECT_TRUE(engine_->turn());
    EXPECT_EQ(told, 2U);
    waits.take(9);
    ASSERT_TRUE(end.has_value());
    EXPECT_EQ(end->stop, StopReason::length);
    EXPECT_EQ(end->tokens[1].token, 9);
    EXPECT_TRUE(waits.idle());
    EXPECT_FALSE(engine_->turn());
}

TEST_F(OfferedToken, WhoWaitsForItsTokenEndsWhenItIsToldToHoweverThatIs) {
    start({.sequences = 1, .words = true});
    const std::vector<std::pair<const char*, std::function<void(std::optional<Session>&)>>> ways{
        {"cancel", [](auto& session) { session->cancel(); }},
        {"finish", [](auto& session) { session->finish(StopReason::interrupted); }},
        {"close", [](auto& session) { session.reset(); }},
        {"fail",
         [](auto& session) {
             session->fail_answer({ErrorCode::negative, "so"});
         }},
        {"stop", [this](auto&) {
             const std::atomic<bool> stop = true;
             (void)engine_->turn(&stop);
         }}};
    for (const auto& [name, way] : ways) {
        for (const bool from_within : {false, true}) {
            SCOPED_TRACE(fmt::format("{} {}", name, from_within));
            std::optional<Session> session = open();
            (void)answer(*session, request(3, 1, 1));
            const std::size_t before = session->tokens().size();
            std::vector<std::string> ends;
            Request asked = request(4, 2, 5);
            std::size_t told = 0;
            asked.on_next = [&, &do_it = way](const NextToken&) {
                ++told;
                if (told == 1) {
                    session->take(20);
                } else if (from_within) {
                    do_it(session);
                }
            };
            asked.on_end = [&](const Result<Answer>& end) {
                ends.push_back(end ? end->text : end.error().message);
            };
            session->ask(std::move(asked));
            for (int turn = 0; turn < 3; ++turn) {
                (void)engine_->turn();
            }
            if (!from_within) {
                EXPECT_TRUE(ends.empty());
                way(session);
                (void)engine_->turn();
            }
            EXPECT_THAT(ends,
                        ::testing::ElementsAre(std::string_view(name) == "fail" ? "so" : "20,"));
            EXPECT_EQ(told, 2U);
            EXPECT_FALSE(engine_->turn());
            if (session) {
                EXPECT_TRUE(session->idle());
                const bool failed = ends.front() == "so";
                EXPECT_EQ(session->tokens().size(), failed ? before : before + 5);
                EXPECT_EQ(answer(*session, request(3, 3, 2)).generated_tokens, 2U);
            }
        }
    }
}

TEST_F(OfferedToken, ATokenThatEndsAnswersEndsItAndOneThatAGrammarForbidsFailsIt) {
    start({.words = true});
    std::vector<std::string> ends;
    Session session = open();
    const auto with_token = [&](Token token, const char* rules) {
        Request asked = request(4, 1, 5);
        asked.grammar = ParsedGrammar::make(*model_, {.rules = rules}).value();
        asked.on_next = [&session, token](const NextToken&) { session.take(token); };
        asked.on_end = [&](const Result<Answer>& end) {
            ends.push_back(end ? to_string(end->stop) : end.error().message);
        };
        session.ask(std::move(asked));
        (void)engine_->turn();
        EXPECT_EQ(session.idle(), !ends.empty());
    };
    with_token(2, "root ::= \"17,\"?");
    with_token(18, "root ::= \"17,\"");
    with_token(2, "root ::= \"17,\"");
    EXPECT_THAT(ends, ::testing::ElementsAre("eos", HasSubstr("grammar"), HasSubstr("grammar")));
    EXPECT_EQ(session.tokens().size(), 4U);  // of the one that did not fail
}

TEST_F(OfferedToken, WithStatesTheLastTokenOfAPromptIsComputedAloneAndEachHasOne) {
    start({.tokens_each = 512, .sequences = 2, .ubatch = 64, .states = true});
    Session stated = open();
    Session other = open();  // decoded in one batch, without
    other.ask(request(3, 5, 100));
    for (const std::size_t prompt : {1, 64, 65, 100}) {
        SCOPED_TRACE(prompt);
        stated.clear();
        std::vector<std::vector<float>> states;
        Request asked = request(prompt, 1, 4);
        asked.wants_state = true;
        asked.on_next = [&](const NextToken& next) {
            states.emplace_back(next.state.begin(), next.state.end());
            EXPECT_TRUE(stated.take_from(next.logits).has_value());
        };
        const Answer said = answer(stated, std::move(asked));
        EXPECT_EQ(said.computed_tokens, prompt + 3);
        ASSERT_EQ(states.size(), 4U);
        for (const auto& state : states) {
            EXPECT_EQ(state.size(), 256U);
            EXPECT_TRUE(std::ranges::any_of(state, [](float value) { return value != 0; }));
        }
        EXPECT_NE(states[0], states[1]);
    }
}

TEST_F(OfferedToken, WhatAnAnswerCallsGoesWithIt) {
    start({.sequences = 1});
    Session session = open();
    for (const bool fails : {false, true}) {
        const auto kept = std::make_shared<int>(0);
        Request asked = request(4, 1, 3);
        asked.on_piece = [kept](const AnswerPiece&) {};
        asked.on_next = [kept, &session, fails](const NextToken&) {
            fails ? session.fail_answer({ErrorCode::negative, "so"}) : session.take(7);
        };
        EXPECT_EQ(engine_->answer(session, std::move(asked)).has_value(), !fails);
        EXPECT_EQ(kept.use_count(), 1);
    }
}

TEST_F(OfferedToken, WhoeverIsToldMayCloseOthersThatWereOfferedInTheSameTurn) {
    start({.sequences = 2});
    std::optional<Session> first = open();
    std::optional<Session> second = open();
    std::vector<int> told;
    const auto closing = [&](int name, std::optional<Session>& itself,
                             std::optional<Session>& another) {
        Request asked = request(4, 1, 9);
        asked.on_next = [&, name](const NextToken&) {
            told.push_back(name);
            if (told.size() > 2) {
                another.reset();
            }
            itself->take(5);
        };
        return asked;
    };
    first->ask(closing(1, first, second));
    second->ask(closing(2, second, first));
    while (engine_->turn()) {
    }
    // Both prompts, and then the first closes the second before that is told.
    EXPECT_EQ(std::ranges::count(told, 2), 1);
    EXPECT_EQ(std::ranges::count(told, 1), 9);
}

}  // namespace
}  // namespace hexcore::test
