// Q4_K by hand: the numbers of Quant<Q4_K>, with two thirds of its instructions, which is what it
// takes to keep pace with the memory of an H200.
//
// A lane has a quarter of a block, 64 columns: two reads of 16 bytes where ggml's threads 4 l to
// 4 l + 3 read 4 bytes four times each. Products of a block's d (11 bits), a scale (6 bits) and a
// sum of q's (10 bits) are exact in float, so scales are multiplied in where it is cheapest; what
// ggml rounds is rounded here, in the same place.
//
// Rows of at most 4 blocks would leave most lanes without one. They are taken by eight, as if they
// were one row of 8 times as many blocks: each of ggml's threads has one value of a row at most.
#pragma once

#include "quants.cuh"

namespace hexcore_cuda {
namespace {  // as ggml's functions, which are each file's own

// Activations in units of 64 columns, as a lane of Q4_K reads them: 7 times 16 bytes, so that eight
// lanes' reads fall into different banks.
struct UnitedInput {
    static constexpr int unit_columns = 64;

    struct Unit {
        int q[16];     // of the low nibbles' columns, then of the high ones'
        float low[4];  // d times the sum of the q's of words i and i + 4
        float high[4];
        float d_low;
        float d_high;      // a sixteenth: high nibbles are used where they are, 16 times too large
        float magic_low;   // -2^23 times d_low
        float magic_high;  // -2^23 times d_high
    };
    static_assert(sizeof(Unit) == 7 * 16);

    __host__ __device__ static constexpr int bytes(int columns) {
        return columns / unit_columns * static_cast<int>(sizeof(Unit));
    }

    // By 16 bytes each.
    static __device__ __forceinline__ Unit load(const char* input, int number) {
        Unit unit;
        const auto* from =
            reinterpret_cast<const uint4*>(reinterpret_cast<const Unit*>(input) + number);
#pragma unroll
        for (int i = 0; i < 7; ++i) {
            reinterpret_cast<uint4*>(&unit)[i] = from[i];
        }
        return unit;
    }

    static __device__ __forceinline__ void put(char* input, int column, int four, half2 ds,
                                               bool there) {
        int sum = ggml_cuda_dp4a(four, 0x01010101, 0);
        sum += __shfl_xor_sync(~0u, sum, 4);
        if (!there) {
            return;
        }
        Unit& unit = reinterpret_cast<Unit*>(input)[column / unit_columns];
        const bool is_high = (column & 32) != 0;
        const int word = column / 4 & 7;
        const float d = __low2float(ds);
        unit.q[(is_high ? 8 : 0) + word] = four;
        if (word < 4) {
            (is_high ? unit.high : unit.low)[word] = d * static_cast<float>(sum);
        } else if (word == 4) {
            const float factor = is_high ? d * 0.0625f : d;
            (is_high ? unit.d_high : unit.d_low) = factor;
            (is_high ? unit.magic_high : unit.magic_low) = factor * -8388608.0f;
        }
    }
};

template <Tokens tokens>
struct FastQ4_K : Q4_K<tokens> {
    using Q4_K<tokens>::bytes;
    template <int rows>
    using Sums = typename Q4_K<tokens>::template Sums<rows>;
    using Input = UnitedInput;
    static constexpr int scratch_bytes = tokens == Tokens::one ? 2 * 128 * sizeof(float) : 0;
    static constexpr int helper_warps = 6;

    template <int rows>
    static __device__ __forceinline__ void add(Sums<rows>& sums, const char* const (&weights)[rows],
                                               const char* input, int first, int count, int lane) {
        const bool has_block = lane / 4 < count;
        if (tokens == Tokens::one && !has_block) {
            return;
        }
        UnitedInput::Unit x;
        if (has_block) {
            x = UnitedInput::load(input, first * 4 + lane);
        }
#pragma unroll
        for (int r = 0; r < rows; ++r) {
            float values[4] = {};
            if (has_block) {
                multiply_quarter(values, weights[r] + lane / 4 * bytes, lane & 3, x);
            }
            if constexpr (tokens == Tokens::one) {
#pragma unroll
                for (int i = 0; i < 4; ++i) {
                    sums[r][i] = __fadd_rn(sums[r][i], values[i]);
                }
            } else {
                add_in_turn(sums[r][0], values, lane);
            }
        }
    }

