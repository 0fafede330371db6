// What the kernel knows of a type of weights, each in one place: how long its blocks are, how it
// wants the activations that it is multiplied with, and a row's sum.
//
// ggml computes a row of weights with 128 threads (mul_mat_vec_q, one column): thread t takes parts
// of the blocks t / threads_per_block, that + blocks_per_turn, and so on, and adds up what vec_dot
// gives; then the four warps' sums of each lane are added in their order, then the lanes' by
// halves. Here a warp stands for all four: lane l has the sums of threads l, l + 32, l + 64 and l
// + 96. Every sum is made of the same numbers in the same order, so every bit is the same.
//
// Of several tokens ggml gives each one warp (mul_mat_vec_q_moe), whose lane l adds up all that
// those four threads would, in the order of the row. That is their turns' order.
#pragma once

#include <cstdint>

#include "vecdotq.cuh"

namespace hexcore_cuda {

// The total of row a in lanes 0 to 15, that of b in the others, in ggml's order: by 16, 8, 4, 2, 1.
__device__ __forceinline__ float add_lanes(float a, float b, int lane) {
    const bool upper = (lane & 16) != 0;
    float sum = (upper ? b : a) + __shfl_xor_sync(~0u, upper ? a : b, 16);
#pragma unroll
    for (int offset = 8; offset > 0; offset /= 2) {
        sum += __shfl_xor_sync(~0u, sum, offset);
    }
    return sum;
}

// The same for eight rows; row r's is in lanes 4 * r' to 4 * r' + 3, where r' has the bits of r in
// the order 4, 2, 1: r itself.
__device__ __forceinline__ float add_lanes(float (&rows)[8], int lane) {
#pragma unroll
    for (int n = 4, offset = 16; n > 0; n /= 2, offset /= 2) {
        const bool upper = (lane & offset) != 0;
#pragma unroll
        for (int k = 0; k < n; ++k) {
            const float kept = upper ? rows[k + n] : rows[k];
            const float given = upper ? rows[k] : rows[k + n];
            rows[k] = kept + __shfl_xor_sync(~0u, given, offset);
        }
    }
    rows[0] += __shfl_xor_sync(~0u, rows[0], 2);
    rows[0] += __shfl_xor_sync(~0u, rows[0], 1);
    return rows[0];
}

// By a warp: the sums of ggml's 128 threads, [row][thread] in shared memory, which this warp wrote,
// to those of its lanes.
template <int rows>
__device__ __forceinline__ void add_four_warps(float (&totals)[rows], const float* of_thread,
                                               int lane) {
    __syncwarp();
#pragma unroll
    for (int r = 0; r < rows; ++r) {
        const float* const s = of_thread + 128 * r + lane;
        totals[r] = ((s[0] + s[32]) + s[64]) + s[96];
    }
    __syncwarp();
}

// How many tokens a batch has: ggml's order of a row's sum is a matter of that.
enum class Tokens { one, several };

constexpr int greatest_common_divisor(int a, int b) {
    return b == 0 ? a : greatest_common_divisor(b, a % b);
}

// Activations as ggml's quantize_q8_1 leaves them: blocks of 32.
struct BlockedInput {
    __host__ __device__ static constexpr int bytes(int columns) {
        return (columns / QK8_1 * static_cast<int>(sizeof(block_q8_1)) + 15) & ~15;
    }
    // Four q's at `column`, by each of the eight lanes that have its block, if it is `there`; all
    // lanes of the warp call it.
    static __device__ __forceinline__ void put(char* input, int column, int four, half2 ds,
                                               bool there) {
        if (!there) {
            return;
        }
        block_q8_1& block = reinterpret_cast<block_q8_1*>(input)[column / QK8_1];
        *reinterpret_cast<int*>(block.qs + column % QK8_1) = four;
        if (column % QK8_1 == 0) {
            block.ds = ds;
        }
    }
};

// A type by ggml's own functions.
template <Tokens tokens, ggml_type type, int vdr, auto vec_dot, bool with_sums = false>
struct Quant {
    using Input = BlockedInput;
    static constexpr ggml_type ggml = type;
    static constexpr bool needs_sums = with_sums;  // of the activations in a block, for their ds.y
    static constexpr int columns = ggml_cuda_type_traits<type>::qk;
    static constexpr int bytes = ggml_cuda_type_traits<type>::bs;
    static constexpr bool is_aligned = bytes % 16 == 0;  // rows always begin at 16 bytes

