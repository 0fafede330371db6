#include "make_kernels.cuh"

namespace hexcore_cuda {

void add_bf16(std::vector<Kernel>& kernels) { add_floats<OfBfloat16>(kernels); }

}  // namespace hexcore_cuda
