#include "net/ws.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/buf.h"
#include "net/wsask.h"
#include "os/entropy.h"

#define PARTS_MAX   128
#define MASKED_MAX  ((size_t)16 * 1024) /* payload of a client's frame */
#define TROUBLE_MAX 200
#define TOLD_MAX    200 /* of a path or an origin, for the log */
/* A request or an answer, or a pong on its way, the next one and a Close. */
#define OWN_MAX (GW_WSASK_REQUEST_MAX + 3 * (GW_WSFRAME_HEAD_MAX + GW_WSFRAME_CONTROL_MAX))

_Static_assert(GW_WSHEAD_ANSWER_MAX <= GW_WSASK_REQUEST_MAX, "OWN_MAX has room for either");

enum ws_state {
    OPENING, /* the request, or its answer, has not come whole; -> OPEN, ENDED */
    OPEN,    /* frames; -> SAID, ENDED */
    SAID,    /* our Close is said; the peer may still send until its own; -> ENDED */
    ENDED,   /* recv says `end` ever after */
};

/* What only a client needs. */
struct dial {
    struct gw_buf masked; /* the payload of the frame on its way */
    char accept[GW_WSHEAD_ACCEPT_SIZE + 1];
    char trouble[TROUBLE_MAX];
};

struct ws {
    struct gw_transport base;              /* first */
    const struct gw_ws_listener *listener; /* NULL: a client */
    struct dial *dial;                     /* NULL: a server */
    struct gw_wsframe in;
    struct gw_buf gathered; /* the head while OPENING, then an unfinished control frame's payload */
    size_t scanned;         /* of the head */
    struct gw_buf own;      /* bytes of ours that go between frames, see own_at, pong_at */
    size_t own_at;          /* sent */
    size_t pong_at;         /* where the last pong begins in own; SIZE_MAX: no pong there */
    uint64_t out_left;      /* payload of the frame on its way */
    uint8_t out_head[GW_WSFRAME_HEAD_MAX];
    uint8_t out_head_size;
    uint8_t out_head_at; /* sent */
    uint8_t state;       /* enum ws_state */
    bool asked;          /* a request was read */
    enum gw_status end;  /* ENDED: GW_CLOSED or GW_PROTOCOL */
    char *told_path;     /* as asked for, NULL: as the listener has it */
    char *told_origin;
};

static struct ws *ws_of(struct gw_transport *transport)
{
    return GW_CONTAINER(transport, struct ws, base);
}

static bool in_frame(const struct ws *ws)
{
    return ws->out_left > 0 || ws->out_head_at < ws->out_head_size;
}

static bool has_own(const struct ws *ws)
{
    return ws->own_at < ws->own.size;
}

/* The bit to wait for when what is below took less than offered: it tells itself, unless it is the
 * socket, or has merely had enough for one turn. */
static uint8_t wait_bit(const struct ws *ws)
{
    return gw_transport_wants(ws->base.below) != 0 ? 0 : GW_POLL_WRITE;
}

/* -- bytes of our own -- */

/* Sends what waits in `own`, unless a frame is on its way. GW_OK: nothing waits any more, or only
 * behind that frame. GW_AGAIN; else the end. */
static enum gw_status send_own(struct ws *ws)
{
    while (has_own(ws) && !in_frame(ws)) {
        struct iovec part = {ws->own.data + ws->own_at, ws->own.size - ws->own_at};
        size_t sent = 0;
        int os_errno = 0;
        enum gw_status status = gw_transport_sendv(&ws->base, &part, 1, &sent, &os_errno);
        ws->own_at += sent;
        if (status != GW_OK)
            return status;
        if (has_own(ws) && sent < part.iov_len)
            return GW_AGAIN;
    }
    if (!has_own(ws)) {
        gw_buf_fini(&ws->own); /* a quiet connection holds nothing */
        ws->own_at = 0;
        ws->pong_at = SIZE_MAX;
    }
    return GW_OK;
}

/* Tries to send it, and asks to be called again if that does not work out. */
static void push_own(struct ws *ws)
{
    enum gw_status status = send_own(ws);
    ws->base.recv_wants = status == GW_AGAIN ? wait_bit(ws) : 0;
}

