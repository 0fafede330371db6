#include "make_kernels.cuh"
#include "quants_mxfp4.cuh"

namespace hexcore_cuda {

void add_mxfp4(std::vector<Kernel>& kernels) { add_pair<FastMXFP4, FastMXFP4, MXFP4>(kernels); }

}  // namespace hexcore_cuda
