/*
 * net/conn: one connection: bytes in, bytes out, end. Holds no buffer while it is idle.
 *
 * Layer   net (may include os, base). Knows no MQTT.
 * Owner   the loop it is attached to; moves whole (detach, mail, attach).
 * Life    made by a listener or by gw_conn_new over a socket; close is asynchronous and ends with
 *         on_closed, after which the connection frees itself at the end of the turn.
 * Limits  output is the owner's to bound: it asks gw_conn_output_size before it writes.
 *
 * A failed write does not end a connection at once: output is dropped (and counts as drained), the
 * peer's bytes are read to their end, for five seconds at most, then on_closed tells the error.
 */
#ifndef GW_NET_CONN_H
#define GW_NET_CONN_H

#include "base/blob.h"
#include "net/loop.h"
#include "net/transport.h"

struct gw_conn;

/* Who or what ended the connection. */
enum gw_conn_end {
    GW_CONN_END_LOCAL,     /* gw_conn_close */
    GW_CONN_END_PEER,      /* end of stream */
    GW_CONN_END_ERROR,     /* socket error, see os_errno (0: unknown) */
    GW_CONN_END_TIMEOUT,   /* output did not go out in time after gw_conn_close */
    GW_CONN_END_TRANSPORT, /* TLS or WebSocket cannot go on, see gw_conn_trouble */
};

struct gw_conn_events {
    /* Bytes from the peer, borrowed from the loop for the call. May write, pause, close, detach. */
    void (*on_bytes)(void *user, struct gw_span bytes, gw_mono_ns now);
    /* Output fell to or below the low mark after gw_conn_want_drained. */
    void (*on_drained)(void *user, gw_mono_ns now);
    /* The end; the last call for this connection. */
    void (*on_closed)(void *user, enum gw_conn_end end, int os_errno, gw_mono_ns now);
};

/* Makes a connection over a socket that is connected or connecting (output then waits, a failure
 * comes as GW_CONN_END_ERROR), attached to no loop; takes the socket over. `sockets` must be those
 * of the loops it will join. NULL when memory is out (the socket is then closed by the caller). */
struct gw_conn *gw_conn_new(const struct gw_sockets *sockets, gw_socket socket,
                            const struct gw_address *peer);

/* Puts a transport on top of those it has (or the socket); before the first attach. It is released
 * with the connection. */
void gw_conn_push(struct gw_conn *conn, struct gw_transport *transport);

/* Names the receiver of events; before attach, and again when the owner changes. */
void gw_conn_set_events(struct gw_conn *conn, const struct gw_conn_events *events, void *user);

/* Joins a loop and begins to read. GW_OK always: if the poller cannot take the socket, the
 * connection ends with GW_CONN_END_ERROR at the end of the turn, as any other. */
GW_MUST_USE enum gw_status gw_conn_attach(struct gw_conn *conn, struct gw_loop *loop);
/* Leaves its loop with queued output intact; no events until attached again. Not after close. The
 * connection is the caller's alone on return, inside on_bytes too. */
void gw_conn_detach(struct gw_conn *conn);

/* Appends a copy of bytes to the output; sent at the end of the turn. GW_NO_MEMORY: the connection
 * must be closed, since bytes are missing. Ignored after close. */
GW_MUST_USE enum gw_status gw_conn_write(struct gw_conn *conn, struct gw_span bytes);
/* Gives `size` contiguous bytes at the end of the output to be filled, then committed (at most
 * size); NULL when memory is out. Anything else done to the connection between is an error. */
uint8_t *gw_conn_reserve(struct gw_conn *conn, size_t size);
void gw_conn_commit(struct gw_conn *conn, size_t size);
/* Appends bytes that lie inside a blob without copying; takes a reference of its own. */
GW_MUST_USE enum gw_status gw_conn_write_blob(struct gw_conn *conn, struct gw_blob *blob,
                                              struct gw_span bytes);

/* Bytes of output not yet taken by the socket. */
size_t gw_conn_output_size(const struct gw_conn *conn);
/* Asks for one on_drained when output is at or below low_mark bytes (at once at the end of the turn
 * if it already is). */
void gw_conn_want_drained(struct gw_conn *conn, size_t low_mark);

/* Gives the end of what on_bytes brought back: it comes again in the next turn (or after resume),
 * when everybody else has had theirs. GW_NO_MEMORY: the connection must be closed. Ignored after
 * close. */
GW_MUST_USE enum gw_status gw_conn_unread(struct gw_conn *conn, struct gw_span bytes);

/* Holds all output back until it is taken off again. Closing while corked drops what is held. */
void gw_conn_cork(struct gw_conn *conn, bool corked);

/* Stops and resumes reading; bytes stay in the socket. Calls are not counted. A peer that hangs up
 * meanwhile costs no turns, and what it sent before comes after resume, then the end. */
void gw_conn_pause(struct gw_conn *conn);
void gw_conn_resume(struct gw_conn *conn);
/* True if the peer is known to have hung up though its end was not told, because reading is paused
 * or bytes may still wait in the socket. */
bool gw_conn_hung_up(const struct gw_conn *conn);

/* Ends the connection: no more events but on_closed. With flush, queued output is sent first, for
 * at most flush_time nanoseconds; then the writing side is shut and the peer has the rest of that
 * time, a second at most, to end its own, so that our last bytes are not lost to a reset. Reading
 * goes on into nothing meanwhile. Idempotent; a second call without flush cuts the first short.
 * Attached to no loop: one try to send, then released at once and without on_closed. NULL is fine.
 */
void gw_conn_close(struct gw_conn *conn, bool flush, uint64_t flush_time);
bool gw_conn_closing(const struct gw_conn *conn);

/* Who the events go to. */
void *gw_conn_user(const struct gw_conn *conn);
/* Its address: that of the socket, or what a proxy that it came by tells; this changes once then.
 */
const struct gw_address *gw_conn_peer(const struct gw_conn *conn);
/* What there is to tell of its transports; borrowed from the connection. */
void gw_conn_describe(const struct gw_conn *conn, struct gw_transport_story *ret_story);
/* The name that the peer has proved to the transport (certificate, key); NULL: none. */
const char *gw_conn_peer_name(const struct gw_conn *conn);
/* What else it has proved to it, one after the other; GW_OK, or what `fn` said. */
GW_MUST_USE enum gw_status gw_conn_attest(const struct gw_conn *conn, gw_transport_attest_fn *fn,
                                          void *user);
/* True while a transport's handshake is not done. */
bool gw_conn_is_opening(const struct gw_conn *conn);
/* Why a transport gave up, in words; NULL: none did. In on_closed at the latest. */
const char *gw_conn_trouble(const struct gw_conn *conn);
/* Bytes of the socket, not those decoded. */
uint64_t gw_conn_bytes_in(const struct gw_conn *conn);
uint64_t gw_conn_bytes_out(const struct gw_conn *conn);
struct gw_loop *gw_conn_loop(const struct gw_conn *conn);

#endif
