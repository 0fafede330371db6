#include "hexcore/report/devices_report.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "hexcore/report/json_text.hpp"
#include "support/golden.hpp"

namespace hexcore {
namespace {

DevicesInfo workstation() {
    DevicesInfo devices;
    devices.host = {.total = 64_GiB,
                    .machine_available = 40_GiB,
                    .available = 7_GiB,
                    .cgroup_limit = 8_GiB,
                    .cgroup_path = "/sys/fs/cgroup/user.slice"};
    devices.gpus.gpus = {
        {.index = 0,
         .name = "NVIDIA RTX A4000",
         .uuid = "GPU-02000000-0000-0000-0000-0000000000a5",
         .total = 16_GiB,
         .free = Bytes(11'811'160'064),
         .holders = {{.pid = 4242, .command = "python3 train.py", .bytes = 4_GiB},
                     {.pid = 917, .command = "Xorg", .bytes = 310_MiB}}},
        {.index = 1,
         .name = "NVIDIA GeForce RTX 3060",
         .uuid = "",
         .total = 12_GiB,
         .free = {},
         .holders = {{.pid = 5150, .command = "", .bytes = {}}}},
    };
    devices.parking = {.folder = "/srv/state/hexcore/parked", .total = 500_GiB, .free = 120_GiB};
    devices.gpus.note =
        "How much of GPU 1 is free is not known: nvmlDeviceGetMemoryInfo of libnvidia-ml.so.1 says "
        "'Not Supported' (3). The driver does not say how much some processes hold.";
    return devices;
}

DevicesInfo laptop_info() {
    DevicesInfo devices;
    devices.host.total = 16_GiB;
    devices.host.machine_available = devices.host.available = 12_GiB;
    devices.gpus.note =
        "No GPU can be used: no NVIDIA driver was found; libcuda.so.1 cannot be loaded "
        "(libcuda.so.1: cannot open shared object file: No such file or directory).";
    return devices;
}

TEST(DevicesReport, ShowsEachDeviceAndWhoHoldsIt) {
    test::expect_golden("devices.txt", devices_table(workstation()));
}

TEST(DevicesReport, SaysWhyThereIsNoGpu) {
    test::expect_golden("devices_no_gpu.txt", devices_table(laptop_info()));
}

TEST(DevicesReport, IsOneJsonDocument) {
    test::expect_golden("devices.json", json_text(devices_json(workstation())));
    test::expect_golden("devices_no_gpu.json", json_text(devices_json(laptop_info())));
}

TEST(DevicesReport, NumbersGpusDifferentlyWhereTheyCannotBeUsed) {
    DevicesInfo devices = workstation();
    devices.gpus.numbering = GpuNumbering::pci_bus;
    const std::string text = devices_table(devices);
    EXPECT_NE(text.find("gpu 0"), std::string::npos);
    EXPECT_EQ(text.find("cuda:"), std::string::npos);
    EXPECT_EQ(devices_json(devices).at("gpu_numbering"), "pci_bus");
}

TEST(DevicesReport, ShowsNoControlCharactersOfAProcessThatNamesItselfSo) {
    DevicesInfo devices = workstation();
    devices.gpus.gpus[0].holders[0].command = "evil\x1b[2J\nname";
    const std::string text = devices_table(devices);
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
    EXPECT_NE(text.find("evil?[2J?name"), std::string::npos);
}

}  // namespace
}  // namespace hexcore
