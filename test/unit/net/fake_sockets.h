/*
 * Sockets in memory: what one gives, takes and fails with is set by hand, and what the loop asks of
 * it is there to be looked at. Include unit/net/fake.h.
 */
#ifndef GW_TEST_NET_FAKE_SOCKETS_H
#define GW_TEST_NET_FAKE_SOCKETS_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "net/loop.h"

#define FAKE_SOCKETS 16

struct gw_poller {
    int unused;
};

struct fake_bytes {
    uint8_t *bytes;
    size_t size;
    size_t capacity;
};

struct fake_socket {
    bool open;
    bool listening;
    struct gw_poller *poller; /* NULL: not watched */
    uint32_t interest;
    void *user;
    struct { /* from the peer */
        struct fake_bytes all;
        size_t at;
        size_t recv_max; /* bytes a recv gives, 0: as many as asked */
        bool eof;        /* after the bytes */
        int error;       /* after the bytes */
    } in;
    struct { /* to the peer */
        struct fake_bytes all;
        size_t window;   /* bytes it still takes */
        size_t send_max; /* bytes a send takes, 0: any */
        int error;
        bool shut;
    } out;
    bool hangup; /* both sides are gone: always reported */
    int add_fails;
    int recvs, sends, sets, adds, closes, events;
};

struct fake {
    gw_mono_ns now;
    gw_mono_ns last_deadline;
    int wakes;
    int accepts_waiting;
    enum gw_status accept_status; /* if not GW_OK, what accept says */
    int accept_calls;
    int next;
    struct fake_socket sockets[FAKE_SOCKETS];
    struct gw_sockets service;
    struct gw_clock clock;
};

static inline struct fake_socket *fake_at(void *ctx, gw_socket socket)
{
    struct fake *fake = ctx;
    GW_ASSERT(socket >= 0 && socket < FAKE_SOCKETS && fake->sockets[socket].open);
    return &fake->sockets[socket];
}

static inline gw_socket fake_open(struct fake *fake)
{
    GW_ASSERT(fake->next < FAKE_SOCKETS);
    struct fake_socket *socket = &fake->sockets[fake->next];
    socket->open = true;
    socket->out.window = SIZE_MAX;
    return fake->next++;
}

static inline void fake_append(struct fake_bytes *to, const void *bytes, size_t size)
{
    if (to->size + size > to->capacity) {
        to->capacity = 2 * (to->size + size);
        to->bytes = realloc(to->bytes, to->capacity);
        GW_ASSERT(to->bytes != NULL);
    }
    if (size > 0)
        memcpy(to->bytes + to->size, bytes, size);
    to->size += size;
}

static inline void fake_give(struct fake *fake, gw_socket socket, const void *bytes, size_t size)
{
    fake_append(&fake_at(fake, socket)->in.all, bytes, size);
}

static inline enum gw_status fake_listen(void *ctx, const struct gw_socket_place *place,
                                         gw_socket *ret_socket, int *ret_errno)
{
    (void)place;
    (void)ret_errno;
    *ret_socket = fake_open(ctx);
    fake_at(ctx, *ret_socket)->listening = true;
    return GW_OK;
}

static inline enum gw_status fake_accept(void *ctx, struct gw_poller *poller, gw_socket listener,
                                         gw_socket *ret_socket, struct gw_address *ret_peer)
{
    struct fake *fake = ctx;
    GW_ASSERT(fake_at(ctx, listener)->poller == poller);
    fake->accept_calls++;
    if (fake->accept_status == GW_OS_ERROR)
        return GW_OS_ERROR;
    if (fake->accepts_waiting == 0)
        return GW_AGAIN;
    if (fake->accept_status != GW_OK) {
        fake->accepts_waiting--;
        return fake->accept_status;
    }
    fake->accepts_waiting--;
    *ret_socket = fake_open(fake);
    memset(ret_peer, 0, sizeof *ret_peer);
    return GW_OK;
}

static inline int fake_error(void *ctx, gw_socket socket)
{
    return fake_at(ctx, socket)->in.error;
}

static inline enum gw_status fake_recv(void *ctx, gw_socket socket, void *memory, size_t size,
                                       size_t *ret_size, int *ret_errno)
{
    struct fake_socket *s = fake_at(ctx, socket);
    s->recvs++;
    size_t left = s->in.all.size - s->in.at;
    if (left == 0 && s->in.error != 0) {
        *ret_errno = s->in.error;
        return GW_OS_ERROR;
    }
    if (left == 0)
        return s->in.eof ? GW_CLOSED : GW_AGAIN;
    if (size > left)
        size = left;
    if (s->in.recv_max != 0 && size > s->in.recv_max)
        size = s->in.recv_max;
    memcpy(memory, s->in.all.bytes + s->in.at, size);
    s->in.at += size;
    *ret_size = size;
    return GW_OK;
}

static inline enum gw_status fake_sendv(void *ctx, gw_socket socket, const struct iovec *parts,
                                        int part_count, size_t *ret_size, int *ret_errno)
{
    struct fake_socket *s = fake_at(ctx, socket);
    s->sends++;
    GW_ASSERT(!s->out.shut && part_count > 0);
    if (s->out.error != 0) {
        *ret_errno = s->out.error;
        return GW_OS_ERROR;
    }
    if (s->out.window == 0)
        return GW_AGAIN;
    size_t most =
        s->out.send_max != 0 && s->out.send_max < s->out.window ? s->out.send_max : s->out.window;
    for (int i = 0; i < part_count; i++) {
        GW_ASSERT(parts[i].iov_len > 0);
        size_t size = parts[i].iov_len < most ? parts[i].iov_len : most;
        fake_append(&s->out.all, parts[i].iov_base, size);
        *ret_size += size;
        most -= size;
    }
    if (s->out.window != SIZE_MAX)
        s->out.window -= *ret_size;
    return GW_OK;
}

static inline void fake_shutdown(void *ctx, gw_socket socket)
{
    fake_at(ctx, socket)->out.shut = true;
}

static inline void fake_close(void *ctx, gw_socket socket)
{
    struct fake_socket *s = fake_at(ctx, socket);
    GW_ASSERT(s->poller == NULL);
    s->open = false;
    s->closes++;
}

static inline void fake_sweep(void *ctx, const struct gw_address *address)
{
    (void)ctx;
    (void)address;
}

static inline enum gw_status fake_local(void *ctx, gw_socket socket, struct gw_address *ret_address)
{
    (void)fake_at(ctx, socket);
    memset(ret_address, 0, sizeof *ret_address);
    return GW_OK;
}

#endif
