// The token's choice of experts: told to other cards and to the host, and what of it is this
// card's.
#pragma once

#include "layout.cuh"

namespace hexcore_cuda {

// How one of the token's experts is computed, in the lane that has it.
struct Chosen {
    int expert = 0;
    int way = HEXCORE_CUDA_ELSEWHERE;
    int shard = HEXCORE_CUDA_MOST_SHARDS;  // of the card's own
    int slot = 0;                          // of the copy
};

__device__ __forceinline__ bool has(const hexcore_cuda_shard& shard, int expert) {
    return (shard.experts[expert / 32] >> expert % 32 & 1) != 0;
}

// Where an expert's weights begin.
struct Weights {
    const char *gate = nullptr, *up = nullptr, *down = nullptr;
};

__device__ __forceinline__ Weights weights_at(const Job& job, const hexcore_cuda_shard& shard,
                                              int number) {
    return {static_cast<const char*>(shard.gate) + number * job.gate_stride,
            static_cast<const char*>(shard.up) + number * job.up_stride,
            static_cast<const char*>(shard.down) + number * job.down_stride};
}

__device__ __forceinline__ Weights weights_of(const Job& job, const hexcore_cuda_shard& shard,
                                              int expert) {
    int number = __popc(shard.experts[expert / 32] & ((1u << expert % 32) - 1));
    for (int word = 0; word < expert / 32; ++word) {
        number += __popc(shard.experts[word]);
    }
    return weights_at(job, shard, number);
}

__device__ __forceinline__ Weights weights_of(const hexcore_cuda_cache& cache, int slot) {
    const char* const copy = static_cast<const char*>(cache.first) + slot * cache.slot_bytes;
    return {copy, copy + cache.up_at, copy + cache.down_at};
}

// Each shard by its own name, never by a pointer to one of them: the part is in constant memory,
// where an address that isn't known beforehand takes as long as any memory's.
__device__ __forceinline__ Weights weights_of(const Job& job, const hexcore_cuda_part& part,
                                              const Chosen& chosen) {
    if (chosen.way == HEXCORE_CUDA_CACHED) {
        return weights_of(part.cache, chosen.slot);
    }
    if (chosen.way == HEXCORE_CUDA_LENT) {
        return weights_of(job, part.in_main_memory, chosen.expert);
    }
    Weights weights;
#pragma unroll
    for (int s = 0; s < HEXCORE_CUDA_MOST_SHARDS; ++s) {
        if (chosen.shard == s) {
            weights = weights_of(job, part.shards[s], chosen.expert);
        }
    }
    return weights;
}

// One of the token's experts. Of a layer whose values are none a router may choose what is none.
__device__ __forceinline__ int routed_expert(const Job& job, int i) {
    return static_cast<int>(min(static_cast<unsigned>(job.ids[i]), job.n_expert - 1u));
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
                chosen.shard = s;
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
            tell(to + lane, static_cast<unsigned>(routed_expert(job, lane)), number);
        }
        for (int i = first; i < job.n_embd; i += step) {
            tell(to + most_used + i, __float_as_uint(job.x[i]), number);
        }
    }
    if (job.host_message == nullptr) {
        return;
    }
    const Chosen chosen = choose(job, part, lane < job.n_used ? routed_expert(job, lane) : 0, lane);
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

__device__ __forceinline__ void put(Board& board, int e, int expert, int choice,
                                    const Weights& weights) {
    board.expert[e] = expert;
    board.choice[e] = choice;
    board.gate[e] = weights.gate;
    board.up[e] = weights.up;
    board.down[e] = weights.down;
}

// By one warp, of the first block: nobody waits for them.
__device__ __forceinline__ void count(const Job& job, int shard, int lane) {
    for (int s = 0; s < HEXCORE_CUDA_MOST_SHARDS; ++s) {
        const unsigned of_shard = __ballot_sync(~0u, shard == s);
        if (lane == 0) {
            atomicAdd(job.counts + s, static_cast<unsigned long long>(__popc(of_shard)));
        }
    }
}

// One of the token's experts, in the lane that has it.
struct Routed {
    int expert = 0;
    float weight = 1;
};

// At home.
__device__ __forceinline__ Routed load_routed(const Job& job, int lane) {
    Routed routed;
    if (lane < job.n_used) {
        routed.expert = routed_expert(job, lane);
        if (job.weights != nullptr) {
            routed.weight = job.weights[lane];
        }
    }
    return routed;
}

// By one warp: which of the token's experts are this card's, and where they are. `routed` is
// nothing yet where a message will tell.
__device__ __forceinline__ void choose_experts(const Job& job, const hexcore_cuda_part& part,
                                               Board& board, Routed routed, const Word* message,
                                               unsigned team_number, int lane) {
    int expert = routed.expert;
    if (lane < job.n_used) {
        board.weight[lane] = routed.weight;
        if (message != nullptr) {
            expert = static_cast<int>(hear(message + lane, team_number, job.given_up)) %
                     HEXCORE_CUDA_MOST_EXPERTS;
        }
    }
    if (lane == 0) {
        board.rows_done = 0;
        board.units_taken = 0;
    }
    const bool is_counted = job.counts != nullptr && blockIdx.x == 0;
    if (job.has_all) {
        if (lane < job.n_used) {
            put(board, lane, expert, lane, weights_at(job, part.shards[0], expert));
        }
        if (lane == 0) {
            board.here = (1u << job.n_used) - 1;
            board.by_host = 0;
        }
        if (is_counted) {
            count(job, lane < job.n_used ? 0 : HEXCORE_CUDA_MOST_SHARDS, lane);
        }
        return;
    }
    const Chosen chosen = choose(job, part, expert, lane);
    const bool is_here = chosen.way != HEXCORE_CUDA_ELSEWHERE && chosen.way != HEXCORE_CUDA_HOST;
    const unsigned here = __ballot_sync(~0u, is_here);
    const unsigned by_host = __ballot_sync(~0u, chosen.way == HEXCORE_CUDA_HOST);
    if (is_here) {
        put(board, __popc(here & ((1u << lane) - 1)), expert, lane, weights_of(job, part, chosen));
    }
    if (lane == 0) {
        board.here = here;
        board.by_host = by_host;
    }
    if (message != nullptr && blockIdx.x == 0 && lane == 0) {
        tell(job.home_box + static_cast<size_t>(job.n_used) * job.n_embd + job.peer, 0,
             team_number);
    }
    if (is_counted) {
        count(job, chosen.shard, lane);
    }
}

// The rows that this card doesn't compute itself, to where its own are; by all threads of a block.
__device__ __forceinline__ void hear_rows(const Job& job, const Board& board, DownShare share,
                                          int n_rows, int most_rows, float* results,
                                          unsigned team_number) {
    const unsigned by_host = board.by_host;
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
        if ((board.here >> choice & 1) == 0) {
            const size_t at = static_cast<size_t>(choice) * job.n_embd + share.first + r;
            float row = __uint_as_float(hear(from + at, team_number, job.given_up));
            if (from == job.host_rows && job.down_bias != nullptr) {
                const size_t expert = routed_expert(job, choice);
                row += job.down_bias[expert * job.n_embd + share.first + r];
            }
            results[choice * most_rows + r] = row;
        }
    }
}

}  // namespace hexcore_cuda
