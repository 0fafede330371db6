#include "hexcore/runtime/sampler.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <map>
#include <optional>

#include "runtime/loaded_model.hpp"

namespace hexcore::test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Key;
using testing::Not;
using testing::Pair;

/// Of a tiny model; it is the test that says what logits there are. Nothing but what a test asks
/// for has a part in the choice.
class SamplerTest : public LoadedModelTest {
protected:
    void SetUp() override {
        const TinyShape shape;
        write(shape);
        make_machine(1);
        auto model = load(random_plan(1));
        ASSERT_TRUE(model.has_value()) << model.error().message;
        model_.emplace(std::move(*model));
        logits_.assign(shape.n_vocab, -1000);
    }

    static SamplingOptions plain() {
        return {.top_k = 0, .top_p = 1, .min_p = 0, .temperature = 1};
    }
    static SamplingOptions greedy() { return {.temperature = 0}; }

    /// What is chosen behind those tokens.
    Token chosen(const SamplingOptions& options, const std::vector<Token>& before = {}) {
        auto sampler = Sampler::make(*model_, options);
        EXPECT_TRUE(sampler.has_value()) << sampler.error().message;
        for (const Token token : before) {
            sampler->remember(token);
        }
        return sampler->choose(logits_).value_or(-1);
    }
    /// How often each token is chosen by 300 seeds.
    std::map<Token, int> choices(SamplingOptions options) {
        std::map<Token, int> counts;
        for (options.seed = 0; options.seed < 300; ++options.seed) {
            ++counts[chosen(options)];
        }
        return counts;
    }
    void have(const std::map<Token, double>& probabilities) {
        for (const auto& [token, probability] : probabilities) {
            logits_[static_cast<std::size_t>(token)] = static_cast<float>(std::log(probability));
        }
    }

    std::optional<LoadedModel> model_;
    std::vector<float> logits_;
};

TEST_F(SamplerTest, WithoutATemperatureTheMostLikelyTokenIsChosen) {
    have({{1, 0.3}, {2, 0.4}, {3, 0.3}});
    EXPECT_THAT(choices(greedy()), ElementsAre(Pair(2, 300)));
}

TEST_F(SamplerTest, TheTemperatureSaysHowOftenOthersAre) {
    have({{1, 0.25}, {2, 0.75}});
    SamplingOptions options = plain();
    EXPECT_NEAR(choices(options)[1], 75, 30);
    options.temperature = 100;
    EXPECT_NEAR(choices(options)[1], 150, 35);
    options.temperature = 0.1F;
    EXPECT_EQ(choices(options)[1], 0);
}

TEST_F(SamplerTest, PenaltiesAreForWhatWasThere) {
    have({{1, 0.6}, {2, 0.3}});
    logits_[1] += 10;  // above 0, where it is divided
    logits_[2] += 10;
    SamplingOptions options = greedy();
    options.repeat_penalty = 2;
    EXPECT_EQ(chosen(options), 1);
    EXPECT_EQ(chosen(options, {1}), 2);
    options.repeat_last_n = 2;
    EXPECT_EQ(chosen(options, {1, 3, 3}), 1);
    options.repeat_last_n = 0;
    EXPECT_EQ(chosen(options, {1}), 1);

    options = greedy();
    options.presence_penalty = 0.5F;  // they are ln 2 apart
    EXPECT_EQ(chosen(options, {1, 1}), 1);
    options.presence_penalty = 0.8F;
    EXPECT_EQ(chosen(options, {1}), 2);

    options = greedy();
    options.frequency_penalty = 0.5F;
    EXPECT_EQ(chosen(options, {1}), 1);
    EXPECT_EQ(chosen(options, {1, 1}), 2);
}

TEST_F(SamplerTest, DryIsForWhatGoesOnWithARepetition) {
    have({{3, 0.6}, {4, 0.4}});
    const std::vector<Token> repetition{1, 2, 3, 9, 1, 2};
    SamplingOptions options = greedy();
    EXPECT_EQ(chosen(options, repetition), 3);
    options.dry_multiplier = 10;
    EXPECT_EQ(chosen(options, repetition), 4);
    EXPECT_EQ(chosen(options, {1, 2, 3, 9, 2, 1}), 3);
    options.dry_allowed_length = 3;
    EXPECT_EQ(chosen(options, repetition), 3);
    options.dry_allowed_length = 2;
    options.dry_last_n = 4;  // the first time is forgotten
    EXPECT_EQ(chosen(options, repetition), 3);
    options.dry_last_n = 64;
    options.dry_multiplier = 0.1F;
    EXPECT_EQ(chosen(options, repetition), 3);
    const std::vector<Token> longer{5, 6, 7, 8, 1, 2, 3, 9, 5, 6, 7, 8, 1, 2};
    EXPECT_EQ(chosen(options, longer), 4);
    options.dry_base = 1;
    EXPECT_EQ(chosen(options, longer), 3);
}

