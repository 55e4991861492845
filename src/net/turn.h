/*
 * net/turn: what loop, conn and listener know of each other; private to net.
 *
 * Layer   net (may include os, base).
 * Owner   the loop's thread.
 * Life    see net/loop and net/conn.
 * Limits  see net/loop and net/conn.
 */
#ifndef GW_NET_TURN_H
#define GW_NET_TURN_H

#include "net/conn.h"
#include "net/output.h"

/* Whatever a poller watches begins with this. */
struct gw_source {
    void (*on_ready)(struct gw_source *source, uint32_t bits, gw_mono_ns now);
};

/* What is going on now: work that a callback may undo. */
struct gw_loop_turn {
    gw_mono_ns now;
    struct gw_conn *reading; /* whose bytes wait while mail is read; NULL if it was detached */
    struct gw_span unread;   /* those bytes */
    const void *accepting;   /* the listener's place on this loop that is being served */
    int event_count;
    int event_at;      /* events before it are done */
    uint64_t heavy_ns; /* spent on heavy transports */
    bool work_left;    /* a callback came after before_flush: do not block */
};

struct gw_loop {
    const struct gw_sockets *sockets;
    const struct gw_clock *clock;
    struct gw_poller *poller;
    void *mail_owner;
    struct gw_loop_hooks hooks;
    struct gw_loop_turn turn;
    struct gw_list dirty;   /* connections to flush */
    struct gw_list drained; /* connections to tell that they drained, in this turn */
    struct gw_list ended;   /* connections to end in this turn */
    struct gw_list stashes; /* bytes that were read early and can be delivered now */
    struct gw_list pending; /* top transports with bytes that no poller will announce */
    struct gw_list accepts; /* listeners that this loop joined */
    struct gw_list callers; /* those of them at which somebody waits, in this turn */
    struct gw_output_cache cache;
    struct gw_loop_counters counters;
    bool accepts_slowly;
    atomic_bool stop; /* release by stop, acquire by run */
    struct gw_mailbox mailbox;
    struct gw_wheel wheel;
    struct gw_poll_event events[GW_LOOP_EVENTS_MAX];
    uint8_t read_buffer[GW_LOOP_READ_SIZE];
};

/* Handles all mail that waits. */
void gw_loop_read_mail(struct gw_loop *loop);
/* Forgets events noted for a source that leaves the loop within the turn. */
void gw_loop_forget(struct gw_loop *loop, const struct gw_source *source);

/* Bytes received by a connection that could not be delivered at once, kept for later. */
struct gw_stash {
    struct gw_list link; /* in loop->stashes once they can be delivered */
    struct gw_conn *conn;
    size_t size;
    uint8_t bytes[];
};

/* Accepts where somebody waits. */
void gw_listener_serve(struct gw_loop *loop);

/* Delivers bytes that were kept back. */
void gw_conn_deliver(struct gw_conn *conn, gw_mono_ns now);
/* Reads what waits decoded in a transport; its share of a turn. */
void gw_conn_read_on(struct gw_conn *conn, gw_mono_ns now);
/* Writes once and brings the poller's interest up to date; true: wants to hear that it drained. */
bool gw_conn_flush(struct gw_conn *conn, gw_mono_ns now);
/* Tells that output drained. */
void gw_conn_tell_drained(struct gw_conn *conn, gw_mono_ns now);
/* Closes the socket and tells the end; memory stays until free. */
void gw_conn_finish(struct gw_conn *conn, gw_mono_ns now);
/* Releases a finished connection. */
void gw_conn_free(struct gw_conn *conn);
/* The connection that holds this link. */
struct gw_conn *gw_conn_of_link(struct gw_list *link);

#endif
