/* A libnvidia-ml.so.1 with the functions that Hexcore calls, over a state that the tests set. Built
 * a second time with FAKE_OLD_DRIVER, without the newer versions of the calls that list processes.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake_driver.h"

enum { not_found = 6, insufficient_size = 7 };

struct Memory {
    unsigned long long total, free, used;
};
int nvmlInit_v2(void);
int nvmlShutdown(void);
const char* nvmlErrorString(int status);
int nvmlDeviceGetCount_v2(unsigned* count);
int nvmlSystemGetDriverVersion(char* version, unsigned length);
int nvmlDeviceGetHandleByIndex_v2(unsigned index, struct FakeGpu** gpu);
int nvmlDeviceGetHandleByUUID(const char* uuid, struct FakeGpu** gpu);
int nvmlDeviceGetHandleByPciBusId_v2(const char* id, struct FakeGpu** gpu);
int nvmlDeviceGetName(struct FakeGpu* gpu, char* name, unsigned length);
int nvmlDeviceGetMemoryInfo(struct FakeGpu* gpu, struct Memory* memory);
int nvmlDeviceGetComputeRunningProcesses(struct FakeGpu* gpu, unsigned* count, void* infos);
int nvmlDeviceGetComputeRunningProcesses_v3(struct FakeGpu* gpu, unsigned* count, void* infos);
int nvmlDeviceGetGraphicsRunningProcesses(struct FakeGpu* gpu, unsigned* count, void* infos);
int nvmlDeviceGetGraphicsRunningProcesses_v3(struct FakeGpu* gpu, unsigned* count, void* infos);

struct FakeNvmlState fake_nvml_state;

/* In a program that no test is in, FAKE_NVML_FILE says what one GPU has: lines `total BYTES`,
 * `nobodys BYTES`, `process PID BYTES`. What of a process that has ended is free. Each reading of
 * its processes adds a byte to FAKE_NVML_FILE.read. While there is a FAKE_NVML_FILE.hangs no call
 * that reads returns. */
static void hang(const char* name) {
    char hangs[4096];
    if (name != NULL && snprintf(hangs, sizeof(hangs), "%s.hangs", name) < (int)sizeof(hangs)) {
        while (access(hangs, F_OK) == 0) {
            usleep(1000);
        }
    }
}

static void read_state(void) {
    const char* name = getenv("FAKE_NVML_FILE");
    hang(name);
    FILE* file = name != NULL ? fopen(name, "r") : NULL;
    if (file == NULL) {
        return;
    }
    struct FakeGpu* gpu = &fake_nvml_state.gpus[0];
    char line[128];
    fake_nvml_state.gpu_count = 1;
    fake_nvml_state.entry_bytes = 24;
    gpu->name = "Fake";
    gpu->pci = "0000:01:00.0";
    gpu->process_count = 0;
    unsigned long long used = 0;
    while (fgets(line, sizeof(line), file) != NULL) {
        unsigned long long bytes = 0;
        unsigned pid = 0;
        if (sscanf(line, "total %llu", &bytes) == 1) {
            gpu->total = bytes;
        } else if (sscanf(line, "nobodys %llu", &bytes) == 1) {
            used += bytes;
        } else if (sscanf(line, "process %u %llu", &pid, &bytes) == 2 &&
                   gpu->process_count < fake_max_processes && kill((pid_t)pid, 0) == 0) {
            gpu->processes[gpu->process_count].pid = pid;
            gpu->processes[gpu->process_count++].bytes = bytes;
            used += bytes;
        }
    }
    fclose(file);
    gpu->free = used < gpu->total ? gpu->total - used : 0;
}

static void say_that_it_was_read(void) {
    const char* name = getenv("FAKE_NVML_FILE");
    char said[4096];
    if (name != NULL && snprintf(said, sizeof(said), "%s.read", name) < (int)sizeof(said)) {
        FILE* file = fopen(said, "a");
        if (file != NULL) {
            fputc('r', file);
            fclose(file);
        }
    }
}

int nvmlInit_v2(void) {
    read_state();
    fake_nvml_state.started += fake_nvml_state.init_status == 0;
    return fake_nvml_state.init_status;
}

int nvmlShutdown(void) {
    --fake_nvml_state.started;
    return 0;
}

const char* nvmlErrorString(int status) {
    switch (status) {
        case 3:
            return "Not Supported";
        case 15:
            return "GPU is lost";
        case 18:
            return "Driver/library version mismatch";
        default:
            return "Unknown Error";
    }
}

