/* The state of the fake driver libraries, shared by them and the tests that set it. Plain C, so
 * that the libraries export what a driver exports: C functions and nothing of ours. */
#pragma once

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { fake_max_gpus = 4, fake_max_processes = 256 };

struct FakeProcess {
    unsigned pid;
    unsigned long long bytes;
};

struct FakeGpu {
    const char* name;
    unsigned char uuid[16];
    const char* pci;
    unsigned long long total;
    unsigned long long free;
    int memory_status; /* what nvmlDeviceGetMemoryInfo returns */
    int list_status;   /* what listing its processes returns */
    unsigned process_count;
    unsigned graphics_count; /* of these, from the first, so many are also in the graphics list */
    struct FakeProcess processes[fake_max_processes];
};

/* Exported by the fake libnvidia-ml as fake_nvml_state. */
struct FakeNvmlState {
    int init_status;
    unsigned gpu_count; /* in the order of the PCI bus */
    struct FakeGpu gpus[fake_max_gpus];
    unsigned entry_bytes;    /* what one process takes in the lists: 16, 24 or 32 */
    unsigned grows_per_call; /* so many processes more at each call that lists them */
    int clears_whole_buffer; /* the list call zeroes all the room it was given */
    int started;             /* inits less shutdowns */
    unsigned list_calls;
};

/* Exported by the fake libcuda as fake_cuda_state. */
struct FakeCudaState {
    int init_status;
    int count_status;
    int device_status;  /* what cuDeviceGet returns for the last GPU */
    int no_uuid;        /* cuDeviceGetUuid_v2 fails */
    unsigned gpu_count; /* in CUDA's order */
    struct FakeGpu gpus[fake_max_gpus];
};

/* Exported by the fake libcuda with contexts as fake_peers_state. */
struct FakePeersState {
    int are_apart;     /* the two GPUs can't reach each other */
    int held[2];       /* contexts retained less released */
    int reaches[2][2]; /* [from][to] */
    int pin_status;    /* what cuMemHostRegister_v2 returns */
    size_t pinned_bytes;
};

#ifdef __cplusplus
}
#endif
