// The weights that a warp reads.
#pragma once

#include "copies.cuh"
#include "layout.cuh"

namespace hexcore_cuda {

// What a warp copies in, in the order in which it uses it: the rows of gate and up that are its
// own, chunk by chunk, then its groups of rows of down.
template <class Up, class Down, Rows rows>
class Stream {
public:
    // `n_here`: how many of the token's experts are this card's.
    __device__ __forceinline__ Stream(const Job& job, const Board& board, int n_here,
                                      DownShare share, int warp, int lane)
        : job_(job),
          board_(board),
          n_here_(n_here),
          share_(share),
          lane_(lane),
          up_row_bytes_(job.n_embd / Up::columns * Up::bytes),
          down_row_bytes_(job.n_ff / Down::columns * Down::bytes),
          row_(warp * gridDim.x + blockIdx.x),
          group_(warp) {}

    // Begins to fill the stage with what comes next, if anything does.
    __device__ __forceinline__ void fill(unsigned stage, unsigned barrier) {
        if (left_ == 0 && !go_on()) {
            return;
        }
        constexpr int half = Layout<Up, Down>::half_stage;
        if (rows == Rows::eight && is_down_) {
            const Piece piece[1] = {around(stage, a_, left_)};
            copy(piece, barrier, lane_);
            left_ = 0;
            return;
        }
        const int n = min(left_, is_down_ ? Down::chunk_bytes : Up::chunk_bytes);
        const Piece pieces[2] = {around(stage, a_, n), around(stage + half, b_, n)};
        copy(pieces, barrier, lane_);
        a_ += n;
        b_ += n;
        left_ -= n;
    }

private:
    // The bytes at `from`, to the next borders of 16 bytes, which are within the expert's.
    __device__ __forceinline__ static Piece around(unsigned to, const char* from, int n) {
        const unsigned before = reinterpret_cast<size_t>(from) & 15;
        return {to, from - before, (before + n + 15) & ~15u};
    }

    __device__ __forceinline__ bool go_on() {
        while (row_ >= job_.n_ff && expert_ < n_here_) {
            row_ -= job_.n_ff;
            ++expert_;
        }
        if (expert_ < n_here_) {
            const size_t at = static_cast<size_t>(row_) * up_row_bytes_;
            a_ = board_.gate[expert_] + at;
            b_ = board_.up[expert_] + at;
            left_ = up_row_bytes_;
            row_ += gridDim.x * compute_warps;
            return true;
        }
        is_down_ = true;
        if (group_ >= share_.groups * n_here_) {
            return false;
        }
        const int expert = group_ / share_.groups;
        const int row = share_.first + (group_ - expert * share_.groups) * static_cast<int>(rows);
        a_ = board_.down[expert] + static_cast<size_t>(row) * down_row_bytes_;
        b_ = a_ + down_row_bytes_;
        left_ = rows == Rows::eight ? 8 * down_row_bytes_ : down_row_bytes_;
        group_ += compute_warps;
        return true;
    }

    const Job& job_;
    const Board& board_;
    const int n_here_;
    const DownShare share_;
    const int lane_, up_row_bytes_, down_row_bytes_;
    const char *a_ = nullptr, *b_ = nullptr;
    int left_ = 0;  // bytes of the rows in hand
    int expert_ = 0, row_, group_;
    bool is_down_ = false;
};

}  // namespace hexcore_cuda
