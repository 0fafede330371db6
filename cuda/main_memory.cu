// The host as one of a team: what it hears from the card at home and tells it, by words in pinned
// main memory. It knows a message by its number, which is another one than that of the last time,
// and answers with the same. While a card may be waiting for an answer the driver isn't asked for
// anything, since another thread may hold its locks until that card is done; only after seconds,
// for then a card may be lost.
#include <chrono>

#include "team.cuh"

using namespace hexcore_cuda;

namespace hexcore_cuda {
namespace {

// The words are 8 bytes at borders of 8, which processors that have such cards read and write
// whole.
Word read(const Word* at) { return __atomic_load_n(at, __ATOMIC_ACQUIRE); }

void write(Word* to, Word word) { __atomic_store_n(to, word, __ATOMIC_RELEASE); }

unsigned number_in(Word word) { return static_cast<unsigned>(word >> 32); }

// Waits until a word says that, an error of the card's apart.
template <typename Is>
int wait_for(const hexcore_cuda_team& team, const Word* at, const Is& is_there) {
    using Clock = std::chrono::steady_clock;
    constexpr auto patience = std::chrono::seconds(2);
    Clock::time_point last_asked = Clock::now();
    for (unsigned looks = 1; !is_there(read(at)); ++looks) {
        if (team.is_given_up) {
            return static_cast<int>(cudaErrorLaunchFailure);
        }
        if (looks % 4096 != 0 || Clock::now() - last_asked < patience) {
#if defined(__x86_64__)
            __builtin_ia32_pause();
#endif
            continue;
        }
        for (const hexcore_cuda_engine* engine : team.engines) {
            const OnCard on(engine->card);
            const cudaError_t error = cudaStreamQuery(engine->stream);
            const bool has_ended = error == cudaSuccess && engine == team.engines[0];
            if ((has_ended || (error != cudaSuccess && error != cudaErrorNotReady)) &&
                !is_there(read(at))) {
                (void)cudaGetLastError();
                return static_cast<int>(has_ended ? cudaErrorLaunchFailure : error);
            }
        }
        last_asked = Clock::now();
    }
    return 0;
}

}  // namespace
}  // namespace hexcore_cuda

int hexcore_cuda_hear(hexcore_cuda_team* team, int message, const hexcore_cuda_shape* shape,
                      int32_t* experts, int32_t* ways, float* x) {
    const Word* const words = team->host_messages + message * team->message_words;
    unsigned& heard = team->heard[message];
    bool is_for_host = false;
    for (int i = 0; i < shape->n_used; ++i) {
        const int error = wait_for(*team, words + i, [&](Word word) {
            return i == 0 ? number_in(word) != heard : number_in(word) == heard;
        });
        if (error != 0) {
            return error;
        }
        const Word word = read(words + i);
        heard = number_in(word);
        experts[i] = static_cast<int32_t>(word & 0xffff);
        ways[i] = static_cast<int32_t>(word >> 16 & 0xffff);
        is_for_host = is_for_host || ways[i] == HEXCORE_CUDA_HOST;
    }
    for (int i = 0; is_for_host && i < shape->n_embd; ++i) {
        const Word* const at = words + most_used + i;
        const int error = wait_for(*team, at, [&](Word word) { return number_in(word) == heard; });
        if (error != 0) {
            return error;
        }
        const auto bits = static_cast<unsigned>(read(at));
        __builtin_memcpy(x + i, &bits, sizeof(bits));
    }
    return 0;
}

void hexcore_cuda_tell(hexcore_cuda_team* team, int message, const hexcore_cuda_shape* shape,
                       int choice, const float* row) {
    const Word number = static_cast<Word>(team->heard[message]) << 32;
    Word* const to = team->host_rows + static_cast<size_t>(choice) * shape->n_embd;
    for (int i = 0; i < shape->n_embd; ++i) {
        unsigned bits;
        __builtin_memcpy(&bits, row + i, sizeof(bits));
        write(to + i, number | bits);
    }
}
