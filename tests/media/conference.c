/* A conference of one port beside the interpreter: what it says is put down, with the time. */
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

struct frame {
    int type;
    void *buf;
    size_t size;
    uint64_t timestamp;
    uint32_t bit_info;
};

typedef int (*serve)(void *port, struct frame *frame);

/* Cycle after cycle until `over`; returns how many frames stand in `said`, one word of each. */
size_t run(serve tick, serve get, serve put, void *ticker, void *port, const _Atomic uint64_t *clock,
           const _Atomic int *over, uint32_t *said, uint64_t *when, size_t room) {
    uint32_t pcm[160];
    struct frame frame = {0, pcm, 0, 0, 0};
    size_t count = 0;
    while (!atomic_load(over) && count < room) {
        tick(ticker, &frame);
        get(port, &frame);
        if (frame.type) {
            /* a frame is one word all over: a torn one is none */
            int whole = memcmp(pcm, pcm + 1, frame.size - sizeof *pcm) == 0;
            said[count] = whole ? pcm[0] : 0;
            when[count++] = atomic_load(clock) * 20;
        }
        put(port, &frame);
        usleep(20);
    }
    return count;
}
