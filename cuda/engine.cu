// The library's functions: which kernel a shape gets, and launches.
#include <algorithm>
#include <cstring>
#include <vector>

#include "engine.cuh"
#include "kernels.hpp"

namespace hexcore_cuda {
namespace {

const std::vector<Kernel>& all_kernels() {
    static const std::vector<Kernel> kernels = [] {
        std::vector<Kernel> result;
        for (const auto add : {add_q4_0, add_q8_0, add_q4_k, add_q5_k, add_q6_k, add_iq4_xs,
                               add_iq4_nl, add_mxfp4, add_f16, add_bf16}) {
            add(result);
        }
        return result;
    }();
    return kernels;
}

// The first kernel for that shape that has room on the engine's card; null: on any card.
const Kernel* find_kernel(const hexcore_cuda_shape& shape, const hexcore_cuda_engine* engine) {
    for (const Kernel& kernel : all_kernels()) {
        if (kernel.up_type != shape.up_type || kernel.down_type != shape.down_type ||
            kernel.is_of_several != (shape.n_tokens > 1) || !kernel.takes(shape)) {
            continue;
        }
        if (engine != nullptr &&
            kernel.shared_bytes(shape, engine->blocks) + static_cast<int>(sizeof(Board)) >
                engine->shared_limit) {
            continue;
        }
        const int chunks = (shape.n_ff + kernel.down_chunk_columns - 1) / kernel.down_chunk_columns;
        const bool fits = shape.n_embd % kernel.up_columns == 0 &&
                          shape.n_embd % kernel.rows == 0 &&
                          shape.n_ff % kernel.down_columns == 0 && shape.n_embd >= 128 &&
                          shape.n_ff >= 128 && shape.n_used >= 1 && shape.n_used <= most_used &&
                          shape.n_used * chunks <= most_chunks && shape.n_expert >= 1 &&
                          shape.n_expert <= HEXCORE_CUDA_MOST_EXPERTS && shape.n_tokens >= 1 &&
                          shape.n_tokens <= HEXCORE_CUDA_MOST_TOKENS &&
                          shape.glu >= HEXCORE_CUDA_SWIGLU && shape.glu <= HEXCORE_CUDA_SWIGLU_OAI;
        return fits ? &kernel : nullptr;
    }
    return nullptr;
}

}  // namespace
}  // namespace hexcore_cuda

using namespace hexcore_cuda;

int hexcore_cuda_version(void) { return HEXCORE_CUDA_VERSION; }

const char* hexcore_cuda_error_text(int error) {
    return cudaGetErrorString(static_cast<cudaError_t>(error));
}

int hexcore_cuda_supports(const hexcore_cuda_shape* shape) {
    return find_kernel(*shape, nullptr) != nullptr ? 1 : 0;
}

size_t hexcore_cuda_scratch_bytes(const hexcore_cuda_shape* shape) {
    return sizeof(Numbers) + sizeof(Word) * shape->n_used * shape->n_ff;
}

size_t hexcore_cuda_box_bytes(const hexcore_cuda_shape* shape) {
    return sizeof(Word) * std::max(Box::home_words(shape->n_used, shape->n_embd),
                                   2 * Box::message_words(shape->n_embd));
}

