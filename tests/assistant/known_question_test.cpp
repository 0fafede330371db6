// Questions to experts whose adapters have a known effect, against the closed form: the whole way
// from the question to the tokens of its answer.

#include <gmock/gmock.h>

#include <cmath>

#include "assistant/planned_assistant.hpp"
#include "hexcore/assistant/logistic_regression.hpp"
#include "support/known_adapter.hpp"

namespace hexcore::test {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;
using Logits = std::vector<double>;

class KnownQuestionTest : public PlannedAssistantTest {
protected:
    /// Two whose adapters are known, and one without.
    void load_known(Combination how) {
        std::vector<std::filesystem::path> files;
        for (const auto& shifts : shifts_) {
            files.push_back(folder_.path() / fmt::format("known{}.gguf", files.size()));
            write_known_adapter(files.back(), path_, inventory_, shifts);
        }
        files.emplace_back();
        make_assistant(files);
        PlanningOptions asked = options("host=64MiB", how);
        asked.sequences = 3;
        asked.context = TokenCount(1536);
        load(asked);
        host_->session_for = [this, before = host_->session_for](Engine& engine,
                                                                 const Request& request) {
            asked_.push_back({&engine, before(engine, request), request.tokens});
            return asked_.back().session;
        };
    }
    AssistantAnswer ask_all(Combination how) {
        return ask(
            {.text = "Hello", .experts = 3, .combine = how, .over_expert = {.temperature = 0.0F}});
    }

    /// A session that was asked, and what.
    struct Seen {
        Engine* engine;
        Session* session;
        std::vector<Token> prompt;

        [[nodiscard]] std::vector<Token> answer() const {
            const std::vector<Token>& all = session->tokens();
            return {all.begin() + static_cast<std::ptrdiff_t>(prompt.size()), all.end()};
        }
    };
    /// What an engine says before each of those tokens behind the prompt.
    static std::vector<Logits> logits(Engine& engine, const std::vector<Token>& prompt,
                                      const std::vector<Token>& tokens) {
        Session session = engine.open().value();
        Request asked;
        asked.tokens = prompt;
        asked.max_tokens = static_cast<std::uint32_t>(tokens.size());
        std::vector<Logits> seen;
        asked.on_next = [&](const NextToken& next) {
            seen.emplace_back(next.logits.begin(), next.logits.end());
            seen.size() == tokens.size() ? session.finish(StopReason::length)
                                         : session.take(tokens[seen.size() - 1]);
        };
        EXPECT_TRUE(engine.answer(session, std::move(asked)).has_value());
        EXPECT_THAT(seen, SizeIs(tokens.size()));
        return seen;
    }
    std::vector<Logits> base_logits(const Seen& seen) {
        return logits(**engines_->engine_for({}), seen.prompt, seen.answer());
    }
    /// Those of an expert, or of several by weight.
    Logits shifted(const Logits& base, const std::vector<double>& weights) const {
        Logits result = base;
        for (std::size_t i = 0; i < shifts_.size(); ++i) {
            for (const LogitShift& shift : shifts_[i]) {
                result[shift.to] += weights[i] * double{shift.factor} * base[shift.from];
            }
        }
        return result;
    }
    static std::vector<double> weights_of(const AssistantAnswer& answer) {
        std::vector<double> weights;
        for (const AnsweringExpert& expert : answer.experts) {
            weights.push_back(expert.weight);
        }
        return weights;
    }
    static double most(const Logits& values) { return *std::ranges::max_element(values); }

