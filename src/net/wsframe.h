/*
 * net/wsframe: WebSocket frames (RFC 6455, section 5): read from a stream cut anywhere, written.
 *
 * Layer   net (may include os, base). Pure: no system call, no malloc; knows no MQTT.
 * Owner   whoever owns the connection; not thread-safe.
 * Life    init on the caller's memory; nothing to release.
 * Limits  no frame is ever gathered: its bytes pass by as they come, so no length that a peer
 *         tells costs memory. Control frames: GW_WSFRAME_CONTROL_MAX bytes.
 *
 * The payloads of binary frames, whole or in fragments, are one stream of bytes: where a frame
 * begins or ends says nothing about where an MQTT packet does (MQTT-6.0.0-2). Text is refused
 * (MQTT-6.0.0-1), and so is every extension.
 */
#ifndef GW_NET_WSFRAME_H
#define GW_NET_WSFRAME_H

#include "base/span.h"
#include "base/status.h"

#define GW_WSFRAME_HEAD_MAX    14
#define GW_WSFRAME_CONTROL_MAX 125
#define GW_WSFRAME_MASK_SIZE   4

enum gw_wsframe_opcode {
    GW_WSFRAME_CONTINUATION = 0x0,
    GW_WSFRAME_TEXT = 0x1,
    GW_WSFRAME_BINARY = 0x2,
    GW_WSFRAME_CLOSE = 0x8,
    GW_WSFRAME_PING = 0x9,
    GW_WSFRAME_PONG = 0xA,
};

/* Why a connection is closed (RFC 6455, 7.4.1). */
enum gw_wsframe_code {
    GW_WSFRAME_NORMAL = 1000,
    GW_WSFRAME_GOING_AWAY = 1001,
    GW_WSFRAME_BAD_PROTOCOL = 1002,
    GW_WSFRAME_UNSUPPORTED = 1003, /* text */
    GW_WSFRAME_NO_CODE = 1005,     /* never on the wire: the Close frame had no code */
    GW_WSFRAME_BAD_TEXT = 1007,    /* the reason in a Close frame is not UTF-8 */
    GW_WSFRAME_POLICY = 1008,
    GW_WSFRAME_TOO_LARGE = 1009,
    GW_WSFRAME_INTERNAL = 1011,
};

/* What the peer did wrong. */
struct gw_wsframe_fault {
    uint16_t code;    /* enum gw_wsframe_code, for our Close frame */
    const char *what; /* for the log; static */
};

/* Whose frames are read: those of clients are masked, those of servers are not. */
enum gw_wsframe_from { GW_WSFRAME_FROM_CLIENT, GW_WSFRAME_FROM_SERVER };

/* Reads frames. */
struct gw_wsframe {
    uint64_t left; /* payload of this frame still to come */
    uint8_t head[GW_WSFRAME_HEAD_MAX];
    uint8_t head_size;  /* bytes of the head that came */
    uint8_t mask_phase; /* payload bytes that passed, modulo 4 */
    uint8_t from;       /* enum gw_wsframe_from */
    bool in_payload;    /* the head is complete */
    bool in_message;    /* a binary message began and its last fragment did not */
};

/* Bytes of the peer, the caller's to change. */
struct gw_wsframe_bytes {
    uint8_t *at;
    size_t size;
};

/* A part of one frame's payload, in the caller's bytes, unmasked. */
struct gw_wsframe_piece {
    enum gw_wsframe_opcode opcode; /* BINARY (its continuations too), CLOSE, PING or PONG */
    uint8_t *data;
    size_t size;
    bool last; /* the frame ends with it; an empty frame is one empty piece */
};

void gw_wsframe_init(struct gw_wsframe *frame, enum gw_wsframe_from from);

/* Takes the next piece off *bytes, unmasking it there. GW_OK: call again. GW_MORE: *bytes is used
 * up. GW_MALFORMED with the fault: close; what follows cannot be read. */
GW_MUST_USE enum gw_status gw_wsframe_next(struct gw_wsframe *frame, struct gw_wsframe_bytes *bytes,
                                           struct gw_wsframe_piece *ret_piece,
                                           struct gw_wsframe_fault *ret_fault);

/* True in the midst of a frame or a message. */
static inline bool gw_wsframe_unfinished(const struct gw_wsframe *frame)
{
    return frame->head_size > 0 || frame->in_message;
}

/* Writes the head of a whole (final) frame of `size` payload bytes and returns its size; `mask` of
 * GW_WSFRAME_MASK_SIZE bytes from a client, NULL from a server. */
size_t gw_wsframe_put_head(uint8_t ret_head[GW_WSFRAME_HEAD_MAX], enum gw_wsframe_opcode opcode,
                           uint64_t size, const uint8_t *mask);

/* Masks or unmasks bytes of which `phase` went before in this frame. */
void gw_wsframe_mask(uint8_t *bytes, size_t size, const uint8_t mask[GW_WSFRAME_MASK_SIZE],
                     size_t phase);

/* Reads the whole payload of a Close frame: *ret_code (GW_WSFRAME_NO_CODE if there is none) and the
 * peer's words. GW_MALFORMED with the fault. */
GW_MUST_USE enum gw_status gw_wsframe_read_close(struct gw_span payload, uint16_t *ret_code,
                                                 struct gw_span *ret_reason,
                                                 struct gw_wsframe_fault *ret_fault);

/* Writes the payload of a Close frame, the reason cut to what fits (it must be ASCII); returns its
 * size. GW_WSFRAME_NO_CODE makes it empty. */
size_t gw_wsframe_put_close(uint8_t ret_payload[GW_WSFRAME_CONTROL_MAX], uint16_t code,
                            const char *reason);

#endif
