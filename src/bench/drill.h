/*
 * bench/drill: a whole measurement: clients connect, messages flow for a while, the rest comes in,
 *              everybody leaves.
 *
 * Layer   bench (may include cli, net, os, proto, topic, wire, base).
 * Owner   one thread; a loop of its own.
 * Life    init, run, read the result, fini.
 * Limits  GW_DRILL_CLIENTS_MAX clients.
 *
 * Open loop (rate > 0): message k is meant for the k-th part of a second after the start, whatever
 * the broker does meanwhile, and its latency counts from then on; so a broker that stalls cannot
 * hide the messages that it kept from being sent. Closed loop (window > 0): each publisher has so
 * many of its messages under way, the next one goes when one has reached everybody.
 */
#ifndef GW_BENCH_DRILL_H
#define GW_BENCH_DRILL_H

#include "bench/histogram.h"
#include "bench/player.h"
#include "os/usage.h"

#define GW_DRILL_CLIENTS_MAX 1000000u

enum gw_drill_scene {
    GW_DRILL_CONNECT, /* clients only */
    GW_DRILL_PUBLISH, /* publishers, and nobody listens */
    GW_DRILL_PAIRS,   /* each publisher has one subscriber */
    GW_DRILL_FAN,     /* every subscriber hears every publisher */
    GW_DRILL_SHARED,  /* the subscribers share one subscription to all publishers */
    GW_DRILL_SCENE_COUNT
};

struct gw_drill_plan {
    enum gw_drill_scene scene;
    struct gw_player_plan player;
    uint32_t clients; /* of GW_DRILL_CONNECT */
    uint32_t publishers;
    uint32_t subscribers;
    double rate;         /* messages a second of all together; 0: closed loop */
    uint32_t window;     /* of each publisher in a closed loop */
    uint32_t connecting; /* connections under way at a time */
    uint64_t count;      /* messages after which it ends; 0: the duration alone */
    gw_mono_ns warm_up;  /* at the beginning of the duration, not measured */
    gw_mono_ns duration;
    gw_mono_ns patience; /* for what is still under way at the end, and for connections */
    int64_t pid;         /* of the broker; 0: unknown */
    const char *prefix;  /* of topics and client identifiers */
};

enum gw_drill_phase {
    GW_DRILL_CONNECTING,
    GW_DRILL_RUNNING,
    GW_DRILL_DRAINING,
    GW_DRILL_LEAVING,
    GW_DRILL_DONE,
};

/* What came out. Times in nanoseconds. */
struct gw_drill_result {
    struct gw_histogram connects;  /* from the call to CONNACK (and SUBACK) */
    struct gw_histogram latencies; /* of deliveries; without subscribers of acknowledgements */
    gw_mono_ns connect_time;       /* until all were connected */
    gw_mono_ns measured;           /* how long messages were counted */
    uint64_t sent;                 /* messages, warm-up included */
    uint64_t expected;             /* deliveries of them */
    uint64_t received;             /* each once */
    uint64_t doubled, disordered, foreign;
    uint64_t measured_sent, measured_received; /* without the warm-up */
    uint64_t unacknowledged;                   /* at the end */
    uint32_t connected, lost_connections;
    struct gw_usage own, broker; /* from the end of the warm-up to the end of the sending */
    uint64_t broker_memory_before, broker_memory_after; /* bytes */
    bool stalled;      /* nothing came for as long as patience says */
    char trouble[160]; /* why it did not come to its end, or the first lost connection */
};

struct gw_drill;

/* Told while it goes on, ten times a second. May be NULL. */
struct gw_drill_progress {
    enum gw_drill_phase phase;
    gw_mono_ns elapsed, total; /* of the running phase */
    uint32_t connected, clients;
    const struct gw_drill_result *result; /* so far */
};
/* False ends it before its time, in order. */
typedef bool gw_drill_progress_fn(void *user, const struct gw_drill_progress *progress);

/* GW_NO_MEMORY. The plan is borrowed. */
GW_MUST_USE enum gw_status gw_drill_new(const struct gw_drill_plan *plan,
                                        gw_drill_progress_fn *progress, void *user,
                                        struct gw_drill **ret_drill);
/* NULL is fine. */
void gw_drill_free(struct gw_drill *drill);

/* Runs it to its end. GW_OK, even if messages were lost; GW_OS_ERROR, GW_CLOSED with
 * result->trouble: the clients did not all get connected, or connections were lost. */
GW_MUST_USE enum gw_status gw_drill_run(struct gw_drill *drill);

const struct gw_drill_result *gw_drill_result(const struct gw_drill *drill);

/* Deliveries of each message. */
uint32_t gw_drill_fan(const struct gw_drill_plan *plan);

#endif
