#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "hexcore/report/plan_json.hpp"
#include "support/plans.hpp"

namespace hexcore::test {
namespace {

using Json = nlohmann::ordered_json;
using ::testing::HasSubstr;
using ::testing::Not;

/// A change to a good document and what the error has to say about it.
struct BadPlan {
    const char* name;
    const char* pointer;  ///< what to change, as a JSON pointer
    const char* value;    ///< the new value as JSON; empty: the key is taken out
    const char* message;
};

void PrintTo(const BadPlan& bad, std::ostream* out) { *out << bad.name; }

class PlanFromJson : public ::testing::TestWithParam<BadPlan> {};

TEST_P(PlanFromJson, RefusesAndNamesThePath) {
    const BadPlan& bad = GetParam();
    Json document = plan_json(small_host_plan());
    const Json::json_pointer pointer(bad.pointer);
    if (*bad.value == '\0') {
        document.at(pointer.parent_pointer()).erase(pointer.back());
    } else {
        document[pointer] = Json::parse(bad.value);
    }
    const Result<Plan> plan = plan_from_json(document.dump());
    ASSERT_FALSE(plan.has_value());
    EXPECT_EQ(plan.error().code, ErrorCode::bad_input);
    EXPECT_THAT(plan.error().message, HasSubstr(bad.message));
}

INSTANTIATE_TEST_SUITE_P(
    Changes, PlanFromJson,
    ::testing::Values(
        BadPlan{"other_schema", "/schema", "\"hexcore.plan/2\"",
                "schema is \"hexcore.plan/2\"; this program reads \"hexcore.plan/1\""},
        BadPlan{"no_schema", "/schema", "", "the document lacks the key 'schema'"},
        BadPlan{"schema_is_a_number", "/schema", "1", "schema is 1; it must be a text"},
        BadPlan{"unknown_basis", "/basis", "\"guess\"", "basis is \"guess\""},
        BadPlan{"unknown_policy", "/policy", "\"random\"", "policy is \"random\""},
        BadPlan{"unknown_kv_type", "/context/kv_type", "\"f64\"", "context.kv_type is \"f64\""},
        BadPlan{"windows_as_text", "/context/swa_full", "\"yes\"",
                "context.swa_full is \"yes\"; it must be true or false"},
        BadPlan{"unknown_forgetting", "/context/can/forget", "\"some\"",
                "context.can.forget is \"some\""},
        BadPlan{"parking_without_files", "/parking/files_bytes", "",
                "parking lacks the key 'files_bytes'"},
        BadPlan{"negative_parking", "/parking/memory_bytes", "-1", "parking.memory_bytes is -1"},
        BadPlan{"missing_key", "/model/n_layers", "", "model lacks the key 'n_layers'"},
        BadPlan{"missing_deep_key", "/devices/1/planned/kv_bytes", "",
                "devices[1].planned lacks the key 'kv_bytes'"},
        BadPlan{"missing_experts", "/expert_device", "",
                "the document lacks the key 'expert_device'"},
        BadPlan{"model_is_a_list", "/model", "[]", "model is a list; it must be an object"},
        BadPlan{"devices_is_an_object", "/devices", "{}", "devices is an object"},
        BadPlan{"no_such_device", "/devices/1/name", "\"tpu:1\"",
                "devices[1].name is \"tpu:1\"; 'tpu:1' is no device"},
        BadPlan{"kind_against_name", "/devices/1/kind", "\"rpc\"",
                "a device of the name host1 is \"host\""},
        BadPlan{"no_devices", "/devices", "[]", "devices is a list; it must name at least one"},
        BadPlan{"explanation_of_numbers", "/explanation", "[1]", "explanation[0] is 1"},
        BadPlan{"negative_bytes", "/devices/0/planned/weights_bytes", "-5",
                "devices[0].planned.weights_bytes is -5; it must be a whole number of bytes"},
        BadPlan{"fractional_bytes", "/devices/0/budget_bytes", "1000.5",
                "devices[0].budget_bytes is 1000.5; it must be a whole number of bytes"},
        BadPlan{"bytes_as_text", "/devices/0/budget_bytes", "\"320MiB\"",
                "devices[0].budget_bytes is \"320MiB\""},
        BadPlan{"bytes_that_would_overflow", "/host/planned/kv_bytes", "18446744073709551615",
                "host.planned.kv_bytes is 18446744073709551615"},
        BadPlan{"wrong_total", "/devices/1/planned/total_bytes", "77",
                "devices[1].planned.total_bytes is 77; the parts add up to 255"},
        BadPlan{"wrong_fill", "/devices/0/fill", "0.1", "devices[0].fill is 0.1"},
        BadPlan{"reserve_over_budget", "/devices/0/reserve_bytes", "335544321",
                "devices[0].reserve_bytes is 335544321; the budget is only 335544320"},
        BadPlan{"experts_over_total", "/model/experts_bytes", "9007199254740991",
                "model.experts_bytes is 9007199254740991; the whole model has only"},
        BadPlan{"more_used_than_there_are", "/model/n_experts_used", "9",
                "model.n_experts_used is 9; a layer has only 8"},
        BadPlan{"device_out_of_range", "/layer_device/29", "2",
                "layer_device[29] is 2; there are 2 devices"},
        BadPlan{"expert_device_out_of_range", "/expert_device/3/7", "2",
                "expert_device[3][7] is 2; there are 2 devices"},
        BadPlan{"negative_device", "/layer_device/0", "-1", "layer_device[0] is -1"},
        BadPlan{"null_device", "/layer_device/0", "null", "layer_device[0] is null"},
        BadPlan{"layers_not_contiguous", "/layer_device/20", "0",
                "layer_device[20] is 0 after 1; the layers of a device must be one contiguous"},
        BadPlan{"too_few_layers", "/layer_device", "[0, 1]",
                "layer_device has 2 entries; model.n_layers is 30"},
        BadPlan{"too_few_expert_layers", "/expert_device", "[]",
                "expert_device has 0 entries; model.n_layers is 30"},
        BadPlan{"too_many_experts", "/expert_device/4", "[0,0,0,0,0,0,0,0,0]",
                "expert_device[4] has 9 entries; model.n_experts is 8"},
        BadPlan{"too_few_compute_layers", "/expert_compute_device", "[]",
                "expert_compute_device has 0 entries; expert_device has 30"},
        BadPlan{"wrong_layer_count", "/devices/0/layers", "14",
                "devices[0].layers is 14; layer_device gives it 15"},
        BadPlan{"wrong_expert_count", "/devices/1/experts", "120",
                "devices[1].experts is 120; expert_device gives it 121"},
        BadPlan{"absurd_layers", "/model/n_layers", "4294967295",
                "layer_device has 30 entries; model.n_layers is 4294967295"},
        BadPlan{"time_as_text", "/modelled", R"([{"policy": "fastest", "token_seconds": "soon"}])",
                "modelled[0].token_seconds is \"soon\""},
        BadPlan{"negative_time", "/modelled", R"([{"policy": "fastest", "token_seconds": -1}])",
                "modelled[0].token_seconds is -1"}),
    [](const auto& tested) { return tested.param.name; });

TEST(PlanFromJsonText, SaysWhereItIsNotJson) {
    const Result<Plan> plan = plan_from_json("{\n  \"schema\": hexcore\n}");
    ASSERT_FALSE(plan.has_value());
    EXPECT_EQ(plan.error().code, ErrorCode::bad_input);
    EXPECT_THAT(plan.error().message,
                HasSubstr("the plan is not JSON: line 2, column 13 (invalid literal; last"));
    EXPECT_THAT(plan.error().message, Not(HasSubstr("exception")));
    ASSERT_EQ(plan.error().remedies.size(), 1U);
    EXPECT_EQ(plan.error().remedies[0].change, Change::give_plan);
}

TEST(PlanFromJsonText, RefusesWhatCannotBeAPlan) {
    const std::string deep(200'000, '[');
    const std::string binary(
        "\x7f"
        "ELF\0\x01",
        6);
    for (const std::string_view text :
         {std::string_view(), std::string_view("null"), std::string_view("[]"),
          std::string_view("{} {}"), std::string_view("{\"schema\": 1e999}"),
          std::string_view(deep), std::string_view(binary)}) {
        SCOPED_TRACE(text.substr(0, 20));
        const Result<Plan> plan = plan_from_json(text);
        ASSERT_FALSE(plan.has_value());
        EXPECT_EQ(plan.error().code, ErrorCode::bad_input);
    }
}

TEST(PlanFromJsonText, RefusesMoreDevicesThanCanBePlanned) {
    Json document = plan_json(small_host_plan());
    for (const std::size_t count : {std::size_t{16}, std::size_t{17}}) {
        while (document["devices"].size() < count) {
            document["devices"].push_back(document["devices"][1]);
            document["devices"].back()["layers"] = 0;
            document["devices"].back()["experts"] = 0;
        }
        const Result<Plan> plan = plan_from_json(document.dump());
        EXPECT_EQ(plan.has_value(), count == 16) << count;
        if (!plan) {
            EXPECT_EQ(plan.error().code, ErrorCode::bad_input);
            EXPECT_THAT(plan.error().message, HasSubstr("it names 17 devices; at most 16"));
        }
    }
}

TEST(PlanFromJsonText, ShowsNoControlCharactersInItsErrors) {
    Json document = plan_json(small_host_plan());
    document["basis"] = "\x1b[31mred";
    const Result<Plan> plan = plan_from_json(document.dump());
    ASSERT_FALSE(plan.has_value());
    EXPECT_EQ(plan.error().message.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace hexcore::test
