// Cards that compute the experts of a layer together: how they reach each other, and their
// launches.
#include <algorithm>
#include <cstring>
#include <memory>
#include <mutex>
#include <set>
#include <utility>

#include "team.cuh"

using namespace hexcore_cuda;

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

// Words in main memory that cards write to and read; all zero.
cudaError_t take_words(Word*& words, size_t n) {
    const size_t bytes = n * sizeof(Word);
    const cudaError_t error = cudaHostAlloc(reinterpret_cast<void**>(&words), bytes,
                                            cudaHostAllocPortable | cudaHostAllocMapped);
    if (error == cudaSuccess) {
        std::memset(words, 0, bytes);
    }
    return error;
}

int join_cards(hexcore_cuda_team& team) {
    const auto& engines = team.engines;
    size_t words = 0;
    bool can_reach = true;
    for (const hexcore_cuda_engine* engine : engines) {
        team.boxes.push_back(engine->box);
        words += engine->box_words;
        if (engine->box == nullptr) {
            return static_cast<int>(cudaErrorInvalidValue);
        }
    }
    const int home = engines[0]->card;
    for (size_t i = 1; i < engines.size(); ++i) {
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
    for (size_t i = 1; can_reach && i < engines.size(); ++i) {
        HEXCORE_CUDA_TRY(let_reach(home, engines[i]->card));
        HEXCORE_CUDA_TRY(let_reach(engines[i]->card, home));
    }
    if (!can_reach) {
        HEXCORE_CUDA_TRY(take_words(team.in_main_memory, words));
        Word* next = team.in_main_memory;
        for (size_t i = 0; i < engines.size(); ++i) {
            team.boxes[i] = next;
            next += engines[i]->box_words;
        }
    }
    return 0;
}

int join_host(hexcore_cuda_team& team, int n_messages, const hexcore_cuda_shape& largest) {
    team.message_words = Box::message_words(largest.n_embd);
    team.heard.resize(n_messages);
    HEXCORE_CUDA_TRY(take_words(team.host_messages, n_messages * team.message_words));
    HEXCORE_CUDA_TRY(
        take_words(team.host_rows, static_cast<size_t>(largest.n_used) * largest.n_embd));
    return 0;
}

}  // namespace
}  // namespace hexcore_cuda

int hexcore_cuda_form_team(hexcore_cuda_engine* const* engines, int n, int n_messages,
                           const hexcore_cuda_shape* largest, hexcore_cuda_team** team) {
    if (n < 1 || n > HEXCORE_CUDA_MOST_CARDS) {
        return static_cast<int>(cudaErrorInvalidValue);
    }
    const auto disband = [](hexcore_cuda_team* each) { hexcore_cuda_disband(each); };
    std::unique_ptr<hexcore_cuda_team, decltype(disband)> made(new hexcore_cuda_team, disband);
    made->engines.assign(engines, engines + n);
    int error = n > 1 ? join_cards(*made) : 0;
    if (error == 0 && n_messages > 0) {
        const OnCard on(engines[0]->card);
        error = join_host(*made, n_messages, *largest);
    }
    if (error == 0) {
        *team = made.release();
    }
    return error;
}

void hexcore_cuda_disband(hexcore_cuda_team* team) {
    for (const hexcore_cuda_engine* engine : team->engines) {
        const OnCard on(engine->card);
        (void)cudaStreamSynchronize(engine->stream);
    }
    for (Word* words : {team->in_main_memory, team->host_messages, team->host_rows}) {
        (void)cudaFreeHost(words);
    }
    delete team;
}

int hexcore_cuda_can_share(hexcore_cuda_team* team, const hexcore_cuda_shape* shape) {
    const size_t box_words = hexcore_cuda_box_bytes(shape) / sizeof(Word);
    return std::all_of(team->engines.begin(), team->engines.end(),
                       [&](hexcore_cuda_engine* engine) {
                           return hexcore_cuda_can_run(engine, shape) != 0 &&
                                  shape->n_ff >= engine->blocks &&
                                  (team->boxes.empty() || box_words <= engine->box_words);
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
        job.home_box = n > 1 ? team->boxes[0] : nullptr;
        job.team_number = engine.numbers->of_team;
        job.given_up = &engine.numbers->given_up;
        if (i == 0) {
            job.has_all = has_all(*experts);
            job.n_peers = n - 1;
            std::copy(team->boxes.begin() + (n > 1 ? 1 : 0), team->boxes.end(), job.inboxes);
            if (team->host_messages != nullptr && experts->part.message >= 0) {
                job.host_message =
                    team->host_messages + experts->part.message * team->message_words;
                job.host_rows = team->host_rows;
            }
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
    team->is_given_up = true;
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
