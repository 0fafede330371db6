#include "hexcore/session/joint_answer.hpp"

#include <gmock/gmock.h>

#include "hexcore/session/adapter_contexts.hpp"
#include "session/engine_fixture.hpp"
#include "support/tiny_adapter.hpp"

namespace hexcore::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// The mean of what all say, or what they say alike.
class MeanLogits : public TokenCombiner {
public:
    Result<std::span<const float>> combine(std::span<const NextToken> members) override {
        if (fails_at_ > 0 && --fails_at_ == 0) {
            return fail(ErrorCode::negative, "no mean today");
        }
        const auto& first = members.front().logits;
        if (std::ranges::all_of(members, [&](const NextToken& member) {
                return std::ranges::equal(member.logits, first);
            })) {
            return first;
        }
        mean_.assign(first.size(), 0);
        for (const NextToken& member : members) {
            for (std::size_t i = 0; i < mean_.size(); ++i) {
                mean_[i] += member.logits[i] / static_cast<float>(members.size());
            }
        }
        return mean_;
    }
    void chosen(Token token, std::span<const NextToken> members) override {
        chosen_.push_back(token);
        EXPECT_EQ(members.front().logits.size(), 128U);
    }

    std::size_t fails_at_ = 0;
    std::vector<Token> chosen_;

private:
    std::vector<float> mean_;
};

class JointAnswerTest : public EngineTest {
protected:
    static Request choosy(std::uint32_t seed) {
        Request asked = request(20, seed, 30);
        asked.sampling = {.repeat_penalty = 1.3F, .presence_penalty = 0.4F, .seed = 11};
        return asked;
    }
    std::vector<Session> sessions(std::size_t count) {
        std::vector<Session> all;
        for (std::size_t i = 0; i < count; ++i) {
            all.push_back(open());
        }
        return all;
    }
    /// Members with prompts of those lengths.
    static std::vector<JointMember> members(std::vector<Session>& sessions,
                                            const std::vector<std::size_t>& prompts,
                                            std::uint32_t max_tokens) {
        std::vector<JointMember> all;
        for (std::size_t i = 0; i < sessions.size(); ++i) {
            const auto seed = static_cast<std::uint32_t>(prompts[i]);
            all.push_back({&sessions[i], request(prompts[i], seed, i == 0 ? max_tokens : 0)});
        }
        return all;
    }
    void expect_idle(const std::vector<Session>& sessions) {
        for (const Session& session : sessions) {
            EXPECT_TRUE(session.idle());
        }
        EXPECT_FALSE(engine_->turn());
    }
    MeanLogits mean_;
};

TEST_F(JointAnswerTest, OfOneOrOfEqualMembersIsThePlainAnswerToTheBit) {
    start({.sequences = 3, .options = {.equality = Equality::exact}, .words = true});
    for (std::uint32_t seed = 1; seed <= 3; ++seed) {
        for (const std::size_t count : {1, 3}) {
            SCOPED_TRACE(fmt::format("{} {}", seed, count));
            Request asked = choosy(seed);
            std::vector<Session> joint = sessions(count);
            const Answer unbounded = [&] {
                Session plain = open();
                return answer(plain, choosy(seed));
            }();
            for (const bool stops : {false, true}) {
                if (stops && unbounded.text.size() > 20) {
                    asked.stops = {unbounded.text.substr(10, 5)};  // over several tokens
                }
                const Answer expected = [&] {
                    Session plain = open();
                    return answer(plain, asked);
                }();
                std::vector<JointMember> members;
                for (Session& session : joint) {
                    session.clear();
                    members.push_back({&session, asked});
                }
                const auto said = answer_together(std::move(members), mean_);
                ASSERT_TRUE(said.has_value()) << said.error().message;
                EXPECT_EQ(bits(*said), bits(expected));
                EXPECT_EQ(said->text, expected.text);
                EXPECT_EQ(said->stop, expected.stop);
                EXPECT_EQ(said->computed_tokens, expected.computed_tokens);
                for (const Session& session : joint) {
                    EXPECT_EQ(session.tokens(), joint.front().tokens());
                }
            }
        }
    }
}

