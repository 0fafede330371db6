// The library's functions: which kernel a shape gets, launches, and recordings of them.
#include <algorithm>
#include <cstring>
#include <vector>

#include "experts.cuh"
#include "hexcore/backend/kernels/hexcore_cuda.h"
#include "kernels.hpp"

namespace hexcore_cuda {
namespace {

// Scratch memory begins with the blocks' numbers; h follows.
constexpr int most_blocks = 1024;
constexpr size_t numbers_bytes = most_blocks * sizeof(unsigned);

const std::vector<Kernel>& all_kernels() {
    static const std::vector<Kernel> kernels = [] {
        std::vector<Kernel> result;
        for (const auto add : {add_q4_0, add_q8_0, add_q4_k, add_q5_k, add_q6_k, add_iq4_xs,
                               add_iq4_nl, add_mxfp4}) {
            add(result);
        }
        return result;
    }();
    return kernels;
}

const Kernel* find_kernel(const hexcore_cuda_shape& shape) {
    for (const Kernel& kernel : all_kernels()) {
        if (kernel.up_type != shape.up_type || kernel.down_type != shape.down_type) {
            continue;
        }
        const int rows = kernel.eight_rows_fit(shape.n_ff) && shape.n_embd % 8 == 0 ? 8 : 2;
        if (kernel.rows != rows) {
            continue;
        }
        const int chunks = (shape.n_ff + kernel.down_chunk_columns - 1) / kernel.down_chunk_columns;
        const bool fits = shape.n_embd % kernel.up_columns == 0 && shape.n_embd % rows == 0 &&
                          shape.n_ff % kernel.down_columns == 0 && shape.n_embd >= 128 &&
                          shape.n_ff >= 128 && shape.n_used >= 1 && shape.n_used <= most_used &&
                          shape.n_used * chunks <= most_chunks &&
                          shape.glu >= HEXCORE_CUDA_SWIGLU && shape.glu <= HEXCORE_CUDA_SWIGLU_OAI;
        return fits ? &kernel : nullptr;
    }
    return nullptr;
}

// Makes a card the current one of this thread for a while.
class OnCard {
public:
    explicit OnCard(int card) {
        error_ = cudaGetDevice(&before_);
        if (error_ == cudaSuccess && before_ != card) {
            error_ = cudaSetDevice(card);
        }
    }
    ~OnCard() {
        if (before_ >= 0) {
            (void)cudaSetDevice(before_);
        }
    }
    OnCard(const OnCard&) = delete;
    OnCard& operator=(const OnCard&) = delete;
    [[nodiscard]] cudaError_t error() const { return error_; }

private:
    int before_ = -1;
    cudaError_t error_;
};

}  // namespace
}  // namespace hexcore_cuda

using namespace hexcore_cuda;

struct hexcore_cuda_engine {
    int card = 0;
    int blocks = 0;        // one for each multiprocessor
    int shared_limit = 0;  // bytes that a block can have
    bool is_new_enough = false;
    cudaStream_t stream = nullptr;
    unsigned* numbers = nullptr;
    Word* h = nullptr;
    size_t h_words = 0;
};

struct hexcore_cuda_recording {
    int card;
    cudaGraphExec_t graph;
};

#define HEXCORE_CUDA_TRY(call)                         \
    do {                                               \
        const cudaError_t error_of_call = (call);      \
        if (error_of_call != cudaSuccess) {            \
            (void)cudaGetLastError(); /* forgets it */ \
            return static_cast<int>(error_of_call);    \
        }                                              \
    } while (false)

int hexcore_cuda_version(void) { return HEXCORE_CUDA_VERSION; }

const char* hexcore_cuda_error_text(int error) {
    return cudaGetErrorString(static_cast<cudaError_t>(error));
}

int hexcore_cuda_supports(const hexcore_cuda_shape* shape) {
    return find_kernel(*shape) != nullptr ? 1 : 0;
}

size_t hexcore_cuda_scratch_bytes(const hexcore_cuda_shape* shape) {
    return numbers_bytes + sizeof(Word) * shape->n_used * shape->n_ff;
}

int hexcore_cuda_open(void* scratch, size_t bytes, hexcore_cuda_engine** engine) {
    cudaPointerAttributes place;
    HEXCORE_CUDA_TRY(cudaPointerGetAttributes(&place, scratch));
    if (place.type != cudaMemoryTypeDevice || bytes < numbers_bytes) {
        return static_cast<int>(cudaErrorInvalidValue);
    }
    const OnCard on(place.device);
    HEXCORE_CUDA_TRY(on.error());
    hexcore_cuda_engine made;
    made.card = place.device;
    int major = 0;
    int cooperative = 0;
    const auto ask = [&](int& value, cudaDeviceAttr attribute) {
        return cudaDeviceGetAttribute(&value, attribute, made.card);
    };
    HEXCORE_CUDA_TRY(ask(made.blocks, cudaDevAttrMultiProcessorCount));
    HEXCORE_CUDA_TRY(ask(made.shared_limit, cudaDevAttrMaxSharedMemoryPerBlockOptin));
    HEXCORE_CUDA_TRY(ask(major, cudaDevAttrComputeCapabilityMajor));
    HEXCORE_CUDA_TRY(ask(cooperative, cudaDevAttrCooperativeLaunch));
    made.is_new_enough = major >= 8 && cooperative != 0 && made.blocks <= most_blocks;
    made.numbers = static_cast<unsigned*>(scratch);
    made.h = reinterpret_cast<Word*>(static_cast<char*>(scratch) + numbers_bytes);
    made.h_words = (bytes - numbers_bytes) / sizeof(Word);
    HEXCORE_CUDA_TRY(cudaStreamCreateWithFlags(&made.stream, cudaStreamNonBlocking));
    *engine = new hexcore_cuda_engine(made);
    return 0;
}

