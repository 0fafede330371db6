#include "hexcore/report/plan_json.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "hexcore/report/json_text.hpp"
#include "support/golden.hpp"
#include "support/plans.hpp"

namespace hexcore::test {
namespace {

using Json = nlohmann::ordered_json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> keys_of(const Json& object) {
    std::vector<std::string> keys;
    for (const auto& item : object.items()) {
        keys.push_back(item.key());
    }
    return keys;
}

void expect_same(const Plan& a, const Plan& b) {
    EXPECT_EQ(a.basis, b.basis);
    EXPECT_EQ(a.model_name, b.model_name);
    EXPECT_EQ(a.architecture, b.architecture);
    EXPECT_EQ(a.n_layers, b.n_layers);
    EXPECT_EQ(a.n_experts, b.n_experts);
    EXPECT_EQ(a.n_experts_used, b.n_experts_used);
    EXPECT_EQ(a.total_bytes, b.total_bytes);
    EXPECT_EQ(a.experts_bytes, b.experts_bytes);
    EXPECT_EQ(a.embedding, b.embedding);
    EXPECT_EQ(a.output, b.output);
    EXPECT_EQ(a.policy, b.policy);
    EXPECT_EQ(a.context.tokens, b.context.tokens);
    EXPECT_EQ(a.context.sequences, b.context.sequences);
    EXPECT_EQ(a.context.kv_type, b.context.kv_type);
    EXPECT_EQ(a.context.ubatch, b.context.ubatch);
    EXPECT_EQ(a.context.swa_full, b.context.swa_full);
    EXPECT_EQ(a.cache, b.cache);
    EXPECT_EQ(a.host, b.host);
    EXPECT_EQ(a.parking, b.parking);
    EXPECT_EQ(a.placement, b.placement);
    EXPECT_EQ(a.explanation, b.explanation);
    ASSERT_EQ(a.devices.size(), b.devices.size());
    for (std::size_t d = 0; d < a.devices.size(); ++d) {
        EXPECT_EQ(a.devices[d].name, b.devices[d].name);
        EXPECT_EQ(a.devices[d].kind, b.devices[d].kind);
        EXPECT_EQ(a.devices[d].budget, b.devices[d].budget);
        EXPECT_EQ(a.devices[d].reserve, b.devices[d].reserve);
        EXPECT_EQ(a.devices[d].layers, b.devices[d].layers);
        EXPECT_EQ(a.devices[d].experts, b.devices[d].experts);
        EXPECT_EQ(a.devices[d].planned, b.devices[d].planned);
    }
    ASSERT_EQ(a.modelled.size(), b.modelled.size());
    for (std::size_t i = 0; i < a.modelled.size(); ++i) {
        EXPECT_EQ(a.modelled[i].policy, b.modelled[i].policy);
        EXPECT_EQ(a.modelled[i].seconds, b.modelled[i].seconds);
    }
}

TEST(PlanJson, HasTheKeysOfItsSchemaInOrder) {
    const Json document = plan_json(mixtral_alternate_plan());
    EXPECT_THAT(keys_of(document),
                ElementsAre("schema", "basis", "model", "policy", "context", "devices", "host",
                            "layer_device", "expert_device", "modelled", "explanation"));
    EXPECT_THAT(keys_of(document["model"]),
                ElementsAre("name", "architecture", "n_layers", "n_experts", "n_experts_used",
                            "total_bytes", "experts_bytes", "embedding_bytes", "output_bytes"));
    EXPECT_THAT(keys_of(document["context"]),
                ElementsAre("tokens", "sequences", "kv_type", "ubatch"));
    EXPECT_THAT(keys_of(document["devices"][0]),
                ElementsAre("name", "kind", "budget_bytes", "reserve_bytes", "layers", "experts",
                            "experts_share", "experts_ratio", "output", "planned", "fill"));
    EXPECT_THAT(keys_of(document["devices"][0]["planned"]),
                ElementsAre("weights_bytes", "experts_bytes", "kv_bytes", "recurrent_bytes",
                            "compute_bytes", "staging_bytes", "total_bytes"));
}

TEST(PlanJson, HasTheExpertCacheOfDevicesThatHaveOne) {
    Plan plan = small_host_plan();
    plan.devices[0].planned.expert_cache = 6_MiB;
    plan.devices[0].expert_cache_slots = 3;
    Json document = plan_json(plan);
    EXPECT_EQ(document["devices"][0]["planned"]["expert_cache_bytes"], (6_MiB).count());
    EXPECT_EQ(document["devices"][0]["expert_cache_slots"], 3);
    EXPECT_FALSE(document["devices"][1].contains("expert_cache_slots"));
    EXPECT_FALSE(document["devices"][1]["planned"].contains("expert_cache_bytes"));
    const auto read = plan_from_json(document.dump());
    ASSERT_TRUE(read.has_value()) << read.error().message;
    EXPECT_EQ(read->devices[0].planned, plan.devices[0].planned);
    EXPECT_EQ(read->devices[0].expert_cache_slots, 3U);
    EXPECT_EQ(read->devices[1].planned.expert_cache, 0_B) << "as in plans of earlier versions";

    document["devices"][0]["expert_cache_slots"] = 5;
    const auto uneven = plan_from_json(document.dump());
    ASSERT_FALSE(uneven.has_value());
    EXPECT_THAT(uneven.error().message, HasSubstr("devices[0].expert_cache_slots"));
    document["devices"][0].erase("expert_cache_slots");
    const auto missing = plan_from_json(document.dump());
    ASSERT_FALSE(missing.has_value());
    EXPECT_THAT(missing.error().message, HasSubstr("expert_cache_slots"));
}

TEST(PlanJson, WithoutRecurrentStateIsReadAsHavingNone) {
    Json document = plan_json(small_host_plan());
    for (Json& device : document["devices"]) {
        device["planned"].erase("recurrent_bytes");
    }
    const auto plan = plan_from_json(document.dump());
    ASSERT_TRUE(plan.has_value()) << plan.error().message;
    EXPECT_EQ(plan->devices[0].planned, small_host_plan().devices[0].planned);
}

TEST(PlanJson, StatesTheReferenceCaseToTheExpert) {
    const Json document = plan_json(mixtral_alternate_plan());
    EXPECT_EQ(document["devices"][0]["layers"], 14);
    EXPECT_EQ(document["devices"][1]["layers"], 18);
    EXPECT_EQ(document["devices"][0]["experts"], 132);
    EXPECT_EQ(document["devices"][1]["experts"], 124);
    EXPECT_EQ(document["devices"][0]["experts_share"], 0.515625);
    EXPECT_EQ(document["devices"][1]["experts_share"], 0.484375);
    EXPECT_EQ(document["devices"][0]["experts_ratio"], 1.064516);  // 132 to 124
    EXPECT_EQ(document["devices"][1]["experts_ratio"], 1.0);
    EXPECT_EQ(document["devices"][0]["output"], false);
    EXPECT_EQ(document["devices"][1]["output"], true);
    EXPECT_EQ(document["expert_device"][0], Json::parse("[0,0,0,0,0,0,0,0]"));
    EXPECT_EQ(document["expert_device"][1], Json::parse("[0,1,0,1,0,1,0,1]"));
    EXPECT_EQ(document["expert_device"][31], Json::parse("[1,0,1,0,1,0,1,0]"));
}

TEST(PlanJson, CountsNoShareOfExpertsWhereThereAreNone) {
    const Json document = plan_json(dense_plan());
    EXPECT_EQ(document["devices"][0]["experts_share"], 0.0);
    EXPECT_EQ(document["devices"][0]["experts_ratio"], 0.0);
}

TEST(PlanJson, WithoutEmbeddingAndOutputIsReadAsHavingNone) {
    Json document = plan_json(small_host_plan());
    document["model"].erase("embedding_bytes");
    document["model"].erase("output_bytes");
    const auto plan = plan_from_json(document.dump());
    ASSERT_TRUE(plan.has_value()) << plan.error().message;
    EXPECT_EQ(plan->embedding, 0_B);
    EXPECT_EQ(plan->output, 0_B);
}

TEST(PlanJson, TakesTheKindOfADeviceFromItsNameWhereItDoesNotSay) {
    Json document = plan_json(mixtral_alternate_plan());
    document["devices"][1].erase("kind");
    const auto plan = plan_from_json(document.dump());
    ASSERT_TRUE(plan.has_value()) << plan.error().message;
    EXPECT_EQ(plan->devices[1].kind, DeviceKind::cuda);
}

TEST(PlanJson, ReadsBackWhatItWrote) {
    for (const Plan& plan : {mixtral_alternate_plan(), small_host_plan(), dense_plan(),
                             wide_plan(1), wide_plan(16), dealt_plan(4, 64)}) {
        SCOPED_TRACE(plan.model_name);
        const Result<Plan> again = plan_from_json(json_text(plan_json(plan)));
        ASSERT_TRUE(again.has_value()) << again.error().message;
        expect_same(plan, *again);
    }
}

TEST(PlanJson, ReadsBackWhatTheCacheAllows) {
    Plan plan = small_host_plan();
    plan.context.swa_full = true;
    for (const Forgetting forget : {Forgetting::any_end, Forgetting::in_cache,
                                    Forgetting::within_reach, Forgetting::all_or_none}) {
        plan.cache = {.slide = false, .forget = forget, .why = "because"};
        const auto read = plan_from_json(json_text(plan_json(plan)));
        ASSERT_TRUE(read.has_value()) << read.error().message;
        expect_same(*read, plan);
    }
}

TEST(PlanJson, SaysWhereExpertsAreComputedOnlyIfThatIsElsewhereThanTheyAreStored) {
    Plan plan = small_host_plan();
    Json document = plan_json(plan);
    EXPECT_FALSE(document.contains("expert_compute_device"));
    document["expert_compute_device"] = document["expert_device"];
    const auto same = plan_from_json(document.dump());
    ASSERT_TRUE(same.has_value()) << same.error().message;
    expect_same(plan, *same);

    plan.placement.expert_compute_device = plan.placement.expert_device;
    plan.placement.expert_compute_device[3][7] = DeviceId(1);
    const auto elsewhere = plan_from_json(json_text(plan_json(plan)));
    ASSERT_TRUE(elsewhere.has_value()) << elsewhere.error().message;
    expect_same(plan, *elsewhere);
    EXPECT_EQ(elsewhere->placement.computed_on(3)[7], DeviceId(1));
}

TEST(PlanJson, ChecksEachDeviceThatComputesExperts) {
    Json document = plan_json(small_host_plan());
    document["expert_compute_device"] = document["expert_device"];
    document["expert_compute_device"][3][7] = 2;
    const auto unknown = plan_from_json(document.dump());
    ASSERT_FALSE(unknown.has_value());
    EXPECT_EQ(unknown.error().message,
              "expert_compute_device[3][7] is 2; there are 2 devices, counted from 0");
    document["expert_compute_device"][3] = {0};
    const auto short_of = plan_from_json(document.dump());
    ASSERT_FALSE(short_of.has_value());
    EXPECT_EQ(short_of.error().message,
              "expert_compute_device[3] has 1 entries; expert_device has 8 there");
}

TEST(PlanJson, KeepsOneLineForEachLayerOfExperts) {
    expect_golden("plan_small_host.json", json_text(plan_json(small_host_plan())));
}

TEST(PlanJson, LeavesExpertListsEmptyWhereALayerHasNone) {
    const Json document = plan_json(wide_plan(2));
    EXPECT_EQ(document["expert_device"][2], Json::array());
    EXPECT_EQ(document["expert_device"][3].size(), 256);
}

TEST(PlanJson, StatesPoliciesThatDoNotFitAsNull) {
    const Json document = plan_json(mixtral_alternate_plan());
    EXPECT_EQ(document["modelled"][3]["policy"], "layers");
    EXPECT_TRUE(document["modelled"][3]["token_seconds"].is_null());
    EXPECT_EQ(document["modelled"][2]["token_seconds"], 0.01034);
}

TEST(PlanJson, DoesWithoutTheKeysThatTheContractDoesNotName) {
    Json document = plan_json(small_host_plan());
    document.erase("host");
    document.erase("modelled");
    document.erase("parking");
    document["context"].erase("ubatch");
    document["context"].erase("can");
    document["added_later"] = {{"by", "somebody"}};
    const Result<Plan> plan = plan_from_json(document.dump());
    ASSERT_TRUE(plan.has_value()) << plan.error().message;
    EXPECT_EQ(plan->host, Usage{});
    EXPECT_EQ(plan->context.ubatch, TokenCount(512));
    EXPECT_FALSE(plan->parking.has_value());
    EXPECT_FALSE(plan->cache.has_value());
}

}  // namespace
}  // namespace hexcore::test
