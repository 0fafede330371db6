#include "make_kernels.cuh"

namespace hexcore_cuda {

void add_iq4_nl(std::vector<Kernel>& kernels) { add_pair<IQ4_NL, IQ4_NL>(kernels); }

}  // namespace hexcore_cuda
