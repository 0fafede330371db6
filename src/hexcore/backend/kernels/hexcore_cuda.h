/* libhexcore-cuda.so: the experts of a token on NVIDIA GPUs, computed in a single launch on each,
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
#define HEXCORE_CUDA_VERSION 7

#define HEXCORE_CUDA_MOST_EXPERTS 512
#define HEXCORE_CUDA_MOST_SHARDS 2
#define HEXCORE_CUDA_MOST_CARDS 8
#define HEXCORE_CUDA_MOST_USED 16
#define HEXCORE_CUDA_MOST_TOKENS 8

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
    int32_t n_tokens;   /* of the batch, one launch for each; in a team 1 */
};

/* Experts of a layer one behind the other, in their order: those that have a bit in `experts`
 * (expert e: bit e % 32 of word e / 32). The weights of number k begin at gate + k * gate_stride,
 * and so on. */
struct hexcore_cuda_shard {
    const void *gate, *up, *down;
    uint32_t experts[HEXCORE_CUDA_MOST_EXPERTS / 32];
};

/* Copies of experts of a layer that lie in main memory, on the card at home: that of expert e is in
 * slot slots[e], which begins with its gate; -1: there is none. */
struct hexcore_cuda_cache {
    const int32_t* slots; /* on the card; null: no expert has a copy */
    const void* first;
    uint64_t slot_bytes, up_at, down_at;
};

/* What one card computes of a layer; all others are other cards'. */
struct hexcore_cuda_part {
    struct hexcore_cuda_shard shards[HEXCORE_CUDA_MOST_SHARDS];
    /* At home: the experts in main memory, which the host computes (hexcore_cuda_hear). Of a
     * token's m experts that are there and have no copy, the card computes the last lent[m] itself,
     * if it can read them where they are. */
    struct hexcore_cuda_shard in_main_memory;
    uint8_t lent[HEXCORE_CUDA_MOST_USED + 1];
    struct hexcore_cuda_cache cache;
    int32_t message; /* which of the host's messages it sends; -1: none, no expert is there */
};

/* Who computes one of a token's experts. */
enum hexcore_cuda_way {
    HEXCORE_CUDA_ELSEWHERE = 0, /* another card */
    HEXCORE_CUDA_HERE = 1,      /* the card at home, from a shard of its own, */
    HEXCORE_CUDA_CACHED = 2,    /* from its copy, */
    HEXCORE_CUDA_LENT = 3,      /* from main memory */
    HEXCORE_CUDA_HOST = 4
};

/* The experts of one layer and where a token's values are: y = sum of weights[i] *
 * expert[ids[i]](x), added up in the order of i. All but the shards of other cards' parts is the
 * first card's, at home. x, and addresses and strides of weights, are divisible by 16. y may lie
 * over x, or begin before it. */
struct hexcore_cuda_experts {
    struct hexcore_cuda_shape shape;
    struct hexcore_cuda_part part;                /* of the card at home */
    uint64_t gate_stride, up_stride, down_stride; /* bytes */
    const float *gate_bias, *up_bias, *down_bias; /* [expert][rows], or null */
    const int32_t* ids;   /* [token][n_used], ids_stride from one token's to the next one's */
    uint64_t ids_stride;  /* elements */
    const float* weights; /* [token][n_used]; null: all are 1 */
    const float* x;       /* [token][n_embd] */
    float* y;
    int32_t is_counted; /* by hexcore_cuda_count */
};

/* One card's stream, for work that goes on in the order of others' streams. */
struct hexcore_cuda_engine;
/* Cards that compute the experts of a layer together. */
struct hexcore_cuda_team;
/* Work that was recorded, to be done any number of times. */
struct hexcore_cuda_recording;
/* Copies from main memory to the engine's card, beside its work. */
struct hexcore_cuda_uploads;
struct hexcore_cuda_upload {
    void* to;         /* on the card */
    const void* from; /* in main memory, pinned, or the copy is slower */
    size_t bytes;
};

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
/* Whether kernels read pinned memory of this process where it is. */
int hexcore_cuda_can_read_main_memory(const struct hexcore_cuda_engine* engine);
/* Whether this card can run the kernel for that shape within the scratch memory. */
int hexcore_cuda_can_run(struct hexcore_cuda_engine* engine,
                         const struct hexcore_cuda_shape* shape);

/* The first engine is the one at home; each is on a card of its own. Where home and the others
 * cannot reach each other's memory, what they tell each other goes through main memory. One by
 * itself is a team, too: with the host, which then gets up to n_messages messages at a time, of
 * shapes with no more than `largest` has. n_messages 0: the host has no experts. */
int hexcore_cuda_form_team(struct hexcore_cuda_engine* const* engines, int n, int n_messages,
                           const struct hexcore_cuda_shape* largest,
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
/* By the host, after a launch whose part says `message`, before it is launched again: waits until
 * the card has begun, and says which experts were chosen, and how each is computed
 * (hexcore_cuda_way). x is written only where one is the host's. */
int hexcore_cuda_hear(struct hexcore_cuda_team* team, int message,
                      const struct hexcore_cuda_shape* shape, int32_t* experts, int32_t* ways,
                      float* x);
/* Then, in the order of the choice, the rows of those that are: of down, without its bias. The
 * launch waits for them. */
void hexcore_cuda_tell(struct hexcore_cuda_team* team, int message,
                       const struct hexcore_cuda_shape* shape, int choice, const float* row);
/* Writes n slots of a cache (hexcore_cuda_cache) behind what was launched; `values` may go then. */
int hexcore_cuda_set_slots(struct hexcore_cuda_engine* engine, int32_t* slots,
                           const int32_t* values, size_t n);
int hexcore_cuda_open_uploads(struct hexcore_cuda_engine* engine,
                              struct hexcore_cuda_uploads** uploads);
void hexcore_cuda_close_uploads(struct hexcore_cuda_uploads* uploads);
/* Begins n copies, behind all that was launched on the engine so far. */
int hexcore_cuda_begin_uploads(struct hexcore_cuda_uploads* uploads,
                               const struct hexcore_cuda_upload* each, size_t n);
/* Waits until they are complete. */
int hexcore_cuda_finish_uploads(struct hexcore_cuda_uploads* uploads);
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
