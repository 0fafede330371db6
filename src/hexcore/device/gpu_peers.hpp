#pragma once

#include <cstdint>
#include <string>

namespace hexcore {

/// Lets the GPUs cuda:`a` and cuda:`b` reach each other's memory for as long as this process has
/// its contexts on them, so that copies between them need no main memory. It is for GPUs in use:
/// one without a context gets one. False where they have no way to, or the driver lacks a function.
bool let_reach_each_other(std::uint32_t a, std::uint32_t b,
                          const std::string& cuda_library = "libcuda.so.1");

}  // namespace hexcore
