#include "hexcore/plugin/settings.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "hexcore/report/json_text.hpp"
#include "hexcore/report/plan_json.hpp"
#include "support/plans.hpp"
#include "support/temp_folder.hpp"

namespace hexcore::test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Variables = std::map<std::string, std::string>;

Result<PluginSettings> settings_from(const Variables& variables, std::uint32_t n_gpus = 0) {
    MachineMemory machine{.host_available = 4_GiB, .gpus = {}};
    for (std::uint32_t i = 0; i < n_gpus; ++i) {
        machine.gpus.push_back({.index = i, .free = 15_GiB, .total = 16_GiB});
    }
    return read_settings(
        [&variables](const std::string& name) {
            const auto found = variables.find(name);
            return found == variables.end() ? std::string() : found->second;
        },
        machine);
}

/// The code and the sentence of what is expected to fail.
Error error_from(const Variables& variables) {
    const auto settings = settings_from(variables);
    return settings ? Error{ErrorCode::negative, "it was taken"} : settings.error();
}

/// Writes a plan for two devices of the given names with 64 MiB each.
std::string write_plan(const TempFolder& folder, const std::string& first,
                       const std::string& second) {
    PlanSpec spec;
    spec.devices = {device_of(first, 64_MiB, 2_MiB), device_of(second, 64_MiB, 4_MiB)};
    spec.layer_device = [](std::uint32_t layer) { return DeviceId(layer); };
    spec.expert_device = [](std::uint32_t, std::uint32_t expert) { return DeviceId(expert); };
    const std::string path = (folder.path() / "plan.json").string();
    std::ofstream(path) << json_text(plan_json(build_plan(spec)));
    return path;
}

TEST(PluginSettings, SizesBecomeHostDevicesInOrder) {
    const auto settings = settings_from({{"HEXCORE_DEVICES", "320MiB,host=1GiB"}});
    ASSERT_TRUE(settings) << settings.error().message;
    ASSERT_EQ(settings->devices.size(), 2U);
    EXPECT_EQ(settings->devices[0].name, "host0");
    EXPECT_EQ(settings->devices[0].budget, 320_MiB);
    EXPECT_EQ(settings->devices[0].reserve, 20_MiB);
    EXPECT_EQ(settings->devices[1].name, "host1");
    EXPECT_EQ(settings->devices[1].budget, 1_GiB);
    EXPECT_FALSE(settings->plan);
}

TEST(PluginSettings, OneReserveIsForAllDevices) {
    const auto settings =
        settings_from({{"HEXCORE_DEVICES", "32MiB,64MiB"}, {"HEXCORE_RESERVE", "8MiB"}});
    ASSERT_TRUE(settings) << settings.error().message;
    EXPECT_EQ(settings->devices[0].reserve, 8_MiB);
    EXPECT_EQ(settings->devices[1].reserve, 8_MiB);
}

TEST(PluginSettings, WithoutDevicesSaysWhatToSet) {
    const Error error = error_from({});
    EXPECT_EQ(error.code, ErrorCode::usage);
    EXPECT_THAT(error.message, AllOf(HasSubstr("HEXCORE_DEVICES="), HasSubstr("HEXCORE_PLAN=")));
}

TEST(PluginSettings, NamesTheVariableThatIsWrong) {
    EXPECT_THAT(error_from({{"HEXCORE_DEVICES", "320MiB,many"}}).message,
                AllOf(HasSubstr("HEXCORE_DEVICES=320MiB,many: "), HasSubstr("many")));
    EXPECT_THAT(error_from({{"HEXCORE_DEVICES", "320MiB,"}}).message,
                HasSubstr("HEXCORE_DEVICES=320MiB,: "));
    EXPECT_THAT(error_from({{"HEXCORE_DEVICES", "1MiB"}, {"HEXCORE_RESERVE", "x"}}).message,
                HasSubstr("HEXCORE_RESERVE=x: "));
    const Error nothing_left =
        error_from({{"HEXCORE_DEVICES", "1MiB"}, {"HEXCORE_RESERVE", "1MiB"}});
    EXPECT_EQ(nothing_left.code, ErrorCode::does_not_fit);
}

TEST(PluginSettings, AllKindsOfDevicesCanBeNamed) {
    const auto settings =
        settings_from({{"HEXCORE_DEVICES", "rpc:far:1=2GiB,cuda:0=8GiB,host=1GiB,4GiB"}}, 2);
    ASSERT_TRUE(settings) << settings.error().message;
    std::vector<std::string> names;
    for (const DeviceSpec& device : settings->devices) {
        names.push_back(device.name);
    }
    EXPECT_THAT(names, ElementsAre("rpc:far:1", "cuda:0", "host0", "cuda:1"));
    EXPECT_EQ(settings->devices[1].budget, 8_GiB);
}

