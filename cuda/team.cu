// Cards that compute the experts of a layer together: how they reach each other, and their
// launches.
#include <algorithm>
#include <cstring>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "engine.cuh"

using namespace hexcore_cuda;

struct hexcore_cuda_team {
    std::vector<hexcore_cuda_engine*> engines;  // the first one at home
    std::vector<Word*> boxes;                   // of each
    Word* in_main_memory = nullptr;             // all boxes, where cards can't reach each other
};

namespace hexcore_cuda {
namespace {

// Lets kernels of one card use the memory of another one, from the first time on.
cudaError_t let_reach(int card, int other) {
    static std::mutex mutex;
    static std::set<std::pair<int, int>> known;
    const std::lock_guard lock(mutex);
    if (known.count({card, other}) != 0) {
        return cudaSuccess;
    }
    const OnCard on(card);
    cudaError_t error = cudaDeviceEnablePeerAccess(other, 0);
    if (error != cudaSuccess) {
        (void)cudaGetLastError();
    }
    if (error == cudaErrorPeerAccessAlreadyEnabled) {
        error = cudaSuccess;  // by others of this program
    }
    if (error == cudaSuccess) {
        known.insert({card, other});
    }
    return error;
}

}  // namespace
}  // namespace hexcore_cuda

int hexcore_cuda_form_team(hexcore_cuda_engine* const* engines, int n, hexcore_cuda_team** team) {
    if (n < 2 || n > HEXCORE_CUDA_MOST_CARDS) {
        return static_cast<int>(cudaErrorInvalidValue);
    }
    hexcore_cuda_team made;
    size_t words = 0;
    bool can_reach = true;
    for (int i = 0; i < n; ++i) {
        made.engines.push_back(engines[i]);
        made.boxes.push_back(engines[i]->box);
        words += engines[i]->box_words;
        if (engines[i]->box == nullptr) {
            return static_cast<int>(cudaErrorInvalidValue);
        }
    }
    for (int i = 1; i < n; ++i) {
        const int home = engines[0]->card;
        const int other = engines[i]->card;
        int there = 0;
        int back = 0;
        if (home == other) {
            return static_cast<int>(cudaErrorInvalidDevice);
        }
        HEXCORE_CUDA_TRY(cudaDeviceCanAccessPeer(&there, home, other));
        HEXCORE_CUDA_TRY(cudaDeviceCanAccessPeer(&back, other, home));
        can_reach = can_reach && there != 0 && back != 0;
    }
    for (int i = 1; can_reach && i < n; ++i) {
        HEXCORE_CUDA_TRY(let_reach(engines[0]->card, engines[i]->card));
        HEXCORE_CUDA_TRY(let_reach(engines[i]->card, engines[0]->card));
    }
    if (!can_reach) {
        const size_t bytes = words * sizeof(Word);
        HEXCORE_CUDA_TRY(cudaHostAlloc(reinterpret_cast<void**>(&made.in_main_memory), bytes,
                                       cudaHostAllocPortable | cudaHostAllocMapped));
        std::memset(made.in_main_memory, 0, bytes);
        Word* next = made.in_main_memory;
        for (int i = 0; i < n; ++i) {
            made.boxes[i] = next;
            next += engines[i]->box_words;
        }
    }
    *team = new hexcore_cuda_team(made);
    return 0;
}

void hexcore_cuda_disband(hexcore_cuda_team* team) {
    for (const hexcore_cuda_engine* engine : team->engines) {
        const OnCard on(engine->card);
        (void)cudaStreamSynchronize(engine->stream);
    }
    (void)cudaFreeHost(team->in_main_memory);
    delete team;
}

int hexcore_cuda_can_share(hexcore_cuda_team* team, const hexcore_cuda_shape* shape) {
    const size_t box_words = hexcore_cuda_box_bytes(shape) / sizeof(Word);
    return std::all_of(team->engines.begin(), team->engines.end(),
                       [&](hexcore_cuda_engine* engine) {
                           return hexcore_cuda_can_run(engine, shape) != 0 &&
                                  shape->n_ff >= engine->blocks && box_words <= engine->box_words;
                       }) &&
                   (shape->has_biases == 0 || team->in_main_memory == nullptr)
               ? 1
               : 0;
}

int hexcore_cuda_launch_team(hexcore_cuda_team* team, const hexcore_cuda_experts* experts,
                             const hexcore_cuda_part* parts) {
    const int n = static_cast<int>(team->engines.size());
    for (int i = n - 1; i >= 0; --i) {
        const hexcore_cuda_engine& engine = *team->engines[i];
        Job job = job_of(engine, *experts);
        job.home_box = team->boxes[0];
        job.team_number = engine.numbers->of_team;
        job.given_up = &engine.numbers->given_up;
        if (i == 0) {
            job.n_peers = n - 1;
            std::copy(team->boxes.begin() + 1, team->boxes.end(), job.inboxes);
        } else {
            job.inbox = team->boxes[i];
            job.peer = i - 1;
        }
        const int error = launch(engine, experts->shape, job, i == 0 ? experts->part : parts[i]);
        if (error != 0) {
            return error;
        }
    }
    return 0;
}

void hexcore_cuda_give_up(hexcore_cuda_team* team) {
    static const unsigned yes = 1;
    for (const hexcore_cuda_engine* engine : team->engines) {
        const OnCard on(engine->card);
        cudaStream_t beside = nullptr;
        (void)cudaStreamCreateWithFlags(&beside, cudaStreamNonBlocking);
        (void)cudaMemcpyAsync(&engine->numbers->given_up, &yes, sizeof(yes), cudaMemcpyHostToDevice,
                              beside);
        (void)cudaStreamSynchronize(beside);
        (void)cudaStreamDestroy(beside);
    }
    (void)cudaGetLastError();
}
