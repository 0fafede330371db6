// The experts of one token in one launch: gate, up, activation, down and weighted sum. A batch of a
// few tokens is a launch for each, one after the other.
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
// of mul_mat_vec_q, or, of a batch, of mul_mat_vec_q_moe (quants.cuh), the activation functions are
// ggml's own, compiled with its options, and the weighted sum is that of
// moe_weighted_reduction_f32, which fuses multiply and add, or, of more experts than that is used
// for, that of a product and additions.
//
// Several cards compute a layer together, each the experts that it has, in a launch of its own:
//
//   - The card at home sends the choice of experts and x to the others as soon as it has begun, and
//     they send back their rows of down: words in each other's memory, with the number of the
//     team's launch. A card's launches of a token wait in a row for what they need; nothing waits
//     for a host or for an event.
//   - Rows are added up at home in the order of the choice, so that the bits are those of one card
//     wherever the experts are.
//   - A peer says that it has the choice, and home ends after it heard that of all of them. So a
//     message can overwrite only the last but one, whose launch has ended everywhere.
//
// Beside main memory the host is one of the others: it hears the choice and x, computes its experts
// on the CPU, and tells their rows, by words in pinned main memory (main_memory.cu). Meanwhile the
// card computes its own, those of which it has copies, and some that it reads out of main memory,
// which is as if their shard were a slow part of its own memory. Each layer of a graph has a
// message of its own, and the host has answered all of them before the graph is launched again.
//
// y may lie over x: a block writes y when it has all of h, and h is complete when every block has
// read all of x, if each has a row of gate and up to send (n_ff >= blocks in a team, or n_used *
// n_ff). Where all experts are elsewhere, blocks tell each other that they have read it. ids and
// weights are read at the start by blocks that may be late, so y must not lie over them.
#pragma once

#include "choice.cuh"
#include "fetching.cuh"
#include "stream.cuh"
#include "unary.cuh"