int nvmlDeviceGetCount_v2(unsigned* count) {
    *count = fake_nvml_state.gpu_count;
    return 0;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, struct FakeGpu** gpu) {
    *gpu = &fake_nvml_state.gpus[index];
    return index < fake_nvml_state.gpu_count ? 0 : not_found;
}

int nvmlDeviceGetHandleByUUID(const char* uuid, struct FakeGpu** gpu) {
    for (unsigned i = 0; i < fake_nvml_state.gpu_count; ++i) {
        const unsigned char* bytes = fake_nvml_state.gpus[i].uuid;
        char text[64] = "GPU-";
        char* end = text + 4;
        for (int b = 0; b < 16; ++b) {
            const int dash = b == 4 || b == 6 || b == 8 || b == 10;
            end += snprintf(end, 4, "%s%02x", dash ? "-" : "", bytes[b]);
        }
        if (strcmp(text, uuid) == 0) {
            *gpu = &fake_nvml_state.gpus[i];
            return 0;
        }
    }
    return not_found;
}

int nvmlDeviceGetHandleByPciBusId_v2(const char* id, struct FakeGpu** gpu) {
    for (unsigned i = 0; i < fake_nvml_state.gpu_count; ++i) {
        if (strcmp(fake_nvml_state.gpus[i].pci, id) == 0) {
            *gpu = &fake_nvml_state.gpus[i];
            return 0;
        }
    }
    return not_found;
}

int nvmlDeviceGetName(struct FakeGpu* gpu, char* name, unsigned length) {
    snprintf(name, length, "%s", gpu->name);
    return 0;
}

int nvmlDeviceGetMemoryInfo(struct FakeGpu* gpu, struct Memory* memory) {
    read_state();
    memory->total = gpu->total;
    memory->free = gpu->free;
    memory->used = gpu->total - gpu->free;
    return gpu->memory_status;
}

static int list(struct FakeGpu* gpu, unsigned available, unsigned* count, char* infos) {
    const unsigned room = *count;
    const unsigned instance = ~0U;
    const unsigned long long protected_bytes = 0;
    ++fake_nvml_state.list_calls;
    if (gpu->list_status != 0) {
        return gpu->list_status;
    }
    *count = available;
    if (available > room) {
        return insufficient_size;
    }
    if (fake_nvml_state.clears_whole_buffer) {
        memset(infos, 0, (size_t)room * fake_nvml_state.entry_bytes);
    }
    for (unsigned i = 0; i < available; ++i) {
        char* entry = infos + (size_t)i * fake_nvml_state.entry_bytes;
        memcpy(entry, &gpu->processes[i].pid, 4);
        memcpy(entry + 8, &gpu->processes[i].bytes, 8);
        if (fake_nvml_state.entry_bytes >= 24) {
            memcpy(entry + 16, &instance, 4);
            memcpy(entry + 20, &instance, 4);
        }
        if (fake_nvml_state.entry_bytes >= 32) {
            memcpy(entry + 24, &protected_bytes, 8);
        }
    }
    return 0;
}

static int list_compute(struct FakeGpu* gpu, unsigned* count, void* infos) {
    const int status = list(gpu, gpu->process_count, count, infos);
    say_that_it_was_read();
    const unsigned grown = gpu->process_count + fake_nvml_state.grows_per_call;
    gpu->process_count = grown < fake_max_processes ? grown : fake_max_processes;
    return status;
}

int nvmlDeviceGetComputeRunningProcesses(struct FakeGpu* gpu, unsigned* count, void* infos) {
    return list_compute(gpu, count, infos);
}

int nvmlDeviceGetGraphicsRunningProcesses(struct FakeGpu* gpu, unsigned* count, void* infos) {
    return list(gpu, gpu->graphics_count, count, infos);
}

#ifndef FAKE_OLD_DRIVER
int nvmlSystemGetDriverVersion(char* version, unsigned length) {
    snprintf(version, length, "%s", "580.1");
    return 0;
}

int nvmlDeviceGetComputeRunningProcesses_v3(struct FakeGpu* gpu, unsigned* count, void* infos) {
    return list_compute(gpu, count, infos);
}

int nvmlDeviceGetGraphicsRunningProcesses_v3(struct FakeGpu* gpu, unsigned* count, void* infos) {
    return list(gpu, gpu->graphics_count, count, infos);
}
#endif
