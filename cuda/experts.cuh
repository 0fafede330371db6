// The experts of one token in one launch: gate, up, activation, down and weighted sum.
//
// For one token experts are as fast as their weights can be read: 45 us a layer of Mixtral-8x7B in
// Q4_K at 4.7 TB/s, while ggml's kernels, one after the other, take 101. Each of them begins with
// an empty memory pipeline and waits for its last block at the end. Here one launch keeps the
// memory busy from its first byte to its last:
//
//   - There is one block for each multiprocessor, all at once. A warp has a ring of two stages in
//     shared memory, which copies fill while it computes (copies.cuh): 74 KB under way on each
//     multiprocessor, enough to saturate the memory. More only makes the queues longer, and with
//     them every other access (twice the ring: 2 to 3 us).
//   - A warp's stream goes on from its rows of gate and up to its rows of down without a stop:
//     while values of h are still missing, the weights that will need them arrive.
//   - Every block needs all of h. Its values travel as words {value, number of this launch}
//     (words.cuh), so no block waits at a barrier of the whole grid, and no fence is needed. Helper
//     warps fetch them and quantise them, each block for itself, beside the streams: as many as
//     leave the others their registers, and their number shows (Q4_K: 56 us with four, 50 with
//     six).
//
// The bits are ggml's: x and h are quantised as quantize_q8_1 does, rows are summed up in the order
// of mul_mat_vec_q (quants.cuh), the activation functions are ggml's own, compiled with its
// options, and the weighted sum is that of moe_weighted_reduction_f32, which fuses multiply and
// add, or, of more experts than that is used for, that of a product and additions.
//
// y may lie over x: a block writes y when it has all of h, and h is complete when every block has
// read all of x, if each has a row of gate and up to send (n_used * n_ff >= blocks). ids and
// weights are read at the start by blocks that may be late, so y must not lie over them.
#pragma once

#include "fetching.cuh"
#include "stream.cuh"
#include "unary.cuh"

