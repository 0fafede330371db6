#include "hexcore/device/device_spec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hexcore {
namespace {

using ::testing::HasSubstr;

const MachineMemory laptop{.host_available = 12_GiB, .gpus = {}};
const MachineMemory two_cards{
    .host_available = 60_GiB,
    .gpus = {{.index = 0, .free = 15_GiB, .total = 16_GiB, .name = "NVIDIA RTX A4000"},
             {.index = 1, .free = 8_GiB, .total = 12_GiB, .name = "NVIDIA GeForce RTX 3060"}},
};

std::vector<DeviceSpec> resolved(const std::vector<std::string>& arguments,
                                 const MachineMemory& machine,
                                 std::optional<Bytes> reserve = std::nullopt) {
    auto specs = resolve_devices(arguments, reserve, machine);
    EXPECT_TRUE(specs.has_value()) << specs.error().message;
    return specs.value_or(std::vector<DeviceSpec>{});
}

void expect_refusal(const std::vector<std::string>& arguments, const MachineMemory& machine,
                    std::optional<Bytes> reserve, ErrorCode code, const std::string& part) {
    const auto specs = resolve_devices(arguments, reserve, machine);
    ASSERT_FALSE(specs.has_value()) << part;
    EXPECT_EQ(specs.error().code, code) << specs.error().message;
    EXPECT_THAT(specs.error().message, HasSubstr(part));
}

TEST(DeviceSpec, CapsHostDevicesAndNumbersThemInOrderOfAppearance) {
    const auto specs = resolved({"host=320MiB", "cuda:1", "host=1.5GiB"}, two_cards);
    ASSERT_EQ(specs.size(), 3U);
    EXPECT_EQ(specs[0].kind, DeviceKind::host);
    EXPECT_EQ(specs[0].name, "host0");
    EXPECT_EQ(specs[0].budget, 320_MiB);
    EXPECT_EQ(specs[0].reserve, 20_MiB);
    EXPECT_EQ(specs[2].name, "host1");
    EXPECT_EQ(specs[2].budget, 1536_MiB);
}

TEST(DeviceSpec, GivesAGpuItsBudgetOrWhatItHasFree) {
    const auto specs = resolved({"cuda:1", "cuda:0=16GiB"}, two_cards);
    ASSERT_EQ(specs.size(), 2U);
    EXPECT_EQ(specs[0].kind, DeviceKind::cuda);
    EXPECT_EQ(specs[0].name, "cuda:1");
    EXPECT_EQ(specs[0].cuda_index, 1U);
    EXPECT_EQ(specs[0].gpu_name, "NVIDIA GeForce RTX 3060");
    EXPECT_EQ(specs[0].budget, 8_GiB);
    EXPECT_EQ(specs[0].reserve, 512_MiB);
    EXPECT_EQ(specs[1].budget, 16_GiB);
    EXPECT_EQ(specs[1].reserve, 1_GiB);
}

TEST(DeviceSpec, KeepsASixteenthFreeAndOneGibibyteAtMost) {
    const auto specs = resolved({"host=16GiB", "host=64GiB", "host=15B"}, laptop);
    ASSERT_EQ(specs.size(), 3U);
    EXPECT_EQ(specs[0].reserve, 1_GiB);
    EXPECT_EQ(specs[1].reserve, 1_GiB);
    EXPECT_EQ(specs[2].reserve, 0_B);
    EXPECT_EQ(resolved({"host=16GiB"}, laptop, 0_B).front().reserve, 0_B);
    EXPECT_EQ(resolved({"host=16GiB"}, laptop, 3_GiB).front().reserve, 3_GiB);
}

TEST(DeviceSpec, TurnsABareSizeIntoAHostDeviceWhereThereIsNoGpu) {
    const auto specs = resolved({"16GiB", "512MiB"}, laptop);
    ASSERT_EQ(specs.size(), 2U);
    EXPECT_EQ(specs[0].name, "host0");
    EXPECT_EQ(specs[1].name, "host1");
    EXPECT_EQ(specs[1].budget, 512_MiB);
}

TEST(DeviceSpec, TurnsABareSizeIntoTheNextGpuThatNoOtherArgumentNames) {
    const auto specs = resolved({"10GiB", "11GiB"}, two_cards);
    ASSERT_EQ(specs.size(), 2U);
    EXPECT_EQ(specs[0].name, "cuda:0");
    EXPECT_EQ(specs[0].budget, 10_GiB);
    EXPECT_EQ(specs[1].name, "cuda:1");

    const auto mixed = resolved({"10GiB", "cuda:0"}, two_cards);
    ASSERT_EQ(mixed.size(), 2U);
    EXPECT_EQ(mixed[0].name, "cuda:1");
    EXPECT_EQ(mixed[1].name, "cuda:0");
}

TEST(DeviceSpec, TakesAllGpusWithWhatTheyHaveFreeWhenNothingIsAskedFor) {
    const auto specs = resolved({}, two_cards);
    ASSERT_EQ(specs.size(), 2U);
    EXPECT_EQ(specs[0].name, "cuda:0");
    EXPECT_EQ(specs[0].budget, 15_GiB);
    EXPECT_EQ(specs[1].budget, 8_GiB);
}

TEST(DeviceSpec, TakesTheHostsFreeMemoryWhenNothingIsAskedForAndThereIsNoGpu) {
    const auto specs = resolved({}, laptop);
    ASSERT_EQ(specs.size(), 1U);
    EXPECT_EQ(specs[0].name, "host0");
    EXPECT_EQ(specs[0].budget, 12_GiB);
}

TEST(DeviceSpec, NamesAServerByItsEndpointWithAndWithoutASize) {
    const auto specs =
        resolved({"rpc:10.0.0.2:50052=16GiB", "rpc:127.0.0.1:50052", "rpc:box.lan:1=1GiB"}, laptop);
    ASSERT_EQ(specs.size(), 3U);
    EXPECT_EQ(specs[0].kind, DeviceKind::rpc);
    EXPECT_EQ(specs[0].name, "rpc:10.0.0.2:50052");
    EXPECT_EQ(specs[0].endpoint, "10.0.0.2:50052");
    EXPECT_EQ(specs[0].budget, 16_GiB);
    EXPECT_EQ(specs[1].endpoint, "127.0.0.1:50052");
    EXPECT_EQ(specs[1].budget, 0_B);
    EXPECT_EQ(specs[2].endpoint, "box.lan:1");
}

TEST(DeviceSpec, SettlesAServersBudgetOnceItHasSaidWhatItHas) {
    DeviceSpec server = resolved({"rpc:box:50052"}, laptop).front();
    ASSERT_TRUE(give_budget(server, 32_GiB, std::nullopt).has_value());
    EXPECT_EQ(server.budget, 32_GiB);
    EXPECT_EQ(server.reserve, 1_GiB);
    const auto refused = give_budget(server, 1_GiB, 2_GiB);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, ErrorCode::does_not_fit);
    EXPECT_EQ(server.budget, 32_GiB);
}