TEST_F(JointAnswerTest, MembersWithDifferentPromptsTakeTheSameTokensOfWhatIsMadeOfThem) {
    start({.sequences = 3, .options = {.equality = Equality::exact}});
    std::vector<Session> joint = sessions(3);
    const std::vector<std::size_t> prompts{5, 90, 12};
    const auto said = answer_together(members(joint, prompts, 8), mean_);
    ASSERT_TRUE(said.has_value());
    EXPECT_EQ(said->generated_tokens, 8U);
    EXPECT_EQ(mean_.chosen_.size(), 8U);
    // What each says behind its prompt and those tokens, computed again by one that is offered
    // them.
    std::vector<std::vector<std::vector<float>>> seen(3);
    for (std::size_t i = 0; i < 3; ++i) {
        const auto& tokens = joint[i].tokens();
        EXPECT_THAT(
            std::vector(tokens.begin() + static_cast<std::ptrdiff_t>(prompts[i]), tokens.end()),
            ::testing::ElementsAreArray(mean_.chosen_));
        joint[i].clear();
        Request again = request(prompts[i], static_cast<std::uint32_t>(prompts[i]), 8);
        again.on_next = [&](const NextToken& next) {
            seen[i].emplace_back(next.logits.begin(), next.logits.end());
            joint[i].take(mean_.chosen_[seen[i].size() - 1]);
        };
        (void)answer(joint[i], std::move(again));
    }
    for (std::size_t at = 0; at < 8; ++at) {
        std::vector<float> sum(128);
        for (std::size_t token = 0; token < 128; ++token) {
            sum[token] = seen[0][at][token] / 3 + seen[1][at][token] / 3 + seen[2][at][token] / 3;
        }
        EXPECT_EQ(std::ranges::max_element(sum) - sum.begin(), mean_.chosen_[at]) << at;
    }
}

TEST_F(JointAnswerTest, MembersMayBeInSeveralEngines) {
    start({});
    const Plan plan = model_->plan();
    engine_.reset();
    model_.reset();
    const auto path = folder_.path() / "adapter.gguf";
    write_tiny_adapter(
        path, inventory_, [](auto) { return true; }, 4, 50);
    const auto adapters = read_adapters(std::vector<AdapterWish>{{path}}, inventory_).value();
    LoadOptions options = load_options();
    options.context.more_adapters = {adapters};
    model_.emplace(LoadedModel::load(*machine_, inventory_, plan, options).value());
    AdapterContexts contexts(*model_);
    Engine& base = **contexts.engine_for({});
    Engine& adapted = **contexts.engine_for(adapters);
    {
        Session here = base.open().value();
        Session there = adapted.open().value();
        const auto said =
            answer_together({{&here, request(9, 1, 12)}, {&there, request(70, 1, 0)}}, mean_);
        ASSERT_TRUE(said.has_value()) << said.error().message;
        EXPECT_EQ(said->generated_tokens, 12U);
        EXPECT_EQ(std::vector(here.tokens().begin() + 9, here.tokens().end()),
                  std::vector(there.tokens().begin() + 70, there.tokens().end()));
    }
}

TEST_F(JointAnswerTest, OthersAnswerBesideIt) {
    start({.sequences = 3});
    std::vector<Session> joint = sessions(2);
    Session other = open();
    bool ended = false;
    std::vector<JointMember> together = members(joint, {5, 7}, 20);
    together.front().request.on_end = [&](const Result<Answer>&) { ended = true; };
    const JointAnswer under_way(std::move(together), mean_);
    EXPECT_EQ(answer(other, request(4, 2, 12)).generated_tokens, 12U);
    EXPECT_FALSE(ended);
    while (engine_->turn()) {
    }
    EXPECT_TRUE(ended && under_way.ended());
}

TEST_F(JointAnswerTest, CancelledItEndsForAllWithWhatItHas) {
    start({.sequences = 2});
    std::vector<Session> joint = sessions(2);
    std::vector<JointMember> together = members(joint, {5, 7}, 40);
    std::optional<JointAnswer> answer;
    std::optional<Answer> end;
    std::size_t pieces = 0;
    together.front().request.on_end = [&](Result<Answer> said) {
        EXPECT_TRUE(joint[0].idle() && joint[1].idle());
        end = std::move(said).value();
        answer.reset();  // whoever is told may give it up
    };
    answer.emplace(std::move(together), mean_);
    while (answer) {
        answer->turn();
        if (++pieces == 6 && answer) {
            answer->cancel();
        }
    }
    ASSERT_TRUE(end.has_value());
    EXPECT_EQ(end->stop, StopReason::interrupted);
    EXPECT_GT(end->generated_tokens, 2U);
    EXPECT_EQ(joint[0].tokens().size() - 5, joint[1].tokens().size() - 7);
    expect_idle(joint);
}

