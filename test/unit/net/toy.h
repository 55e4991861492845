/*
 * A toy transport over sockets in memory: greets with 'H' and waits for 'h', then records of a
 * length byte and bytes xored with 0x20, good-bye '!'. It keeps decoded bytes and an unsent record,
 * so it has all the moods of a real one. Include unit/net/owner.h before it.
 */
#ifndef GW_TEST_NET_TOY_H
#define GW_TEST_NET_TOY_H

#include "net/transport.h"

#define TOY_MASK 0x20

struct toy {
    struct gw_transport base; /* first */
    bool greets;
    bool greeted;  /* 'H' went out */
    bool answered; /* 'h' came */
    bool broken;
    size_t give_max; /* decoded bytes a recv gives; 0: as many as asked */
    uint8_t in[256];
    size_t in_size, in_at;
    size_t record_left; /* bytes of the record that are still to come */
    uint8_t out[300];
    size_t out_size, out_at;
    uint64_t costs; /* time that a recv takes */
    struct fake *fake;
    int *frees;
};

static inline struct toy *toy_of(struct gw_transport *transport)
{
    return (struct toy *)(void *)transport;
}

/* Sends what is encoded; GW_OK: all of it. */
static inline enum gw_status toy_send(struct toy *toy)
{
    while (toy->out_at < toy->out_size) {
        struct iovec part = {toy->out + toy->out_at, toy->out_size - toy->out_at};
        size_t sent = 0;
        int os_errno = 0;
        enum gw_status status = gw_transport_sendv(&toy->base, &part, 1, &sent, &os_errno);
        if (status != GW_OK) {
            toy->base.send_wants = GW_POLL_WRITE;
            return status;
        }
        toy->out_at += sent;
    }
    toy->out_at = toy->out_size = 0;
    toy->base.send_wants = 0;
    return GW_OK;
}

static inline enum gw_status toy_greet(struct toy *toy)
{
    if (toy->greets && !toy->greeted) {
        toy->greeted = true;
        toy->out[toy->out_size++] = 'H';
    }
    return toy_send(toy);
}

static inline enum gw_status toy_break(struct toy *toy)
{
    toy->broken = true;
    toy->base.trouble = "a record has no bytes";
    return GW_PROTOCOL;
}

/* Takes one byte of the wire. */
static inline bool toy_take(struct toy *toy, uint8_t byte)
{
    if (toy->greets && !toy->answered) {
        toy->answered = byte == 'h';
        return toy->answered;
    }
    if (toy->record_left == 0) {
        toy->record_left = byte;
        return byte != 0;
    }
    toy->record_left--;
    toy->in[toy->in_size++] = byte ^ TOY_MASK;
    return true;
}

static inline enum gw_status toy_hand_out(struct toy *toy, void *memory, size_t size,
                                          size_t *ret_size)
{
    size_t left = toy->in_size - toy->in_at;
    size = size < left ? size : left;
    if (toy->give_max != 0 && size > toy->give_max)
        size = toy->give_max;
    memcpy(memory, toy->in + toy->in_at, size);
    toy->in_at += size;
    *ret_size = size;
    if (toy->in_at == toy->in_size)
        toy->in_at = toy->in_size = 0;
    toy->base.pending = toy->in_size > 0 || toy->broken;
    return GW_OK;
}

static inline enum gw_status toy_recv(struct gw_transport *transport, void *memory, size_t size,
                                      size_t *ret_size, int *ret_errno)
{
    struct toy *toy = toy_of(transport);
    if (toy->fake != NULL)
        toy->fake->now += toy->costs;
    if (toy->in_size > 0)
        return toy_hand_out(toy, memory, size, ret_size);
    toy->base.pending = toy->broken;
    if (toy->broken)
        return toy_break(toy);
    if (toy_greet(toy) != GW_OK)
        toy->base.recv_wants = GW_POLL_WRITE;
    uint8_t wire[64];
    size_t got;
    enum gw_status status = gw_transport_recv(transport, wire, sizeof wire, &got, ret_errno);
    if (status != GW_OK)
        return status;
    for (size_t i = 0; i < got; i++)
        if (!toy_take(toy, wire[i]))
            return toy_break(toy);
    if (toy->answered)
        toy->base.heavy = false;
    return toy->in_size > 0 ? toy_hand_out(toy, memory, size, ret_size) : GW_AGAIN;
}

static inline enum gw_status toy_sendv(struct gw_transport *transport, const struct iovec *parts,
                                       int count, size_t *ret_size, int *ret_errno)
{
    struct toy *toy = toy_of(transport);
    (void)ret_errno;
    *ret_size = 0;
    transport->recv_wants = 0;
    enum gw_status status = toy_greet(toy);
    if (status != GW_OK)
        return status;
    if (toy->greets && !toy->answered) {
        transport->send_wants = count > 0 ? GW_POLL_READ : 0;
        return GW_AGAIN;
    }
    for (int i = 0; i < count; i++) {
        size_t size = parts[i].iov_len < 255 ? parts[i].iov_len : 255;
        toy->out[toy->out_size++] = (uint8_t)size;
        for (size_t at = 0; at < size; at++)
            toy->out[toy->out_size++] = ((const uint8_t *)parts[i].iov_base)[at] ^ TOY_MASK;
        *ret_size += size;
        status = toy_send(toy);
        if (status != GW_OK || size < parts[i].iov_len)
            break;
    }
    return status;
}

static inline enum gw_status toy_shut(struct gw_transport *transport)
{
    struct toy *toy = toy_of(transport);
    if (toy->broken || (toy->greets && !toy->answered))
        return GW_CLOSED;
    if (!toy->base.trouble) {
        toy->out[toy->out_size++] = '!';
        toy->base.trouble = "said good-bye";
    }
    return toy_send(toy);
}

static inline void toy_describe(const struct gw_transport *transport,
                                struct gw_transport_story *story)
{
    (void)transport;
    story->peer_name = story->peer_name == NULL ? "toy" : "toy on toy";
}

static inline void toy_free(struct gw_transport *transport)
{
    struct toy *toy = toy_of(transport);
    if (toy->frees != NULL)
        ++*toy->frees;
    free(toy);
}

static inline struct toy *toy_new(bool greets)
{
    static const struct gw_transport_ops ops = {toy_recv,     toy_sendv, toy_shut,
                                                toy_describe, toy_free,  NULL};
    struct toy *toy = calloc(1, sizeof *toy);
    GW_ASSERT(toy != NULL);
    gw_transport_init(&toy->base, &ops);
    toy->greets = greets;
    toy->base.heavy = greets;
    return toy;
}

#endif