TEST(PluginSettings, AGpuThatIsNotThereIsMissing) {
    const Error error = error_from({{"HEXCORE_DEVICES", "cuda:0=1GiB"}});
    EXPECT_EQ(error.code, ErrorCode::missing_device);
    EXPECT_THAT(error.message, HasSubstr("HEXCORE_DEVICES=cuda:0=1GiB: "));
}

TEST(PluginSettings, MoreDevicesThanAPlanCanHaveAreRefused) {
    std::string devices = "1MiB";
    for (std::uint32_t i = 0; i < max_devices; ++i) {
        devices += ",1MiB";
    }
    EXPECT_THAT(error_from({{"HEXCORE_DEVICES", devices}}).message, HasSubstr("17 devices"));
}

TEST(PluginSettings, APlanBringsItsDevicesAndReserves) {
    const TempFolder folder;
    const std::string plan = write_plan(folder, "host0", "host1");
    for (const std::string devices : {"", "64MiB,64MiB"}) {
        const auto settings = settings_from({{"HEXCORE_PLAN", plan}, {"HEXCORE_DEVICES", devices}});
        ASSERT_TRUE(settings) << settings.error().message;
        ASSERT_TRUE(settings->plan);
        EXPECT_EQ(settings->plan->model_name, "tiny");
        ASSERT_EQ(settings->devices.size(), 2U);
        EXPECT_EQ(settings->devices[1].budget, 64_MiB);
        EXPECT_EQ(settings->devices[1].reserve, 4_MiB);
    }
}

TEST(PluginSettings, APlanForOtherDevicesIsRefused) {
    const TempFolder folder;
    const std::string plan = write_plan(folder, "host0", "host1");
    for (const std::string devices : {"64MiB", "64MiB,65MiB", "64MiB,64MiB,64MiB"}) {
        const Error error = error_from({{"HEXCORE_PLAN", plan}, {"HEXCORE_DEVICES", devices}});
        EXPECT_EQ(error.code, ErrorCode::usage);
        EXPECT_THAT(error.message,
                    AllOf(HasSubstr("HEXCORE_DEVICES=" + devices),
                          HasSubstr("for other devices: host=64.0 MiB,host=64.0 MiB")));
    }
}

TEST(PluginSettings, APlanForGpusNeedsThem) {
    const TempFolder folder;
    const Variables variables{{"HEXCORE_PLAN", write_plan(folder, "host0", "cuda:1")}};
    const auto settings = settings_from(variables, 2);
    ASSERT_TRUE(settings) << settings.error().message;
    EXPECT_EQ(settings->devices[1].kind, DeviceKind::cuda);
    EXPECT_EQ(settings->devices[1].cuda_index, 1U);
    EXPECT_EQ(settings->devices[1].reserve, 4_MiB);
    EXPECT_EQ(error_from(variables).code, ErrorCode::missing_device);
}

TEST(PluginSettings, APlanForNoKindOfDeviceIsRefused) {
    const TempFolder folder;
    const Error error = error_from({{"HEXCORE_PLAN", write_plan(folder, "host0", "tpu:1")}});
    EXPECT_EQ(error.code, ErrorCode::bad_input);
    EXPECT_THAT(error.message, HasSubstr("'tpu:1' is no device"));
}

TEST(PluginSettings, APlanThatIsMissingOrNoPlanIsBadInput) {
    const TempFolder folder;
    const std::string path = (folder.path() / "plan.json").string();
    Error error = error_from({{"HEXCORE_PLAN", path}});
    EXPECT_EQ(error.code, ErrorCode::bad_input);
    EXPECT_THAT(error.message,
                HasSubstr("HEXCORE_PLAN=" + path + ": the plan cannot be read: No such"));
    std::ofstream(path) << "{}";
    error = error_from({{"HEXCORE_PLAN", path}});
    EXPECT_EQ(error.code, ErrorCode::bad_input);
    EXPECT_THAT(error.message, HasSubstr("schema"));
}

TEST(PluginSettings, APlanThatNeverEndsOrIsAFolderIsBadInput) {
    for (const auto& [path, why] :
         {std::pair{"/dev/zero", "has more than"}, {"/", "cannot be read"}}) {
        const Error error = error_from({{"HEXCORE_PLAN", path}});
        EXPECT_EQ(error.code, ErrorCode::bad_input);
        EXPECT_THAT(error.message, AllOf(HasSubstr("HEXCORE_PLAN="), HasSubstr(why)));
    }
}

TEST(PluginSettings, AReportThatCannotBeWrittenIsKnownAtOnce) {
    const TempFolder folder;
    const std::string path = (folder.path() / "no such folder" / "report.json").string();
    const Error error = error_from({{"HEXCORE_DEVICES", "1MiB"}, {"HEXCORE_REPORT", path}});
    EXPECT_EQ(error.code, ErrorCode::bad_input);
    EXPECT_THAT(error.message, HasSubstr("HEXCORE_REPORT=" + path + ": cannot be written"));
}

}  // namespace
}  // namespace hexcore::test
