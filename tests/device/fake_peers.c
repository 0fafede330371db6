/* A libcuda.so.1 with the functions for contexts on two GPUs, which reach each other. */
#include <stddef.h>

#include "fake_driver.h"

int cuDeviceGet(int* device, int index);
int cuDeviceCanAccessPeer(int* can, int device, int peer);
int cuDevicePrimaryCtxRetain(void** context, int device);
int cuDevicePrimaryCtxRelease_v2(int device);
int cuCtxPushCurrent_v2(void* context);
int cuCtxPopCurrent_v2(void** context);
int cuCtxEnablePeerAccess(void* peer, unsigned flags);

int cuMemHostRegister_v2(void* begin, size_t size, unsigned flags);
int cuMemHostUnregister(void* begin);

struct FakePeersState fake_peers_state;

static int contexts[2];
static void* current;

static int number_of(const void* context) { return (int)((const int*)context - contexts); }

int cuDeviceGet(int* device, int index) {
    *device = index;
    return index < 2 ? 0 : 101;
}

int cuDeviceCanAccessPeer(int* can, int device, int peer) {
    *can = device != peer && !fake_peers_state.are_apart;
    return 0;
}

int cuDevicePrimaryCtxRetain(void** context, int device) {
    *context = &contexts[device];
    ++fake_peers_state.held[device];
    return 0;
}

int cuDevicePrimaryCtxRelease_v2(int device) {
    --fake_peers_state.held[device];
    return 0;
}

int cuCtxPushCurrent_v2(void* context) {
    current = context;
    return 0;
}

int cuCtxPopCurrent_v2(void** context) {
    *context = current;
    current = NULL;
    return 0;
}

int cuCtxEnablePeerAccess(void* peer, unsigned flags) {
    int* reaches = &fake_peers_state.reaches[number_of(current)][number_of(peer)];
    const int status = flags != 0 ? 1 : *reaches != 0 ? 704 : 0;
    *reaches = 1;
    return status;
}

int cuMemHostRegister_v2(void* begin, size_t size, unsigned flags) {
    const int status = current == NULL || begin == NULL || flags != 1 ? 1 : 0;
    if (status == 0 && fake_peers_state.pin_status == 0) {
        fake_peers_state.pinned_bytes += size;
    }
    return status != 0 ? status : fake_peers_state.pin_status;
}

int cuMemHostUnregister(void* begin) {
    fake_peers_state.pinned_bytes = 0;
    return current == NULL || begin == NULL ? 1 : 0;
}