static enum gw_status queue_control(struct ws *ws, enum gw_wsframe_opcode opcode,
                                    struct gw_span payload)
{
    uint8_t frame[GW_WSFRAME_HEAD_MAX + GW_WSFRAME_CONTROL_MAX];
    uint8_t mask[GW_WSFRAME_MASK_SIZE];
    bool masks = ws->dial != NULL;
    if (masks)
        gw_entropy_fill(mask, sizeof mask);
    size_t size = gw_wsframe_put_head(frame, opcode, payload.size, masks ? mask : NULL);
    GW_ASSERT(payload.size <= GW_WSFRAME_CONTROL_MAX);
    if (payload.size > 0)
        memcpy(frame + size, payload.data, payload.size);
    if (masks)
        gw_wsframe_mask(frame + size, payload.size, mask, 0);
    return gw_buf_append(&ws->own, gw_span_of(frame, size + payload.size));
}

/* Answers a ping. Of several that came before their pongs could go, the last is answered (RFC 6455,
 * 5.5.3): who pings and does not read costs no more than this. */
static void queue_pong(struct ws *ws, struct gw_span payload)
{
    if (ws->state != OPEN)
        return;
    if (ws->pong_at != SIZE_MAX && ws->pong_at >= ws->own_at)
        ws->own.size = ws->pong_at;
    size_t at = ws->own.size;
    if (queue_control(ws, GW_WSFRAME_PONG, payload) == GW_OK)
        ws->pong_at = at;
}

static void queue_close(struct ws *ws, uint16_t code, const char *reason)
{
    uint8_t payload[GW_WSFRAME_CONTROL_MAX];
    size_t size = gw_wsframe_put_close(payload, code, reason);
    ws->state = SAID;
    /* Without memory the peer finds a plain end of the stream, which it has to bear anyway. */
    enum gw_status best_effort = queue_control(ws, GW_WSFRAME_CLOSE, gw_span_of(payload, size));
    (void)best_effort;
}

/* -- ends -- */

static void end(struct ws *ws, enum gw_status status)
{
    ws->state = ENDED;
    ws->end = status;
    gw_buf_fini(&ws->gathered);
}

/* Gives up; what the peer is to hear of it is in `own` and goes now or never. */
static void give_up(struct ws *ws, const char *trouble)
{
    push_own(ws);
    ws->base.recv_wants = 0;
    ws->base.trouble = trouble;
    end(ws, GW_PROTOCOL);
    enum gw_status best_effort = gw_transport_shut(&ws->base);
    (void)best_effort;
}

static void break_off(struct ws *ws, uint16_t code, const char *what)
{
    if (ws->state == OPEN)
        queue_close(ws, code, what);
    give_up(ws, what);
}

/* The peer's Close: ours says the same, and that was it. */
static void on_close(struct ws *ws, struct gw_span payload)
{
    struct gw_wsframe_fault fault;
    struct gw_span reason;
    uint16_t code;
    if (gw_wsframe_read_close(payload, &code, &reason, &fault) != GW_OK) {
        break_off(ws, fault.code, fault.what);
        return;
    }
    if (ws->state == OPEN)
        queue_close(ws, code, "");
    push_own(ws);
    end(ws, GW_CLOSED);
}

/* -- opening, the server's end -- */

/* The accept value for a key (RFC 6455, 4.2.2). */
static void accept_of(struct gw_span key, char ret_accept[GW_WSHEAD_ACCEPT_SIZE + 1])
{
    uint8_t text[GW_WSHEAD_KEY_SIZE + sizeof GW_WSHEAD_GUID - 1];
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned digest_size = 0;
    GW_ASSERT(key.size == GW_WSHEAD_KEY_SIZE);
    memcpy(text, key.data, key.size);
    memcpy(text + key.size, GW_WSHEAD_GUID, sizeof GW_WSHEAD_GUID - 1);
    ret_accept[0] = '\0'; /* a library without SHA-1: no peer will take this for an answer */
    if (EVP_Digest(text, sizeof text, digest, &digest_size, EVP_sha1(), NULL) == 1)
        EVP_EncodeBlock((unsigned char *)ret_accept, digest, (int)digest_size);
}

