#include "hexcore/device/gpu_peers.hpp"

#include "hexcore/device/primary_context.hpp"

namespace hexcore {
namespace {

// CUDA Driver API reference, "Peer Context Memory Access".
using CanAccessPeer = int(int* can, int device, int peer);
using EnablePeerAccess = int(void* peer, unsigned flags);
constexpr int already_enabled = 704;  // CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED

bool let_reach(const DynamicLibrary& cuda, const PrimaryContext& from, const PrimaryContext& to) {
    auto* can_access = cuda.function<CanAccessPeer>("cuDeviceCanAccessPeer");
    auto* enable = cuda.function<EnablePeerAccess>("cuCtxEnablePeerAccess");
    int can = 0;
    if (can_access == nullptr || enable == nullptr ||
        can_access(&can, from.device(), to.device()) != 0 || can == 0) {
        return false;
    }
    const int status = from.within([&] { return enable(to.context(), 0); });
    return status == 0 || status == already_enabled;
}

}  // namespace

bool let_reach_each_other(std::uint32_t a, std::uint32_t b, const std::string& cuda_library) {
    const auto cuda = DynamicLibrary::open(cuda_library);
    if (!cuda) {
        return false;
    }
    const PrimaryContext first(*cuda, a);
    const PrimaryContext second(*cuda, b);
    return first.is_held() && second.is_held() && let_reach(*cuda, first, second) &&
           let_reach(*cuda, second, first);
}

}  // namespace hexcore