    // Of one token thread t's sum is that of lane t / 4: brought into ggml's order by way of shared
    // memory.
    template <int rows>
    static __device__ __forceinline__ void add_warps(float (&totals)[rows], Sums<rows>& sums,
                                                     char* scratch, int lane) {
        static_assert(rows == 2);
        if constexpr (tokens == Tokens::several) {
#pragma unroll
            for (int r = 0; r < rows; ++r) {
                totals[r] =
                    __shfl_sync(~0u, sums[r][0], (lane & 3) * 8 + lane / 4 % 4 + lane / 16 * 4);
            }
        } else {
            auto* of_thread = reinterpret_cast<float*>(scratch);
#pragma unroll
            for (int r = 0; r < rows; ++r) {
                reinterpret_cast<float4*>(of_thread)[32 * r + lane] =
                    make_float4(sums[r][0], sums[r][1], sums[r][2], sums[r][3]);
            }
            add_four_warps(totals, of_thread, lane);
        }
    }

protected:
    static __device__ __forceinline__ unsigned permute(unsigned a, unsigned b, unsigned selector) {
        unsigned result;
        asm("prmt.b32 %0, %1, %2, %3;" : "=r"(result) : "r"(a), "r"(b), "r"(selector));
        return result;
    }

    // An unsigned byte each of a by a signed one of b.
    static __device__ __forceinline__ int dot(unsigned a, int b, int sum) {
        int result;
        asm("dp4a.u32.s32 %0, %1, %2, %3;" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
        return result;
    }

    // Of several tokens ggml's lane of words i and i + 4 of quarter j adds up every other block's.
    // Here lanes with the same quarter of blocks b, b + 2, b + 4 and b + 6 give each other theirs,
    // so that each has one i of all four: lane 8 i + 4 b + j.
    static __device__ __forceinline__ void add_in_turn(float& sum, const float (&values)[4],
                                                       int lane) {
        const bool upper = (lane & 16) != 0;
        const bool odd = (lane & 8) != 0;
        float of_near[2];  // of blocks b and b + 2, by this lane's pair of i
        float of_far[2];   // of b + 4 and b + 6
#pragma unroll
        for (int k = 0; k < 2; ++k) {
            const float kept = upper ? values[2 + k] : values[k];
            const float got = __shfl_xor_sync(~0u, upper ? values[k] : values[2 + k], 16);
            of_near[k] = upper ? got : kept;
            of_far[k] = upper ? kept : got;
        }
        const auto add_pair = [&](const float(&pair)[2]) {
            const float kept = odd ? pair[1] : pair[0];
            const float got = __shfl_xor_sync(~0u, odd ? pair[0] : pair[1], 8);
            sum = __fadd_rn(sum, odd ? got : kept);
            sum = __fadd_rn(sum, odd ? kept : got);
        };
        add_pair(of_near);
        add_pair(of_far);
    }

    // Quarter j of a block: values[i] is what ggml's thread of its words i and i + 4 adds.
    static __device__ __forceinline__ void multiply_quarter(float (&values)[4], const char* block,
                                                            int j, const UnitedInput::Unit& x) {
        // An integer of 22 bits added to this one, taken as a float, is that number plus 1.5 *
        // 2^23.
        constexpr int magic = 0x4B400000;
        constexpr float magic_value = 12582912.0f;

        const uint4 head = *reinterpret_cast<const uint4*>(block);
        const uint4 a = *reinterpret_cast<const uint4*>(block + 16 + 32 * j);
        const uint4 b = *reinterpret_cast<const uint4*>(block + 32 + 32 * j);
        // The quarter's scales and mins, 6 bits each, as bytes: scale low, high, min low, high.
        const unsigned selector = (j & 1) != 0 ? 0x7632 : 0x5410;
        const unsigned first = permute(head.y, head.z, selector);
        const unsigned last = permute(head.w, head.w >> 4, selector);
        const unsigned scales =
            j < 2 ? first & 0x3f3f3f3f : (first >> 2 & 0x30303030) | (last & 0x0f0f0f0f);
        // Bytes to floats: 2^23 plus the byte, less 2^23.
        const float scale_low =
            __fmaf_rn(x.d_low, __uint_as_float(permute(scales, 0x4B000000, 0x7540)), x.magic_low);
        const float scale_high =
            __fmaf_rn(x.d_high, __uint_as_float(permute(scales, 0x4B000000, 0x7541)), x.magic_high);
        const float min_low =
            __fadd_rn(__uint_as_float(permute(scales, 0x4B000000, 0x7542)), -8388608.0f);
        const float min_high =
            __fadd_rn(__uint_as_float(permute(scales, 0x4B000000, 0x7543)), -8388608.0f);
        const float2 dm = __half22float2(*reinterpret_cast<const half2*>(&head.x));
        const float less = __fmul_rn(scale_low, -magic_value);
        const unsigned words_a[4] = {a.x, a.y, a.z, a.w};
        const unsigned words_b[4] = {b.x, b.y, b.z, b.w};
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            const int low = ggml_cuda_dp4a(words_b[i] & 0x0f0f0f0f, x.q[4 + i],
                                           ggml_cuda_dp4a(words_a[i] & 0x0f0f0f0f, x.q[i], magic));
            const int high = dot(words_b[i] & 0xf0f0f0f0, x.q[12 + i],
                                 dot(words_a[i] & 0xf0f0f0f0, x.q[8 + i], magic));
            const float scaled =
                __fmaf_rn(scale_high, __fadd_rn(__int_as_float(high), -magic_value),
                          __fmaf_rn(scale_low, __int_as_float(low), less));
            const float mins = __fmaf_rn(x.high[i], min_high, __fmul_rn(x.low[i], min_low));
            values[i] = __fmaf_rn(dm.x, scaled, -__fmul_rn(dm.y, mins));
        }
    }
};

// The same for one token and for several.
struct OfShortQ4_K : FastQ4_K<Tokens::one> {
    static constexpr int most_blocks = 4;  // of a row
    static constexpr bool takes_row(int n) { return n <= most_blocks * columns; }
    static constexpr int least_stage = 8 * most_blocks * bytes;
    static constexpr int most_threads = most_blocks * threads_per_block;  // of ggml's
    static constexpr int scratch_bytes = 8 * most_threads * sizeof(float);

