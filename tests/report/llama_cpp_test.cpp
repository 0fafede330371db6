#include <gmock/gmock.h>

#include <sstream>

#include "hexcore/report/plan_llama_cpp.hpp"
#include "support/golden.hpp"
#include "support/plans.hpp"

namespace hexcore::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// Four layers of four experts on the named devices; layers and experts by `home` and `experts`.
Plan four_layers(std::vector<std::string> names, std::vector<int> home,
                 std::vector<std::vector<int>> experts) {
    PlanSpec spec;
    spec.n_layers = 4;
    spec.n_experts = 4;
    for (std::string& name : names) {
        spec.devices.push_back(device_of(std::move(name), 200_MiB, 10_MiB));
    }
    spec.layer_device = [home](std::uint32_t layer) { return DeviceId(home[layer]); };
    spec.expert_device = [experts](std::uint32_t layer, std::uint32_t expert) {
        return DeviceId(experts[layer][expert]);
    };
    return build_plan(spec);
}

std::string command_of(const Plan& plan) { return plan_llama_cpp(plan, {.model_path = "m.gguf"}); }

TEST(LlamaCpp, SplitsTheReferenceCaseByLayersAndSaysWhatDiffers) {
    expect_golden("plan_llama_cpp_mixtral_alternate.sh", command_of(mixtral_alternate_plan()));
}

TEST(LlamaCpp, CountsTheOutputAsOneMoreLayer) {
    const Plan plan = four_layers({"cuda:0", "cuda:1"}, {0, 0, 0, 1},
                                  {{0, 0, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}, {1, 1, 1, 1}});
    EXPECT_THAT(command_of(plan), HasSubstr("-ts 3,2 "));
    EXPECT_THAT(command_of(plan), HasSubstr("# Every expert is where it was planned.\n"));
    EXPECT_THAT(command_of(plan), Not(HasSubstr("-ot")));
}

TEST(LlamaCpp, MovesTheExpertsOfALayerToTheDeviceThatHoldsMost) {
    const Plan plan = four_layers({"cuda:0", "cuda:1"}, {0, 0, 0, 1},
                                  {{0, 0, 0, 0}, {0, 1, 1, 1}, {1, 1, 1, 1}, {1, 1, 0, 0}});
    const std::string command = command_of(plan);
    EXPECT_THAT(command,
                HasSubstr(R"(-ot 'blk\.(1|2)\.ffn_(gate|up|down|gate_up)_exps\.=CUDA1' )"));
    EXPECT_THAT(command, HasSubstr("3 of 16 experts (about 15.0 MiB) land on another device"));
    EXPECT_THAT(command, HasSubstr("# cuda:0: 3 go, 0 come;"));
    EXPECT_THAT(command, HasSubstr("# cuda:1: 0 go, 3 come;"));
}

TEST(LlamaCpp, NamesTheCardsOfThePlanAndNoOthers) {
    const Plan plan = four_layers({"cuda:3", "cuda:1"}, {0, 0, 1, 1},
                                  {{0, 0, 0, 0}, {0, 0, 0, 0}, {1, 1, 1, 1}, {0, 0, 0, 0}});
    EXPECT_THAT(command_of(plan), HasSubstr("-dev CUDA3,CUDA1 "));
    EXPECT_THAT(command_of(plan), HasSubstr(R"(-ot 'blk\.(3)\.ffn_)"));
    EXPECT_THAT(command_of(plan), HasSubstr("=CUDA3'"));
}

TEST(LlamaCpp, LeavesLeadingHostLayersOutOfTheGpuLayers) {
    const Plan plan = four_layers({"host0", "cuda:0"}, {0, 0, 0, 1},
                                  {{0, 0, 0, 0}, {0, 0, 0, 0}, {1, 1, 1, 1}, {1, 1, 1, 1}});
    const std::string command = command_of(plan);
    EXPECT_THAT(command, HasSubstr("-dev CUDA0 "));
    EXPECT_THAT(command, HasSubstr("-ngl 2 "));
    EXPECT_THAT(command, HasSubstr(R"(-ot 'blk\.(2)\.ffn_(gate|up|down|gate_up)_exps\.=CUDA0')"));
    EXPECT_THAT(command, HasSubstr("host0 is ordinary host memory to llama.cpp"));
}

