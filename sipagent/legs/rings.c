/* What a conference port says and hears, queued where the media thread needs no interpreter.
 *
 * The conference calls `rings_get` and `rings_put` (as a `pjmedia_port` does, pjmedia/port.h) every
 * 20 ms; the rest belongs to the event loop, by ctypes (rings.py). Between the two stands a lock a
 * port, held for a copied frame at most, so that a pause, a clearing and a taking back are exact to
 * the frame. The loop is told by an eventfd, once a cycle: when all ports were served.
 *
 * Built without Python.h and without pjmedia's headers. The one layout known here is that of a
 * frame; shortcut.py proves it before any port is served by this.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

/* changes with every change of what rings.py calls: a stale build must not be loaded */
enum { VERSION = 1 };
enum { FRAME_MS = 20 };
/* what was played stays readable for so many frames (AudioPort.recent, the time of a mark); so many
 * may be queued beyond the limit, for a mark that pads (sipagent/media/mouth.py) */
enum { KEPT = 50, SPARE = 50 };
/* of the queue, or half of it: whoever waits for room is told when there is so much (mouth.py) */
enum { ROOM = 10 };
/* more than a conference takes */
enum { PORTS = 512 };
/* why the loop is to look at a port */
enum { EAR = 1, MOUTH = 2 };
/* pjmedia_frame_type */
enum { NONE = 0, AUDIO = 1 };

struct frame { /* pjmedia_frame */
    int type;
    void *buf;
    size_t size;
    uint64_t timestamp;
    uint32_t bit_info;
};

struct hub {
    _Atomic uint64_t cycle; /* the media clock, frames */
    int wake;               /* eventfd */
    uint32_t often;         /* cycles between looks at the library's timers */
    atomic_bool timers;     /* they are due */
    atomic_bool pending;    /* something is due, and the loop not told yet */
    uint32_t puts, usual;   /* ports served in this cycle, and in the one before it */
};

struct ring {
    struct hub *hub;
    size_t size;    /* bytes of a frame */
    uint32_t limit; /* frames that may wait, either way */
    uint32_t roomy; /* who waits for room is told when so few are queued */
    _Atomic uint32_t due;
    pthread_mutex_t lock;

    /* the mouth: position p lies in slot p % room, until long after it was played */
    uint32_t room;
    uint8_t *said;
    int64_t *said_at; /* media-clock ms */
    _Atomic uint64_t played, queued;
    uint64_t mark; /* tell the loop when played to here; 0: nowhere */
    bool paused, wants_room;

    /* the ear: the frame n lies in slot n % limit */
    uint8_t *ear;
    int64_t *heard_at;
    bool *silent;
    uint64_t heard, given, urgent; /* `urgent`: heard up to here the loop wants at once */
    uint32_t every;                /* Patience.frames */
    int32_t quiet;                 /* Patience.quiet; below 0: none */
    bool woken;                    /* the loop was told of the ear, and has not looked yet */
    atomic_bool listening;
};

static struct {
    void *port;
    struct ring *ring;
} seats[PORTS];
static _Atomic uint32_t seated;

int rings_version(void) { return VERSION; }

/* The loop's hub, or NULL. It and its rings live as long as the process, as native ports do. */
struct hub *rings_hub(uint32_t often) {
    struct hub *hub = calloc(1, sizeof *hub);
    if (!hub) return NULL;
    hub->often = often;
    hub->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (hub->wake >= 0) return hub;
    free(hub);
    return NULL;
}

int rings_descriptor(struct hub *hub) { return hub->wake; }

/* Where the clock stands: a word that is read without a call. */
_Atomic uint64_t *rings_clock(struct hub *hub) { return &hub->cycle; }

/* Are the library's timers due? Asked once, answered once. */
int rings_timers(struct hub *hub) { return atomic_exchange(&hub->timers, false); }

struct ring *rings_new(struct hub *hub, size_t size, uint32_t limit) {
    struct ring *ring = calloc(1, sizeof *ring);
    if (!ring) return NULL;
    ring->hub = hub;
    ring->size = size;
    ring->limit = limit;
    ring->roomy = limit - (ROOM < limit / 2 ? ROOM : limit / 2);
    ring->every = 1;
    ring->quiet = -1;
    ring->room = limit + SPARE + KEPT;
    ring->said = calloc(ring->room, size);
    ring->said_at = calloc(ring->room, sizeof *ring->said_at);
    ring->ear = calloc(limit, size);
    ring->heard_at = calloc(limit, sizeof *ring->heard_at);
    ring->silent = calloc(limit, sizeof *ring->silent);
    bool whole = ring->said && ring->said_at && ring->ear && ring->heard_at && ring->silent;
    if (whole && pthread_mutex_init(&ring->lock, NULL) == 0) return ring;
    free(ring->said);
    free(ring->said_at);
    free(ring->ear);
    free(ring->heard_at);
    free(ring->silent);
    free(ring);
    return NULL;
}