namespace hexcore_cuda {

// As soon as a thread of each block has said so, ggml's next kernel may begin, and waits within it
// for the end of this one (programmatic dependent launch). Where it isn't made for that this does
// nothing.
__device__ __forceinline__ void let_next_launch_begin() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

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
__global__ void __launch_bounds__((threads_of<Up, Down>), 1)
    compute_experts(const Job job, const __grid_constant__ hexcore_cuda_part part) {
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

    const unsigned number = job.number[blockIdx.x] + 1;
    const unsigned team_number = job.team_number == nullptr ? 0 : job.team_number[blockIdx.x] + 1;
    // What a peer hears of this launch; null at home.
    const Word* const message =
        job.inbox == nullptr ? nullptr
                             : job.inbox + (team_number & 1) * Box::message_words(job.n_embd);

    // The last helper tells the others, the first one makes ready what all need, and at home the
    // computing warps quantise x.
    const bool has_others = job.n_peers > 0 || job.host_message != nullptr;  // at home
    if (has_others && warp == blockDim.x / 32 - 1) {
        send_to_others(job, part, team_number, lane);
    }
    if (warp < compute_warps && lane < stages) {
        init_barrier(shared_address(&board.full[warp][lane]), arrivals_of_a_copy());
    }
    if (warp == compute_warps) {
        // On its way while the barriers are made ready.
        const Routed routed = message == nullptr ? load_routed(job, lane) : Routed{};
        for (int i = lane; i < job.n_used * chunks; i += 32) {
            const int columns =
                min(Down::chunk_columns, job.n_ff - i % chunks * Down::chunk_columns);
            init_barrier(shared_address(&board.h_there[i]), (columns + h_unit - 1) / h_unit * 32);
        }
        choose_experts(job, part, board, routed, message, team_number, lane);
    } else if (warp < compute_warps && message == nullptr) {
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
    __syncthreads();
    const int n_here = job.has_all ? job.n_used : __popc(board.here);
    const bool is_x_only = message == nullptr && n_here == 0;
    if (is_x_only && threadIdx.x == 0) {
        send(job.h + blockIdx.x, 0, number);
    }

    const auto fetching = [&] {
        return Fetching<Down>(job, board, n_here, h_input, places.h_bytes, number, lane);
    };
    // Many rows of down of the first experts give the helpers the time to fetch the last one's h.
    const bool helpers_suffice =
        n_here > 1 && chunks > 1 && n_here * share.groups * chunks > 8 * compute_warps;
    if (warp >= compute_warps) {
        if (message != nullptr) {
            __syncthreads();
        }
        fetching().template run<true>(helpers_suffice);
    } else {
        Stream<Up, Down, rows> stream(job, board, n_here, share, warp, lane);
        char* const ring = memory + warp * (stages * Places::stage);
        const unsigned ring_address = shared_address(ring);
        const unsigned full = shared_address(&board.full[warp][0]);
#pragma unroll 1
        for (int s = 0; s < stages; ++s) {
            stream.fill(ring_address + s * Places::stage, full + s * 8);
        }
        if (message != nullptr) {
            // While the first weights come.
            for (int first = warp * 128; n_here > 0 && first < job.n_embd;
                 first += compute_warps * 128) {
                const int column = first + lane * 4;
                const bool is_one = column < job.n_embd;
                const float4 values =
                    is_one ? hear_four(message + most_used + column, team_number, job.given_up)
                           : make_float4(0, 0, 0, 0);
                __syncwarp();
                quantise<Up>(values, x_input, column, is_one);
            }
            __syncthreads();
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
            while (row >= job.n_ff && expert < n_here) {
                row -= job.n_ff;
                ++expert;
            }
            if (expert >= n_here) {
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
            fetching().template run<false>(true);
        }

        const int down_blocks = job.n_ff / Down::columns;
        const int down_row_bytes = down_blocks * Down::bytes;
#pragma unroll 1
        for (int g = warp; g < n_here * share.groups; g += compute_warps) {
            const int e = g / share.groups;
            const int local = (g - e * share.groups) * group;
            const int row = share.first + local;
            const char* const input = h_input + e * places.h_bytes;
            const unsigned h_there = shared_address(&board.h_there[e * chunks]);
            const float* const bias =
                job.down_bias == nullptr
                    ? nullptr
                    : job.down_bias + static_cast<size_t>(board.expert[e]) * job.n_embd + row;
            float* const result = results + board.choice[e] * most_rows + local;
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
    let_next_launch_begin();
    const int n_rows = share.groups * group;
    if (has_others) {
        hear_rows(job, board, share, n_rows, most_rows, results, team_number);
        if (is_x_only) {
            for (int i = threadIdx.x; i < gridDim.x; i += blockDim.x) {
                while (number_of(look(job.h + i)) != number) {
                }
            }
        }
    }
    __syncthreads();

    if (message != nullptr) {
        for (int i = threadIdx.x; i < job.n_used * n_rows; i += blockDim.x) {
            const int choice = i / n_rows;
            const int r = i - choice * n_rows;
            if ((board.here >> choice & 1) != 0) {
                const size_t at = static_cast<size_t>(choice) * job.n_embd + share.first + r;
                tell(job.home_box + at, __float_as_uint(results[choice * most_rows + r]),
                     team_number);
            }
        }
    } else {
        for (int r = threadIdx.x; r < n_rows; r += blockDim.x) {
            float sum = results[r] * board.weight[0];
            for (int e = 1; e < job.n_used; ++e) {
                const float value = results[e * most_rows + r];
                sum = job.n_used <= most_fused ? __fmaf_rn(value, board.weight[e], sum)
                                               : __fadd_rn(sum, __fmul_rn(value, board.weight[e]));
            }
            job.y[share.first + r] = sum;
        }
        if (blockIdx.x == 0 && threadIdx.x < job.n_peers) {
            (void)hear(job.home_box + static_cast<size_t>(job.n_used) * job.n_embd + threadIdx.x,
                       team_number, job.given_up);
        }
    }
    if (threadIdx.x == 0) {
        job.number[blockIdx.x] = number;
        if (job.team_number != nullptr) {
            job.team_number[blockIdx.x] = team_number;
        }
    }
}

}  // namespace hexcore_cuda