static char *keep_text(struct gw_span text)
{
    text.size = text.size < TOLD_MAX ? text.size : TOLD_MAX;
    return gw_span_dup(text); /* without memory only the log misses it */
}

static void refuse_request(struct ws *ws, const struct gw_wshead_fault *fault)
{
    const struct gw_wshead_rules rules = {.path = gw_span_str(ws->listener->path)};
    char answer[GW_WSHEAD_ANSWER_MAX];
    size_t size = gw_wshead_put_refusal(answer, fault, &rules);
    enum gw_status best_effort = gw_buf_append(&ws->own, gw_span_of(answer, size));
    (void)best_effort;
    give_up(ws, fault->what);
}

static void read_request(struct ws *ws, struct gw_span head)
{
    const struct gw_wshead_rules rules = {
        .path = gw_span_str(ws->listener->path),
        .origins = gw_span_str(ws->listener->origins),
        .names_refused = ws->listener->names_refused,
    };
    struct gw_wshead_request request;
    struct gw_wshead_fault fault = {0};
    char accept[GW_WSHEAD_ACCEPT_SIZE + 1], answer[GW_WSHEAD_ANSWER_MAX];
    enum gw_status status = gw_wshead_read(head, &request, &fault);
    if (status == GW_OK) {
        ws->asked = true;
        if (!gw_span_equal(request.path, rules.path))
            ws->told_path = keep_text(request.path);
        if (request.origin.data != NULL)
            ws->told_origin = keep_text(request.origin);
        status = gw_wshead_judge(&request, &rules, &fault);
    }
    if (status != GW_OK) {
        refuse_request(ws, &fault);
        return;
    }
    accept_of(request.key, accept);
    size_t size = gw_wshead_put_switch(answer, gw_span_str(accept), request.protocol);
    if (gw_buf_append(&ws->own, gw_span_of(answer, size)) != GW_OK) {
        give_up(ws, "out of memory");
        return;
    }
    ws->state = OPEN;
}

/* -- opening, the client's end -- */

static void read_answer(struct ws *ws, struct gw_span head)
{
    struct gw_wsask_fault fault;
    char *trouble = ws->dial->trouble;
    switch (gw_wsask_judge(head, gw_span_str(ws->dial->accept), &fault)) {
    case GW_OK: ws->state = OPEN; return;
    case GW_REFUSED:
        snprintf(trouble, TROUBLE_MAX, "the server refused the WebSocket: %u %.*s",
                 fault.http_status, GW_SPAN_FMT(fault.phrase));
        break;
    default: snprintf(trouble, TROUBLE_MAX, "no WebSocket there: %s", fault.what); break;
    }
    give_up(ws, trouble);
}

static struct dial *dial_new(struct ws *ws, struct gw_span authority, struct gw_span path)
{
    uint8_t random[16];
    char key[GW_WSHEAD_KEY_SIZE + 1], request[GW_WSASK_REQUEST_MAX];
    struct dial *dial = calloc(1, sizeof *dial);
    if (dial == NULL)
        return NULL;
    gw_buf_init(&dial->masked, MASKED_MAX);
    gw_entropy_fill(random, sizeof random);
    EVP_EncodeBlock((unsigned char *)key, random, sizeof random);
    accept_of(gw_span_str(key), dial->accept);
    size_t size = gw_wsask_put(request, authority, path, gw_span_str(key));
    if (size == 0 || gw_buf_append(&ws->own, gw_span_of(request, size)) != GW_OK) {
        free(dial);
        return NULL;
    }
    return dial;
}

/* -- receiving -- */

static void too_large(struct ws *ws)
{
    struct gw_wshead_fault fault = gw_wshead_too_large();
    if (ws->listener != NULL)
        refuse_request(ws, &fault);
    else
        give_up(ws, "no WebSocket there: the head of the answer is larger than 8 KiB");
}

