// What a launch is told, how its work is dealt out, and what a block has in shared memory.
#pragma once

#include "hexcore/backend/kernels/hexcore_cuda.h"
#include "quants.cuh"
#include "words.cuh"

namespace hexcore_cuda {

constexpr int compute_warps = 16;
constexpr int stages = 2;
constexpr int most_used = HEXCORE_CUDA_MOST_USED;
constexpr int most_fused = 15;   // experts: MOE_WEIGHTED_REDUCTION_MAX_EXPERTS in ggml-cuda.cu
constexpr int most_chunks = 64;  // of a row of down, for all used experts
constexpr int h_unit = 256;      // values of h that a warp fetches at a time

constexpr int most_peers = HEXCORE_CUDA_MOST_CARDS - 1;

// What a card has in the memory that others write to: at home the peers' rows of down, by the
// token's choice of experts, and a word of each peer that it has the choice; at a peer, twice (two
// launches may be under way), the choice and x.
struct Box {
    __host__ __device__ static size_t home_words(int n_used, int n_embd) {
        return static_cast<size_t>(n_used) * n_embd + most_peers;
    }
    __host__ __device__ static size_t message_words(int n_embd) {
        return static_cast<size_t>(most_used) + n_embd;
    }
};

// Beside it a kernel gets the hexcore_cuda_part that is its card's, whose table is looked up once:
// within the job it would make the compiler fetch all of it by address.
struct Job {
    size_t gate_stride, up_stride, down_stride;
    const float *gate_bias, *up_bias, *down_bias;
    const int* ids;
    const float* weights;
    const float* x;
    float* y;
    Word* h;           // [n_used][n_ff]
    unsigned* number;  // [block], of the last launch
    int n_embd, n_ff, n_used, n_expert, glu;
    unsigned long long* counts;  // [shard], experts computed so far; null: they are not counted
    // At home: all experts are in the first shard, in their order, so that nothing is looked up.
    bool has_all;

    // In a team.
    unsigned* team_number;      // [block], of the team's last launch; null: alone
    Word* home_box;             // null: of one card
    const Word* inbox;          // null at home
    Word* inboxes[most_peers];  // at home
    int n_peers;                // at home
    int peer;                   // elsewhere: which one of the peers
    const unsigned* given_up;

    // At home beside experts in main memory.
    Word* host_message;     // null: there are none
    const Word* host_rows;  // [n_used][n_embd]
};

// How many rows of down a warp takes at a time: two, each in its half of a stage, or, where they
// are short, eight that lie behind each other.
enum class Rows { two = 2, eight = 8 };

// Where things are in the block's shared memory.
template <class Up, class Down>
struct Layout {
    // Rows that begin anywhere are copied from and to the next borders of 16 bytes; copies are
    // fastest to borders of 128.
    static constexpr int half_of(int chunk_bytes, bool is_aligned) {
        return (chunk_bytes + (is_aligned ? 0 : 16) + 127) / 128 * 128;
    }
    static constexpr int half_stage = half_of(Up::chunk_bytes, Up::is_aligned) >
                                              half_of(Down::chunk_bytes, Down::is_aligned)
                                          ? half_of(Up::chunk_bytes, Up::is_aligned)
                                          : half_of(Down::chunk_bytes, Down::is_aligned);
    static constexpr int stage =
        2 * half_stage > Down::least_stage ? 2 * half_stage : Down::least_stage;
    static constexpr int scratch =
        Up::scratch_bytes > Down::scratch_bytes ? Up::scratch_bytes : Down::scratch_bytes;

    int x, h, scratch_at, results, bytes;
    int h_bytes;  // of one expert

    __host__ __device__ Layout(int n_embd, int n_ff, int n_used, int most_rows)
        : x(compute_warps * stages * stage),
          h(x + Up::Input::bytes(n_embd)),
          scratch_at(0),
          results(0),
          bytes(0),
          h_bytes(Down::Input::bytes(n_ff)) {
        scratch_at = h + n_used * h_bytes;
        results = scratch_at + compute_warps * scratch;
        bytes = results + n_used * most_rows * static_cast<int>(sizeof(float));
    }
};

// The rows of down that a block computes: whole groups of `rows` of them.
struct DownShare {
    int first, groups;
    __host__ __device__ DownShare(int n_embd, int rows, int block, int blocks) {
        const long all = n_embd / rows;
        const int begin = static_cast<int>(block * all / blocks);
        first = begin * rows;
        groups = static_cast<int>((block + 1) * all / blocks) - begin;
    }
    // The most that any block has, in rows.
    __host__ __device__ static int most(int n_embd, int rows, int blocks) {
        return (n_embd / rows + blocks - 1) / blocks * rows;
    }
};

// What all warps of a block share beside the dynamic part.
struct Board {
    unsigned long long full[compute_warps][stages];  // a stage has its bytes
    unsigned long long h_there[most_chunks];         // [expert][chunk of a row of down]
    const char *gate[most_used], *up[most_used], *down[most_used];  // of this card's experts
    int expert[most_used];
    int choice[most_used];    // which of the token's experts it is
    float weight[most_used];  // of the token's experts
    unsigned here;            // a bit for each of the token's experts that are this card's
    unsigned by_host;         // and for each that the host computes
    int rows_done;            // of gate and up, in this block
    int units_taken;          // of h, by warps of this block
};

}  // namespace hexcore_cuda
