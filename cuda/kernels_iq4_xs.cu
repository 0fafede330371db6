#include "make_kernels.cuh"

namespace hexcore_cuda {

void add_iq4_xs(std::vector<Kernel>& kernels) {
    add_pair<IQ4_XS, IQ4_XS>(kernels);
    add_pair<IQ4_XS, Q5_K>(kernels);
}

}  // namespace hexcore_cuda
