#pragma once

#include <cstdint>

namespace hexcore {

// Which numbers devices have in what a watch tells.
inline constexpr std::uint32_t host_number = 0;
inline constexpr std::uint32_t cgroup_number = 1;
inline constexpr std::uint32_t first_gpu_number = 2;

}  // namespace hexcore
