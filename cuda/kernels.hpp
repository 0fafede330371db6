// The kernels that there are, by the types of a layer's weights.
#pragma once

#include <vector>

#include "hexcore/backend/kernels/hexcore_cuda.h"

namespace hexcore_cuda {

// One kernel, without its types.
struct Kernel {
    int up_type;
    int down_type;
    int rows;            // of down that a warp takes at a time
    bool is_of_several;  // tokens, in ggml's order of their sums
    int threads;
    int up_columns;
    int down_columns;
    int down_chunk_columns;
    // Whether rows of those lengths are summed up in the order that the kernel has, and fit.
    bool (*takes)(const hexcore_cuda_shape& shape);
    int (*shared_bytes)(const hexcore_cuda_shape& shape, int blocks);
    const void* function;
};

// Of each type of gate and up, in a file of its own: they take their time to compile.
void add_q4_0(std::vector<Kernel>& kernels);
void add_q8_0(std::vector<Kernel>& kernels);
void add_q4_k(std::vector<Kernel>& kernels);
void add_q5_k(std::vector<Kernel>& kernels);
void add_q6_k(std::vector<Kernel>& kernels);
void add_iq4_xs(std::vector<Kernel>& kernels);
void add_iq4_nl(std::vector<Kernel>& kernels);
void add_mxfp4(std::vector<Kernel>& kernels);
void add_f16(std::vector<Kernel>& kernels);
void add_bf16(std::vector<Kernel>& kernels);

}  // namespace hexcore_cuda