TEST(DeviceSpec, RefusesWhatIsNeitherADeviceNorASize) {
    for (const char* argument : {"",          "gpu",     "host",        "host=",
                                 "host=lots", "host=-1", "host:0=1GiB", "Host=1GiB",
                                 "cuda",      "cuda:",   "cuda:x",      "cuda:-1",
                                 "cuda:0 ",   "cuda:0=", "cuda:0=1XB",  "cuda:99999999999",
                                 "=1GiB",     "16XB",    "16GiB,16GiB", "host=320MiB=1",
                                 "cuda0=1GiB"}) {
        expect_refusal({argument}, two_cards, std::nullopt, ErrorCode::usage,
                       fmt::format("device {}:", argument));
    }
}

TEST(DeviceSpec, SaysWhatIsMeantWhereAUnitIsMissingOrSeveralDevicesAreNamedInOne) {
    expect_refusal({"320"}, laptop, std::nullopt, ErrorCode::usage,
                   "320 bytes, which hold no model; write 320MiB or 320GiB");
    expect_refusal({"cuda:0=16"}, two_cards, std::nullopt, ErrorCode::usage,
                   "write cuda:0=16MiB or cuda:0=16GiB");
    EXPECT_EQ(resolved({"host=1048576"}, laptop).front().budget, 1_MiB);
    for (const char* argument : {"host=320MiB,host=320MiB", "cuda:0,cuda:1", "16GiB,16GiB"}) {
        expect_refusal({argument}, two_cards, std::nullopt, ErrorCode::usage, "to name one device");
    }
}

TEST(DeviceSpec, RefusesAnEndpointThatIsNotHostAndPort) {
    for (const char* argument :
         {"rpc:", "rpc:box", "rpc:box:", "rpc::50052", "rpc:box:0", "rpc:box:65536", "rpc:box:x",
          "rpc:::1:50052", "rpc:[::1]:50052", "rpc:[]:50052", "rpc:b ox:1", "rpc:box=1GiB"}) {
        expect_refusal({argument}, laptop, std::nullopt, ErrorCode::usage, "not HOST:PORT");
    }
}

TEST(DeviceSpec, RefusesTheSameGpuOrServerTwice) {
    expect_refusal({"cuda:0", "cuda:0=1GiB"}, two_cards, std::nullopt, ErrorCode::usage,
                   "cuda:0 is named twice");
    expect_refusal({"cuda:00", "cuda:0"}, two_cards, std::nullopt, ErrorCode::usage, "named twice");
    expect_refusal({"rpc:box:1", "rpc:box:1=1GiB"}, laptop, std::nullopt, ErrorCode::usage,
                   "this server is named twice");
}

