// Kernel entries out of the template.
#pragma once

#include "experts.cuh"
#include "floats.cuh"
#include "kernels.hpp"

namespace hexcore_cuda {

template <class Up, class Down>
bool eight_rows_fit(int n_ff) {
    return n_ff <= Down::chunk_columns &&
           8 * (n_ff / Down::columns) * Down::bytes + 32 <= Layout<Up, Down>::stage;
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

template <class Up, class Down, Rows rows>
Kernel kernel() {
    return {
        .up_type = Up::ggml,
        .down_type = Down::ggml,
        .rows = static_cast<int>(rows),
        .threads = threads_of<Up, Down>,
        .up_columns = Up::columns,
        .down_columns = Down::columns,
        .down_chunk_columns = Down::chunk_columns,
        .takes =
            [](const hexcore_cuda_shape& shape) {
                return takes_row<Up>(shape.n_embd) && takes_row<Down>(shape.n_ff);
            },
        .eight_rows_fit = eight_rows_fit<Up, Down>,
        .shared_bytes =
            [](const hexcore_cuda_shape& shape, int blocks) {
                return shared_bytes<Up, Down>(shape, static_cast<int>(rows), blocks);
            },
        .function = reinterpret_cast<const void*>(compute_experts<Up, Down, rows>),
    };
}

// For long rows of down and short ones.
template <class Up, class Down, class ShortDown = Down>
void add_pair(std::vector<Kernel>& kernels) {
    kernels.push_back(kernel<Up, Down, Rows::two>());
    kernels.push_back(kernel<Up, ShortDown, Rows::eight>());
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