    static constexpr int threads_per_block = ggml_cuda_type_traits<type>::qi / vdr;
    static constexpr int blocks_per_turn = 128 / threads_per_block;
    // What is copied at a time: turns of about 1 KiB, in all a multiple of 16 bytes.
    static constexpr int least = 16 / greatest_common_divisor(blocks_per_turn * bytes, 16);
    static constexpr int turns = least;
    static constexpr int chunk_blocks = turns * blocks_per_turn;
    static constexpr int chunk_bytes = chunk_blocks * bytes;
    static constexpr int chunk_columns = chunk_blocks * columns;
    static constexpr int scratch_bytes = 0;
    static constexpr int least_stage = 0;   // bytes that short rows want of a stage
    static constexpr int helper_warps = 4;  // with which no registers are missing

    static constexpr int sums_of_lane = tokens == Tokens::one ? 4 : 1;
    template <int rows>
    using Sums = float[rows][sums_of_lane];

    // Adds what blocks `first` to `first + count` of the rows give; count is chunk_blocks or what
    // is left of a row. `weights`: where those blocks are.
    template <int rows>
    static __device__ __forceinline__ void add(Sums<rows>& sums, const char* const (&weights)[rows],
                                               const char* input, int first, int count, int lane) {
        const auto* x = reinterpret_cast<const block_q8_1*>(input) + first * (columns / QK8_1);
        if (count == chunk_blocks) {
            add_turns<rows, true>(sums, weights, x, count, lane);
        } else {
            add_turns<rows, false>(sums, weights, x, count, lane);
        }
    }

    template <int rows>
    static __device__ __forceinline__ void add_warps(float (&totals)[rows], Sums<rows>& sums, char*,
                                                     int) {
#pragma unroll
        for (int r = 0; r < rows; ++r) {
            if constexpr (tokens == Tokens::one) {
                totals[r] = ((sums[r][0] + sums[r][1]) + sums[r][2]) + sums[r][3];
            } else {
                totals[r] = sums[r][0];
            }
        }
    }

private:
    template <int rows, bool whole>
    static __device__ __forceinline__ void add_turns(Sums<rows>& sums,
                                                     const char* const (&weights)[rows],
                                                     const block_q8_1* x, int count, int lane) {
        // One at a time: all at once need more registers than there are (Q6_K).
#pragma unroll 1
        for (int turn = 0; turn < turns; ++turn) {
#pragma unroll
            for (int w = 0; w < 4; ++w) {
                const int thread = 32 * w + lane;
                const int block = turn * blocks_per_turn + thread / threads_per_block;
                if (whole || block < count) {
#pragma unroll
                    for (int r = 0; r < rows; ++r) {
                        sums[r][w % sums_of_lane] +=
                            vec_dot(weights[r], x + block * (columns / QK8_1), block,
                                    vdr * (thread % threads_per_block));
                    }
                }
            }
        }
    }
};

template <Tokens tokens>
using Q4_0 = Quant<tokens, GGML_TYPE_Q4_0, VDR_Q4_0_Q8_1_MMVQ, vec_dot_q4_0_q8_1, true>;
template <Tokens tokens>
using Q8_0 = Quant<tokens, GGML_TYPE_Q8_0, VDR_Q8_0_Q8_1_MMVQ, vec_dot_q8_0_q8_1>;
template <Tokens tokens>
using Q4_K = Quant<tokens, GGML_TYPE_Q4_K, VDR_Q4_K_Q8_1_MMVQ, vec_dot_q4_K_q8_1>;
template <Tokens tokens>
using Q5_K = Quant<tokens, GGML_TYPE_Q5_K, VDR_Q5_K_Q8_1_MMVQ, vec_dot_q5_K_q8_1>;
template <Tokens tokens>
using Q6_K = Quant<tokens, GGML_TYPE_Q6_K, VDR_Q6_K_Q8_1_MMVQ, vec_dot_q6_K_q8_1>;
template <Tokens tokens>
using IQ4_XS = Quant<tokens, GGML_TYPE_IQ4_XS, VDR_IQ4_XS_Q8_1_MMVQ, vec_dot_iq4_xs_q8_1>;
template <Tokens tokens>
using IQ4_NL = Quant<tokens, GGML_TYPE_IQ4_NL, VDR_IQ4_NL_Q8_1_MMVQ, vec_dot_iq4_nl_q8_1>;
template <Tokens tokens>
using MXFP4 = Quant<tokens, GGML_TYPE_MXFP4, VDR_MXFP4_Q8_1_MMVQ, vec_dot_mxfp4_q8_1>;

}  // namespace hexcore_cuda