/* Gathers the head; what is behind it stays in *bytes. */
static void take_head(struct ws *ws, struct gw_wsframe_bytes *bytes)
{
    size_t had = ws->gathered.size, size = 0;
    size_t room = GW_HTTPHEAD_SIZE_MAX - had;
    size_t part = bytes->size < room ? bytes->size : room;
    if (had == 0 && ws->listener != NULL) {
        struct gw_wshead_fault other = gw_wshead_other(gw_span_of(bytes->at, bytes->size));
        if (other.what != NULL) {
            refuse_request(ws, &other);
            return;
        }
    }
    if (gw_buf_append(&ws->gathered, gw_span_of(bytes->at, part)) != GW_OK) {
        give_up(ws, "out of memory");
        return;
    }
    switch (gw_httphead_end(gw_buf_span(&ws->gathered), &ws->scanned, &size)) {
    case GW_OK: break;
    case GW_MORE: bytes->size = 0; return;
    default: too_large(ws); return;
    }
    bytes->at += size - had;
    bytes->size -= size - had;
    struct gw_span head = gw_span_of(ws->gathered.data, size);
    if (ws->listener != NULL)
        read_request(ws, head);
    else
        read_answer(ws, head);
    gw_buf_fini(&ws->gathered);
}

static void on_control(struct ws *ws, const struct gw_wsframe_piece *piece)
{
    struct gw_span payload = gw_span_of(piece->data, piece->size);
    if (!piece->last || ws->gathered.size > 0) { /* it comes in parts */
        if (gw_buf_append(&ws->gathered, payload) != GW_OK) {
            break_off(ws, GW_WSFRAME_INTERNAL, "out of memory");
            return;
        }
        payload = gw_buf_span(&ws->gathered);
    }
    if (!piece->last)
        return;
    if (piece->opcode == GW_WSFRAME_PING)
        queue_pong(ws, payload);
    else if (piece->opcode == GW_WSFRAME_CLOSE)
        on_close(ws, payload);
    gw_buf_fini(&ws->gathered);
}

/* Moves the data of the frames in *bytes to the front of memory. */
static size_t take_frames(struct ws *ws, uint8_t *memory, struct gw_wsframe_bytes *bytes)
{
    struct gw_wsframe_piece piece;
    struct gw_wsframe_fault fault;
    size_t size = 0;
    while (ws->state != ENDED) {
        enum gw_status status = gw_wsframe_next(&ws->in, bytes, &piece, &fault);
        if (status == GW_MORE)
            break;
        if (status != GW_OK) {
            break_off(ws, fault.code, fault.what);
        } else if (piece.opcode != GW_WSFRAME_BINARY) {
            on_control(ws, &piece);
        } else if (ws->state == OPEN) { /* after our Close nobody listens any more */
            memmove(memory + size, piece.data, piece.size);
            size += piece.size;
        }
    }
    return size;
}

static enum gw_status ws_recv(struct gw_transport *transport, void *memory, size_t size,
                              size_t *ret_size, int *ret_errno)
{
    struct ws *ws = ws_of(transport);
    struct gw_wsframe_bytes bytes = {memory, 0};
    *ret_size = 0;
    transport->pending = false;
    if (ws->state == ENDED)
        return ws->end;
    if (ws->state == OPENING && ws->dial != NULL)
        push_own(ws); /* the request */
    enum gw_status status = gw_transport_recv(transport, memory, size, &bytes.size, ret_errno);
    if (status == GW_CLOSED && ws->state == OPENING && ws->dial != NULL)
        give_up(ws, "no WebSocket there: the server ended the connection");
    else if (status != GW_OK)
        return status;
    if (ws->state == OPENING)
        take_head(ws, &bytes);
    if (ws->state == OPEN || ws->state == SAID)
        *ret_size = take_frames(ws, memory, &bytes);
    if (ws->state == ENDED) {
        transport->pending = *ret_size > 0; /* the end is told after the bytes */
        return *ret_size > 0 ? GW_OK : ws->end;
    }
    push_own(ws);
    return *ret_size > 0 ? GW_OK : GW_AGAIN;
}

/* -- sending -- */

/* Takes the first `size` bytes of parts behind `skip`, behind what ret_parts has; returns the new
 * count. */
