/*
 * net/connstate: what a connection is made of; for net/conn alone.
 *
 * Layer   net (may include os, base).
 * Owner   the loop that the connection is attached to.
 * Life    see net/conn.
 * Limits  see net/conn.
 */
#ifndef GW_NET_CONNSTATE_H
#define GW_NET_CONNSTATE_H

#include "net/turn.h"

enum conn_flag {
    PAUSED = 1 << 0,       /* the owner does not want bytes */
    BLOCKED = 1 << 1,      /* the socket took less than we had: wait until it is writable */
    WANT_DRAINED = 1 << 2, /* the owner waits for on_drained */
    CLOSING = 1 << 3,      /* no more events but on_closed; -> ENDED */
    SHUT = 1 << 4,         /* closing, all output went out; waits for the peer's end; -> ENDED */
    ENDED = 1 << 5,        /* on the loop's list of ends */
    POLLED = 1 << 6,       /* the poller watches the socket */
    HUNG = 1 << 7,         /* the peer hung up while we were paused */
    WRITE_DEAD = 1 << 8,   /* a write failed: output is dropped, input read to its end */
    READ_EOF = 1 << 9,     /* the peer ended its side while we close */
    CORKED = 1 << 11,      /* the owner holds output back */
    BYTES_LOST = 1 << 10,  /* no memory for bytes that came while it moved: ends when attached */
};

struct gw_conn {
    struct gw_source source; /* first: what the poller gives back */
    const struct gw_sockets *sockets;
    struct gw_loop *loop; /* NULL: attached to none */
    const struct gw_conn_events *events;
    void *user;
    struct gw_list link; /* in one of the loop's lists dirty, drained, ended */
    struct gw_output output;
    struct gw_transport *transport; /* the top of its stack; NULL: straight to the socket */
    struct gw_stash *stash;
    size_t low_mark;
    uint64_t bytes_in;
    uint64_t bytes_out;
    struct gw_timer timer; /* closing: the end of patience; WRITE_DEAD too */
    gw_socket socket;
    int os_errno;
    uint16_t flags;
    uint8_t end;            /* enum gw_conn_end */
    uint8_t armed;          /* enum gw_poll_bits that the poller has */
    struct gw_address peer; /* cut to its size */
};

/* 168 before TLS: one pointer is what a connection without transports pays for them. */
_Static_assert(offsetof(struct gw_conn, peer) <= 176, "there is one of these per connection");

static inline bool has(const struct gw_conn *conn, unsigned flags)
{
    return (conn->flags & flags) != 0;
}

static inline void set(struct gw_conn *conn, unsigned flags)
{
    conn->flags = (uint16_t)(conn->flags | flags);
}

static inline void unset(struct gw_conn *conn, unsigned flags)
{
    conn->flags = (uint16_t)(conn->flags & ~flags);
}

static inline struct gw_output_cache *cache_of(struct gw_conn *conn)
{
    return conn->loop == NULL ? NULL : &conn->loop->cache;
}

/* The bytes that its transports moved over the socket. */
static inline void count_wire(struct gw_conn *conn)
{
    uint64_t in;
    uint64_t out;
    gw_transport_take_counts(conn->transport, &in, &out);
    conn->bytes_in += in;
    conn->bytes_out += out;
    if (conn->loop == NULL)
        return;
    conn->loop->counters.bytes_in += in;
    conn->loop->counters.bytes_out += out;
}

#endif
