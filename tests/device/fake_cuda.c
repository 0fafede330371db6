/* A libcuda.so.1 with the functions that Hexcore calls, over a state that the tests set. It has no
 * function that makes a context: a probe that wanted one would not find it. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "fake_driver.h"

int cuInit(unsigned flags);
int cuGetErrorName(int status, const char** name);
int cuDeviceGetCount(int* count);
int cuDeviceGet(int* device, int index);
int cuDeviceGetName(char* name, int length, int device);
int cuDeviceGetUuid_v2(unsigned char* uuid, int device);
int cuDeviceGetPCIBusId(char* id, int length, int device);
int cuDeviceTotalMem_v2(size_t* bytes, int device);

struct FakeCudaState fake_cuda_state;

int cuInit(unsigned flags) { return flags == 0 ? fake_cuda_state.init_status : 1; }

int cuGetErrorName(int status, const char** name) {
    switch (status) {
        case 100:
            *name = "CUDA_ERROR_NO_DEVICE";
            return 0;
        case 803:
            *name = "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH";
            return 0;
        default:
            *name = NULL;
            return 1;
    }
}

int cuDeviceGetCount(int* count) {
    *count = (int)fake_cuda_state.gpu_count;
    return fake_cuda_state.count_status;
}

int cuDeviceGet(int* device, int index) {
    *device = index;
    return index + 1 == (int)fake_cuda_state.gpu_count ? fake_cuda_state.device_status : 0;
}

int cuDeviceGetName(char* name, int length, int device) {
    snprintf(name, (size_t)length, "%s", fake_cuda_state.gpus[device].name);
    return 0;
}

int cuDeviceGetUuid_v2(unsigned char* uuid, int device) {
    memcpy(uuid, fake_cuda_state.gpus[device].uuid, 16);
    return fake_cuda_state.no_uuid ? 1 : 0;
}

int cuDeviceGetPCIBusId(char* id, int length, int device) {
    snprintf(id, (size_t)length, "%s", fake_cuda_state.gpus[device].pci);
    return 0;
}

int cuDeviceTotalMem_v2(size_t* bytes, int device) {
    *bytes = (size_t)fake_cuda_state.gpus[device].total;
    return 0;
}
