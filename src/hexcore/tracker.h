/* What a program tells of its memory to `hexcore watch`, and to a tracker in the program itself.
 * Where nobody listens every call does nothing, and costs a look at a variable. All may be called
 * from any thread, also by an operator new of the program's own and, labels and marks, once
 * something was told, by signal handlers: what a thread tells while it is telling is lost, and
 * counted. Texts are UTF-8; longer than 1024 bytes they are cut. Link with
 * libhexcore-tracker; `pkg-config hexcore-tracker` says how. */
#ifndef HEXCORE_TRACKER_H
#define HEXCORE_TRACKER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* 1: somebody listens. */
int hexcore_watched(void);

/* What this thread does until the label ends; nested: the latest to begin is the first to end. */
void hexcore_label_begin(const char* name);
void hexcore_label_end(void);
/* Something that happened now. */
void hexcore_mark(const char* name);

/* Something that knows what it holds of a device; 0: nobody listens, and every call with it does
 * nothing. */
typedef uint32_t hexcore_holder;
enum {
    HEXCORE_HOLDER_LEDGER = 0,
    HEXCORE_HOLDER_PYTORCH = 1,
    HEXCORE_HOLDER_CUPY = 2,
    HEXCORE_HOLDER_JAX = 3,
    HEXCORE_HOLDER_PROGRAM = 4
};
/* `device` such as "host" or "cuda:0"; `total_bytes` is a budget or what the device has, 0 if that
 * is not known. */
hexcore_holder hexcore_holder_open(int kind, const char* device, uint64_t total_bytes);
/* It has nothing any more. */
void hexcore_holder_close(hexcore_holder holder);
/* All that it has now, by name; 256 names at most. For a holder that tells no allocations. */
void hexcore_amounts(hexcore_holder holder, size_t n, const char* const* names,
                     const uint64_t* bytes);
/* `id` is the program's own, such as the address, unique among what is not released. */
void hexcore_allocated(hexcore_holder holder, uint64_t id, uint64_t bytes, const char* purpose);
void hexcore_released(hexcore_holder holder, uint64_t id);

/* A tracker of this process and its children, in a thread of it: what `hexcore watch` sees and
 * hears, without it. One at a time. In a child that was forked the parent's tracker may be stopped,
 * which frees it and changes nothing for the parent; all else that is asked of it is refused. */
typedef struct hexcore_tracker hexcore_tracker;

enum {
    HEXCORE_SOURCE_HOST = 1, /* main memory, always */
    HEXCORE_SOURCE_GPUS = 2, /* by the driver's word */
    HEXCORE_SOURCE_TOLD = 4, /* what this process and its children tell */
    HEXCORE_SOURCES_ALL = 7
};
/* Fill in `size` with its sizeof and what follows with zeros; 0 stands for what is usual. */
typedef struct {
    size_t size;
    double interval_s;     /* between samples; 0: 0.5 */
    uint64_t alert_bytes;  /* that a device has above the start; 0: 100 MiB */
    unsigned sources;      /* 0: all */
    const char* recording; /* a file to keep, new or a recording; NULL: none is kept */
    /* NULL: none. Called from the tracker's thread when a device passes alert_bytes, and again
     * after it fell below half of it. It may call all but hexcore_tracker_stop(). */
    void (*alert)(const char* device, uint64_t used, uint64_t since_start, void* user);
    void* user;
} hexcore_tracker_options;

/* NULL where it cannot be, with a sentence in `error`. Changes HEXCORE_WATCH in the environment, so
 * not while other threads read that. `options` may be NULL. */
hexcore_tracker* hexcore_tracker_start(const hexcore_tracker_options* options, char* error,
                                       size_t error_size);
/* The document hexcore.recording/1 (docs/formats/recording.md) of what was seen so far, for
 * hexcore_free(). NULL in a child that was forked, and where there is no memory for it. */
char* hexcore_tracker_json(hexcore_tracker* tracker);
/* Writes a report by the end of its name: .html, .svg, .json, .csv or .trace.json. 0: it is
 * there; otherwise a sentence is in `error`. */
int hexcore_tracker_picture(hexcore_tracker* tracker, const char* path, char* error,
                            size_t error_size);
/* Such a report of a recording that was kept, once its tracker is stopped. */
int hexcore_recording_picture(const char* recording, const char* path, char* error,
                              size_t error_size);
/* The same document at the end, or NULL as there; ends and frees the tracker. */
char* hexcore_tracker_stop(hexcore_tracker* tracker);
void hexcore_free(char* text);

/* Fill in `size` with its sizeof and what follows with zeros; 0 stands for what is usual. */
typedef struct {
    size_t size;
    size_t most_repeats; /* 0: 1000 */
    double most_seconds; /* no repeat begins after them; 0: 60 */
} hexcore_neutral_options;
/* Calls fn(user) again and again on this thread, in a label of that name, until it is known whether
 * it leaves memory behind. It returns 0; anything else ends it. The document hexcore.neutral/1
 * (docs/formats/recording.md), for hexcore_free(); NULL where there is no memory for it. By the
 * tracker that runs, which must not be stopped meanwhile, or one of its own; `options` may be NULL.
 * fn() must not throw through it. */
char* hexcore_expect_neutral(const char* name, int (*fn)(void* user), void* user,
                             const hexcore_neutral_options* options);
/* Whether the repeats of such a document left memory behind: 1 yes, 0 no, -1 not known. */
int hexcore_grew(const char* neutral);

#ifdef __cplusplus
}
#endif

#endif
