// Kernel entries out of the template.
#pragma once

#include "experts.cuh"
#include "floats.cuh"
#include "kernels.hpp"

namespace hexcore_cuda {

// Whether eight rows of down, with what is copied before and behind them, fit into a stage.
template <class Up, class Down>
bool eight_rows_fit(const hexcore_cuda_shape& shape) {
    constexpr int around = Down::is_aligned ? 0 : 32;
    return shape.n_embd % 8 == 0 && shape.n_ff <= Down::chunk_columns &&
           8 * (shape.n_ff / Down::columns) * Down::bytes + around <= Layout<Up, Down>::stage;
}

template <class Up, class Down>
int shared_bytes(const hexcore_cuda_shape& shape, int rows, int blocks) {
    return Layout<Up, Down>(shape.n_embd, shape.n_ff, shape.n_used,
                            DownShare::most(shape.n_embd, rows, blocks))
        .bytes;
}

// Whether ggml's order of a row's sum is a matter of its length, and that is the one.
template <class Q>
bool takes_row(int n) {
    if constexpr (requires { Q::takes_row(n); }) {
        return Q::takes_row(n);
    } else {
        return true;
    }
}

template <class Up, class Down, Rows rows, Tokens tokens = Tokens::one>
Kernel kernel() {
    return {
        .up_type = Up::ggml,
        .down_type = Down::ggml,
        .rows = static_cast<int>(rows),
        .is_of_several = tokens == Tokens::several,
        .threads = threads_of<Up, Down>,
        .up_columns = Up::columns,
        .down_columns = Down::columns,
        .down_chunk_columns = Down::chunk_columns,
        .takes =
            [](const hexcore_cuda_shape& shape) {
                return takes_row<Up>(shape.n_embd) && takes_row<Down>(shape.n_ff) &&
                       (rows == Rows::two || eight_rows_fit<Up, Down>(shape));
            },
        .shared_bytes =
            [](const hexcore_cuda_shape& shape, int blocks) {
                return shared_bytes<Up, Down>(shape, static_cast<int>(rows), blocks);
            },
        .function = reinterpret_cast<const void*>(compute_experts<Up, Down, rows>),
    };
}

// For short rows of down, which are best taken by eight, and for others.
template <template <Tokens> class Up, template <Tokens> class Down,
          template <Tokens> class ShortDown, Tokens tokens>
void add_pair_of(std::vector<Kernel>& kernels) {
    kernels.push_back(kernel<Up<tokens>, ShortDown<tokens>, Rows::eight, tokens>());
    kernels.push_back(kernel<Up<tokens>, Down<tokens>, Rows::two, tokens>());
}

template <template <Tokens> class Up, template <Tokens> class Down,
          template <Tokens> class ShortDown = Down>
void add_pair(std::vector<Kernel>& kernels) {
    add_pair_of<Up, Down, ShortDown, Tokens::one>(kernels);
    add_pair_of<Up, Down, ShortDown, Tokens::several>(kernels);
}

// Weights in 16-bit floats, for the lengths of rows that models have.
template <class Of>
void add_floats(std::vector<Kernel>& kernels) {
    kernels.push_back(kernel<Floats<Of, 8>, Floats<Of, 5>, Rows::two>());
    kernels.push_back(kernel<Floats<Of, 8>, Floats<Of, 6>, Rows::two>());
    kernels.push_back(kernel<Floats<Of, 8>, Floats<Of, 7>, Rows::two>());
    kernels.push_back(kernel<Floats<Of, 8>, Floats<Of, 8>, Rows::two>());
}

}  // namespace hexcore_cuda