static int clip(const struct iovec *parts, int count, size_t skip, uint64_t size,
                struct iovec *ret_parts, int ret_count)
{
    for (int i = 0; i < count && size > 0; i++) {
        size_t length = parts[i].iov_len;
        if (skip >= length) {
            skip -= length;
            continue;
        }
        size_t left = length - skip;
        size_t part = left < size ? left : (size_t)size;
        ret_parts[ret_count++] = (struct iovec){(uint8_t *)parts[i].iov_base + skip, part};
        size -= part;
        skip = 0;
    }
    return ret_count;
}

/* A client masks what it sends, and may not do so in memory that is not its own. */
static enum gw_status copy_masked(struct ws *ws, const struct iovec *parts, int count,
                                  const uint8_t mask[GW_WSFRAME_MASK_SIZE])
{
    gw_buf_clear(&ws->dial->masked);
    for (int i = 0; i < count; i++)
        GW_TRY(gw_buf_append(&ws->dial->masked, gw_span_of(parts[i].iov_base, parts[i].iov_len)));
    gw_wsframe_mask(ws->dial->masked.data, ws->dial->masked.size, mask, 0);
    return GW_OK;
}

/* Begins a frame of the bytes behind `skip`. */
static enum gw_status begin_frame(struct ws *ws, const struct iovec *parts, int count, size_t skip,
                                  size_t size)
{
    uint8_t mask[GW_WSFRAME_MASK_SIZE];
    bool masks = ws->dial != NULL;
    if (masks) {
        struct iovec taken[PARTS_MAX];
        size = size < MASKED_MAX ? size : MASKED_MAX;
        gw_entropy_fill(mask, sizeof mask);
        GW_TRY(copy_masked(ws, taken, clip(parts, count, skip, size, taken, 0), mask));
    }
    ws->out_head_size =
        (uint8_t)gw_wsframe_put_head(ws->out_head, GW_WSFRAME_BINARY, size, masks ? mask : NULL);
    ws->out_head_at = 0;
    ws->out_left = size;
    return GW_OK;
}

/* Goes on with the frame on its way; adds what went of the payload to *sent. */
static enum gw_status send_frame(struct ws *ws, const struct iovec *parts, int count, size_t *sent,
                                 int *ret_errno)
{
    struct iovec all[PARTS_MAX + 1];
    size_t head_left = (size_t)ws->out_head_size - ws->out_head_at, size = 0;
    int all_count = 0;
    if (head_left > 0)
        all[all_count++] = (struct iovec){ws->out_head + ws->out_head_at, head_left};
    if (ws->listener != NULL) {
        all_count = clip(parts, count, *sent, ws->out_left, all, all_count);
    } else {
        struct iovec part = {ws->dial->masked.data, ws->dial->masked.size};
        all_count = clip(&part, 1, ws->dial->masked.size - (size_t)ws->out_left, ws->out_left, all,
                         all_count);
    }
    enum gw_status status = gw_transport_sendv(&ws->base, all, all_count, &size, ret_errno);
    size_t of_head = size < head_left ? size : head_left;
    ws->out_head_at = (uint8_t)(ws->out_head_at + of_head);
    ws->out_left -= size - of_head;
    *sent += size - of_head;
    if (ws->dial != NULL && !in_frame(ws))
        gw_buf_fini(&ws->dial->masked);
    return status;
}

static size_t sum_of(const struct iovec *parts, int count)
{
    size_t sum = 0;
    for (int i = 0; i < count; i++)
        sum += parts[i].iov_len;
    return sum;
}

/* Sends what there is, in order: the rest of a frame, what is our own, a new frame. GW_AGAIN: what
 * is below took less. */
static enum gw_status send_all(struct ws *ws, const struct iovec *parts, int count, size_t *sent,
                               int *ret_errno)
{
    size_t offered = sum_of(parts, count);
    if (!has_own(ws) && !in_frame(ws) && (offered == 0 || ws->state != OPEN)) {
        size_t nothing;
        return gw_transport_sendv(&ws->base, NULL, 0, &nothing, ret_errno);
    }
    for (;;) {
        if (in_frame(ws)) {
            if (*sent == offered)
                return GW_OK; /* the rest is not offered now (held back) */
            GW_TRY(send_frame(ws, parts, count, sent, ret_errno));
            if (in_frame(ws))
                return GW_AGAIN;
        }
        GW_TRY(send_own(ws));
        if (ws->state != OPEN || *sent == offered)
            return GW_OK;
        GW_TRY(begin_frame(ws, parts, count, *sent, offered - *sent));
    }
}

