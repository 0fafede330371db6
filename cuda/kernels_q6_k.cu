#include "make_kernels.cuh"

namespace hexcore_cuda {

void add_q6_k(std::vector<Kernel>& kernels) { add_pair<Q6_K, Q6_K>(kernels); }

}  // namespace hexcore_cuda
