// Copies from the card's memory to shared memory that go on beside computing, and the barriers that
// tell when their bytes are there. From sm_90 on one lane asks the bulk copy engine; before, each
// lane of the warp copies 16 bytes at a time (cp.async). Shared memory is meant by 32-bit address.
#pragma once

#include <cstdint>

namespace hexcore_cuda {

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
constexpr bool has_bulk_copies = true;
#else
constexpr bool has_bulk_copies = false;
#endif

__device__ __forceinline__ unsigned shared_address(const void* p) {
    return static_cast<unsigned>(__cvta_generic_to_shared(p));
}

__device__ __forceinline__ void init_barrier(unsigned barrier, unsigned arrivals) {
    asm volatile("mbarrier.init.shared.b64 [%0], %1;" ::"r"(barrier), "r"(arrivals) : "memory");
}

// To be called by whoever made barriers, before the block's next __syncthreads().
__device__ __forceinline__ void publish_barriers() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
#endif
}

__device__ __forceinline__ void arrive(unsigned barrier) {
    asm volatile("{\n.reg .b64 state;\nmbarrier.arrive.shared.b64 state, [%0];\n}" ::"r"(barrier)
                 : "memory");
}

__device__ __forceinline__ void wait(unsigned barrier, unsigned parity) {
    unsigned there;
    do {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
        asm volatile(
            "{\n.reg .pred p;\nmbarrier.try_wait.parity.shared.b64 p, [%1], %2;\n"
            "selp.u32 %0, 1, 0, p;\n}"
            : "=r"(there)
            : "r"(barrier), "r"(parity)
            : "memory");
#else
        asm volatile(
            "{\n.reg .pred p;\nmbarrier.test_wait.parity.shared.b64 p, [%1], %2;\n"
            "selp.u32 %0, 1, 0, p;\n}"
            : "=r"(there)
            : "r"(barrier), "r"(parity)
            : "memory");
#endif
    } while (there == 0);
}

// How many arrivals a stage's barrier is made for.
__device__ constexpr unsigned arrivals_of_a_copy() { return has_bulk_copies ? 1 : 32; }

// One or two pieces into one stage, by a whole warp. Sizes and addresses are divisible by 16.
struct Piece {
    unsigned to;
    const char* from;
    unsigned bytes;
};

template <int N>
__device__ __forceinline__ void copy(const Piece (&pieces)[N], unsigned barrier, int lane) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
    if (lane == 0) {
        unsigned bytes = 0;
#pragma unroll
        for (int i = 0; i < N; ++i) {
            bytes += pieces[i].bytes;
        }
        asm volatile("mbarrier.arrive.expect_tx.shared.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes)
                     : "memory");
#pragma unroll
        for (int i = 0; i < N; ++i) {
            asm volatile(
                "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, "
                "[%3];" ::"r"(pieces[i].to),
                "l"(pieces[i].from), "r"(pieces[i].bytes), "r"(barrier)
                : "memory");
        }
    }
#else
#pragma unroll
    for (int i = 0; i < N; ++i) {
        for (unsigned at = lane * 16; at < pieces[i].bytes; at += 32 * 16) {
            asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(pieces[i].to + at),
                         "l"(pieces[i].from + at)
                         : "memory");
        }
    }
    asm volatile("cp.async.mbarrier.arrive.noinc.shared.b64 [%0];" ::"r"(barrier) : "memory");
#endif
}

}  // namespace hexcore_cuda
