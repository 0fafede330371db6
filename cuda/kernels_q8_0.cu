#include "make_kernels.cuh"

namespace hexcore_cuda {

void add_q8_0(std::vector<Kernel>& kernels) { add_pair<Q8_0, Q8_0>(kernels); }

}  // namespace hexcore_cuda
