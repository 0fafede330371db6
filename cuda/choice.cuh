// The token's choice of experts: told to other cards and to the host, and what of it is this
// card's.
#pragma once

#include "layout.cuh"

namespace hexcore_cuda {

// How one of the token's experts is computed, in the lane that has it.
struct Chosen {
    int expert = 0;
    int way = HEXCORE_CUDA_ELSEWHERE;
    const hexcore_cuda_shard* shard = nullptr;  // null: a copy is used, or it isn't this card's
    int slot = 0;                               // of the copy
    int number = HEXCORE_CUDA_MOST_SHARDS;      // of the card's own shard
};

__device__ __forceinline__ bool has(const hexcore_cuda_shard& shard, int expert) {
    return (shard.experts[expert / 32] >> expert % 32 & 1) != 0;
}

// By a whole warp. Of those in main memory the last ones are lent: the host begins with the first.
__device__ __forceinline__ Chosen choose(const Job& job, const hexcore_cuda_part& part, int expert,
                                         int lane) {
    Chosen chosen{expert};
    bool is_missing = false;
    if (lane < job.n_used) {
#pragma unroll
        for (int s = 0; s < HEXCORE_CUDA_MOST_SHARDS; ++s) {
            if (has(part.shards[s], expert)) {
                chosen.number = s;
                chosen.shard = &part.shards[s];
                chosen.way = HEXCORE_CUDA_HERE;
            }
        }
        if (job.host_message != nullptr && has(part.in_main_memory, expert)) {
            chosen.slot = part.cache.slots == nullptr ? -1 : part.cache.slots[expert];
            is_missing = chosen.slot < 0;
            chosen.way = is_missing ? HEXCORE_CUDA_HOST : HEXCORE_CUDA_CACHED;
        }
    }
    const unsigned missing = __ballot_sync(~0u, is_missing);
    if (is_missing) {
        const int n = __popc(missing);
        if (__popc(missing & ((1u << lane) - 1)) >= n - part.lent[n]) {
            chosen.way = HEXCORE_CUDA_LENT;
            chosen.shard = &part.in_main_memory;
        }
    }
    return chosen;
}

// At home, by one warp of each block: the choice and this block's share of x.
__device__ __forceinline__ void send_to_others(const Job& job, const hexcore_cuda_part& part,
                                               unsigned number, int lane) {
    const size_t message = (number & 1) * Box::message_words(job.n_embd);
    const bool sends_choice = blockIdx.x == gridDim.x - 1 && lane < job.n_used;
    const int first = blockIdx.x * 32 + lane;
    const int step = gridDim.x * 32;
    for (int p = 0; p < job.n_peers; ++p) {
        Word* const to = job.inboxes[p] + message;
        if (sends_choice) {
            tell(to + lane, static_cast<unsigned>(job.ids[lane]), number);
        }
        for (int i = first; i < job.n_embd; i += step) {
            tell(to + most_used + i, __float_as_uint(job.x[i]), number);
        }
    }
    if (job.host_message == nullptr) {
        return;
    }
    const Chosen chosen = choose(job, part, lane < job.n_used ? job.ids[lane] : 0, lane);
    if (__ballot_sync(~0u, chosen.way == HEXCORE_CUDA_HOST) != 0) {
        for (int i = first; i < job.n_embd; i += step) {
            tell(job.host_message + most_used + i, __float_as_uint(job.x[i]), number);
        }
    }
    if (sends_choice) {
        tell(job.host_message + lane, static_cast<unsigned>(chosen.expert | chosen.way << 16),
             number);
    }
}

// By one warp: which of the token's experts are this card's, and where they are.
__device__ __forceinline__ void choose_experts(const Job& job, const hexcore_cuda_part& part,
                                               Board& board, const Word* message,
                                               unsigned team_number, int lane) {
    int expert = 0;
    if (lane < job.n_used) {
        if (message == nullptr) {
            expert = job.ids[lane];
            board.weight[lane] = job.weights == nullptr ? 1.0f : job.weights[lane];
        } else {
            expert = static_cast<int>(hear(message + lane, team_number, job.given_up)) %
                     HEXCORE_CUDA_MOST_EXPERTS;
        }
    }
    const Chosen chosen = choose(job, part, expert, lane);
    const bool is_here = chosen.way != HEXCORE_CUDA_ELSEWHERE && chosen.way != HEXCORE_CUDA_HOST;
    const unsigned here = __ballot_sync(~0u, is_here);
    const unsigned by_host = __ballot_sync(~0u, chosen.way == HEXCORE_CUDA_HOST);
    if (is_here) {
        const int e = __popc(here & ((1u << lane) - 1));
        board.expert[e] = expert;
        board.choice[e] = lane;
        if (chosen.shard == nullptr) {
            const char* const copy =
                static_cast<const char*>(part.cache.first) + chosen.slot * part.cache.slot_bytes;
            board.gate[e] = copy;
            board.up[e] = copy + part.cache.up_at;
            board.down[e] = copy + part.cache.down_at;
        } else {
            const hexcore_cuda_shard& from = *chosen.shard;
            int number = __popc(from.experts[expert / 32] & ((1u << expert % 32) - 1));
            for (int word = 0; word < expert / 32; ++word) {
                number += __popc(from.experts[word]);
            }
            board.gate[e] = static_cast<const char*>(from.gate) + number * job.gate_stride;
            board.up[e] = static_cast<const char*>(from.up) + number * job.up_stride;
            board.down[e] = static_cast<const char*>(from.down) + number * job.down_stride;
        }
    }
    if (lane == 0) {
        board.here = here;
        board.by_host = by_host;
        board.rows_done = 0;
        board.units_taken = 0;
    }
    if (message != nullptr && blockIdx.x == 0 && lane == 0) {
        tell(job.home_box + static_cast<size_t>(job.n_used) * job.n_embd + job.peer, 0,
             team_number);
    }
    if (job.counts != nullptr && blockIdx.x == 0) {
        for (int s = 0; s < HEXCORE_CUDA_MOST_SHARDS; ++s) {
            const unsigned of_shard = __ballot_sync(~0u, chosen.number == s);
            if (lane == 0) {
                job.counts[s] += __popc(of_shard);
            }
        }
    }
}

// The rows that this card doesn't compute itself, to where its own are; by all threads of a block.
__device__ __forceinline__ void hear_rows(const Job& job, unsigned here, unsigned by_host,
                                          DownShare share, int n_rows, int most_rows,
                                          float* results, unsigned team_number) {
    if (by_host != 0 && n_rows > 0) {
        // Not all look: each look goes over the bus, where lent weights come.
        if (threadIdx.x == 0) {
            const size_t last =
                static_cast<size_t>(31 - __clz(by_host)) * job.n_embd + share.first + n_rows - 1;
            while (number_of(look_far(job.host_rows + last)) != team_number &&
                   !is_given_up(job.given_up)) {
                __nanosleep(500);
            }
        }
        __syncthreads();
    }
    for (int i = threadIdx.x; i < job.n_used * n_rows; i += blockDim.x) {
        const int choice = i / n_rows;
        const int r = i - choice * n_rows;
        const Word* const from = (by_host >> choice & 1) != 0 ? job.host_rows : job.home_box;
        if ((here >> choice & 1) == 0) {
            const size_t at = static_cast<size_t>(choice) * job.n_embd + share.first + r;
            float row = __uint_as_float(hear(from + at, team_number, job.given_up));
            if (from == job.host_rows && job.down_bias != nullptr) {
                const size_t expert = job.ids[choice];
                row += job.down_bias[expert * job.n_embd + share.first + r];
            }
            results[choice * most_rows + r] = row;
        }
    }
}

}  // namespace hexcore_cuda
