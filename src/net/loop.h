/*
 * net/loop: one event loop: mailbox, timers, ready sockets, gathered writes, ends.
 *
 * Layer   net (may include os, base). Knows no MQTT.
 * Owner   the thread that runs it; gw_loop_post and gw_loop_stop from any thread.
 * Life    new/free; free wants every connection and listener gone and the mail read (a last turn
 *         after the other loops have ended).
 * Limits  events a turn, bytes a read (GW_LOOP_READ_SIZE), chunks of output (limits in conn.h).
 *
 * A turn is a plain function of what is ready and `now`: mailbox -> timers -> ready I/O -> hook
 * before_flush -> flush dirty connections, one write each -> ends. `now` is read once a turn.
 */
#ifndef GW_NET_LOOP_H
#define GW_NET_LOOP_H

#include "base/pool.h"
#include "base/wheel.h"
#include "net/mailbox.h"
#include "os/clock.h"
#include "os/socket.h"

#define GW_LOOP_READ_SIZE  ((size_t)64 * 1024)
#define GW_LOOP_EVENTS_MAX 256

#define GW_LOOP_SLOW_ACCEPT_NS (8 * GW_NS_PER_MS)
/* What the handshakes of one turn may take; then the rest waits for the next one. */
#define GW_LOOP_HEAVY_NS (4 * GW_NS_PER_MS)

struct gw_loop;

struct gw_loop_hooks {
    /* The last chance in a turn to produce output and to post mail to other loops. */
    void (*before_flush)(void *user, gw_mono_ns now);
    /* When a turn is wanted at the latest, finer than timers are; NULL: whenever something comes.
     */
    gw_mono_ns (*next_turn)(void *user);
    void *user;
};

/* Makes a loop; `mail_owner` is handed to every mail's fn. NULL when memory or descriptors are
 * out. The services must outlive the loop. */
struct gw_loop *gw_loop_new(const struct gw_sockets *sockets, const struct gw_clock *clock,
                            void *mail_owner);
/* NULL is fine. */
void gw_loop_free(struct gw_loop *loop);

void gw_loop_set_hooks(struct gw_loop *loop, const struct gw_loop_hooks *hooks);

/* Waits (at most until the next timer, not at all if work is left) and notes what is ready. */
void gw_loop_wait(struct gw_loop *loop);
/* Runs one turn over what the last wait noted. */
void gw_loop_turn(struct gw_loop *loop, gw_mono_ns now);
/* wait + turn until gw_loop_stop. */
void gw_loop_run(struct gw_loop *loop);
/* Makes gw_loop_run return after its turn; any thread. */
void gw_loop_stop(struct gw_loop *loop);

/* Posts a mail to this loop, waking it if needed; any thread. */
void gw_loop_post(struct gw_loop *loop, struct gw_mail *mail);
/* What waits in its mailbox, in the senders' weights; any thread. */
size_t gw_loop_mail_weight(const struct gw_loop *loop);

/* While a loop is slow to accept, its listeners take one connection every GW_LOOP_SLOW_ACCEPT_NS;
 * the others wait with the system. For an owner that has too much to do. */
void gw_loop_accept_slowly(struct gw_loop *loop, bool slowly);

/* The timers of this loop, for the owner thread. */
struct gw_wheel *gw_loop_wheel(struct gw_loop *loop);
/* The time of this turn. */
gw_mono_ns gw_loop_now(const struct gw_loop *loop);
const struct gw_clock *gw_loop_clock(const struct gw_loop *loop);
const struct gw_sockets *gw_loop_sockets(const struct gw_loop *loop);

/* Counters since start, for metrics; owner thread. */
struct gw_loop_counters {
    uint64_t turns, bytes_in, bytes_out, reads, writes, mails, accepted, accept_refused;
    uint64_t handshakes, handshakes_failed; /* of transports that are heavy until they are done */
    size_t connections;                     /* now */
    size_t output_bytes;                    /* queued output of all connections, now */
};
const struct gw_loop_counters *gw_loop_counters(const struct gw_loop *loop);

#endif