    template <int rows>
    struct Sums {
        float of_turn[most_blocks][4];
        int blocks;  // of a row
    };

    template <int rows>
    static __device__ __forceinline__ void add(Sums<rows>& sums, const char* const (&weights)[rows],
                                               const char* input, int, int count, int lane) {
        static_assert(rows == 8);
        sums.blocks = count;
#pragma unroll
        for (int turn = 0; turn < most_blocks; ++turn) {
            if (turn < count) {
                const int block = turn * 8 + lane / 4;  // of all rows'
                const auto x = UnitedInput::load(input, block % count * 4 + lane % 4);
                float values[4];
                multiply_quarter(values, weights[0] + block * bytes, lane % 4, x);
#pragma unroll
                for (int i = 0; i < 4; ++i) {
                    sums.of_turn[turn][i] = __fadd_rn(0.0f, values[i]);
                }
            }
        }
    }

    template <int rows>
    static __device__ __forceinline__ void add_warps(float (&totals)[rows], const Sums<rows>& sums,
                                                     char* scratch, int lane) {
        auto* of_thread = reinterpret_cast<float*>(scratch);  // [row][thread]
        const int threads = sums.blocks * threads_per_block;
#pragma unroll
        for (int turn = 0; turn < most_blocks; ++turn) {
            if (turn < sums.blocks) {
                const float(&sum)[4] = sums.of_turn[turn];
                reinterpret_cast<float4*>(of_thread)[turn * 32 + lane] =
                    make_float4(sum[0], sum[1], sum[2], sum[3]);
            }
        }
        __syncwarp();
#pragma unroll
        for (int r = 0; r < rows; ++r) {
            const float* const s = of_thread + r * threads + lane;
            totals[r] = lane < threads ? s[0] : 0.0f;
            if (lane + 32 < threads) {
                totals[r] += s[32];
            }
        }
        __syncwarp();
    }
};

template <Tokens>
using ShortQ4_K = OfShortQ4_K;

}  // namespace
}  // namespace hexcore_cuda