static enum gw_status ws_sendv(struct gw_transport *transport, const struct iovec *parts, int count,
                               size_t *ret_size, int *ret_errno)
{
    struct ws *ws = ws_of(transport);
    *ret_size = 0;
    *ret_errno = 0;
    transport->recv_wants = transport->send_wants = 0;
    if (count > 0 && (ws->state == SAID || ws->state == ENDED) && !in_frame(ws))
        return GW_CLOSED;
    enum gw_status status =
        send_all(ws, parts, count < PARTS_MAX ? count : PARTS_MAX, ret_size, ret_errno);
    if (status == GW_NO_MEMORY)
        status = GW_CLOSED;
    if (status != GW_OK && status != GW_AGAIN)
        return status;
    if (status == GW_AGAIN) {
        transport->send_wants = wait_bit(ws);
        return *ret_size > 0 ? GW_OK : GW_AGAIN;
    }
    if (ws->state != OPENING || count == 0)
        return GW_OK;
    transport->send_wants = GW_POLL_READ; /* the peer has to speak first */
    return GW_AGAIN;
}

static enum gw_status ws_shut(struct gw_transport *transport)
{
    struct ws *ws = ws_of(transport);
    if (ws->state == OPEN && !in_frame(ws))
        queue_close(ws, GW_WSFRAME_NORMAL, "");
    transport->recv_wants = transport->send_wants = 0;
    enum gw_status status = send_own(ws);
    if (status == GW_AGAIN) {
        transport->send_wants = wait_bit(ws);
        return GW_AGAIN;
    }
    return status == GW_OK ? gw_transport_shut(transport) : status;
}

/* -- life -- */

static void ws_describe(const struct gw_transport *transport, struct gw_transport_story *story)
{
    const struct ws *ws = GW_CONTAINER_CONST(transport, struct ws, base);
    story->origin = ws->told_origin;
    if (ws->told_path != NULL)
        story->path = ws->told_path;
    else if (ws->asked)
        story->path = ws->listener->path;
}

static void ws_free(struct gw_transport *transport)
{
    struct ws *ws = ws_of(transport);
    gw_buf_fini(&ws->gathered);
    gw_buf_fini(&ws->own);
    if (ws->dial != NULL)
        gw_buf_fini(&ws->dial->masked);
    free(ws->told_path);
    free(ws->told_origin);
    free(ws->dial);
    free(ws);
}

static struct ws *ws_new(enum gw_wsframe_from from)
{
    static const struct gw_transport_ops ops = {ws_recv,     ws_sendv, ws_shut,
                                                ws_describe, ws_free,  NULL};
    struct ws *ws = calloc(1, sizeof *ws);
    if (ws == NULL)
        return NULL;
    gw_transport_init(&ws->base, &ops);
    gw_wsframe_init(&ws->in, from);
    gw_buf_init(&ws->gathered, GW_HTTPHEAD_SIZE_MAX);
    gw_buf_init(&ws->own, OWN_MAX);
    ws->pong_at = SIZE_MAX;
    ws->state = OPENING;
    return ws;
}

struct gw_transport *gw_ws_make(void *ctx)
{
    struct ws *ws = ws_new(GW_WSFRAME_FROM_CLIENT);
    if (ws == NULL)
        return NULL;
    ws->listener = ctx;
    return &ws->base;
}

struct gw_transport *gw_ws_dial(struct gw_span authority, struct gw_span path)
{
    struct ws *ws = ws_new(GW_WSFRAME_FROM_SERVER);
    if (ws == NULL)
        return NULL;
    ws->dial = dial_new(ws, authority, path);
    if (ws->dial == NULL) {
        ws_free(&ws->base);
        return NULL;
    }
    ws->base.recv_wants = GW_POLL_WRITE; /* it speaks first */
    return &ws->base;
}
