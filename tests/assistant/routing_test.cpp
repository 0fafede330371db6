#include <gmock/gmock.h>

#include <cmath>
#include <fstream>
#include <string>

#include "hexcore/assistant/keyword_features.hpp"
#include "hexcore/assistant/logistic_regression.hpp"
#include "hexcore/assistant/router.hpp"
#include "hexcore/assistant/routing_measures.hpp"
#include "support/temp_folder.hpp"

namespace hexcore {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;

/// Numbers from -1 to 1 that are the same everywhere.
class Numbers {
public:
    double next() {
        state_ = state_ * 6364136223846793005U + 1442695040888963407U;
        return static_cast<double>(state_ >> 33U) / static_cast<double>(1U << 30U) - 1;
    }

private:
    std::uint64_t state_ = 1;
};

AssistantDescription two_experts() {
    AssistantDescription assistant{.name = "two", .description = "two"};
    assistant.experts = {{.name = "A",
                          .description = "",
                          .system = "",
                          .examples = {"Why?", "How?"},
                          .keywords = {"^why", "learn*", "in plain words"}},
                         {.name = "B",
                          .description = "",
                          .system = "",
                          .examples = {"Will it?", "Odds?"},
                          .keywords = {"odds", "will", "i *ed"}}};
    return assistant;
}

TEST(KeywordFeatures, AreWholeWordsStartsAndEndings) {
    const KeywordFeatures features(two_experts());
    EXPECT_THAT(features.counts("Why? Tell me why."), ElementsAre(1, 0));
    EXPECT_THAT(features.counts("I am LEARNING in plain words; learn"), ElementsAre(3, 0));
    EXPECT_THAT(features.counts("in plain sight, unlearned willing oddsmaker"), ElementsAre(0, 0));
    EXPECT_THAT(features.counts("odds will odds"), ElementsAre(0, 3));
    EXPECT_THAT(features.counts("I attacked. Attacked I. I bedeck."), ElementsAre(0, 1));
    EXPECT_EQ(features.rule_choice("odds of it"), 1U);
    EXPECT_EQ(features.rule_choice(""), 0U);
    const auto values = features.of("What are the odds? Tell me.");
    EXPECT_EQ(values.size(), features.size());
    EXPECT_THAT(std::vector(values.begin(), values.begin() + 4), ElementsAre(0, 0, 1, 0.25F));
    EXPECT_EQ(values[5], 0.0F);
    EXPECT_EQ(values[6], 1.0F);
    EXPECT_EQ(features.of("").size(), features.size());
}

TEST(LogisticRegression, FindsTheWeightsThatItsRowsWereDrawnBy) {
    // Of p = 1 / (1 + exp(-(2 x - y + 0.5))) rows in just those shares.
    LabelledRows rows;
    for (int x = -2; x <= 2; ++x) {
        for (int y = -2; y <= 2; ++y) {
            const double p = 1 / (1 + std::exp(-(2.0 * x - y + 0.5)));
            const std::vector<float> row{static_cast<float>(x), static_cast<float>(y)};
            for (int i = 0; i < 100; ++i) {
                rows.add(row, i < std::lround(100 * p) ? 1 : 0);
            }
        }
    }
    const auto model = LogisticRegression::fit(rows, 2, 1e-9);
    for (int i = 0; i < 3; ++i) {
        const double difference = model.weights()[static_cast<std::size_t>(i) + 3] -
                                  model.weights()[static_cast<std::size_t>(i)];
        EXPECT_THAT(difference, DoubleNear(i == 0 ? 2 : i == 1 ? -1 : 0.5, 0.06)) << i;
    }
    const std::vector<float> row{1, 1};
    const auto p = model.probabilities(row);
    EXPECT_THAT(p[0] + p[1], DoubleNear(1, 1e-12));
    EXPECT_THAT(p[1], DoubleNear(1 / (1 + std::exp(-1.5)), 0.02));
    EXPECT_EQ(LogisticRegression::fit(rows, 2, 1e-9).weights(), model.weights());
}

TEST(LogisticRegression, OfNoRowsSaysThatAllAreAsLikely) {
    LabelledRows rows;
    rows.width = 2;
    const auto model = LogisticRegression::fit(rows, 4, 1e-3);
    const std::vector<float> row{5, -5};
    EXPECT_THAT(model.probabilities(row), ElementsAre(0.25, 0.25, 0.25, 0.25));
}

TEST(RoutingMeasures, AreAccuracyConfusionAndTheErrorOfTenBins) {
    const std::vector<RoutedQuestion> questions{
        {0, {0.95, 0.05}}, {0, {0.95, 0.05}}, {1, {0.95, 0.05}}, {1, {0.4, 0.6}}, {1, {0, 1}}};
    const RoutingMeasures measures = measure_routing(questions, 2);
    EXPECT_DOUBLE_EQ(measures.accuracy, 0.8);
    // In the bin of 0.9 to 1: 0.95 * 3 + 1 against 3 of 4; in that of 0.6: 0.6 against 1.
    EXPECT_THAT(measures.calibration_error, DoubleNear((0.85 + 0.4) / 5, 1e-12));
    EXPECT_THAT(measures.confusion, ElementsAre(ElementsAre(2, 0), ElementsAre(1, 2)));
    EXPECT_EQ(measure_routing({}, 2).accuracy, 0);
}

/// Clouds about a centre for each expert, which overlap.
class Routers : public testing::Test {
protected:
    static constexpr std::size_t n_experts = 3;
    void SetUp() override {
        for (std::size_t i = 0; i < 120; ++i) {
            (i < 60 ? examples_ : tests_).push_back(input(i % n_experts));
            (i < 60 ? experts_ : test_experts_).push_back(i % n_experts);
        }
    }
    RouterInput input(std::size_t expert) {
        RouterInput input;
        for (std::size_t i = 0; i < 24; ++i) {
            // The model's states lie far from zero, all in one direction.
            input.embedding.push_back(
                static_cast<float>(30 + numbers_.next() + (i % n_experts == expert ? 0.6 : 0)));
        }
        input.keywords = {numbers_.next() > 0.6 ? 1.0F : 0.0F, expert == 2 ? 1.0F : 0.0F};
        return input;
    }
    [[nodiscard]] RoutingMeasures measure(const Router& router) const {
        std::vector<RoutedQuestion> routed;
        for (std::size_t i = 0; i < tests_.size(); ++i) {
            routed.push_back({test_experts_[i], router.probabilities(tests_[i])});
        }
        return measure_routing(routed, n_experts);
    }

