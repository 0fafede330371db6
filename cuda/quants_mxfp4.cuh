// MXFP4 by hand: the numbers of Quant<MXFP4>, whose blocks of 17 bytes ggml reads byte by byte.
//
// A lane has whole blocks, block l of 32 and block l + 32, as ggml's threads 2 l, 2 l + 1, 64 + 2 l
// and 65 + 2 l: five aligned words each, shifted into place. Four nibbles at a time are looked up
// by one permutation of bytes, which gives 0 for a nibble whose high bit, the sign, is set; with
// the signs turned the same words give the negative values, so a sum is that of the positive ones
// less that of the others. Sums of q's are exact, and ggml rounds only when it adds a thread's to
// its own.
#pragma once

#include "copies.cuh"
#include "quants.cuh"

namespace hexcore_cuda {
namespace {  // as ggml's functions, which are each file's own

// Blocks of 32 activations in the order in which nibbles are looked up: 0 16 1 17 2 18 and so on.
// 3 times 16 bytes, so that eight lanes' reads fall into different banks.
struct InterleavedInput {
    struct Block {
        int q[8];
        float d;
        int unused[3];
    };
    static_assert(sizeof(Block) == 3 * 16);

    __host__ __device__ static constexpr int bytes(int columns) {
        return columns / QK8_1 * static_cast<int>(sizeof(Block));
    }

    static __device__ __forceinline__ void put(char* input, int column, int four, half2 ds,
                                               bool there) {
        const int other =
            __shfl_xor_sync(~0u, four, 4);  // the one 16 columns on, in the first lanes
        if (!there) {
            return;
        }
        Block& block = reinterpret_cast<Block*>(input)[column / QK8_1];
        const int word = column / 4 & 7;
        if (word < 4) {
            block.q[2 * word] = __byte_perm(four, other, 0x5140);
            block.q[2 * word + 1] = __byte_perm(four, other, 0x7362);
        } else if (word == 4) {
            block.d = __low2float(ds);
        }
    }
};

template <Tokens tokens>
struct FastMXFP4 : MXFP4<tokens> {
    using MXFP4<tokens>::bytes;
    template <int rows>
    using Sums = typename MXFP4<tokens>::template Sums<rows>;
    using Input = InterleavedInput;
    static constexpr int scratch_bytes = tokens == Tokens::one ? 2 * 128 * sizeof(float) : 0;

    template <int rows>
    static __device__ __forceinline__ void add(Sums<rows>& sums, const char* const (&weights)[rows],
                                               const char* input, int first, int count, int lane) {
        Product products[rows][2] = {};
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            const int block = lane + 32 * half;
            if (block < count) {
                InterleavedInput::Block x;
                const auto* from = reinterpret_cast<const InterleavedInput::Block*>(input) + first;
                *reinterpret_cast<uint4*>(x.q) = *reinterpret_cast<const uint4*>(from[block].q);
                *reinterpret_cast<uint4*>(x.q + 4) =
                    *reinterpret_cast<const uint4*>(from[block].q + 4);
                x.d = from[block].d;
#pragma unroll
                for (int r = 0; r < rows; ++r) {
                    products[r][half] =
                        multiply_block(shared_address(weights[r]) + block * bytes, x);
                    if constexpr (tokens == Tokens::one) {
                        const Product& product = products[r][half];
                        float& low = sums[r][2 * half];
                        float& high = sums[r][2 * half + 1];
                        low = __fmaf_rn(product.d, product.low, low);
                        high = __fmaf_rn(product.d, product.high, high);
                    }
                }
            }
        }
        if constexpr (tokens == Tokens::several) {
#pragma unroll
            for (int r = 0; r < rows; ++r) {
                add_in_turn(sums[r][0], products[r], lane);
            }
        }
    }

