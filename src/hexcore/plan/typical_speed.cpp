#include <algorithm>
#include <array>
#include <cctype>
#include <string>

#include "hexcore/plan/make_plan.hpp"

namespace hexcore {
namespace {

struct KnownGpu {
    std::string_view name;  ///< part of the driver's name for the card
    double bandwidth_gb_per_s;
};

// Memory bandwidths as stated in NVIDIA's data sheets. More special names come first.
constexpr std::array<KnownGpu, 26> known_gpus{{
    {"H200", 4800},      {"H100 PCIe", 2000}, {"H100 NVL", 3900},
    {"H100", 3350},      {"B200", 8000},      {"A100-SXM4-80", 2039},
    {"A100 80GB", 1935}, {"A100", 1555},      {"L40", 864},
    {"L4", 300},         {"A6000", 768},      {"A5000", 768},
    {"A10", 600},        {"T4", 320},         {"V100", 900},
    {"P100", 732},       {"P40", 347},        {"RTX 5090", 1792},
    {"RTX 5080", 960},   {"RTX 4090", 1008},  {"RTX 4080", 717},
    {"RTX 4070", 504},   {"RTX 4060", 288},   {"RTX 3090", 936},
    {"RTX 3080", 760},   {"RTX 3060", 360},
}};

bool contains(std::string_view text, std::string_view part) {
    const auto same = [](unsigned char a, unsigned char b) {
        return std::tolower(a) == std::tolower(b);
    };
    return std::search(text.begin(), text.end(), part.begin(), part.end(), same) != text.end();
}

}  // namespace

TypicalSpeed typical_speed(DeviceKind kind, std::string_view gpu_name) {
    switch (kind) {
        case DeviceKind::host:
            return {10e9, 1e-6};
        case DeviceKind::cuda:
        case DeviceKind::rpc:
            break;
    }
    const auto known = std::find_if(known_gpus.begin(), known_gpus.end(), [&](const KnownGpu& gpu) {
        return contains(gpu_name, gpu.name);
    });
    return {known == known_gpus.end() ? 600e9 : known->bandwidth_gb_per_s * 1e9, 10e-6};
}

}  // namespace hexcore
