#include "make_kernels.cuh"

namespace hexcore_cuda {

void add_q5_k(std::vector<Kernel>& kernels) {
    add_pair<Q5_K, Q5_K>(kernels);
    add_pair<Q5_K, Q6_K>(kernels);
}

}  // namespace hexcore_cuda