TEST(DeviceSpec, SaysWhichGpusThereAreWhenTheNamedOneIsMissing) {
    expect_refusal({"cuda:0"}, laptop, std::nullopt, ErrorCode::missing_device, "has no GPU");
    expect_refusal({"cuda:2"}, two_cards, std::nullopt, ErrorCode::missing_device,
                   "cuda:0 (16.00 GiB), cuda:1 (12.00 GiB)");
    expect_refusal({"1GiB", "1GiB", "1GiB"}, two_cards, std::nullopt, ErrorCode::missing_device,
                   "write host=1GiB");
}

TEST(DeviceSpec, RefusesAGpuBudgetOverWhatTheCardHas) {
    expect_refusal({"cuda:1=12884901889"}, two_cards, std::nullopt, ErrorCode::does_not_fit,
                   "is 1 bytes more than the 12.00 GiB that cuda:1 has");
    expect_refusal({"16GiB", "16GiB"}, two_cards, std::nullopt, ErrorCode::does_not_fit, "cuda:1");
}

TEST(DeviceSpec, RefusesAReserveThatLeavesNothing) {
    expect_refusal({"host=1GiB"}, laptop, 1_GiB, ErrorCode::does_not_fit, "leaves nothing");
    expect_refusal({"host=0"}, laptop, std::nullopt, ErrorCode::does_not_fit, "host0");
    expect_refusal({"cuda:1"}, two_cards, 9_GiB, ErrorCode::does_not_fit, "cuda:1");
    expect_refusal({}, two_cards, 9_GiB, ErrorCode::does_not_fit, "cuda:1");
    expect_refusal({}, MachineMemory{}, std::nullopt, ErrorCode::does_not_fit, "host0");
    expect_refusal({"rpc:box:1=1MiB"}, laptop, 1_MiB, ErrorCode::does_not_fit, "rpc:box:1");
}

TEST(DeviceSpec, GivesADeviceNoMoreThanTheLimitThatTheProgramRunsWithin) {
    MachineMemory limited = two_cards;
    limited.limits = {{"host0", 2_GiB}, {"cuda:1", 3_GiB}};
    EXPECT_EQ(resolved({"host=2GiB"}, limited)[0].budget, 2_GiB);
    EXPECT_EQ(resolved({"host=1GiB", "host=9GiB"}, limited)[1].budget, 9_GiB);
    EXPECT_EQ(resolved({"cuda:1"}, limited)[0].budget, 3_GiB);
    EXPECT_EQ(resolved({"cuda:0"}, limited)[0].budget, 15_GiB);
    EXPECT_EQ(resolved({"cuda:1=3GiB"}, limited)[0].budget, 3_GiB);
    expect_refusal({"host=3GiB"}, limited, std::nullopt, ErrorCode::does_not_fit, "2.00 GiB");
    expect_refusal({"cuda:1=4GiB"}, limited, std::nullopt, ErrorCode::does_not_fit, "cuda:1");
    limited.gpus.clear();
    EXPECT_EQ(resolved({}, limited)[0].budget, 2_GiB);
}

TEST(DeviceSpec, LimitsComeBackFromTheirText) {
    const auto limits =
        parse_device_limits(device_limits_text({{"host0", 1_KiB}, {"cuda:3", 7_B}}));
    ASSERT_TRUE(limits.has_value());
    EXPECT_EQ(limit_of(*limits, "host0"), 1_KiB);
    EXPECT_EQ(limit_of(*limits, "cuda:3"), 7_B);
    EXPECT_EQ(limit_of(*limits, "host1"), std::nullopt);
    EXPECT_TRUE(parse_device_limits("")->empty());
    for (const char* text : {"host0", "host0=", "=5", "host0=5,,", "host0=5MiB", ","}) {
        const auto refused = parse_device_limits(text);
        ASSERT_FALSE(refused.has_value()) << text;
        EXPECT_EQ(refused.error().code, ErrorCode::usage);
    }
}

TEST(DeviceSpec, NamesOfDevicesSayWhatTheyAre) {
    EXPECT_EQ(parse_device_name("host12")->kind, DeviceKind::host);
    EXPECT_EQ(parse_device_name("host12")->index, 12U);
    EXPECT_EQ(parse_device_name("cuda:3")->kind, DeviceKind::cuda);
    EXPECT_EQ(parse_device_name("cuda:3")->index, 3U);
    EXPECT_EQ(parse_device_name("rpc:box:50052")->kind, DeviceKind::rpc);
    EXPECT_EQ(parse_device_name("rpc:box:50052")->endpoint, "box:50052");
    for (const char* name : {"", "host", "host-1", "cuda:", "cuda:x", "cuda0", "rpc:", "rpc:box",
                             "rpc:box:0", "tpu:1", "Host0"}) {
        const auto parsed = parse_device_name(name);
        ASSERT_FALSE(parsed.has_value()) << name;
        EXPECT_EQ(parsed.error().code, ErrorCode::bad_input) << name;
    }
}

}  // namespace
}  // namespace hexcore