/* From now on `port` is served by `ring`. Called on the loop only; false where too many are. */
int rings_seat(struct ring *ring, void *port) {
    uint32_t at = atomic_load(&seated);
    if (at == PORTS) return false;
    seats[at].port = port;
    seats[at].ring = ring;
    atomic_store(&seated, at + 1);
    return true;
}

/* As new: it is lent to another AudioPort. */
void rings_reset(struct ring *ring) {
    pthread_mutex_lock(&ring->lock);
    atomic_store(&ring->played, 0);
    atomic_store(&ring->queued, 0);
    atomic_store(&ring->due, 0);
    atomic_store(&ring->listening, false);
    ring->mark = ring->heard = ring->given = ring->urgent = 0;
    ring->paused = ring->wants_room = ring->woken = false;
    ring->every = 1;
    ring->quiet = -1;
    pthread_mutex_unlock(&ring->lock);
}

/* ---- telling the loop ---- */

/* Tell the loop what is due, if anything is. What is due stands in its place before this. */
static void tell(struct hub *hub) {
    if (atomic_exchange(&hub->pending, false)) eventfd_write(hub->wake, 1);
}

static void note(struct ring *ring, uint32_t what) {
    atomic_fetch_or(&ring->due, what);
    atomic_store(&ring->hub->pending, true);
}

/* What is due of this port. The loop asks after it has read the eventfd, so nothing is missed. */
uint32_t rings_due(struct ring *ring) { return atomic_exchange(&ring->due, 0); }

/* ---- the mouth, on the loop ---- */

uint64_t rings_played(struct ring *ring) { return atomic_load(&ring->played); }
uint64_t rings_queued(struct ring *ring) { return atomic_load(&ring->queued); }

/* Queue a frame. False where there is no room; then the loop is told when there is. */
int rings_say(struct ring *ring, const void *pcm, int over) {
    pthread_mutex_lock(&ring->lock);
    bool fits = ring->queued - ring->played < ring->limit + (over ? SPARE : 0);
    if (fits) {
        memcpy(ring->said + ring->queued % ring->room * ring->size, pcm, ring->size);
        ring->queued++;
    } else {
        ring->wants_room = true;
    }
    pthread_mutex_unlock(&ring->lock);
    return fits;
}

/* Silent from the next frame on, or no longer. Returns the position played to. */
uint64_t rings_pause(struct ring *ring, int paused) {
    pthread_mutex_lock(&ring->lock);
    ring->paused = paused;
    uint64_t played = ring->played;
    pthread_mutex_unlock(&ring->lock);
    return played;
}

/* Drop what is queued from `position` on; false where some of that was played already. */
int rings_take_back(struct ring *ring, uint64_t position) {
    pthread_mutex_lock(&ring->lock);
    bool whole = ring->played <= position;
    if (whole && ring->queued > position) ring->queued = position;
    pthread_mutex_unlock(&ring->lock);
    return whole;
}

/* Drop what was not played yet, and lift a pause. Returns the frames dropped. */
uint64_t rings_clear(struct ring *ring) {
    pthread_mutex_lock(&ring->lock);
    uint64_t dropped = ring->queued - ring->played;
    ring->queued -= dropped;
    ring->paused = false;
    ring->mark = 0;
    pthread_mutex_unlock(&ring->lock);
    return dropped;
}

/* Tell the loop when played to `position`; false where it was already. */
int rings_watch(struct ring *ring, uint64_t position) {
    pthread_mutex_lock(&ring->lock);
    bool ahead = ring->played < position;
    ring->mark = ahead ? position : 0;
    pthread_mutex_unlock(&ring->lock);
    return ahead;
}

/* The frame played at `position`, one of the newest. Its slot is written by the loop only, and by
 * nothing before KEPT more frames were played. Returns when it went out. */
int64_t rings_said(struct ring *ring, uint64_t position, void *pcm) {
    uint32_t slot = position % ring->room;
    memcpy(pcm, ring->said + slot * ring->size, ring->size);
    return ring->said_at[slot];
}

/* ---- the ear, on the loop ---- */

void rings_listen(struct ring *ring, int listening) { atomic_store(&ring->listening, listening); }

void rings_patience(struct ring *ring, uint32_t every, int32_t quiet) {
    pthread_mutex_lock(&ring->lock);
    ring->every = every ? every : 1;
    ring->quiet = quiet;
    pthread_mutex_unlock(&ring->lock);
}

uint64_t rings_waiting(struct ring *ring) {
    pthread_mutex_lock(&ring->lock);
    uint64_t waiting = ring->heard - ring->given;
    pthread_mutex_unlock(&ring->lock);
    return waiting;
}

/* The oldest frame that waits: 0 for none, 1 for one, 2 for silence (then `pcm` is not written). */
int rings_take(struct ring *ring, void *pcm, int64_t *t) {
    int found = 0;
    pthread_mutex_lock(&ring->lock);
    if (ring->given < ring->heard) {
        uint32_t slot = ring->given++ % ring->limit;
        found = ring->silent[slot] ? 2 : 1;
        *t = ring->heard_at[slot];
        if (found == 1) memcpy(pcm, ring->ear + slot * ring->size, ring->size);
    }
    pthread_mutex_unlock(&ring->lock);
    return found;
}

