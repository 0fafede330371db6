#include "make_kernels.cuh"
#include "quants_q4_k.cuh"

namespace hexcore_cuda {

// Q4_K_M has some layers' down projections in Q6_K.
void add_q4_k(std::vector<Kernel>& kernels) {
    add_pair<FastQ4_K, FastQ4_K, ShortQ4_K>(kernels);
    add_pair<FastQ4_K, Q6_K>(kernels);
    add_pair<FastQ4_K, Q5_K>(kernels);
}

}  // namespace hexcore_cuda
