// What is behind the interface: a card with a stream and scratch memory.
#pragma once

#include "hexcore/backend/kernels/hexcore_cuda.h"
#include "layout.cuh"

namespace hexcore_cuda {

// What scratch memory begins with; h follows.
constexpr int most_blocks = 1024;
struct Numbers {
    unsigned of_launch[most_blocks];
    unsigned of_team[most_blocks];
    unsigned long long counts[HEXCORE_CUDA_MOST_SHARDS];
    unsigned given_up;
    unsigned padding[3];
};
static_assert(sizeof(Numbers) % 32 == 0);

// Makes a card the current one of this thread for a while.
class OnCard {
public:
    explicit OnCard(int card) {
        error_ = cudaGetDevice(&before_);
        if (error_ == cudaSuccess && before_ != card) {
            error_ = cudaSetDevice(card);
        }
    }
    ~OnCard() {
        if (before_ >= 0) {
            (void)cudaSetDevice(before_);
        }
    }
    OnCard(const OnCard&) = delete;
    OnCard& operator=(const OnCard&) = delete;
    [[nodiscard]] cudaError_t error() const { return error_; }

private:
    int before_ = -1;
    cudaError_t error_;
};

}  // namespace hexcore_cuda

struct hexcore_cuda_engine {
    int card = 0;
    int blocks = 0;        // one for each multiprocessor
    int shared_limit = 0;  // bytes that a block can have
    bool is_new_enough = false;
    cudaStream_t stream = nullptr;
    hexcore_cuda::Numbers* numbers = nullptr;
    hexcore_cuda::Word* h = nullptr;
    size_t h_words = 0;
    hexcore_cuda::Word* box = nullptr;
    size_t box_words = 0;
};

#define HEXCORE_CUDA_TRY(call)                         \
    do {                                               \
        const cudaError_t error_of_call = (call);      \
        if (error_of_call != cudaSuccess) {            \
            (void)cudaGetLastError(); /* forgets it */ \
            return static_cast<int>(error_of_call);    \
        }                                              \
    } while (false)

namespace hexcore_cuda {

// Whether all of the layer's experts are in the first shard of the card at home.
bool has_all(const hexcore_cuda_experts& experts);
// What all cards that compute those experts are told, with what the engine has for it.
Job job_of(const hexcore_cuda_engine& engine, const hexcore_cuda_experts& experts);
// Gives an error of the CUDA runtime, or 0.
int launch(const hexcore_cuda_engine& engine, const hexcore_cuda_shape& shape, const Job& job,
           const hexcore_cuda_part& part);

}  // namespace hexcore_cuda
