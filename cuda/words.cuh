// Values that blocks of one launch tell each other: an 8-byte word {value, number of the launch},
// written and read in one access. A reader that finds this launch's number has this launch's value,
// so neither a fence nor a flag is needed, nor anything reset between launches.
//
// Numbers are 32 bits and come round after 4 billion launches; a word is written in every launch of
// its shape, so that it would have to be left alone for just that many to be mistaken.
#pragma once

#include <cstdint>

namespace hexcore_cuda {

using Word = unsigned long long;

__device__ __forceinline__ void send(Word* to, float value, unsigned number) {
    const Word word = static_cast<Word>(number) << 32 | __float_as_uint(value);
    asm volatile("st.relaxed.gpu.global.u64 [%0], %1;" ::"l"(to), "l"(word) : "memory");
}

__device__ __forceinline__ unsigned number_of(Word word) {
    return static_cast<unsigned>(word >> 32);
}

__device__ __forceinline__ float value_of(Word word) {
    return __uint_as_float(static_cast<unsigned>(word));
}

__device__ __forceinline__ Word look(const Word* at) {
    Word word;
    asm volatile("ld.relaxed.gpu.global.u64 %0, [%1];" : "=l"(word) : "l"(at) : "memory");
    return word;
}

__device__ __forceinline__ void look_at_two(Word& first, Word& second, const Word* at) {
    asm volatile("ld.relaxed.gpu.global.v2.u64 {%0, %1}, [%2];"
                 : "=l"(first), "=l"(second)
                 : "l"(at)
                 : "memory");
}

// Four words from each of N places (none where `at` is negative), which are divisible by two, in
// all lanes of a warp. While some are not there yet, one lane looks at one of them: more would slow
// the streams of weights.
template <int N>
__device__ __forceinline__ void receive(float4 (&values)[N], const Word* words, const int (&at)[N],
                                        unsigned number) {
    for (;;) {
        int missing = -1;
#pragma unroll
        for (int j = 0; j < N; ++j) {
            Word word[4] = {};
            if (at[j] >= 0) {
                look_at_two(word[0], word[1], words + at[j]);
                look_at_two(word[2], word[3], words + at[j] + 2);
            }
            values[j] = make_float4(value_of(word[0]), value_of(word[1]), value_of(word[2]),
                                    value_of(word[3]));
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                if (at[j] >= 0 && number_of(word[i]) != number) {
                    missing = at[j] + i;
                }
            }
        }
        const unsigned waiting = __ballot_sync(~0u, missing >= 0);
        if (waiting == 0) {
            return;
        }
        if ((threadIdx.x & 31) == __ffs(waiting) - 1) {
            while (number_of(look(words + missing)) != number) {
                __nanosleep(200);
            }
        }
        __syncwarp();
    }
}

// Words between cards, or a card and the host, in memory that the other one writes to. Whoever
// waits for one looks whether its card was given up, too: words of a card that could not begin
// never come.
__device__ __forceinline__ void tell(Word* to, unsigned value, unsigned number) {
    const Word word = static_cast<Word>(number) << 32 | value;
    asm volatile("st.relaxed.sys.global.u64 [%0], %1;" ::"l"(to), "l"(word) : "memory");
}

__device__ __forceinline__ bool is_given_up(const unsigned* given_up) {
    unsigned value;
    asm volatile("ld.relaxed.sys.global.u32 %0, [%1];" : "=r"(value) : "l"(given_up) : "memory");
    return value != 0;
}

__device__ __forceinline__ Word look_far(const Word* at) {
    Word word;
    asm volatile("ld.relaxed.sys.global.u64 %0, [%1];" : "=l"(word) : "l"(at) : "memory");
    return word;
}

__device__ __forceinline__ unsigned hear(const Word* at, unsigned number,
                                         const unsigned* given_up) {
    for (;;) {
        const Word word = look_far(at);
        if (number_of(word) == number || is_given_up(given_up)) {
            return static_cast<unsigned>(word);
        }
        __nanosleep(20);
    }
}

// Four words that lie at a border of 16 bytes.
__device__ __forceinline__ float4 hear_four(const Word* at, unsigned number,
                                            const unsigned* given_up) {
    for (;;) {
        Word word[4];
#pragma unroll
        for (int i = 0; i < 4; i += 2) {
            asm volatile("ld.relaxed.sys.global.v2.u64 {%0, %1}, [%2];"
                         : "=l"(word[i]), "=l"(word[i + 1])
                         : "l"(at + i)
                         : "memory");
        }
        bool is_there = true;
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            is_there = is_there && number_of(word[i]) == number;
        }
        if (is_there || is_given_up(given_up)) {
            return make_float4(value_of(word[0]), value_of(word[1]), value_of(word[2]),
                               value_of(word[3]));
        }
        __nanosleep(20);
    }
}

}  // namespace hexcore_cuda