TEST_F(JointAnswerTest, GivenUpOrWithASessionClosedNothingOfItGoesOn) {
    start({.sequences = 3});
    for (int turns = 0; turns < 6; ++turns) {
        for (const std::size_t closed : {0, 1, 2, 3}) {  // 3: none, the answer is given up
            SCOPED_TRACE(fmt::format("{} {}", turns, closed));
            std::vector<std::optional<Session>> joint;
            std::vector<JointMember> together;
            for (std::size_t i = 0; i < 3; ++i) {
                joint.emplace_back(open());
            }
            for (std::size_t i = 0; i < 3; ++i) {
                together.push_back({&*joint[i], request(4 + i, 1, 10)});
            }
            std::size_t ends = 0;
            together.front().request.on_end = [&](const Result<Answer>& end) {
                ++ends;
                EXPECT_EQ(end.value().stop, StopReason::interrupted);
            };
            std::optional<JointAnswer> answer(std::in_place, std::move(together), mean_);
            for (int turn = 0; turn < turns; ++turn) {
                answer->turn();
            }
            if (closed < 3) {
                joint[closed].reset();
                EXPECT_TRUE(answer->ended());
            } else {
                answer.reset();
            }
            EXPECT_EQ(ends, closed < 3 ? 1U : 0U);
            EXPECT_FALSE(engine_->turn());
        }
    }
}

TEST_F(JointAnswerTest, WhereTheCombinerOrAMemberFailsAllStandWhereTheyStood) {
    start({.sequences = 3});
    std::vector<Session> joint = sessions(3);
    std::vector<std::vector<Token>> before;
    for (Session& session : joint) {
        (void)answer(session, request(9, 1, 3));
        before.push_back(session.tokens());
    }
    mean_.fails_at_ = 3;
    auto failed = answer_together(members(joint, {5, 7, 9}, 40), mean_);
    ASSERT_FALSE(failed.has_value());
    EXPECT_EQ(failed.error().message, "no mean today");
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(joint[i].tokens(), before[i]);
    }
    for (std::size_t at = 0; at < 3; ++at) {
        std::vector<std::size_t> prompts{5, 7, 9};
        prompts[at] = 300;
        failed = answer_together(members(joint, prompts, 40), mean_);
        ASSERT_FALSE(failed.has_value());
        EXPECT_THAT(failed.error().message, HasSubstr("has 300 tokens"));
        for (std::size_t i = 0; i < 3; ++i) {
            EXPECT_EQ(joint[i].tokens(), before[i]);
        }
        expect_idle(joint);
    }
}

TEST_F(JointAnswerTest, OneThatIsFullEndsItForAll) {
    start({.sequences = 3});
    for (std::size_t full = 0; full < 3; ++full) {
        SCOPED_TRACE(full);
        std::vector<Session> joint = sessions(3);
        std::vector<std::size_t> prompts{5, 7, 9};
        prompts[full] = 250;
        const auto said = answer_together(members(joint, prompts, 0), mean_);
        ASSERT_TRUE(said.has_value()) << said.error().message;
        EXPECT_EQ(said->stop, StopReason::context_full);
        EXPECT_EQ(said->generated_tokens, 7U);
        for (std::size_t i = 0; i < 3; ++i) {
            EXPECT_EQ(joint[i].tokens().size(), prompts[i] + 7);
        }
        expect_idle(joint);
    }
}

TEST_F(JointAnswerTest, MoreMembersThanSequencesAreRefusedAndTwoAnswersNeverWaitForEachOther) {
    start({.sequences = 3});
    std::vector<Session> four = sessions(4);
    const auto refused = answer_together(members(four, {4, 5, 6, 7}, 3), mean_);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, ErrorCode::usage);
    EXPECT_THAT(refused.error().message, HasSubstr("4 sessions"));
    std::vector<Session> first = sessions(2);
    std::vector<Session> second = sessions(2);
    std::vector<int> order;
    const auto named = [&](int name, std::vector<Session>& with) {
        std::vector<JointMember> together = members(with, {5, 6}, 4);
        together.front().request.on_end = [&order, name](const Result<Answer>&) {
            order.push_back(name);
        };
        return together;
    };
    const JointAnswer one(named(1, first), mean_);
    const JointAnswer two(named(2, second), mean_);
    for (int turn = 0; turn < 100 && engine_->turn(); ++turn) {
    }
    EXPECT_THAT(order, ElementsAre(1, 2));
}

TEST_F(JointAnswerTest, ItsSessionsCanBeAskedAgainFromWhereItsEndIsTold) {
    start({.sequences = 2});
    std::vector<Session> joint = sessions(2);
    std::optional<JointAnswer> again;
    std::size_t ends = 0;
    std::vector<JointMember> together = members(joint, {5, 7}, 3);
    together.front().request.on_end = [&](const Result<Answer>& first) {
        EXPECT_TRUE(first.has_value());
        ++ends;
        std::vector<JointMember> more = members(joint, {4, 4}, 2);
        more.front().request.on_end = [&](const Result<Answer>& second) {
            EXPECT_EQ(second.value().generated_tokens, 2U);
            ++ends;
        };
        again.emplace(std::move(more), mean_);
    };
    const JointAnswer answer(std::move(together), mean_);
    while (engine_->turn()) {
    }
    EXPECT_EQ(ends, 2U);
}

}  // namespace
}  // namespace hexcore::test