    Numbers numbers_;
    std::vector<RouterInput> examples_;
    std::vector<std::size_t> experts_;
    std::vector<RouterInput> tests_;
    std::vector<std::size_t> test_experts_;
    test::TempFolder folder_;
};

TEST_F(Routers, LearnFromExamplesAndKnowHowSureTheyAre) {
    const Router router = Router::fit(examples_, experts_, n_experts);
    const RoutingMeasures measures = measure(router);
    EXPECT_GE(measures.accuracy, 0.9);
    EXPECT_LE(measures.calibration_error, 0.12);  // of 60 questions
    std::size_t near = 0;
    for (std::size_t i = 0; i < tests_.size(); ++i) {
        near += nearest_centre(router, tests_[i].embedding) == test_experts_[i] ? 1 : 0;
    }
    EXPECT_GE(near, 40U);
    EXPECT_EQ(Router::fit(examples_, experts_, n_experts).probabilities(tests_[0]),
              router.probabilities(tests_[0]));
}

TEST_F(Routers, LearnFromKeywordsAlone) {
    for (auto* inputs : {&examples_, &tests_}) {
        for (RouterInput& input : *inputs) {
            input.embedding.clear();
        }
    }
    const Router router = Router::fit(examples_, experts_, n_experts);
    EXPECT_GE(measure(router).accuracy, 0.5);
    EXPECT_EQ(router.centre(1).size(), 0U);
}

TEST_F(Routers, AreReadAsTheyWereWrittenForTheSameKeyOnly) {
    const Router router = Router::fit(examples_, experts_, n_experts);
    const std::filesystem::path file = folder_ / "deep/router.json";
    ASSERT_TRUE(router.write(file, "key"));
    const auto read = Router::read(file, "key");
    ASSERT_TRUE(read);
    EXPECT_EQ(read->probabilities(tests_[0]), router.probabilities(tests_[0]));
    EXPECT_EQ(read->centre(2), router.centre(2));
    EXPECT_FALSE(Router::read(file, "other"));
    EXPECT_FALSE(Router::read(folder_ / "none", "key"));
    for (const char* text :
         {"", "{}", "[]", R"({"schema": "hexcore.router/2", "key": "key"})",
          R"({"schema": "hexcore.router/2", "key": "key", "means": [1], "spreads": [1],
              "centres": [[1], [2]], "temperature": 1, "l2": 1, "width": 1, "weights": [1]})",
          R"({"schema": "hexcore.router/2", "key": "key", "means": ["a"]})",
          R"({"schema": 1, "key": "key"})"}) {
        std::ofstream(file) << text;
        EXPECT_FALSE(Router::read(file, "key")) << text;
    }
}

TEST(RouterKey, IsAnotherForAnythingThatARouterDependsOn) {
    const AssistantDescription assistant = two_experts();
    const std::string key = router_key(assistant, "model");
    EXPECT_EQ(key, router_key(two_experts(), "model"));
    EXPECT_NE(key, router_key(assistant, "other"));
    AssistantDescription changed = assistant;
    changed.router.instruction = "{question}!";
    EXPECT_NE(key, router_key(changed, "model"));
    changed = assistant;
    changed.router.shown = {{"Why?", "reason"}};
    EXPECT_NE(key, router_key(changed, "model"));
    changed = assistant;
    changed.experts[0].examples[0] = "Why not?";
    EXPECT_NE(key, router_key(changed, "model"));
    changed = assistant;
    changed.experts[1].keywords.pop_back();
    EXPECT_NE(key, router_key(changed, "model"));
    changed = assistant;
    changed.experts[1].system = "Something else.";
    EXPECT_EQ(key, router_key(changed, "model"));
}

}  // namespace
}  // namespace hexcore
