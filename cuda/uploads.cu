// Copies of experts out of main memory, on a stream of their own beside the engine's.
#include "engine.cuh"

struct hexcore_cuda_uploads {
    hexcore_cuda_engine* engine;
    cudaStream_t stream;
    cudaEvent_t launched;  // what was, when the copies began
};

using hexcore_cuda::OnCard;

int hexcore_cuda_set_slots(hexcore_cuda_engine* engine, int32_t* slots, const int32_t* values,
                           size_t n) {
    const OnCard on(engine->card);
    HEXCORE_CUDA_TRY(
        cudaMemcpyAsync(slots, values, n * sizeof(*slots), cudaMemcpyHostToDevice, engine->stream));
    return 0;
}

int hexcore_cuda_open_uploads(hexcore_cuda_engine* engine, hexcore_cuda_uploads** uploads) {
    const OnCard on(engine->card);
    hexcore_cuda_uploads made{engine, nullptr, nullptr};
    HEXCORE_CUDA_TRY(cudaStreamCreateWithFlags(&made.stream, cudaStreamNonBlocking));
    const cudaError_t error = cudaEventCreateWithFlags(&made.launched, cudaEventDisableTiming);
    if (error != cudaSuccess) {
        (void)cudaStreamDestroy(made.stream);
    }
    HEXCORE_CUDA_TRY(error);
    *uploads = new hexcore_cuda_uploads(made);
    return 0;
}

void hexcore_cuda_close_uploads(hexcore_cuda_uploads* uploads) {
    const OnCard on(uploads->engine->card);
    (void)cudaStreamSynchronize(uploads->stream);
    (void)cudaEventDestroy(uploads->launched);
    (void)cudaStreamDestroy(uploads->stream);
    delete uploads;
}

int hexcore_cuda_begin_uploads(hexcore_cuda_uploads* uploads, const hexcore_cuda_upload* each,
                               size_t n) {
    const OnCard on(uploads->engine->card);
    HEXCORE_CUDA_TRY(cudaEventRecord(uploads->launched, uploads->engine->stream));
    HEXCORE_CUDA_TRY(cudaStreamWaitEvent(uploads->stream, uploads->launched, 0));
    for (size_t i = 0; i < n; ++i) {
        HEXCORE_CUDA_TRY(cudaMemcpyAsync(each[i].to, each[i].from, each[i].bytes,
                                         cudaMemcpyHostToDevice, uploads->stream));
    }
    return 0;
}

int hexcore_cuda_finish_uploads(hexcore_cuda_uploads* uploads) {
    const OnCard on(uploads->engine->card);
    HEXCORE_CUDA_TRY(cudaStreamSynchronize(uploads->stream));
    return 0;
}
