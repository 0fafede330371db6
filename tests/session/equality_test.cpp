// What is promised about equality, over random schedules: a session's logits are those of an engine
// that has this session alone, whatever others ask, cancel and fill.
#include "session/engine_fixture.hpp"

namespace hexcore::test {
namespace {

struct Script {
    std::vector<Request> questions;
};

class Equal : public EngineTest {
protected:
    /// Three questions, some with long prompts.
    static Script script(std::uint32_t seed) {
        std::mt19937 random(seed);
        Script script;
        for (std::uint32_t question = 0; question < 3; ++question) {
            const bool is_long = random() % 3 == 0;
            const std::size_t tokens = 1 + random() % (is_long ? 300 : 40);
            script.questions.push_back(request(tokens, seed * 100 + question,
                                               static_cast<std::uint32_t>(1 + random() % 12)));
        }
        return script;
    }

    std::string alone(const Setting& setting, const Script& script) {
        start(setting);
        Session session = open();
        std::string all;
        for (const Request& question : script.questions) {
            all += bits(answer(session, question));
        }
        return all;
    }

    /// All scripts at once, in an order of that seed, with others that are cancelled in between.
    std::vector<std::string> together(const Setting& setting, const std::vector<Script>& scripts,
                                      std::uint32_t seed) {
        start(setting);
        std::mt19937 random(seed);
        std::vector<std::string> answers(scripts.size());
        std::vector<std::size_t> asked(scripts.size());
        std::vector<Session> sessions;
        std::vector<Session> disturbers;
        for (std::size_t i = 0; i < scripts.size(); ++i) {
            sessions.push_back(open());
        }
        const auto done = [&](std::size_t i) {
            return asked[i] == scripts[i].questions.size() && sessions[i].idle();
        };
        for (bool all_done = false; !all_done;) {
            all_done = true;
            for (std::size_t i = 0; i < scripts.size(); ++i) {
                all_done = all_done && done(i);
                if (!done(i) && sessions[i].idle() && random() % 4 == 0) {
                    Request question = scripts[i].questions[asked[i]++];
                    question.on_end = [&answers, i](Result<Answer> end) {
                        answers[i] += end ? bits(*end) : end.error().message;
                    };
                    sessions[i].ask(std::move(question));
                }
            }
            if (random() % 6 == 0) {
                disturbers.push_back(open());
                disturbers.back().ask(request(1 + random() % 200, seed, 50));
            }
            if (!disturbers.empty() && random() % 5 == 0) {
                const std::size_t one = random() % disturbers.size();
                if (random() % 2 == 0) {
                    disturbers[one].cancel();
                } else {
                    std::swap(disturbers[one], disturbers.back());
                    disturbers.pop_back();
                }
            }
            (void)engine_->turn();
        }
        return answers;
    }

    void expect_equal(Setting setting, std::uint32_t seeds) {
        for (std::uint32_t seed = 1; seed <= seeds; ++seed) {
            SCOPED_TRACE(seed);
            std::vector<Script> scripts;
            std::vector<std::string> expected;
            for (std::uint32_t i = 0; i < 5; ++i) {
                scripts.push_back(script(seed * 10 + i));
                expected.push_back(alone(setting, scripts.back()));
            }
            const auto answers = together(setting, scripts, seed);
            const CacheCounts counts = engine_->stats().counts;
            EXPECT_GT(counts.restored + counts.tokens_evicted, 0U) << "nothing had to make room";
            for (std::size_t i = 0; i < scripts.size(); ++i) {
                EXPECT_EQ(answers[i], expected[i]) << i;
            }
        }
    }
};

// The context has more than 512 tokens, from where on f16 is computed in chunks.
TEST_F(Equal, WithF16AndParking) {
    expect_equal({.tokens_each = 1024,
                  .sequences = 3,
                  .options = {.equality = Equality::exact, .parking = {.memory = 64_MiB}}},
                 3);
}

TEST_F(Equal, WithAQuantisedCacheAndCellsThatAreGivenUp) {
    expect_equal({.tokens_each = 1024,
                  .sequences = 3,
                  .kv_type = KvType::q8_0,
                  .options = {.equality = Equality::exact}},
                 3);
}

}  // namespace
}  // namespace hexcore::test
