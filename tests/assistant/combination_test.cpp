// The formulas against their plainest form in double precision.
#include "hexcore/assistant/combination.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <random>

#include "hexcore/assistant/gate_file.hpp"
#include "support/temp_folder.hpp"

namespace hexcore {
namespace {

using testing::HasSubstr;

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

std::vector<std::vector<float>> random_vectors(std::size_t count, std::size_t size, float spread,
                                               std::uint32_t seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> value(0, spread);
    std::vector<std::vector<float>> all(count, std::vector<float>(size));
    for (auto& vector : all) {
        for (float& one : vector) {
            one = value(random);
        }
    }
    return all;
}

ExpertVectors views(const std::vector<std::vector<float>>& vectors) {
    return {vectors.begin(), vectors.end()};
}

/// softmax, without any care.
std::vector<double> plain_softmax(const std::vector<double>& scores) {
    std::vector<double> p;
    double sum = 0;
    for (const double score : scores) {
        p.push_back(std::exp(score));
        sum += p.back();
    }
    for (double& value : p) {
        value /= sum;
    }
    return p;
}

std::vector<double> plain_softmax(const std::vector<float>& logits) {
    return plain_softmax(std::vector<double>(logits.begin(), logits.end()));
}

void expect_near(const std::vector<double>& values, const std::vector<double>& expected) {
    ASSERT_EQ(values.size(), expected.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
        EXPECT_NEAR(values[i], expected[i], 1e-5) << i;
    }
}

template <typename T>
void expect_failure(const Result<T>& result, ErrorCode code) {
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, code) << result.error().message;
}

TEST(Combination, HasNames) {
    for (const char* name : {"choose", "merge", "blend", "attend"}) {
        EXPECT_STREQ(to_string(combination_named(name).value()), name);
    }
    EXPECT_FALSE(combination_named("Blend").has_value());
}

TEST(Combination, AMixIsTheWeightedSumOfTheDistributions) {
    for (const std::size_t count : {2, 3, 7}) {
        const auto logits = random_vectors(count, 500, 6, 1);
        std::vector<double> weights;
        double whole = 0;
        for (std::size_t i = 0; i < count; ++i) {
            weights.push_back(static_cast<double>(1 + i * i));
            whole += weights.back();
        }
        std::vector<double> expected(500);
        for (std::size_t i = 0; i < count; ++i) {
            const auto p = plain_softmax(logits[i]);
            for (std::size_t token = 0; token < 500; ++token) {
                expected[token] += weights[i] / whole * p[token];
            }
        }
        DistributionMix mix;
        const auto mixed = mix.mix(weights, views(logits));
        ASSERT_TRUE(mixed.has_value());
        for (std::size_t token = 0; token < 500; ++token) {
            // As a chance, and as its logarithm, of which samplers see the differences.
            EXPECT_NEAR(std::exp(double{(*mixed)[token]}), expected[token], 1e-7);
            EXPECT_NEAR(double{(*mixed)[token]}, std::log(expected[token]), 1e-5);
        }
        for (std::size_t i = 0; i < count; ++i) {
            EXPECT_NEAR(std::exp(double{logits[i][3]} - mix.log_normalisers()[i]),
                        plain_softmax(logits[i])[3], 1e-9);
        }
    }
}

TEST(Combination, WhatIsTheSameOrAlonePassesThroughToTheBit) {
    auto logits = random_vectors(3, 100, 9, 2);
    DistributionMix mix;
    EXPECT_EQ(mix.mix(std::vector{0.0, 1e-300, 0.0}, views(logits)).value().data(),
              logits[1].data());
    logits[1] = logits[2] = logits[0];
    EXPECT_EQ(mix.mix(std::vector{0.2, 0.5, 0.3}, views(logits)).value().data(), logits[0].data());
    const std::vector<std::vector<float>> one{logits[0]};
    EXPECT_EQ(mix.mix(std::vector{0.7}, views(one)).value().data(), one[0].data());
}

TEST(Combination, MixesWhatIsFarApartAndWhatHasNoChance) {
    DistributionMix mix;
    const std::vector<std::vector<float>> logits{{1000, 0, -infinity, -3000},
                                                 {-5000, -infinity, -infinity, -4000}};
    const auto mixed = mix.mix(std::vector{0.5, 0.5}, views(logits)).value();
    EXPECT_NEAR(mixed[0], std::log(0.5), 1e-6);
    EXPECT_NEAR(mixed[1], std::log(0.5) - 1000, 1e-3);
    EXPECT_EQ(mixed[2], -infinity);
    EXPECT_NEAR(mixed[3], std::log(0.5), 1e-6);
}

TEST(Combination, ADistributionThatIsNoneIsAnError) {
    DistributionMix mix;
    const std::vector<float> fine{1, 2, 3};
    const auto mixed = [&](std::vector<double> weights, std::vector<std::vector<float>> logits) {
        return mix.mix(weights, views(logits));
    };
    expect_failure(mixed({1, 1}, {fine, {1, not_a_number, 2}}), ErrorCode::negative);
    expect_failure(mixed({1, 1}, {fine, {-infinity, -infinity, -infinity}}), ErrorCode::negative);
    expect_failure(mixed({1, 1}, {fine, {1, infinity, 2}}), ErrorCode::negative);
    expect_failure(mixed({1, 1}, {{}, {}}), ErrorCode::negative);
    expect_failure(mixed({1}, {{not_a_number, 1}}), ErrorCode::negative);
    expect_failure(mixed({0, 0}, {fine, fine}), ErrorCode::negative);
    expect_failure(mixed({1, -1}, {fine, fine}), ErrorCode::negative);
    expect_failure(mixed({1, double{not_a_number}}, {fine, fine}), ErrorCode::negative);
    expect_failure(mixed({1, double{infinity}}, {fine, fine}), ErrorCode::negative);
    expect_failure(mixed({1, 1}, {fine, {1, 2}}), ErrorCode::usage);
    expect_failure(mixed({1}, {fine, fine}), ErrorCode::usage);
    expect_failure(mixed({}, {}), ErrorCode::usage);
    // Who has no say is not looked at.
    EXPECT_TRUE(mixed({1, 0}, {fine, {not_a_number}}).has_value());
}

TEST(Combination, WeightsByDistanceAreASoftmaxOfItsSquare) {
    const auto embedding = random_vectors(1, 64, 5, 3)[0];
    const auto centres = random_vectors(4, 64, 0.1F, 4);
    double squares = 0;
    for (const float value : embedding) {
        squares += double{value} * double{value};
    }
    for (const double temperature : {0.1, 1.0}) {
        std::vector<double> scores;
        for (const auto& centre : centres) {
            double distance = 0;
            for (std::size_t j = 0; j < 64; ++j) {
                distance +=
                    std::pow(double{embedding[j]} / std::sqrt(squares) - double{centre[j]}, 2);
            }
            scores.push_back(-distance / temperature);
        }
        expect_near(distance_weights(embedding, views(centres), temperature).value(),
                    plain_softmax(scores));
    }
    // Nothing is as far from each centre on a circle about it.
    const std::vector<std::vector<float>> units{{1, 0}, {0, 1}};
    expect_near(distance_weights(std::vector<float>{0, 0}, views(units), 1).value(), {0.5, 0.5});
    expect_near(distance_weights(std::vector<float>{3, 0}, views(units), 1e-9).value(), {1, 0});
}

TEST(Combination, WeightsFollowWhoForesawTheToken) {
    auto blend = BlendWeights::from(std::vector<double>{1, 3}).value();
    expect_near(blend.weights(), {0.25, 0.75});
    blend.update(std::vector{std::log(0.6), std::log(0.1)});
    expect_near(blend.weights(), {0.15 / 0.225, 0.075 / 0.225});
    const auto before = blend.weights();
    blend.update(std::vector{-double{infinity}, -double{infinity}});
    blend.update(std::vector{double{not_a_number}, -1.0});
    blend.update(std::vector{-1.0, double{infinity}});
    EXPECT_EQ(blend.weights(), before);
    blend.update(std::vector{-1e5, -1e5});  // chances that a double does not hold
    expect_near(blend.weights(), before);
    blend.update(std::vector{-double{infinity}, -2.0});
    EXPECT_THAT(blend.weights(), testing::ElementsAre(0, 1));
    blend.update(std::vector{-0.1, -9.0});
    EXPECT_THAT(blend.weights(), testing::ElementsAre(0, 1));
    expect_failure(BlendWeights::from({}), ErrorCode::usage);
    expect_failure(BlendWeights::from(std::vector<double>{0, 0}), ErrorCode::usage);
    expect_failure(BlendWeights::from(std::vector<double>{2, -1}), ErrorCode::usage);
    expect_failure(BlendWeights::from(std::vector{double{not_a_number}}), ErrorCode::usage);
}

TEST(Combination, EqualExpertsKeepTheirWeights) {
    auto blend = BlendWeights::from(std::vector<double>{0.5, 0.5}).value();
    for (int i = 0; i < 1000; ++i) {
        blend.update(std::vector{-0.3, -0.3});
    }
    EXPECT_THAT(blend.weights(), testing::ElementsAre(0.5, 0.5));
}

TEST(Combination, AttentionIsASoftmaxOfScaledDotProductsOfNormalisedStates) {
    const auto query = random_vectors(1, 64, 40, 5)[0];
    const auto centres = random_vectors(4, 64, 0.1F, 6);
    const auto gate = random_vectors(1, 64, 1, 7)[0];
    const auto unit = [](const std::vector<float>& vector) {
        double squares = 0;
        for (const float value : vector) {
            squares += double{value} * double{value};
        }
        std::vector<double> result;
        for (const float value : vector) {
            result.push_back(double{value} / std::sqrt(squares));
        }
        return result;
    };
    std::vector<double> origin(64);
    for (const auto& centre : centres) {
        for (std::size_t j = 0; j < 64; ++j) {
            origin[j] += unit(centre)[j] / 4;
        }
    }
    const auto expected_normalised = [&](const std::vector<float>& vector) {
        std::vector<double> moved = unit(vector);
        double squares = 0;
        for (std::size_t j = 0; j < 64; ++j) {
            moved[j] -= origin[j];
            squares += moved[j] * moved[j];
        }
        for (double& value : moved) {
            value /= std::sqrt(squares);
        }
        return moved;
    };
    const std::vector<float> common = common_direction(views(centres));
    expect_near({common.begin(), common.end()}, origin);
    const std::vector<float> q = normalised(query, common);
    expect_near({q.begin(), q.end()}, expected_normalised(query));
    std::vector<std::vector<float>> keys;
    for (const auto& centre : centres) {
        keys.push_back(normalised(centre, common));
    }
    for (const bool gated : {false, true}) {
        std::vector<double> scores;
        for (const auto& centre : centres) {
            double score = 0;
            for (std::size_t j = 0; j < 64; ++j) {
                score += (gated ? double{gate[j]} : 1) * expected_normalised(query)[j] *
                         expected_normalised(centre)[j];
            }
            scores.push_back(score / 0.25);
        }
        expect_near(
            attention_weights(q, views(keys),
                              {.temperature = 0.25, .gate = gated ? gate : std::vector<float>()})
                .value(),
            plain_softmax(scores));
    }
}

TEST(Combination, VectorsOfZerosTellNobodyApart) {
    const std::vector<float> zeros(8);
    EXPECT_EQ(normalised(zeros), zeros);
    EXPECT_EQ(normalised(zeros, std::vector<float>(8, 1)), zeros);
    // What is the origin has no direction of its own.
    const std::vector<float> ones(8, 1);
    EXPECT_EQ(normalised(ones, normalised(ones)), zeros);
    const std::vector<std::vector<float>> keys{ones, zeros, zeros};
    expect_near(attention_weights(zeros, views(keys), {}).value(), {1 / 3.0, 1 / 3.0, 1 / 3.0});
    EXPECT_TRUE(common_direction({}).empty());
}

TEST(Combination, WhatExpertsCannotBeWeighedByIsAnError) {
    const std::vector<std::vector<float>> keys{{1, 0}, {0, 1}};
    const std::vector<std::vector<float>> broken{{1, 0}, {0, not_a_number}};
    const std::vector<float> query{1, 1};
    for (const double temperature : {0.0, -1.0, double{not_a_number}, double{infinity}}) {
        expect_failure(attention_weights(query, views(keys), {.temperature = temperature}),
                       ErrorCode::usage);
        expect_failure(distance_weights(query, views(keys), temperature), ErrorCode::usage);
    }
    expect_failure(attention_weights(std::vector<float>{1}, views(keys), {}), ErrorCode::usage);
    expect_failure(attention_weights({}, views(keys), {}), ErrorCode::usage);
    expect_failure(attention_weights(query, {}, {}), ErrorCode::usage);
    expect_failure(attention_weights(query, views(keys), {.gate = {1}}), ErrorCode::usage);
    expect_failure(distance_weights(query, {}, 1), ErrorCode::usage);
    expect_failure(distance_weights(std::vector<float>{1}, views(keys), 1), ErrorCode::usage);
    for (const float value : {not_a_number, infinity}) {
        const std::vector<float> state = normalised(std::vector<float>{1, value});
        expect_failure(attention_weights(state, views(keys), {}), ErrorCode::negative);
        expect_failure(distance_weights(std::vector<float>{1, value}, views(keys), 1),
                       ErrorCode::negative);
        expect_failure(attention_weights(query, views(keys), {.gate = {value, 1}}),
                       ErrorCode::negative);
    }
    expect_failure(attention_weights(query, views(broken), {}), ErrorCode::negative);
    expect_failure(distance_weights(query, views(broken), 1), ErrorCode::negative);
}

TEST(GateFile, IsReadOrSaysWhyNot) {
    const test::TempFolder folder;
    const auto read = [&](const std::string& text) {
        const auto path = folder.path() / "gate.json";
        std::ofstream(path) << text;
        return read_gate(path);
    };
    EXPECT_THAT(read(R"({"schema": "hexcore.gate/1", "values": [1, -0.5, 2e3]})").value(),
                testing::ElementsAre(1, -0.5, 2000));
    const auto refused = [&](const std::string& text, const char* why) {
        const auto gate = read(text);
        expect_failure(gate, ErrorCode::bad_input);
        EXPECT_THAT(gate.error().message, HasSubstr(why));
    };
    refused("", "JSON object");
    refused("[1, 2, 3]", "JSON object");
    refused(R"({"values": [1, 2, 3]})", "schema");
    refused(R"({"schema": 1, "values": [1, 2, 3]})", "schema");
    refused(R"({"schema": "hexcore.gate/1"})", "keys");
    refused(R"({"schema": "hexcore.gate/1", "values": 3})", "keys");
    refused(R"({"schema": "hexcore.gate/1", "values": [1, 2, 3], "bias": 1})", "keys");
    refused(R"({"schema": "hexcore.gate/1", "values": []})", "keys");
    refused(R"({"schema": "hexcore.gate/1", "values": [1, "2", 3]})", "value 2");
    refused(R"({"schema": "hexcore.gate/1", "values": [1, 2, null]})", "value 3");
    refused(R"({"schema": "hexcore.gate/1", "values": [1e7, 2, 3]})", "value 1");
    expect_failure(read_gate(folder.path() / "none.json"), ErrorCode::bad_input);
}

}  // namespace
}  // namespace hexcore
