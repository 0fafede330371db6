#include "hexcore/device/primary_context.hpp"

namespace hexcore {
namespace {

// The driver's C interface, as far as it is used here (CUDA Driver API reference, "Primary Context
// Management" and "Context Management"). CUresult and CUdevice are ints.
using OpenDevice = int(int* device, int index);
using RetainContext = int(void** context, int device);
using ReleaseContext = int(int device);
using PushContext = int(void* context);
using PopContext = int(void** context);

}  // namespace

PrimaryContext::PrimaryContext(const DynamicLibrary& cuda, std::uint32_t index) : cuda_(cuda) {
    auto* open = cuda_.function<OpenDevice>("cuDeviceGet");
    auto* retain = cuda_.function<RetainContext>("cuDevicePrimaryCtxRetain");
    if (open == nullptr || retain == nullptr || open(&device_, static_cast<int>(index)) != 0 ||
        retain(&context_, device_) != 0) {
        context_ = nullptr;
    }
}

PrimaryContext::~PrimaryContext() {
    auto* release = cuda_.function<ReleaseContext>("cuDevicePrimaryCtxRelease_v2");
    if (is_held() && release != nullptr) {
        (void)release(device_);
    }
}

bool PrimaryContext::enter() const {
    auto* push = cuda_.function<PushContext>("cuCtxPushCurrent_v2");
    return push != nullptr && push(context_) == 0;
}

void PrimaryContext::leave() const {
    if (auto* pop = cuda_.function<PopContext>("cuCtxPopCurrent_v2")) {
        void* popped = nullptr;
        (void)pop(&popped);
    }
}

}  // namespace hexcore
