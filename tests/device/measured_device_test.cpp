#include "hexcore/device/measured_device.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "hexcore/device/devices_info.hpp"
#include "support/temp_folder.hpp"

namespace hexcore {
namespace {

MeasuredDevice card(double weights_bytes_per_s = 2e12) {
    return {.name = "NVIDIA \"H200\"",
            .driver = "580.159.04",
            .weights_bytes_per_s = weights_bytes_per_s,
            .copy_bytes_per_s = 5e10,
            .hop_s = 8e-6,
            .pools = 120_MiB};
}

class MeasuredFile : public ::testing::Test {
protected:
    Result<MeasuredDevices> read(const std::string& text) {
        std::ofstream(path_) << text;
        return MeasuredDevices::read(path_);
    }
    void expect_damaged(const std::string& text) {
        const auto devices = read(text);
        ASSERT_FALSE(devices.has_value()) << text;
        EXPECT_EQ(devices.error().code, ErrorCode::bad_input);
        EXPECT_NE(devices.error().message.find("measured.json"), std::string::npos);
        ASSERT_EQ(devices.error().remedies.size(), 1U);
        EXPECT_EQ(devices.error().remedies[0].change, Change::measure_devices);
    }

    test::TempFolder folder_;
    std::filesystem::path path_ = folder_.path() / "below" / "measured.json";
};

TEST_F(MeasuredFile, ThatIsMissingSaysNothing) {
    const auto devices = MeasuredDevices::read(path_);
    ASSERT_TRUE(devices.has_value());
    EXPECT_TRUE(devices->all().empty());
}

TEST_F(MeasuredFile, GivesBackWhatWasWritten) {
    MeasuredDevices written;
    written.put(card(1e12));
    written.put(card());
    ASSERT_TRUE(written.write(path_).has_value());
    const auto read = MeasuredDevices::read(path_);
    ASSERT_TRUE(read.has_value()) << read.error().message;
    ASSERT_EQ(read->all().size(), 1U) << "the newer one of a card and driver";
    const MeasuredDevice* found = read->find(card().name, card().driver);
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->weights_bytes_per_s, 2e12);
    EXPECT_EQ(found->copy_bytes_per_s, 5e10);
    EXPECT_EQ(found->hop_s, 8e-6);
    EXPECT_EQ(found->pools, 120_MiB);
    EXPECT_EQ(read->find(card().name, "another driver"), nullptr);
}

TEST_F(MeasuredFile, ThatIsDamagedIsRefusedWithWhatToDo) {
    std::filesystem::create_directories(path_.parent_path());
    MeasuredDevices good;
    good.put(card());
    const std::string text = measured_devices_json(good);
    ASSERT_TRUE(read(text).has_value());
    expect_damaged("");
    expect_damaged("[]");
    expect_damaged(text.substr(0, text.size() / 2));
    expect_damaged(R"({"schema": "hexcore.measured/2", "devices": []})");
    expect_damaged(R"({"schema": "hexcore.measured/1", "devices": [3]})");
    for (const auto& [from, to] :
         {std::pair("2000000000000.0", "-1"), std::pair("8e-06", "null"),
          std::pair("125829120", "1.5"), std::pair("\"driver\"", "\"x\"")}) {
        std::string changed = text;
        const std::size_t at = changed.find(from);
        ASSERT_NE(at, std::string::npos) << from << " in " << text;
        expect_damaged(changed.replace(at, std::string(from).size(), to));
    }
}

TEST(MeasuredSpeed, GoesToTheCardOfThatNameAndDriver) {
    DevicesInfo devices;
    devices.host.available = 4_GiB;
    devices.gpus.gpus = {{.index = 0,
                          .name = card().name,
                          .uuid = "",
                          .driver = card().driver,
                          .total = 16_GiB,
                          .free = 16_GiB,
                          .holders = {}},
                         {.index = 1,
                          .name = card().name,
                          .uuid = "",
                          .driver = "older",
                          .total = 16_GiB,
                          .free = 16_GiB,
                          .holders = {}}};
    MeasuredDevices measured;
    measured.put(card());
    const auto specs = resolve_devices({}, std::nullopt, machine_memory(devices, measured));
    ASSERT_TRUE(specs.has_value()) << specs.error().message;
    ASSERT_TRUE((*specs)[0].measured.has_value());
    EXPECT_EQ((*specs)[0].measured->pools, 120_MiB);
    EXPECT_FALSE((*specs)[1].measured.has_value());
}

}  // namespace
}  // namespace hexcore
