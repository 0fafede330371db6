/* libhexcore-cuda.so: the experts of one token on NVIDIA GPUs, computed in a single launch on each,
 * with the bits of ggml's own kernels. Opened at run time by the backend (backend/kernels), which
 * hands it addresses; it knows nothing of ggml's graphs. How the kernel works: experts.cuh.
 *
 * Functions that return int give 0, or an error of the CUDA runtime (hexcore_cuda_error_text). They
 * are to be called from one thread at a time for each engine. */
#ifndef HEXCORE_CUDA_H
#define HEXCORE_CUDA_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Goes up with every change of what is below. */
#define HEXCORE_CUDA_VERSION 3

#define HEXCORE_CUDA_MOST_EXPERTS 512
#define HEXCORE_CUDA_MOST_SHARDS 2
#define HEXCORE_CUDA_MOST_CARDS 8

/* As GGML_GLU_OP_* for what they share a name with. */
enum hexcore_cuda_glu {
    HEXCORE_CUDA_SWIGLU = 0,
    HEXCORE_CUDA_GEGLU = 1,
    HEXCORE_CUDA_SWIGLU_OAI = 2 /* alpha 1.702, limit 7 */
};

/* What a layer's experts are, whatever their weights. Types are ggml's numbers. */
struct hexcore_cuda_shape {
    int32_t up_type; /* of gate and up */
    int32_t down_type;
    int32_t n_embd;
    int32_t n_ff;
    int32_t n_expert; /* of the layer */
    int32_t n_used;   /* of a token */
    int32_t glu;
    int32_t has_biases; /* all three or none */
};

/* Experts of a layer one behind the other, in their order: those that have a bit in `experts`
 * (expert e: bit e % 32 of word e / 32). The weights of number k begin at gate + k * gate_stride,
 * and so on. */
struct hexcore_cuda_shard {
    const void *gate, *up, *down;
    uint32_t experts[HEXCORE_CUDA_MOST_EXPERTS / 32];
};

/* What one card computes of a layer; all others are other cards'. */
struct hexcore_cuda_part {
    struct hexcore_cuda_shard shards[HEXCORE_CUDA_MOST_SHARDS];
};

/* The experts of one layer and where a token's values are: y = sum of weights[i] *
 * expert[ids[i]](x), added up in the order of i. All but the shards of other cards' parts is the
 * first card's, at home. Each address and stride is divisible by 16. y may lie over x. */
struct hexcore_cuda_experts {
    struct hexcore_cuda_shape shape;
    struct hexcore_cuda_part part;                /* of the card at home */
    uint64_t gate_stride, up_stride, down_stride; /* bytes */
    const float *gate_bias, *up_bias, *down_bias; /* [expert][rows], or null */
    const int32_t* ids;
    const float* weights; /* null: all are 1 */
    const float* x;
    float* y;
    int32_t is_counted; /* by hexcore_cuda_count */
};

/* One card's stream, for work that goes on in the order of others' streams. */
struct hexcore_cuda_engine;
/* Cards that compute the experts of a layer together. */
struct hexcore_cuda_team;
/* Work that was recorded, to be done any number of times. */
struct hexcore_cuda_recording;

int hexcore_cuda_version(void);
const char* hexcore_cuda_error_text(int error);

/* Whether there is a kernel for that, on some card. */
int hexcore_cuda_supports(const struct hexcore_cuda_shape* shape);
/* What the engine needs as scratch memory for that shape, and as its box in a team. */
size_t hexcore_cuda_scratch_bytes(const struct hexcore_cuda_shape* shape);
size_t hexcore_cuda_box_bytes(const struct hexcore_cuda_shape* shape);

/* On the card on which `scratch` lies, which stays the caller's and must be all zero, and so must
 * `box`; null: it will be in no team. */
int hexcore_cuda_open(void* scratch, size_t bytes, void* box, size_t box_bytes,
                      struct hexcore_cuda_engine** engine);
void hexcore_cuda_close(struct hexcore_cuda_engine* engine);
/* The card's number, as the CUDA runtime counts. */
int hexcore_cuda_card(const struct hexcore_cuda_engine* engine);
/* Whether this card can run the kernel for that shape within the scratch memory. */
int hexcore_cuda_can_run(struct hexcore_cuda_engine* engine,
                         const struct hexcore_cuda_shape* shape);

/* The first engine is the one at home; each is on a card of its own. Where home and the others
 * cannot reach each other's memory, what they tell each other goes through main memory. */
int hexcore_cuda_form_team(struct hexcore_cuda_engine* const* engines, int n,
                           struct hexcore_cuda_team** team);
void hexcore_cuda_disband(struct hexcore_cuda_team* team);
/* Whether all its cards can compute that shape together. */
int hexcore_cuda_can_share(struct hexcore_cuda_team* team, const struct hexcore_cuda_shape* shape);

/* `event` is a cudaEvent_t. What is launched from now on waits for it. */
int hexcore_cuda_wait(struct hexcore_cuda_engine* engine, void* event);
/* It comes when all that was launched so far is done. */
int hexcore_cuda_record(struct hexcore_cuda_engine* engine, void* event);
int hexcore_cuda_launch(struct hexcore_cuda_engine* engine,
                        const struct hexcore_cuda_experts* experts);
/* On each card of the team; parts[i] is that of its card number i, from the second card on. Until
 * all of them have begun, those that have wait: the cards' launches must come in the same order. */
int hexcore_cuda_launch_team(struct hexcore_cuda_team* team,
                             const struct hexcore_cuda_experts* experts,
                             const struct hexcore_cuda_part* parts);
/* After some of them could not be launched: nobody waits for others any more. What is computed is
 * worth nothing from then on. */
void hexcore_cuda_give_up(struct hexcore_cuda_team* team);
/* How many experts of each shard the engine computed in teams so far; waits for what was launched.
 */
int hexcore_cuda_count(struct hexcore_cuda_engine* engine,
                       uint64_t computed[HEXCORE_CUDA_MOST_SHARDS]);
/* Whether n floats at a and b have the same bits; waits for all that was launched. */
int hexcore_cuda_compare(struct hexcore_cuda_engine* engine, const float* a, const float* b,
                         size_t n, int* equal);

/* Between these two what is launched is recorded and not done: on this stream, and on others that
 * wait for its events, until it has waited for theirs. */
int hexcore_cuda_begin_recording(struct hexcore_cuda_engine* engine);
int hexcore_cuda_end_recording(struct hexcore_cuda_engine* engine,
                               struct hexcore_cuda_recording** recording);
int hexcore_cuda_replay(struct hexcore_cuda_engine* engine,
                        struct hexcore_cuda_recording* recording);
void hexcore_cuda_forget(struct hexcore_cuda_recording* recording);

#ifdef __cplusplus
}
#endif

#endif
