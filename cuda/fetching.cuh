// The way of h from the blocks that have computed it to all.
#pragma once

#include "copies.cuh"
#include "layout.cuh"
#include "quantise.cuh"

namespace hexcore_cuda {

// Fetches h, unit by unit, from this block and all others, and quantises it into shared memory. The
// helpers do so all the time; a block's other warps join when their own rows are done. Looking for
// words in vain would slow the streams, so nobody looks before this block is a round of rows
// further than what it looks for: the others are about as far.
template <class Down>
class Fetching {
public:
    // `n_here`: how many of the token's experts are this card's.
    __device__ __forceinline__ Fetching(const Job& job, Board& board, int n_here, char* h,
                                        int h_bytes, unsigned number, int lane)
        : job_(job),
          board_(board),
          n_here_(n_here),
          h_(h),
          h_bytes_(h_bytes),
          number_(number),
          lane_(lane),
          units_((job.n_ff + h_unit - 1) / h_unit),
          chunks_((job.n_ff + Down::chunk_columns - 1) / Down::chunk_columns),
          round_(gridDim.x * compute_warps),
          all_(n_here * job.n_ff) {
        const int blocks = gridDim.x;
        const int last = all_ % round_ - static_cast<int>(blockIdx.x);
        own_ = all_ / round_ * compute_warps +
               min(max((last + blocks - 1) / blocks, 0), compute_warps);
    }

    // `three_at_once`: as soon as three units must be there, which a warp with nothing else to do
    // fetches together.
    template <bool three_at_once>
    __device__ __forceinline__ void run(bool until_the_end) {
        for (;;) {
            int first = 0;
            int count = 1;
            if (lane_ == 0) {
                const int done = rows_done();
                const int there = done >= own_ ? all_ : (done / compute_warps - 1) * round_;
                const int taken = *const_cast<volatile int*>(&board_.units_taken);
                if (three_at_once && there / h_unit - taken >= 3 &&
                    (until_the_end || done < own_)) {
                    count = 3;
                }
                first = atomicAdd(&board_.units_taken, count);
                if (first < n_here_ * units_) {
                    const int enough = rows_before(first + count - 1);
                    while (rows_done() < enough) {
                        __nanosleep(100);
                    }
                }
            }
            first = __shfl_sync(~0u, first, 0);
            count = __shfl_sync(~0u, count, 0);
            if (first >= n_here_ * units_) {
                return;
            }
            if (three_at_once && count == 3) {
                take<3>(first);
            } else {
                take<1>(first);
            }
        }
    }

private:
    __device__ __forceinline__ int rows_done() const {
        return *const_cast<volatile int*>(&board_.rows_done);
    }

    // How many rows this block has done when all blocks can be expected to have sent the unit.
    __device__ __forceinline__ int rows_before(int unit) const {
        const int last =
            unit / units_ * job_.n_ff + min(unit % units_ * h_unit + h_unit - 1, job_.n_ff - 1);
        return min(own_, (last / round_ + 2) * compute_warps);
    }

    template <int n>
    __device__ __forceinline__ void take(int first) {
        float4 values[2 * n];
        int at[2 * n];
#pragma unroll
        for (int j = 0; j < 2 * n; ++j) {
            const int expert = (first + j / 2) / units_;
            const int row = (first + j / 2 - expert * units_) * h_unit + j % 2 * 128 + lane_ * 4;
            at[j] = expert < n_here_ && row < job_.n_ff ? expert * job_.n_ff + row : -1;
        }
        receive(values, job_.h, at, number_);
#pragma unroll
        for (int j = 0; j < n; ++j) {
            const int expert = (first + j) / units_;
            if (expert >= n_here_) {
                break;
            }
            const int row = (first + j - expert * units_) * h_unit;
            char* const input = h_ + expert * h_bytes_;
            const int mine = row + lane_ * 4;
            quantise<Down>(values[2 * j], input, mine, mine < job_.n_ff);
            quantise<Down>(values[2 * j + 1], input, mine + 128, mine + 128 < job_.n_ff);
            arrive(shared_address(&board_.h_there[expert * chunks_ + row / Down::chunk_columns]));
        }
    }

    const Job& job_;
    Board& board_;
    const int n_here_;
    char* const h_;
    const int h_bytes_;
    const unsigned number_;
    const int lane_, units_, chunks_;
    const int round_;  // rows of gate and up that all warps of all blocks do at a time
    const int all_;    // rows of gate and up
    int own_;          // of them this block's
};

}  // namespace hexcore_cuda