void hexcore_cuda_close(hexcore_cuda_engine* engine) {
    const OnCard on(engine->card);
    (void)cudaStreamSynchronize(engine->stream);
    (void)cudaStreamDestroy(engine->stream);
    delete engine;
}

int hexcore_cuda_can_run(hexcore_cuda_engine* engine, const hexcore_cuda_shape* shape) {
    const Kernel* kernel = find_kernel(*shape);
    if (kernel == nullptr || !engine->is_new_enough) {
        return 0;
    }
    const OnCard on(engine->card);
    const int shared = kernel->shared_bytes(*shape, engine->blocks);
    cudaFuncAttributes attributes;
    if (on.error() != cudaSuccess ||
        cudaFuncGetAttributes(&attributes, kernel->function) != cudaSuccess) {
        (void)cudaGetLastError();  // no code for this card
        return 0;
    }
    const size_t rows = static_cast<size_t>(shape->n_used) * shape->n_ff;
    return shared + static_cast<int>(attributes.sharedSizeBytes) <= engine->shared_limit &&
                   rows <= engine->h_words && rows >= static_cast<size_t>(engine->blocks)
               ? 1
               : 0;
}

int hexcore_cuda_wait(hexcore_cuda_engine* engine, void* event) {
    const OnCard on(engine->card);
    HEXCORE_CUDA_TRY(cudaStreamWaitEvent(engine->stream, static_cast<cudaEvent_t>(event), 0));
    return 0;
}

int hexcore_cuda_record(hexcore_cuda_engine* engine, void* event) {
    const OnCard on(engine->card);
    HEXCORE_CUDA_TRY(cudaEventRecord(static_cast<cudaEvent_t>(event), engine->stream));
    return 0;
}

int hexcore_cuda_launch(hexcore_cuda_engine* engine, const hexcore_cuda_experts* experts) {
    const hexcore_cuda_shape& shape = experts->shape;
    const Kernel* kernel = find_kernel(shape);
    if (kernel == nullptr) {
        return static_cast<int>(cudaErrorInvalidValue);
    }
    const OnCard on(engine->card);
    Job job = {
        .gate = static_cast<const char*>(experts->gate),
        .up = static_cast<const char*>(experts->up),
        .down = static_cast<const char*>(experts->down),
        .gate_stride = experts->gate_stride,
        .up_stride = experts->up_stride,
        .down_stride = experts->down_stride,
        .gate_bias = experts->gate_bias,
        .up_bias = experts->up_bias,
        .down_bias = experts->down_bias,
        .ids = experts->ids,
        .weights = experts->weights,
        .x = experts->x,
        .y = experts->y,
        .h = engine->h,
        .number = engine->numbers,
        .n_embd = shape.n_embd,
        .n_ff = shape.n_ff,
        .n_used = shape.n_used,
        .glu = shape.glu,
    };
    const int shared = kernel->shared_bytes(shape, engine->blocks);
    HEXCORE_CUDA_TRY(cudaFuncSetAttribute(kernel->function,
                                          cudaFuncAttributeMaxDynamicSharedMemorySize, shared));
    // All blocks at once or none: they wait for each other, and another launch of the kind, of
    // another program, may want the same multiprocessors.
    cudaLaunchAttribute cooperative{};
    cooperative.id = cudaLaunchAttributeCooperative;
    cooperative.val.cooperative = 1;
    cudaLaunchConfig_t config{};
    config.gridDim = engine->blocks;
    config.blockDim = kernel->threads;
    config.dynamicSmemBytes = shared;
    config.stream = engine->stream;
    config.attrs = &cooperative;
    config.numAttrs = 1;
    void* arguments[] = {&job};
    HEXCORE_CUDA_TRY(cudaLaunchKernelExC(&config, kernel->function, arguments));
    return 0;
}

int hexcore_cuda_compare(hexcore_cuda_engine* engine, const float* a, const float* b, size_t n,
                         int* equal) {
    const OnCard on(engine->card);
    std::vector<float> first(n);
    std::vector<float> second(n);
    const auto fetch = [&](std::vector<float>& to, const float* from) {
        return cudaMemcpyAsync(to.data(), from, n * sizeof(float), cudaMemcpyDeviceToHost,
                               engine->stream);
    };
    HEXCORE_CUDA_TRY(fetch(first, a));
    HEXCORE_CUDA_TRY(fetch(second, b));
    HEXCORE_CUDA_TRY(cudaStreamSynchronize(engine->stream));
    *equal = std::memcmp(first.data(), second.data(), n * sizeof(float)) == 0 ? 1 : 0;
    return 0;
}

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