namespace hexcore_cuda {

__device__ __forceinline__ float activate(int glu, float gate, float up) {
    switch (glu) {
        case 0:
            return up * ggml_cuda_op_silu_single(gate);
        case 1:
            return up * ggml_cuda_op_gelu_single(gate);
        default:
            return ggml_cuda_op_swiglu_oai_single(gate, up);
    }
}

__device__ __forceinline__ float4 load_four(const float* x, int column, int columns) {
    return column < columns ? *reinterpret_cast<const float4*>(x + column)
                            : make_float4(0, 0, 0, 0);
}

// Where a row begins in a stage that was filled from the border of 16 bytes before it.
template <class Q>
__device__ __forceinline__ int offset_of_row(int row, int row_bytes) {
    return Q::is_aligned ? 0 : static_cast<int>((static_cast<size_t>(row) * row_bytes) & 15);
}

template <class Up, class Down>
constexpr int threads_of = 32 * (compute_warps + (Up::helper_warps < Down::helper_warps
                                                      ? Up::helper_warps
                                                      : Down::helper_warps));

template <class Up, class Down, Rows rows>
__global__ void __launch_bounds__((threads_of<Up, Down>), 1) compute_experts(const Job job) {
    using Places = Layout<Up, Down>;
    extern __shared__ __align__(128) char memory[];
    __shared__ Board board;

    const int lane = threadIdx.x & 31;
    const int warp = __shfl_sync(~0u, threadIdx.x >> 5, 0);
    const int blocks = gridDim.x;
    constexpr int group = static_cast<int>(rows);
    const DownShare share(job.n_embd, group, blockIdx.x, blocks);
    const int most_rows = DownShare::most(job.n_embd, group, blocks);
    const Places places(job.n_embd, job.n_ff, job.n_used, most_rows);
    char* const x_input = memory + places.x;
    char* const h_input = memory + places.h;
    float* const results = reinterpret_cast<float*>(memory + places.results);
    const int chunks = (job.n_ff + Down::chunk_columns - 1) / Down::chunk_columns;

    // The first helper makes ready what all need, while the others quantise x.
    if (warp < compute_warps && lane < stages) {
        init_barrier(shared_address(&board.full[warp][lane]), arrivals_of_a_copy());
    }
    if (warp == compute_warps) {
        for (int i = lane; i < job.n_used * chunks; i += 32) {
            const int columns =
                min(Down::chunk_columns, job.n_ff - i % chunks * Down::chunk_columns);
            init_barrier(shared_address(&board.h_there[i]), (columns + h_unit - 1) / h_unit * 32);
        }
        if (lane < job.n_used) {
            const int expert = job.ids[lane];
            board.expert[lane] = expert;
            board.weight[lane] = job.weights[lane];
            board.gate[lane] = job.gate + expert * job.gate_stride;
            board.up[lane] = job.up + expert * job.up_stride;
            board.down[lane] = job.down + expert * job.down_stride;
        }
        if (lane == 0) {
            board.rows_done = 0;
            board.units_taken = 0;
        }
    } else if (warp < compute_warps) {
        // Two loads under way in each lane.
        constexpr int step = compute_warps * 128;
        for (int first = warp * 128; first < job.n_embd; first += 2 * step) {
            const int column = first + lane * 4;
            const float4 a = load_four(job.x, column, job.n_embd);
            const float4 b = load_four(job.x, column + step, job.n_embd);
            quantise<Up>(a, x_input, column, column < job.n_embd);
            quantise<Up>(b, x_input, column + step, column + step < job.n_embd);
        }
    }
    publish_barriers();
    const unsigned number = job.number[blockIdx.x] + 1;
    __syncthreads();

    Fetching<Down> fetching(job, board, h_input, places.h_bytes, number, lane);
    // Rows of down of the first experts give the helpers the time to fetch the last one's h.
    const bool helpers_suffice =
        job.n_used > 1 && chunks > 1 && job.n_used * share.groups > compute_warps;
    if (warp >= compute_warps) {
        fetching.run(true, helpers_suffice);
    } else {
        Stream<Up, Down, rows> stream(job, board, share, warp, lane);
        char* const ring = memory + warp * (stages * Places::stage);
        const unsigned ring_address = shared_address(ring);
        const unsigned full = shared_address(&board.full[warp][0]);
#pragma unroll 1
        for (int s = 0; s < stages; ++s) {
            stream.fill(ring_address + s * Places::stage, full + s * 8);
        }
        int slot = 0;
        unsigned parity = 0;
        const auto next_stage = [&] {
            __syncwarp();
            stream.fill(ring_address + slot * Places::stage, full + slot * 8);
            if (++slot == stages) {
                slot = 0;
                parity ^= 1;
            }
        };
        char* const scratch = memory + places.scratch_at + warp * Places::scratch;

        const int up_blocks = job.n_embd / Up::columns;
        const int up_row_bytes = up_blocks * Up::bytes;
        int expert = 0;
#pragma unroll 1
        for (int row = warp * blocks + blockIdx.x;; row += compute_warps * blocks) {
            while (row >= job.n_ff && expert < job.n_used) {
                row -= job.n_ff;
                ++expert;
            }
            if (expert >= job.n_used) {
                break;
            }
            float bias = 0;  // of gate in lane 0, of up in lane 16
            if (job.gate_bias != nullptr && (lane & 15) == 0) {
                bias =
                    (lane == 0
                         ? job.gate_bias
                         : job.up_bias)[static_cast<size_t>(board.expert[expert]) * job.n_ff + row];
            }
            const int offset = offset_of_row<Up>(row, up_row_bytes);
            typename Up::template Sums<2> sums = {};
#pragma unroll 1
            for (int block = 0; block < up_blocks; block += Up::chunk_blocks) {
                wait(full + slot * 8, parity);
                const char* const a = ring + slot * Places::stage + offset;
                Up::template add<2>(sums, {a, a + Places::half_stage}, x_input, block,
                                    min(Up::chunk_blocks, up_blocks - block), lane);
                next_stage();
            }
            float totals[2];
            Up::template add_warps<2>(totals, sums, scratch, lane);
            const float total = add_lanes(totals[0], totals[1], lane) + bias;
            const float up = __shfl_sync(~0u, total, 16);
            if (lane == 0) {
                send(job.h + static_cast<size_t>(expert) * job.n_ff + row,
                     activate(job.glu, total, up), number);
                atomicAdd(&board.rows_done, 1);
            }
        }

        if (!helpers_suffice) {
            fetching.run(false, true);
        }

        const int down_blocks = job.n_ff / Down::columns;
        const int down_row_bytes = down_blocks * Down::bytes;
#pragma unroll 1
        for (int g = warp; g < job.n_used * share.groups; g += compute_warps) {
            const int e = g / share.groups;
            const int local = (g - e * share.groups) * group;
            const int row = share.first + local;
            const char* const input = h_input + e * places.h_bytes;
            const unsigned h_there = shared_address(&board.h_there[e * chunks]);
            const float* const bias =
                job.down_bias == nullptr
                    ? nullptr
                    : job.down_bias + static_cast<size_t>(board.expert[e]) * job.n_embd + row;
            float* const result = results + e * most_rows + local;
            if constexpr (rows == Rows::eight) {
                wait(h_there, 0);
                wait(full + slot * 8, parity);
                const char* const a =
                    ring + slot * Places::stage + offset_of_row<Down>(row, down_row_bytes);
                const char* of_row[8];
#pragma unroll
                for (int r = 0; r < 8; ++r) {
                    of_row[r] = a + r * down_row_bytes;
                }
                typename Down::template Sums<8> sums = {};
                Down::template add<8>(sums, of_row, input, 0, down_blocks, lane);
                next_stage();
                float totals[8];
                Down::template add_warps<8>(totals, sums, scratch, lane);
                const float total = add_lanes(totals, lane);
                if ((lane & 3) == 0) {
                    result[lane / 4] = total + (bias == nullptr ? 0.0f : bias[lane / 4]);
                }
            } else {
                const int offset_a = offset_of_row<Down>(row, down_row_bytes);
                const int offset_b = offset_of_row<Down>(row + 1, down_row_bytes);
                typename Down::template Sums<2> sums = {};
#pragma unroll 1
                for (int block = 0, c = 0; block < down_blocks; block += Down::chunk_blocks, ++c) {
                    wait(h_there + c * 8, 0);
                    wait(full + slot * 8, parity);
                    const char* const stage = ring + slot * Places::stage;
                    Down::template add<2>(
                        sums, {stage + offset_a, stage + Places::half_stage + offset_b}, input,
                        block, min(Down::chunk_blocks, down_blocks - block), lane);
                    next_stage();
                }
                float totals[2];
                Down::template add_warps<2>(totals, sums, scratch, lane);
                const float total = add_lanes(totals[0], totals[1], lane);
                if ((lane & 15) == 0) {
                    result[lane / 16] = total + (bias == nullptr ? 0.0f : bias[lane / 16]);
                }
            }
        }
    }
    __syncthreads();

    for (int r = threadIdx.x; r < share.groups * group; r += blockDim.x) {
        float sum = results[r] * board.weight[0];
        for (int e = 1; e < job.n_used; ++e) {
            const float value = results[e * most_rows + r];
            sum = job.n_used <= most_fused ? __fmaf_rn(value, board.weight[e], sum)
                                           : __fadd_rn(sum, __fmul_rn(value, board.weight[e]));
        }
        job.y[share.first + r] = sum;
    }
    if (threadIdx.x == 0) {
        job.number[blockIdx.x] = number;
    }
}

}  // namespace hexcore_cuda
