// The token's choice of experts: told to other cards, and what of it is this card's.
#pragma once

#include "layout.cuh"

namespace hexcore_cuda {

// At home, by one warp of each block: the choice and this block's share of x.
__device__ __forceinline__ void send_to_peers(const Job& job, unsigned number, int lane) {
    const size_t message = (number & 1) * Box::message_words(job.n_embd);
    for (int p = 0; p < job.n_peers; ++p) {
        Word* const to = job.inboxes[p] + message;
        if (blockIdx.x == gridDim.x - 1 && lane < job.n_used) {
            tell(to + lane, static_cast<unsigned>(job.ids[lane]), number);
        }
        for (int i = blockIdx.x * 32 + lane; i < job.n_embd; i += gridDim.x * 32) {
            tell(to + most_used + i, __float_as_uint(job.x[i]), number);
        }
    }
}

// By one warp: which of the token's experts are this card's, and where they are.
__device__ __forceinline__ void choose_experts(const Job& job, const hexcore_cuda_part& part,
                                               Board& board, const Word* message,
                                               unsigned team_number, int lane) {
    int expert = 0;
    int shard = HEXCORE_CUDA_MOST_SHARDS;
    if (lane < job.n_used) {
        if (message == nullptr) {
            expert = job.ids[lane];
            board.weight[lane] = job.weights == nullptr ? 1.0f : job.weights[lane];
        } else {
            expert = static_cast<int>(hear(message + lane, team_number, job.given_up)) %
                     HEXCORE_CUDA_MOST_EXPERTS;
        }
#pragma unroll
        for (int s = 0; s < HEXCORE_CUDA_MOST_SHARDS; ++s) {
            if ((part.shards[s].experts[expert / 32] >> expert % 32 & 1) != 0) {
                shard = s;
            }
        }
    }
    const bool is_here = shard < HEXCORE_CUDA_MOST_SHARDS;
    const unsigned here = __ballot_sync(~0u, is_here);
    if (is_here) {
        const hexcore_cuda_shard& from = part.shards[shard];
        int number = __popc(from.experts[expert / 32] & ((1u << expert % 32) - 1));
        for (int word = 0; word < expert / 32; ++word) {
            number += __popc(from.experts[word]);
        }
        const int e = __popc(here & ((1u << lane) - 1));
        board.expert[e] = expert;
        board.choice[e] = lane;
        board.gate[e] = static_cast<const char*>(from.gate) + number * job.gate_stride;
        board.up[e] = static_cast<const char*>(from.up) + number * job.up_stride;
        board.down[e] = static_cast<const char*>(from.down) + number * job.down_stride;
    }
    if (lane == 0) {
        board.here = here;
        board.rows_done = 0;
        board.units_taken = 0;
    }
    if (message != nullptr && blockIdx.x == 0 && lane == 0) {
        tell(job.home_box + static_cast<size_t>(job.n_used) * job.n_embd + job.peer, 0,
             team_number);
    }
    if (job.counts != nullptr && blockIdx.x == 0) {
        for (int s = 0; s < HEXCORE_CUDA_MOST_SHARDS; ++s) {
            const unsigned of_shard = __ballot_sync(~0u, shard == s);
            if (lane == 0) {
                job.counts[s] += __popc(of_shard);
            }
        }
    }
}

}  // namespace hexcore_cuda