    std::vector<std::vector<LogitShift>> shifts_{
        {{.from = 40, .to = 90, .factor = 1.5F}, {.from = 50, .to = 91, .factor = -2}},
        {{.from = 60, .to = 90, .factor = -1}, {.from = 70, .to = 92, .factor = 2.5F}}};
    std::vector<Seen> asked_;
};

TEST_F(KnownQuestionTest, MergedIsAnsweredByTheSumOfTheUpdates) {
    load_known(Combination::merge);
    const AssistantAnswer answer = ask_all(Combination::merge);
    EXPECT_THAT(answer.notes, IsEmpty());
    ASSERT_THAT(asked_, SizeIs(1));
    const Seen seen = asked_.front();
    const std::vector<Token> tokens = seen.answer();
    ASSERT_FALSE(tokens.empty());
    const auto merged = logits(*seen.engine, seen.prompt, tokens);
    const auto base = base_logits(seen);
    for (std::size_t at = 0; at < tokens.size(); ++at) {
        const Logits expected = shifted(base[at], weights_of(answer));
        for (std::size_t token = 0; token < expected.size(); ++token) {
            EXPECT_NEAR(merged[at][token], expected[token], 1e-5) << at << " " << token;
        }
        EXPECT_NEAR(expected[static_cast<std::size_t>(tokens[at])], most(expected), 1e-5) << at;
    }
    EXPECT_GT(std::abs(merged[0][92] - base[0][92]), 1e-3);
}

TEST_F(KnownQuestionTest, BlendedIsAnsweredByTheWeightedDistributions) {
    load_known(Combination::blend);
    const AssistantAnswer answer = ask_all(Combination::blend);
    EXPECT_THAT(answer.notes, IsEmpty());
    ASSERT_THAT(asked_, SizeIs(3));
    const std::vector<Token> tokens = asked_.front().answer();
    ASSERT_FALSE(tokens.empty());
    const auto base = base_logits(asked_.front());  // all have the same prompt
    std::vector<double> weights(3, 1.0 / 3);
    std::vector<double> sums(3);
    for (std::size_t at = 0; at < tokens.size(); ++at) {
        const std::vector<Logits> each{softmax(shifted(base[at], {1, 0})),
                                       softmax(shifted(base[at], {0, 1})), softmax(base[at])};
        Logits mixed(base[at].size());
        for (std::size_t i = 0; i < 3; ++i) {
            sums[i] += weights[i];
            for (std::size_t token = 0; token < mixed.size(); ++token) {
                mixed[token] += weights[i] * each[i][token];
            }
        }
        const auto chosen = static_cast<std::size_t>(tokens[at]);
        EXPECT_NEAR(mixed[chosen], most(mixed), 1e-5) << at;
        for (std::size_t i = 0; i < 3; ++i) {
            weights[i] *= each[i][chosen] / mixed[chosen];
        }
    }
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_NEAR(answer.experts[i].weight, sums[i] / static_cast<double>(tokens.size()), 1e-4);
    }
}

TEST_F(KnownQuestionTest, ChosenIsTheFavouriteOfTheModelWithoutAdapters) {
    load_known(Combination::choose);
    const AssistantAnswer answer = ask_all(Combination::choose);
    ASSERT_THAT(answer.experts, SizeIs(3));
    ASSERT_THAT(asked_, SizeIs(6));  // three answers, and their scores
    for (const std::size_t i : {0U, 1U}) {
        const std::vector<Token> tokens = asked_[i].answer();
        const auto own = base_logits(asked_[i]);
        const auto behind = logits(*asked_[3].engine, asked_[3].prompt, tokens);
        double score = 0;
        for (std::size_t at = 0; at < tokens.size(); ++at) {
            const auto token = static_cast<std::size_t>(tokens[at]);
            const Logits expected = shifted(own[at], {i == 0 ? 1.0 : 0, i == 0 ? 0.0 : 1});
            EXPECT_NEAR(expected[token], most(expected), 1e-5) << i << " " << at;
            score += std::log(softmax(behind[at])[token]);
        }
        EXPECT_NEAR(answer.experts[i].score.value(), score / static_cast<double>(tokens.size()),
                    1e-5);
    }
    for (const AnsweringExpert& expert : answer.experts) {
        EXPECT_LE(*expert.score,
                  std::ranges::max(answer.experts, {}, &AnsweringExpert::chosen).score.value());
    }
}

}  // namespace
}  // namespace hexcore::test
