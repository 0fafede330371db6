// Answers of two experts of whom everything is known, against the formulas in double precision.
#include <gmock/gmock.h>

#include <cmath>

#include "hexcore/assistant/combined_experts.hpp"
#include "hexcore/assistant/logistic_regression.hpp"
#include "hexcore/session/adapter_contexts.hpp"
#include "session/engine_fixture.hpp"
#include "support/known_adapter.hpp"

namespace hexcore::test {
namespace {

using ::testing::SizeIs;

/// What is known of two experts' next token, and what is made of it.
struct Seen {
    std::vector<float> base;  ///< logits
    std::vector<float> state;
};

/// Two contexts of one model, of which the second adds 0.5 times the logit of token 5 to that of 7.
class KnownExperts : public EngineTest {
protected:
    void SetUp() override {
        start({.sequences = 4, .options = {.equality = Equality::exact}, .words = true});
        const Plan plan = model_->plan();
        engine_.reset();
        model_.reset();
        const auto adapter = folder_.path() / "known.gguf";
        write_known_adapter(adapter, path_, inventory_, {{.from = 5, .to = 7, .factor = 0.5F}});
        adapters_ = read_adapters(std::vector<AdapterWish>{{adapter}}, inventory_).value();
        LoadOptions options = load_options();
        options.context.states = true;
        options.context.more_adapters = {adapters_};
        model_.emplace(LoadedModel::load(*machine_, inventory_, plan, options).value());
        contexts_.emplace(*model_);
    }
    void TearDown() override {
        contexts_.reset();
        EngineTest::TearDown();
    }

    /// What the base model alone says behind the prompt and those tokens.
    std::vector<Seen> seen_by_base(const std::vector<Token>& tokens) {
        Engine& engine = **contexts_->engine_for({});
        Session session = engine.open().value();
        Request asked = request(10, 1, 0);
        asked.wants_state = true;
        std::vector<Seen> seen;
        asked.on_next = [&](const NextToken& next) {
            seen.push_back(
                {{next.logits.begin(), next.logits.end()}, {next.state.begin(), next.state.end()}});
            seen.size() == tokens.size() ? session.finish(StopReason::length)
                                         : session.take(tokens[seen.size() - 1]);
        };
        EXPECT_TRUE(engine.answer(session, std::move(asked)).has_value());
        return seen;
    }
    static std::vector<double> softmax_of(const std::vector<float>& logits) {
        return softmax(std::vector<double>(logits.begin(), logits.end()));
    }
    /// The distribution of the adapted expert, by the closed form.
    static std::vector<double> adapted(std::vector<float> logits) {
        logits[7] += 0.5F * logits[5];
        return softmax_of(logits);
    }

    /// Both answer, and each token's best chances are those of the mix by `weights`, which are
    /// asked once for each token.
    void expect_mix(TokenCombiner& combiner, bool with_base,
                    const std::function<std::vector<double>(const Seen&)>& weights,
                    const std::function<void(double, double)>& chosen) {
        Session plain = (*contexts_->engine_for({}))->open().value();
        Session other = (*contexts_->engine_for(adapters_))->open().value();
        Session reading = (*contexts_->engine_for({}))->open().value();
        Request leading = request(10, 1, 10);
        leading.sampling.temperature = 1;
        leading.sampling.seed = 3;
        std::vector<JointMember> members;
        members.push_back({&plain, leading});
        members.push_back({&other, request(10, 1, 0)});
        if (with_base) {
            Request base = request(10, 1, 0);
            base.wants_state = true;
            members.push_back({&reading, base});
        }
        const auto said = answer_together(std::move(members), combiner);
        ASSERT_TRUE(said.has_value()) << said.error().message;
        std::vector<Token> tokens;
        for (const GeneratedToken& token : said->tokens) {
            tokens.push_back(token.token);
        }
        ASSERT_THAT(tokens, SizeIs(10));
        const std::vector<Seen> seen = seen_by_base(tokens);
        bool differs = false;
        for (std::size_t at = 0; at < tokens.size(); ++at) {
            const auto p = softmax_of(seen[at].base);
            const auto q = adapted(seen[at].base);
            const std::vector<double> w = weights(seen[at]);
            const auto chance = [&](Token token) {
                const auto i = static_cast<std::size_t>(token);
                return w[0] * p[i] + w[1] * q[i];
            };
            for (const TokenChance& best : said->tokens[at].chances->best) {
                EXPECT_NEAR(std::exp(double{best.log_probability}), chance(best.token), 1e-5);
            }
            differs = differs || std::abs(p[7] - q[7]) > 1e-3;
            const auto i = static_cast<std::size_t>(tokens[at]);
            chosen(std::log(p[i]), std::log(q[i]));
        }
        EXPECT_TRUE(differs) << "the adapter does nothing";
    }

    std::vector<ChosenAdapter> adapters_;
    std::optional<AdapterContexts> contexts_;
};

TEST_F(KnownExperts, BlendTheirDistributionsByTheFormula) {
    double first = 0.3;
    BlendedExperts blended(BlendWeights::from(std::vector<double>{0.3, 0.7}).value());
    expect_mix(
        blended, false,
        [&](const Seen&) {
            return std::vector<double>{first, 1 - first};
        },
        [&](double log_p, double log_q) {
            const double a = first * std::exp(log_p);
            const double b = (1 - first) * std::exp(log_q);
            first = a / (a + b);
        });
    EXPECT_NEAR(blended.weights()[0], first, 1e-4);
}

TEST_F(KnownExperts, AreAttendedByTheFormula) {
    std::vector<std::vector<float>> all(2, std::vector<float>(256));
    std::mt19937 random(1);
    for (auto& centre : all) {
        for (float& value : centre) {
            value = static_cast<float>(random() % 100) / 100;
        }
    }
    const auto unit = [](std::span<const float> vector, std::span<const double> less) {
        double squares = 0;
        std::vector<double> result(vector.size());
        for (const float value : vector) {
            squares += double{value} * double{value};
        }
        for (std::size_t j = 0; j < vector.size(); ++j) {
            result[j] = double{vector[j]} / std::sqrt(squares) - (less.empty() ? 0 : less[j]);
        }
        squares = 0;
        for (const double value : result) {
            squares += value * value;
        }
        for (double& value : result) {
            value /= std::sqrt(squares);
        }
        return result;
    };
    std::vector<double> origin(256);
    for (std::size_t j = 0; j < 256; ++j) {
        origin[j] = (unit(all[0], {})[j] + unit(all[1], {})[j]) / 2;
    }
    const std::vector<std::size_t> both{0, 1};
    AttendedExperts attended({all.begin(), all.end()}, both, {.temperature = 0.1});
    std::vector<double> sums(2);
    expect_mix(
        attended, true,
        [&](const Seen& seen) {
            const auto q = unit(seen.state, origin);
            std::vector<double> scores;
            for (const auto& centre : all) {
                const auto k = unit(centre, origin);
                double score = 0;
                for (std::size_t j = 0; j < 256; ++j) {
                    score += q[j] * k[j];
                }
                scores.push_back(score / 0.1);
            }
            const auto w = softmax(scores);
            sums[0] += w[0] / 10;
            sums[1] += w[1] / 10;
            return w;
        },
        [](double, double) {});
    EXPECT_NEAR(attended.mean_weights()[0], sums[0], 1e-4);
    EXPECT_NEAR(attended.mean_weights()[1], sums[1], 1e-4);
}

}  // namespace
}  // namespace hexcore::test