TEST(LlamaCpp, SendsLaterHostLayersToHostMemoryAndSaysThatTheirCacheIsNot) {
    const Plan plan = four_layers({"cuda:0", "host0"}, {0, 0, 0, 1},
                                  {{0, 0, 0, 0}, {1, 1, 1, 1}, {0, 0, 0, 0}, {0, 0, 0, 1}});
    const std::string command = command_of(plan);
    EXPECT_THAT(command, HasSubstr("-ngl 999 "));
    EXPECT_THAT(command, HasSubstr(R"(-ot 'blk\.(1)\.ffn_(gate|up|down|gate_up)_exps\.=CPU')"));
    EXPECT_THAT(command, HasSubstr(R"(-ot 'blk\.(3)\.ffn_(gate|up|down|gate_up)_exps\.=CUDA0')"));
    EXPECT_THAT(command, HasSubstr(R"(-ot 'blk\.(3)\..*=CPU')"));
    EXPECT_LT(command.find("=CUDA0'"), command.find(R"(\..*=CPU')"))
        << "the first pattern that matches decides";
    EXPECT_THAT(command, HasSubstr("llama.cpp keeps their KV"));
}

TEST(LlamaCpp, UsesNoGpuForHostDevices) {
    const std::string command = command_of(small_host_plan());
    EXPECT_THAT(command, HasSubstr("-dev none "));
    EXPECT_THAT(command, HasSubstr("host0, host1 are ordinary host memory to llama.cpp"));
}

TEST(LlamaCpp, ConnectsToRpcServers) {
    const Plan plan = four_layers({"cuda:0", "rpc:10.0.0.2:50052"}, {0, 0, 1, 1},
                                  {{0, 0, 0, 0}, {1, 1, 1, 1}, {1, 1, 1, 1}, {1, 1, 1, 1}});
    const std::string command = command_of(plan);
    EXPECT_THAT(command, HasSubstr("--rpc 10.0.0.2:50052 "));
    EXPECT_THAT(command, HasSubstr("-dev CUDA0,RPC0 "));
    EXPECT_THAT(command, HasSubstr("_exps\\.=RPC0[10.0.0.2:50052]'"));
}

TEST(LlamaCpp, PassesTheContextOn) {
    Plan plan = small_host_plan();
    plan.context = {TokenCount(8192), 4, KvType::q8_0, TokenCount(256)};
    const std::string command = command_of(plan);
    for (const char* option :
         {"-c 8192 ", "-ub 256 ", "-np 4 ", "-ctk q8_0 ", "-ctv q8_0 ", "-fa on ", "-fit off\n"}) {
        EXPECT_THAT(command, HasSubstr(option));
    }
}

TEST(LlamaCpp, SaysWhenThereAreMoreDevicesThanItsOptionTakes) {
    EXPECT_THAT(command_of(wide_plan(16)), HasSubstr("at most 15 devices for -ts"));
    EXPECT_THAT(command_of(wide_plan(15)), Not(HasSubstr("at most")));
}

TEST(LlamaCpp, QuotesForTheShell) {
    const std::string command =
        plan_llama_cpp(dense_plan(), {.model_path = "it's $HOME; rm `x`\nmodel.gguf"});
    EXPECT_THAT(command, HasSubstr("-m 'it'\\''s $HOME; rm `x`\nmodel.gguf' "));
}

TEST(LlamaCpp, LetsNoModelNameOutOfItsComment) {
    Plan plan = dense_plan();
    plan.model_name = "innocent\nrm -rf everything\r\n" + std::string(300, 'x') + " and more words";
    std::istringstream lines(command_of(plan));
    std::string line;
    while (std::getline(lines, line) && line.rfind("llama-completion", 0) != 0) {
        EXPECT_EQ(line.rfind("# ", 0), 0U) << line;
        EXPECT_EQ(line.find('\r'), std::string::npos);
    }
}

}  // namespace
}  // namespace hexcore::test
