#include "hexcore/isolate/gpu_reader.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "support/temp_folder.hpp"

namespace hexcore {
namespace {

using namespace std::chrono_literals;

class GpuReaderOfAFake : public testing::Test {
protected:
    GpuReaderOfAFake() {
        std::ofstream(state_) << "total " << (8_GiB).count() << "\n";
        ::setenv("FAKE_NVML_FILE", state_.c_str(), 1);
    }
    ~GpuReaderOfAFake() override { ::unsetenv("FAKE_NVML_FILE"); }

    void let_hang() const { std::ofstream(state_.string() + ".hangs") << "1"; }
    void let_go_on() const { std::filesystem::remove(state_.string() + ".hangs"); }

    test::TempFolder folder_;
    std::filesystem::path state_ = std::filesystem::path(folder_.path()) / "gpu";
    GpuProbeOptions options_{.cuda_library = "none", .nvml_library = HEXCORE_FAKE_NVML};
};

TEST_F(GpuReaderOfAFake, ADriverThatHangsIsWaitedForOnce) {
    GpuReader reader(options_, {.again = 1s});
    ASSERT_EQ(reader.devices().size(), 1);
    let_hang();
    const auto began = std::chrono::steady_clock::now();
    for (int i = 0; i < 100; ++i) {
        reader.read_now();
    }
    EXPECT_LT(std::chrono::steady_clock::now() - began, 60s);
    EXPECT_EQ(reader.devices()[0].free, 8_GiB) << "what was read last";
    let_go_on();
}

TEST_F(GpuReaderOfAFake, ADriverThatAnswersAgainIsReadAgain) {
    GpuReader reader(options_, {.again = 10ms});
    let_hang();
    std::ofstream(state_, std::ios::app) << "nobodys " << (1_GiB).count() << "\n";
    reader.read_now();
    let_go_on();
    while (reader.devices().at(0).free != 7_GiB) {
        reader.read_now();
    }
    EXPECT_NE(reader.unreturned(), "");
}

}  // namespace
}  // namespace hexcore