    template <int rows>
    static __device__ __forceinline__ void add_warps(float (&totals)[rows], Sums<rows>& sums,
                                                     char* scratch, int lane) {
        if constexpr (tokens == Tokens::several) {
#pragma unroll
            for (int r = 0; r < rows; ++r) {
                totals[r] = __shfl_sync(~0u, sums[r][0], lane / 2 + (lane & 1) * 16);
            }
        } else {
            auto* of_thread = reinterpret_cast<float*>(scratch);
#pragma unroll
            for (int r = 0; r < rows; ++r) {
                auto* pairs = reinterpret_cast<float2*>(of_thread + 128 * r);
                pairs[lane] = make_float2(sums[r][0], sums[r][1]);
                pairs[32 + lane] = make_float2(sums[r][2], sums[r][3]);
            }
            add_four_warps(totals, of_thread, lane);
        }
    }

private:
    // Of a block, by its first eight bytes and by the others; ggml multiplies by d as it adds.
    struct Product {
        float low, high, d;
    };

    // Of several tokens ggml's lanes 2 c and 2 c + 1 add up blocks c, c + 16, c + 32 and so on.
    // Lane c has the first one's sum here, and lane c + 16, which has every other of those blocks,
    // the second one's: they give each other what belongs to the other.
    static __device__ __forceinline__ void add_in_turn(float& sum, const Product (&products)[2],
                                                       int lane) {
        const bool upper = (lane & 16) != 0;
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            const Product& mine = products[half];
            const float kept = upper ? mine.high : mine.low;
            const float got = __shfl_xor_sync(~0u, upper ? mine.low : mine.high, 16);
            const float d = __shfl_xor_sync(~0u, mine.d, 16);
            sum = __fmaf_rn(upper ? d : mine.d, upper ? got : kept, sum);
            sum = __fmaf_rn(upper ? mine.d : d, upper ? kept : got, sum);
        }
    }

    template <int offset>
    static __device__ __forceinline__ unsigned load(unsigned address) {
        unsigned value;
        asm volatile("ld.shared.u32 %0, [%1 + %2];"
                     : "=r"(value)
                     : "r"(address), "n"(offset)
                     : "memory");
        return value;
    }

    static __device__ __forceinline__ int look_up(unsigned nibbles) {
        int values;
        asm("prmt.b32 %0, %1, %2, %3;"
            : "=r"(values)
            : "r"(0x03020100), "r"(0x0c080604), "r"(nibbles));
        return values;
    }

    static __device__ __forceinline__ Product multiply_block(unsigned address,
                                                             const InterleavedInput::Block& x) {
        constexpr int magic = 0x4B400000;  // see quants_q4_k.cuh
        constexpr float magic_value = 12582912.0f;
        const unsigned at = address & ~3u;
        const int shift = (address & 3) * 8;
        const unsigned words[5] = {load<0>(at), load<4>(at), load<8>(at), load<12>(at),
                                   load<16>(at)};
        // Half of 2^(e - 127), since the table has doubled values; what would be denormal is 0.
        const unsigned e = max(words[0] >> shift & 255, 1u) - 1;
        const float d = __uint_as_float(e << 23) * x.d;
        int positive[2] = {magic, magic};
        int negative[2] = {0, 0};
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            const unsigned nibbles = __funnelshift_rc(words[i], words[i + 1], shift + 8);
            const unsigned turned = nibbles ^ 0x88888888;
            int& p = positive[i / 2];
            int& n = negative[i / 2];
            p = ggml_cuda_dp4a(look_up(nibbles), x.q[2 * i], p);
            p = ggml_cuda_dp4a(look_up(nibbles >> 16), x.q[2 * i + 1], p);
            n = ggml_cuda_dp4a(look_up(turned), x.q[2 * i], n);
            n = ggml_cuda_dp4a(look_up(turned >> 16), x.q[2 * i + 1], n);
        }
        return {__fadd_rn(__int_as_float(positive[0] - negative[0]), -magic_value),
                __fadd_rn(__int_as_float(positive[1] - negative[1]), -magic_value), d};
    }
};

}  // namespace
}  // namespace hexcore_cuda
