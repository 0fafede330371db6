#include "hexcore/serve/served_names.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

namespace hexcore::test {
namespace {

using Json = nlohmann::ordered_json;

AssistantDescription gardener() {
    AssistantDescription assistant;
    assistant.name = "gardener";
    assistant.description = "knows a garden";
    for (const char* name : {"PLAN", "HEAL"}) {
        assistant.experts.emplace_back().name = name;
    }
    assistant.experts.front().description = "says when";
    return assistant;
}

Plan served_plan() {
    Plan plan;
    plan.model_name = "Some Model";
    plan.context.tokens = TokenCount(1024);
    plan.context.sequences = 4;
    return plan;
}

TEST(ServedNames, TheModelIsAloneWithoutAnAssistant) {
    EXPECT_EQ(models_json(served_plan(), nullptr),
              Json::parse(R"([{"id": "Some Model", "context_tokens": 256, "sequences": 4}])"));
    EXPECT_FALSE(find_addressee("gardener", served_plan(), nullptr)->is_assistant);
}

TEST(ServedNames, AnAssistantIsAModelAndEachOfItsExpertsIsOne) {
    const AssistantDescription assistant = gardener();
    const Json all = models_json(served_plan(), &assistant);
    ASSERT_EQ(all.size(), 4U);
    EXPECT_EQ(all[0].at("id"), "Some Model");
    EXPECT_EQ(all[1].at("id"), "gardener");
    EXPECT_EQ(all[1].at("description"), "knows a garden");
    EXPECT_EQ(all[2].at("id"), "gardener:PLAN");
    EXPECT_EQ(all[2].at("description"), "says when");
    EXPECT_EQ(all[3].at("id"), "gardener:HEAL");
    EXPECT_FALSE(all[3].contains("description"));
}

TEST(ServedNames, ANameSaysWhoIsAskedAndAnythingElseMeansTheModel) {
    const AssistantDescription assistant = gardener();
    for (const char* other : {"", "Some Model", "gpt-4", "gardeners", "garden", "GARDENER"}) {
        EXPECT_FALSE(find_addressee(other, served_plan(), &assistant)->is_assistant) << other;
    }
    const auto routed = find_addressee("gardener", served_plan(), &assistant);
    EXPECT_TRUE(routed->is_assistant);
    EXPECT_FALSE(routed->expert.has_value());
    EXPECT_EQ(find_addressee("gardener:HEAL", served_plan(), &assistant)->expert, 1U);
    EXPECT_EQ(find_addressee("gardener:plan", served_plan(), &assistant)->expert, 0U);
}

TEST(ServedNames, AModelThatIsCalledAsIfItWereAnExpertIsItself) {
    const AssistantDescription assistant = gardener();
    Plan plan = served_plan();
    plan.model_name = "gardener:8b";
    EXPECT_FALSE(find_addressee("gardener:8b", plan, &assistant)->is_assistant);
    EXPECT_TRUE(find_addressee("gardener:HEAL", plan, &assistant)->is_assistant);
    plan.model_name = "gardener";
    EXPECT_TRUE(find_addressee("gardener", plan, &assistant)->is_assistant);
}

TEST(ServedNames, AnExpertThatThereIsNotIsNotFoundAndTheOthersAreNamed) {
    const AssistantDescription assistant = gardener();
    const auto missing = find_addressee("gardener:SING", served_plan(), &assistant);
    ASSERT_FALSE(missing.has_value());
    EXPECT_EQ(missing.error().status, 404);
    EXPECT_EQ(missing.error().code, "model_not_found");
    EXPECT_EQ(missing.error().message, "gardener has no expert SING; it has PLAN, HEAL");
}

}  // namespace
}  // namespace hexcore::test
