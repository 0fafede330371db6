/* Stands in for libcuda.so.1: two GPUs, and which of them have a primary context. */
static int contexts[2];

void make_context(int gpu) { contexts[gpu] = 1; }

int cuDeviceGetCount(int* count) {
    *count = 2;
    return 0;
}

int cuDeviceGet(int* device, int ordinal) {
    *device = ordinal;
    return 0;
}

int cuDevicePrimaryCtxGetState(int device, unsigned* flags, int* active) {
    *flags = 0;
    *active = contexts[device];
    return 0;
}
