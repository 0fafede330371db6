// Activations from floats to what weights are multiplied with, as ggml's quantize_q8_1 does it.
#pragma once

#include "quants.cuh"

namespace hexcore_cuda {

// Four values in each lane, a block of 32 in eight lanes; `there`: whether this lane's exist. The
// sum of a block is made in the order of ggml's, which has one value in a lane.
template <class Q>
__device__ __forceinline__ void quantise(float4 v, char* input, int column, bool there) {
    if constexpr (requires { Q::Input::put_floats(v, input, column, there); }) {
        Q::Input::put_floats(v, input, column, there);
        return;
    } else {
        float largest = fmaxf(fmaxf(fabsf(v.x), fabsf(v.y)), fmaxf(fabsf(v.z), fabsf(v.w)));
#pragma unroll
        for (int offset = 4; offset > 0; offset /= 2) {
            largest = fmaxf(largest, __shfl_xor_sync(~0u, largest, offset));
        }
        float sum = 0;
        if constexpr (Q::needs_sums) {
            float4 s = v;
#pragma unroll
            for (int offset = 4; offset > 0; offset /= 2) {
                s.x += __shfl_xor_sync(~0u, s.x, offset);
                s.y += __shfl_xor_sync(~0u, s.y, offset);
                s.z += __shfl_xor_sync(~0u, s.z, offset);
                s.w += __shfl_xor_sync(~0u, s.w, offset);
            }
            sum = (s.x + s.z) + (s.y + s.w);
        }
        const float d = largest / 127.0f;
        const float value[4] = {v.x, v.y, v.z, v.w};
        int four = 0;
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            const int8_t q = largest == 0.0f ? 0 : roundf(value[i] / d);
            four |= static_cast<int>(static_cast<uint8_t>(q)) << (8 * i);
        }
        Q::Input::put(input, column, four, make_half2(d, sum), there);
    }
}

}  // namespace hexcore_cuda