TEST_F(SamplerTest, WhatIsChosenFromIsCutByRankShareAndDistance) {
    have({{1, 0.4}, {2, 0.3}, {3, 0.2}, {4, 0.1}});
    const auto with = [](auto change) {
        SamplingOptions options = plain();
        change(options);
        return options;
    };
    using Options = SamplingOptions;
    EXPECT_EQ(choices(plain()).size(), 4U);
    EXPECT_THAT(choices(with([](Options& it) { it.top_k = 2; })), ElementsAre(Key(1), Key(2)));
    EXPECT_THAT(choices(with([](Options& it) { it.top_p = 0.6F; })), ElementsAre(Key(1), Key(2)));
    EXPECT_THAT(choices(with([](Options& it) { it.min_p = 0.6F; })), ElementsAre(Key(1), Key(2)));
    logits_.assign(logits_.size(), 0);  // of which a deviation is known
    have({{1, 20}, {2, 18}, {3, 2}});
    EXPECT_THAT(choices(with([](Options& it) { it.top_n_sigma = 1; })),
                ElementsAre(Key(1), Key(2)));
}

TEST_F(SamplerTest, TypicalTokensAreThoseWhoseSurpriseIsTheExpectedOne) {
    std::map<Token, double> probabilities{{1, 0.3}};
    for (Token token = 2; token < 22; ++token) {
        probabilities[token] = 0.035;
    }
    have(probabilities);
    SamplingOptions options = plain();
    EXPECT_THAT(choices(options), Contains(Key(1)));
    options.typical_p = 0.5F;
    EXPECT_THAT(choices(options), Not(Contains(Key(1))));
}

TEST_F(SamplerTest, XtcLeavesOutAllButTheLastOfTheBest) {
    have({{1, 0.4}, {2, 0.35}, {3, 0.2}, {4, 0.05}});
    SamplingOptions options = plain();
    options.xtc_probability = 1;
    EXPECT_THAT(choices(options), ElementsAre(Key(3), Key(4)));
    options.xtc_threshold = 0.3F;
    EXPECT_THAT(choices(options), ElementsAre(Key(2), Key(3), Key(4)));
    options.xtc_probability = 0.5F;
    EXPECT_EQ(choices(options).size(), 4U);
}

TEST_F(SamplerTest, ADynamicTemperatureFollowsHowSureTheModelIs) {
    have({{1, 0.6}, {2, 0.4}});
    SamplingOptions options = plain();
    options.top_k = 2;  // an entropy of 0.97 of what it could be
    EXPECT_NEAR(choices(options)[2], 120, 35);
    options.dynatemp_range = 1;
    options.dynatemp_exponent = 200;  // 0.97^200: as if it were sure
    EXPECT_EQ(choices(options)[2], 0);
}

TEST_F(SamplerTest, MirostatKeepsToAnEntropyInPlaceOfTheOthers) {
    for (std::size_t token = 0; token < logits_.size(); ++token) {  // as words are in a language
        logits_[token] = -std::log(static_cast<float>(token) + 1);
    }
    for (const std::int32_t version : {1, 2}) {
        SamplingOptions options = plain();
        options.mirostat = version;
        options.top_k = 1;
        EXPECT_GT(choices(options).size(), 1U) << version;
        options.mirostat_entropy = 0.01F;
        EXPECT_THAT(choices(options), ElementsAre(Key(0))) << version;
    }
}

TEST_F(SamplerTest, TheSameSeedChoosesTheSame) {
    have({{1, 0.5}, {2, 0.5}});
    SamplingOptions options = plain();
    options.seed = 7;
    const Token first = chosen(options);
    EXPECT_EQ(chosen(options), first);
    options.seed = SamplingOptions{}.seed;
    std::map<Token, int> counts;
    for (int i = 0; i < 100; ++i) {
        ++counts[chosen(options)];
    }
    EXPECT_EQ(counts.size(), 2U);
}

TEST_F(SamplerTest, OptionsThatMakeNoSenseAreRefusedByName) {
    const auto refused = [this](const SamplingOptions& options) {
        const auto sampler = Sampler::make(*model_, options);
        return sampler ? "" : sampler.error().message;
    };
    const float nan = std::nanf("");
    EXPECT_THAT(refused({.repeat_penalty = 0}), HasSubstr("repeat_penalty is 0"));
    EXPECT_THAT(refused({.frequency_penalty = nan}), HasSubstr("frequency_penalty is nan"));
    EXPECT_THAT(refused({.dry_base = 0.5F}), HasSubstr("dry_base"));
    EXPECT_THAT(refused({.dry_last_n = -1}), HasSubstr("dry_last_n is -1"));
    EXPECT_THAT(refused({.top_n_sigma = -1}), HasSubstr("top_n_sigma"));
    EXPECT_THAT(refused({.top_k = -5}), HasSubstr("top_k is -5"));
    EXPECT_THAT(refused({.top_p = 1.5F}), HasSubstr("top_p is 1.5"));
    EXPECT_THAT(refused({.temperature = -1}), HasSubstr("temperature"));
    EXPECT_THAT(refused({.dynatemp_range = nan}), HasSubstr("dynatemp_range"));
    EXPECT_THAT(refused({.mirostat = 3}), HasSubstr("mirostat is 3"));
    EXPECT_THAT(refused({.mirostat_rate = 2}), HasSubstr("mirostat_rate"));
    EXPECT_EQ(refused({}), "");
}

}  // namespace
}  // namespace hexcore::test
