/* The same in C, for whoever watches it, too: hexcore watch -- ./tracked_in_c */
#include <hexcore/tracker.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void) {
    char error[200];
    hexcore_tracker_options options = {sizeof(options)};
    options.interval_s = 0.01;
    hexcore_tracker* tracker = hexcore_tracker_start(&options, error, sizeof(error));
    if (tracker == NULL) {
        fprintf(stderr, "%s\n", error);
        return 1;
    }
    hexcore_holder held = hexcore_holder_open(HEXCORE_HOLDER_PROGRAM, "host", 0);
    for (int step = 0; step < 10; ++step) {
        hexcore_label_begin("step");
        const size_t size = 1 << 20;
        void* cache = malloc(size);
        memset(cache, 1, size);
        hexcore_allocated(held, (uint64_t)cache, size, "cache"); /* and never released */
        hexcore_label_end();
    }
    hexcore_mark("done");
    char* seen = hexcore_tracker_stop(tracker);
    puts(seen);
    hexcore_free(seen);
    return 0;
}
