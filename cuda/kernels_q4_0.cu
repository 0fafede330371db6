#include "make_kernels.cuh"

namespace hexcore_cuda {

void add_q4_0(std::vector<Kernel>& kernels) { add_pair<Q4_0, Q4_0>(kernels); }

}  // namespace hexcore_cuda
