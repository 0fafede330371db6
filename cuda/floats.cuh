// Weights in 16-bit floats, by tensor cores, with the sums of ggml's mul_mat_f for one token.
//
// There a block of 2 to 8 warps computes 32 rows. A row is in segments of 64 columns; warp w takes
// the segments w, w + warps, and so on, each by four mma of 16 columns, one after the other into
// the same float; in the end the warps' floats are added in their order, from zero on. Of the eight
// columns of activations that an mma has, seven are empty.
//
// Here one mma stands for those of all warps: rows 0 to 7 of its A are what ggml's warps have in
// hand of one row of weights, rows 8 to 15 the same of another one, and column w of its B is the
// activations of warp w's segment. What row w and column w give is what ggml's warp w has; the
// other values are nobody's. An element of an mma depends only on its row, its column and what was
// there before.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "quants.cuh"

namespace hexcore_cuda {

constexpr int segment_columns = 64;
constexpr int segment_bytes = 2 * segment_columns;

// How many warps ggml gives a row (mul_mat_f_cuda): the fewest of those that need the fewest turns
// of two segments a warp.
constexpr int warps_for_row(int columns) {
    int best = 1;
    int fewest = columns;
    for (int warps = 1; warps <= 8; ++warps) {
        const int turns = (columns / 2 + warps * 64 - 1) / (warps * 64);
        if (turns < fewest) {
            fewest = turns;
            best = warps;
        }
    }
    return best;
}

struct OfHalf {
    static constexpr ggml_type ggml = GGML_TYPE_F16;
    static __device__ __forceinline__ unsigned pack(float a, float b) {
        const half2 both = __floats2half2_rn(a, b);
        return reinterpret_cast<const unsigned&>(both);
    }
    static __device__ __forceinline__ void mma(float (&c)[4], unsigned a0, unsigned a1, unsigned a2,
                                               unsigned a3, unsigned b0, unsigned b1) {
        asm volatile(
            "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
            "{%8, %9}, {%0, %1, %2, %3};"
            : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
            : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
    }
};

struct OfBfloat16 {
    static constexpr ggml_type ggml = GGML_TYPE_BF16;
    static __device__ __forceinline__ unsigned pack(float a, float b) {
        const __nv_bfloat162 both = __floats2bfloat162_rn(a, b);
        return reinterpret_cast<const unsigned&>(both);
    }
    static __device__ __forceinline__ void mma(float (&c)[4], unsigned a0, unsigned a1, unsigned a2,
                                               unsigned a3, unsigned b0, unsigned b1) {
        asm volatile(
            "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, "
            "%7}, {%8, %9}, {%0, %1, %2, %3};"
            : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
            : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
    }
};

// Where the 16 bytes of eight columns are in their segment: so that what the lanes of a warp need
// at a time, of consecutive segments, is in different banks.
__device__ __forceinline__ int unit_at(int segment, int unit) {
    return segment * segment_bytes + (unit ^ (segment & 7)) * 16;
}

// Activations rounded to the weights' type, as ggml does before it multiplies.
template <class Of>
struct FloatInput {
    __host__ __device__ static constexpr int bytes(int columns) { return columns * 2; }
    static __device__ __forceinline__ void put_floats(float4 v, char* input, int column,
                                                      bool there) {
        if (there) {
            const int at = unit_at(column / segment_columns, column % segment_columns / 8);
            *reinterpret_cast<uint2*>(input + at + column % 8 * 2) =
                make_uint2(Of::pack(v.x, v.y), Of::pack(v.z, v.w));
        }
    }
};

// `warps`: ggml's for a row of this length.
template <class Of, int warps>
struct Floats {
    using Input = FloatInput<Of>;
    static constexpr ggml_type ggml = Of::ggml;
    static constexpr int columns = segment_columns;
    static constexpr int bytes = segment_bytes;
    static constexpr bool is_aligned = true;
    // Units of h must not be in two chunks; six warps are for rows of 768, which is one chunk.
    static constexpr int chunk_blocks = warps == 6 ? 12 : 8;
    static constexpr int chunk_bytes = chunk_blocks * bytes;
    static constexpr int chunk_columns = chunk_blocks * columns;
    static constexpr int scratch_bytes = 0;
    static constexpr int least_stage = 0;
    static constexpr int helper_warps = 4;

    // Matrices of up to 512 rows ggml multiplies with in another way, where it fuses products.
    static constexpr bool takes_row(int n) { return n > 512 && warps_for_row(n) == warps; }

    template <int>
    using Sums = float[4];  // of an mma

    template <int rows>
    static __device__ __forceinline__ void add(float (&sums)[4], const char* const (&weights)[rows],
                                               const char* input, int first, int count, int lane) {
        static_assert(rows == 2);
        const int warp = lane / 4;  // of ggml's
        const int end = first + count;
#pragma unroll 1
        for (int turn = first / warps * warps; turn < end; turn += warps) {
            const int segment = turn + warp;
            const bool is_one = warp < warps && segment >= first && segment < end;
            const int taken = is_one ? segment : first;
            unsigned a[8];
            unsigned b[8];
            load(a, weights[0] + (taken - first) * segment_bytes, lane);
            load(b, weights[1] + (taken - first) * segment_bytes, lane);
            // What the others make of another segment is dropped, in their own lanes.
            const float before[4] = {sums[0], sums[1], sums[2], sums[3]};
#pragma unroll
            for (int u = 0; u < 8; u += 2) {
                Of::mma(sums, a[u], b[u], a[u + 1], b[u + 1], activations(input, taken, u, lane),
                        activations(input, taken, u + 1, lane));
            }
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                sums[i] = is_one ? sums[i] : before[i];
            }
        }
    }

    // The rows' totals in lane 0, where those of other lanes are added to.
    template <int rows>
    static __device__ __forceinline__ void add_warps(float (&totals)[rows], float (&sums)[4], char*,
                                                     int lane) {
        static_assert(rows == 2);
        const bool is_odd = (lane / 4 & 1) != 0;
        const float of_warp[2] = {is_odd ? sums[1] : sums[0], is_odd ? sums[3] : sums[2]};
#pragma unroll
        for (int r = 0; r < 2; ++r) {
            float total = 0;
#pragma unroll
            for (int w = 0; w < warps; ++w) {
                total += __shfl_sync(~0u, of_warp[r], w * 4 + w / 2);
            }
            totals[r] = lane == 0 ? total : 0.0f;
        }
    }

private:
    // Two columns of each eight of a segment. Copied in as they lie, segments are below each other
    // in the banks: so lanes of different segments read different eights at a time.
    static __device__ __forceinline__ void load(unsigned (&values)[8], const char* segment,
                                                int lane) {
        const int warp = lane / 4;
#pragma unroll
        for (int u = 0; u < 8; ++u) {
            values[u] =
                *reinterpret_cast<const unsigned*>(segment + (u ^ warp) * 16 + lane % 4 * 4);
        }
#pragma unroll
        for (int bit = 1; bit < 8; bit *= 2) {
            const bool is_swapped = (warp & bit) != 0;
#pragma unroll
            for (int u = 0; u < 8; ++u) {
                if ((u & bit) == 0) {
                    const unsigned low = values[u];
                    const unsigned high = values[u + bit];
                    values[u] = is_swapped ? high : low;
                    values[u + bit] = is_swapped ? low : high;
                }
            }
        }
    }

    static __device__ __forceinline__ unsigned activations(const char* input, int segment, int unit,
                                                           int lane) {
        return *reinterpret_cast<const unsigned*>(input + unit_at(segment, unit) + lane % 4 * 4);
    }
};

}  // namespace hexcore_cuda
