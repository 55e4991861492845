/*
 * net/transport: what may stand between a connection and its socket: TLS, WebSocket, one on
 * another.
 *
 * Layer   net (may include os, base). Knows no MQTT.
 * Owner   its connection, on the connection's loop; moves with it, whole.
 * Life    made by a layer of a listener (or by hand), pushed on a connection, freed with it.
 * Limits  what a transport holds for itself is its own to bound; GW_TRANSPORT_LAYERS_MAX a stack.
 *
 * A transport embeds struct gw_transport as its first member and speaks through gw_transport_recv
 * and gw_transport_sendv to what is below it: the next transport or the socket. The plain fields
 * below are its standing answers; whoever calls it reads them after each call. A connection without
 * a transport knows nothing of all this.
 */
#ifndef GW_NET_TRANSPORT_H
#define GW_NET_TRANSPORT_H

#include "base/list.h"
#include "os/socket.h"

#define GW_TRANSPORT_LAYERS_MAX 3

struct gw_conn;
struct gw_transport;

/* What there is to tell of a stack, for the log and for who asks who the peer is. Borrowed from the
 * stack; NULL: nothing. */
struct gw_transport_story {
    const char *protocol;    /* "TLSv1.3" */
    const char *cipher;      /* "TLS_AES_256_GCM_SHA384" */
    const char *server_name; /* that the peer asked for */
    const char *peer_name; /* that the peer has proved: of its certificate, or its key's identity */
    const char *path;      /* of the WebSocket request */
    const char *origin;    /* page that opened the WebSocket */
};

/* Told one thing that the peer has proved of itself: "cert.o", "Example". Anything but GW_OK ends
 * the telling. */
typedef enum gw_status gw_transport_attest_fn(void *user, const char *name, struct gw_span value);

struct gw_transport_ops {
    /* Gives decoded bytes, as much as there are and fit. GW_OK: at least one. GW_AGAIN: none yet.
     * GW_CLOSED: the peer ended in order. GW_OS_ERROR with *ret_errno. GW_PROTOCOL: the transport
     * gave up and has set `trouble`; what it wants the peer to hear is sent already. Once it said
     * one of the last three it says so ever after. */
    enum gw_status (*recv)(struct gw_transport *transport, void *memory, size_t size,
                           size_t *ret_size, int *ret_errno);
    /* Takes bytes, *ret_size of them, and sends first what the transport holds itself; part_count
     * may be 0: then only that. Less than offered: see send_wants; if that is 0 it was enough for
     * one turn. What was offered and not taken is offered again first, at least as much of it.
     * Outcomes as recv, GW_CLOSED: nothing can be sent any more. */
    enum gw_status (*sendv)(struct gw_transport *transport, const struct iovec *parts,
                            int part_count, size_t *ret_size, int *ret_errno);
    /* Says good-bye (close_notify, Close), after the last byte. GW_AGAIN: call again when what
     * send_wants is there; all else: done, or nothing could be done. */
    enum gw_status (*shut)(struct gw_transport *transport);
    /* Adds what it knows to the story. */
    void (*describe)(const struct gw_transport *transport, struct gw_transport_story *story);
    /* Releases the transport alone, not what is below it. */
    void (*free)(struct gw_transport *transport);
    /* Tells what the peer has proved besides its name; NULL: nothing, ever. */
    enum gw_status (*attest)(const struct gw_transport *transport, gw_transport_attest_fn *fn,
                             void *user);
};

struct gw_transport {
    const struct gw_transport_ops *ops;
    struct gw_transport *below; /* NULL: the socket */
    const char *trouble;        /* after GW_PROTOCOL: why, for the log; lives with the transport */
    uint8_t recv_wants; /* enum gw_poll_bits: what its last recv needs to go on, beyond being */
                        /* called when there is something to read. GW_POLL_WRITE: it has */
                        /* bytes of its own to send; sendv sends them and clears it */
    uint8_t send_wants; /* so for its last sendv or shut; 0: nothing hinders it */
    bool pending;       /* its next recv has something to tell that no poller will announce */
    const struct gw_address *peer; /* who is behind a proxy; NULL: whom the socket names */
    bool heavy; /* its next recv may cost a millisecond (a handshake): few a turn */

    /* Set by the connection, used by the functions below. */
    gw_socket socket;
    const struct gw_sockets *sockets;
    struct gw_conn *conn;
    struct gw_list link; /* of the top one, in the loop's list of those with pending bytes */
    uint64_t wire_in;    /* of the bottom one: bytes of the socket not yet counted */
    uint64_t wire_out;
    bool mute; /* of the bottom one: our side has ended, nothing is sent any more */
};

/* Makes one transport of a stack; NULL when memory is out (or nothing can be made now): the
 * connection is then refused. */
struct gw_transport_layer {
    struct gw_transport *(*make)(void *ctx);
    void *ctx;
};

/* Readies the base of a transport; its maker does, first. */
void gw_transport_init(struct gw_transport *transport, const struct gw_transport_ops *ops);

/* Receives from what is below a transport; outcomes of gw_socket_ops or, from a transport, of recv.
 * The answers (wants, pending) of each are read by the connection, no transport passes them on. */
GW_MUST_USE enum gw_status gw_transport_recv(struct gw_transport *transport, void *memory,
                                             size_t size, size_t *ret_size, int *ret_errno);
/* Sends to what is below. GW_OK with *ret_size less than offered and GW_AGAIN both mean that it has
 * to wait. With no parts: what the transport below holds itself. */
GW_MUST_USE enum gw_status gw_transport_sendv(struct gw_transport *transport,
                                              const struct iovec *parts, int part_count,
                                              size_t *ret_size, int *ret_errno);
/* The sendv of a transport that adds nothing: passes it on and says what that has to wait for. */
GW_MUST_USE enum gw_status gw_transport_pass(struct gw_transport *transport,
                                             const struct iovec *parts, int part_count,
                                             size_t *ret_size, int *ret_errno);
/* Good-bye of what is below; GW_OK over a socket. */
GW_MUST_USE enum gw_status gw_transport_shut(struct gw_transport *transport);

/* What a whole stack wants: the bits of all its transports. */
uint8_t gw_transport_wants(const struct gw_transport *top);
/* True if any of them has something pending, or is heavy. */
bool gw_transport_pending(const struct gw_transport *top);
bool gw_transport_heavy(const struct gw_transport *top);
/* The words of the transport that gave up; NULL: none did. */
const char *gw_transport_trouble(const struct gw_transport *top);
/* What there is to tell, from below upwards. NULL: an empty story. */
void gw_transport_describe(const struct gw_transport *top, struct gw_transport_story *ret_story);
/* Who the peer is to one of them, else `own`. */
const struct gw_address *gw_transport_peer(const struct gw_transport *top,
                                           const struct gw_address *own);
/* Tells what the peer has proved to any of them besides its name, and what `fn` said to it. */
GW_MUST_USE enum gw_status gw_transport_attest(const struct gw_transport *top,
                                               gw_transport_attest_fn *fn, void *user);
/* Nothing more is sent: GW_CLOSED to whoever tries. NULL is fine. */
void gw_transport_mute(struct gw_transport *top);
/* Takes the bytes that went over the socket since the last call. */
void gw_transport_take_counts(struct gw_transport *top, uint64_t *ret_in, uint64_t *ret_out);
/* Releases a whole stack; NULL is fine. */
void gw_transport_free(struct gw_transport *top);

#endif
