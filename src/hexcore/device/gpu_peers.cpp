#include "hexcore/device/gpu_peers.hpp"

#include "hexcore/device/dynamic_library.hpp"

namespace hexcore {
namespace {

// The driver's C interface, as far as it is used here (CUDA Driver API reference, "Primary Context
// Management" and "Peer Context Memory Access"). CUresult and CUdevice are ints.
using Context = void*;
using OpenDevice = int(int* device, int index);
using CanAccessPeer = int(int* can, int device, int peer);
using RetainContext = int(Context* context, int device);
using ReleaseContext = int(int device);
using PushContext = int(Context context);
using PopContext = int(Context* context);
using EnablePeerAccess = int(Context peer, unsigned flags);
constexpr int already_enabled = 704;  // CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED

struct PeerFunctions {
    explicit PeerFunctions(const DynamicLibrary& library)
        : open(library.function<OpenDevice>("cuDeviceGet")),
          can_access(library.function<CanAccessPeer>("cuDeviceCanAccessPeer")),
          retain(library.function<RetainContext>("cuDevicePrimaryCtxRetain")),
          release(library.function<ReleaseContext>("cuDevicePrimaryCtxRelease_v2")),
          push(library.function<PushContext>("cuCtxPushCurrent_v2")),
          pop(library.function<PopContext>("cuCtxPopCurrent_v2")),
          enable(library.function<EnablePeerAccess>("cuCtxEnablePeerAccess")) {}

    [[nodiscard]] bool are_there() const {
        return open != nullptr && can_access != nullptr && retain != nullptr &&
               release != nullptr && push != nullptr && pop != nullptr && enable != nullptr;
    }

    OpenDevice* open;
    CanAccessPeer* can_access;
    RetainContext* retain;
    ReleaseContext* release;
    PushContext* push;
    PopContext* pop;
    EnablePeerAccess* enable;
};

/// The context of this process on a GPU that ggml uses, too.
class PrimaryContext {
public:
    PrimaryContext(const PeerFunctions& cuda, std::uint32_t index) : cuda_(cuda) {
        is_held_ = cuda_.open(&device_, static_cast<int>(index)) == 0 &&
                   cuda_.retain(&context_, device_) == 0;
    }
    ~PrimaryContext() {
        if (is_held_) {
            (void)cuda_.release(device_);
        }
    }
    PrimaryContext(const PrimaryContext&) = delete;
    PrimaryContext& operator=(const PrimaryContext&) = delete;

    [[nodiscard]] bool is_held() const { return is_held_; }
    [[nodiscard]] bool reaches(const PrimaryContext& peer) const {
        int can = 0;
        if (cuda_.can_access(&can, device_, peer.device_) != 0 || can == 0 ||
            cuda_.push(context_) != 0) {
            return false;
        }
        const int status = cuda_.enable(peer.context_, 0);
        Context popped = nullptr;
        (void)cuda_.pop(&popped);
        return status == 0 || status == already_enabled;
    }

private:
    const PeerFunctions& cuda_;
    int device_ = 0;
    Context context_ = nullptr;
    bool is_held_ = false;
};

}  // namespace

bool let_reach_each_other(std::uint32_t a, std::uint32_t b, const std::string& cuda_library) {
    const auto library = DynamicLibrary::open(cuda_library);
    if (!library) {
        return false;
    }
    const PeerFunctions cuda(*library);
    if (!cuda.are_there()) {
        return false;
    }
    const PrimaryContext first(cuda, a);
    const PrimaryContext second(cuda, b);
    return first.is_held() && second.is_held() && first.reaches(second) && second.reaches(first);
}

}  // namespace hexcore