/* The loop has looked and would sleep: true where nothing urgent came meanwhile. */
int rings_rest(struct ring *ring) {
    pthread_mutex_lock(&ring->lock);
    ring->woken = false;
    bool nothing = ring->urgent <= ring->given;
    pthread_mutex_unlock(&ring->lock);
    return nothing;
}

/* ---- the media thread ---- */

static bool pull(struct ring *ring, int64_t t, void *pcm) {
    if (ring->played == ring->queued) return false; /* most of the time: without the lock */
    bool reached = false;
    pthread_mutex_lock(&ring->lock);
    bool some = !ring->paused && ring->played < ring->queued;
    if (some) {
        uint32_t slot = ring->played % ring->room;
        memcpy(pcm, ring->said + slot * ring->size, ring->size);
        ring->said_at[slot] = t;
        ring->played++;
        bool roomy = ring->wants_room && ring->queued - ring->played <= ring->roomy;
        if (roomy) ring->wants_room = false;
        reached = roomy || (ring->mark && ring->mark <= ring->played);
    }
    pthread_mutex_unlock(&ring->lock);
    if (reached) note(ring, MOUTH);
    return some;
}

static bool is_urgent(const struct ring *ring, int64_t t, const int16_t *pcm) {
    if (t % ((int64_t)ring->every * FRAME_MS) == 0) return true;
    if (!pcm || ring->quiet < 0) return false;
    for (size_t n = 0; n < ring->size / sizeof *pcm; n++)
        if (pcm[n] > ring->quiet) return true;
    return false;
}

/* NULL is silence. The oldest is dropped where nobody takes them. */
static void push(struct ring *ring, int64_t t, const void *pcm) {
    pthread_mutex_lock(&ring->lock);
    uint32_t slot = ring->heard++ % ring->limit;
    if (pcm) memcpy(ring->ear + slot * ring->size, pcm, ring->size);
    ring->silent[slot] = !pcm;
    ring->heard_at[slot] = t;
    if (ring->heard - ring->given > ring->limit) ring->given = ring->heard - ring->limit;
    bool now = is_urgent(ring, t, pcm);
    if (now) ring->urgent = ring->heard;
    now = now && !ring->woken;
    if (now) ring->woken = true;
    pthread_mutex_unlock(&ring->lock);
    if (now) note(ring, EAR);
}

static int64_t now(struct hub *hub) { return (int64_t)atomic_load(&hub->cycle) * FRAME_MS; }

static struct ring *ring_of(void *port) {
    for (uint32_t n = atomic_load(&seated); n-- > 0;) /* whoever sits there now */
        if (seats[n].port == port) return seats[n].ring;
    return NULL;
}

static void silence(struct frame *frame) {
    frame->type = NONE;
    frame->size = 0;
}

/* The conference reads this port. */
int rings_get(void *port, struct frame *frame) {
    struct ring *ring = ring_of(port);
    if (ring && pull(ring, now(ring->hub), frame->buf)) {
        frame->type = AUDIO;
        frame->size = ring->size;
    } else {
        silence(frame);
    }
    return 0;
}

/* The conference writes to this port, every cycle, connected or not. */
int rings_put(void *port, struct frame *frame) {
    struct ring *ring = ring_of(port);
    if (!ring) return 0;
    struct hub *hub = ring->hub;
    if (ring->listening) {
        bool sound = frame->type == AUDIO && frame->size == ring->size;
        push(ring, now(hub), sound ? frame->buf : NULL);
    }
    /* the last one of the cycle, as far as is known; what comes after it tells for itself */
    if (++hub->puts >= hub->usual) tell(hub);
    return 0;
}

/* The conference reads the first of its ports: a cycle begins. */
int rings_tick(void *port, struct frame *frame) {
    struct ring *ring = ring_of(port);
    silence(frame);
    if (!ring) return 0;
    struct hub *hub = ring->hub;
    uint64_t cycle = atomic_fetch_add(&hub->cycle, 1) + 1;
    tell(hub); /* what a smaller cycle than the one before it has left */
    hub->usual = hub->puts;
    hub->puts = 0;
    if (hub->often && cycle % hub->often == 0) {
        atomic_store(&hub->timers, true);
        atomic_store(&hub->pending, true);
        if (!hub->usual) tell(hub);
    }
    return 0;
}

/* The same, for who drives a port without a conference: a test. */

int rings_pull(struct ring *ring, int64_t t, void *pcm) {
    bool some = pull(ring, t, pcm);
    tell(ring->hub);
    return some;
}

void rings_push(struct ring *ring, int64_t t, const void *pcm) {
    push(ring, t, pcm);
    tell(ring->hub);
}