int hexcore_cuda_open(void* scratch, size_t bytes, void* box, size_t box_bytes,
                      hexcore_cuda_engine** engine) {
    cudaPointerAttributes place;
    HEXCORE_CUDA_TRY(cudaPointerGetAttributes(&place, scratch));
    if (place.type != cudaMemoryTypeDevice || bytes < sizeof(Numbers)) {
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
    made.numbers = static_cast<Numbers*>(scratch);
    made.h = reinterpret_cast<Word*>(made.numbers + 1);
    made.h_words = (bytes - sizeof(Numbers)) / sizeof(Word);
    made.box = static_cast<Word*>(box);
    made.box_words = box == nullptr ? 0 : box_bytes / sizeof(Word);
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

int hexcore_cuda_card(const hexcore_cuda_engine* engine) { return engine->card; }

int hexcore_cuda_can_read_main_memory(const hexcore_cuda_engine* engine) {
    int can = 0;
    const cudaError_t error =
        cudaDeviceGetAttribute(&can, cudaDevAttrCanUseHostPointerForRegisteredMem, engine->card);
    return error == cudaSuccess && can != 0 ? 1 : 0;
}

int hexcore_cuda_can_run(hexcore_cuda_engine* engine, const hexcore_cuda_shape* shape) {
    const Kernel* kernel = find_kernel(*shape, engine);
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

namespace hexcore_cuda {

bool has_all(const hexcore_cuda_experts& experts) {
    const auto* words = experts.part.shards[0].experts;
    for (int e = 0; e < experts.shape.n_expert; ++e) {
        if ((words[e / 32] >> e % 32 & 1) == 0) {
            return false;
        }
    }
    return true;
}

Job job_of(const hexcore_cuda_engine& engine, const hexcore_cuda_experts& experts) {
    Job job{};
    job.gate_stride = experts.gate_stride;
    job.up_stride = experts.up_stride;
    job.down_stride = experts.down_stride;
    job.gate_bias = experts.gate_bias;
    job.up_bias = experts.up_bias;
    job.down_bias = experts.down_bias;
    job.ids = experts.ids;
    job.weights = experts.weights;
    job.x = experts.x;
    job.y = experts.y;
    job.h = engine.h;
    job.number = engine.numbers->of_launch;
    job.n_embd = experts.shape.n_embd;
    job.n_ff = experts.shape.n_ff;
    job.n_used = experts.shape.n_used;
    job.n_expert = experts.shape.n_expert;
    job.glu = experts.shape.glu;
    job.counts = experts.is_counted != 0 ? engine.numbers->counts : nullptr;
    return job;
}

int launch(const hexcore_cuda_engine& engine, const hexcore_cuda_shape& shape, const Job& job,
           const hexcore_cuda_part& part) {
    const Kernel* kernel = find_kernel(shape, &engine);
    if (kernel == nullptr) {
        return static_cast<int>(cudaErrorInvalidValue);
    }
    const OnCard on(engine.card);
    const int shared = kernel->shared_bytes(shape, engine.blocks);
    HEXCORE_CUDA_TRY(cudaFuncSetAttribute(kernel->function,
                                          cudaFuncAttributeMaxDynamicSharedMemorySize, shared));
    // All blocks at once or none: they wait for each other, and another launch of the kind, of
    // another program, may want the same multiprocessors.
    cudaLaunchAttribute cooperative{};
    cooperative.id = cudaLaunchAttributeCooperative;
    cooperative.val.cooperative = 1;
    cudaLaunchConfig_t config{};
    config.gridDim = engine.blocks;
    config.blockDim = kernel->threads;
    config.dynamicSmemBytes = shared;
    config.stream = engine.stream;
    config.attrs = &cooperative;
    config.numAttrs = 1;
    void* arguments[] = {const_cast<Job*>(&job), const_cast<hexcore_cuda_part*>(&part)};
    HEXCORE_CUDA_TRY(cudaLaunchKernelExC(&config, kernel->function, arguments));
    return 0;
}

}  // namespace hexcore_cuda

int hexcore_cuda_launch(hexcore_cuda_engine* engine, const hexcore_cuda_experts* experts) {
    Job job = job_of(*engine, *experts);
    job.has_all = has_all(*experts);
    int error = 0;
    for (int token = 0; token < experts->shape.n_tokens && error == 0; ++token) {
        error = launch(*engine, experts->shape, job, experts->part);
        job.x += job.n_embd;
        job.y += job.n_embd;
        job.ids += experts->ids_stride;
        job.weights += job.weights == nullptr ? 0 : job.n_used;
    }
    return error;
}

int hexcore_cuda_count(hexcore_cuda_engine* engine, uint64_t computed[HEXCORE_CUDA_MOST_SHARDS]) {
    const OnCard on(engine->card);
    HEXCORE_CUDA_TRY(cudaMemcpyAsync(computed, engine->numbers->counts,
                                     sizeof(engine->numbers->counts), cudaMemcpyDeviceToHost,
                                     engine->stream));
    HEXCORE_CUDA_TRY(cudaStreamSynchronize(engine->stream));
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
