#pragma once

#include <cstdint>

namespace hexcore {

/// How the next token is chosen, by llama.cpp's samplers.
struct SamplingOptions {
    float temperature = 0.8F;         ///< 0: always the most likely token
    std::int32_t top_k = 40;          ///< 0: all
    float top_p = 0.95F;              ///< 1: all
    float min_p = 0.05F;              ///< 0: all
    std::uint32_t seed = 0xFFFFFFFF;  ///< the default: another one each time
};

}  // namespace hexcore
