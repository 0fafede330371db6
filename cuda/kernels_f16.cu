#include "make_kernels.cuh"

namespace hexcore_cuda {

void add_f16(std::vector<Kernel>& kernels) { add_floats<OfHalf>(kernels); }

}  // namespace hexcore_cuda
