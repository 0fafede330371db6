// Recordings of what was launched: CUDA graphs.
#include "engine.cuh"

using namespace hexcore_cuda;

struct hexcore_cuda_recording {
    int card;
    cudaGraphExec_t graph;
};

int hexcore_cuda_begin_recording(hexcore_cuda_engine* engine) {
    const OnCard on(engine->card);
    HEXCORE_CUDA_TRY(cudaStreamBeginCapture(engine->stream, cudaStreamCaptureModeRelaxed));
    return 0;
}

int hexcore_cuda_end_recording(hexcore_cuda_engine* engine, hexcore_cuda_recording** recording) {
    const OnCard on(engine->card);
    cudaGraph_t graph = nullptr;
    HEXCORE_CUDA_TRY(cudaStreamEndCapture(engine->stream, &graph));
    cudaGraphExec_t executable = nullptr;
    const cudaError_t error = cudaGraphInstantiate(&executable, graph, 0);
    (void)cudaGraphDestroy(graph);
    HEXCORE_CUDA_TRY(error);
    // Now, for while launches wait for each other nothing may wait for them to end.
    HEXCORE_CUDA_TRY(cudaGraphUpload(executable, engine->stream));
    *recording = new hexcore_cuda_recording{engine->card, executable};
    return 0;
}

int hexcore_cuda_replay(hexcore_cuda_engine* engine, hexcore_cuda_recording* recording) {
    const OnCard on(engine->card);
    HEXCORE_CUDA_TRY(cudaGraphLaunch(recording->graph, engine->stream));
    return 0;
}

void hexcore_cuda_forget(hexcore_cuda_recording* recording) {
    const OnCard on(recording->card);
    (void)cudaGraphExecDestroy(recording->graph);
    delete recording;
}
