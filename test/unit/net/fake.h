/*
 * A service of sockets in memory (unit/net/fake_sockets.h) with its poller, under a clock that the
 * test turns.
 */
#ifndef GW_TEST_NET_FAKE_H
#define GW_TEST_NET_FAKE_H

#include "unit/net/fake_sockets.h"

static inline enum gw_status fake_poller_new(void *ctx, struct gw_poller **ret_poller)
{
    (void)ctx;
    *ret_poller = malloc(sizeof **ret_poller);
    return *ret_poller == NULL ? GW_NO_MEMORY : GW_OK;
}

static inline void fake_poller_free(void *ctx, struct gw_poller *poller)
{
    (void)ctx;
    free(poller);
}

static inline enum gw_status fake_add(void *ctx, struct gw_poller *poller, gw_socket socket,
                                      uint32_t bits, bool shared, void *user)
{
    struct fake_socket *s = fake_at(ctx, socket);
    GW_ASSERT(s->poller == NULL || shared);
    if (s->add_fails > 0) {
        s->add_fails--;
        return GW_NO_MEMORY;
    }
    s->poller = poller;
    s->interest = bits;
    s->user = user;
    s->adds++;
    return GW_OK;
}

static inline void fake_set(void *ctx, struct gw_poller *poller, gw_socket socket, uint32_t bits,
                            void *user)
{
    struct fake_socket *s = fake_at(ctx, socket);
    GW_ASSERT(s->poller == poller && s->user == user && s->interest != bits);
    s->interest = bits;
    s->sets++;
}

static inline void fake_remove(void *ctx, struct gw_poller *poller, gw_socket socket)
{
    struct fake_socket *s = fake_at(ctx, socket);
    GW_ASSERT(s->poller == poller);
    s->poller = NULL;
    s->interest = 0;
}

static inline uint32_t fake_ready(const struct fake *fake, const struct fake_socket *s)
{
    bool readable = s->in.at < s->in.all.size || s->in.eof || s->in.error != 0 ||
                    (s->listening && fake->accepts_waiting > 0);
    bool writable = s->out.window > 0 || s->out.error != 0;
    uint32_t bits = 0;
    if ((s->interest & GW_POLL_READ) && readable)
        bits |= GW_POLL_READ;
    if ((s->interest & GW_POLL_WRITE) && writable)
        bits |= GW_POLL_WRITE;
    if (s->hangup || ((s->interest & GW_POLL_HANGUP) && s->in.eof))
        bits |= GW_POLL_HANGUP;
    return bits;
}

static inline int fake_wait(void *ctx, struct gw_poller *poller, gw_mono_ns deadline,
                            gw_mono_ns now, struct gw_poll_event *ret_events, int events_max)
{
    struct fake *fake = ctx;
    GW_ASSERT(now == fake->now);
    fake->last_deadline = deadline;
    int count = 0;
    for (int i = 0; i < fake->next && count < events_max; i++) {
        struct fake_socket *s = &fake->sockets[i];
        uint32_t bits = s->open && s->poller == poller ? fake_ready(fake, s) : 0;
        if (bits == 0)
            continue;
        s->events++;
        ret_events[count].user = s->user;
        ret_events[count].bits = bits;
        count++;
    }
    return count;
}

static inline void fake_wake(void *ctx, struct gw_poller *poller)
{
    (void)poller;
    ((struct fake *)ctx)->wakes++;
}

static inline gw_mono_ns fake_mono(void *user)
{
    return ((struct fake *)user)->now;
}

static inline gw_wall_ns fake_wall(void *user)
{
    return (gw_wall_ns)((struct fake *)user)->now;
}

static inline struct fake *fake_new(void)
{
    static const struct gw_socket_ops ops = {
        fake_listen,   fake_accept, NULL,        fake_error, fake_recv,       fake_sendv,
        fake_shutdown, fake_close,  fake_sweep,  fake_local, fake_poller_new, fake_poller_free,
        fake_add,      fake_set,    fake_remove, fake_wait,  fake_wake};
    struct fake *fake = calloc(1, sizeof *fake);
    GW_ASSERT(fake != NULL);
    fake->now = 1000 * GW_NS_PER_S;
    fake->service = (struct gw_sockets){&ops, fake};
    fake->clock = (struct gw_clock){fake_mono, fake_wall, fake};
    return fake;
}

static inline void fake_free(struct fake *fake)
{
    for (int i = 0; i < fake->next; i++) {
        GW_ASSERT(!fake->sockets[i].open); /* every handle comes back */
        free(fake->sockets[i].in.all.bytes);
        free(fake->sockets[i].out.all.bytes);
    }
    free(fake);
}

static inline void fake_turn(struct fake *fake, struct gw_loop *loop)
{
    gw_loop_wait(loop);
    gw_loop_turn(loop, fake->now);
}

/* True if the loop would sleep now without being called at once for nothing. */
static inline bool fake_sleeps(struct fake *fake, struct gw_loop *loop)
{
    gw_loop_wait(loop);
    bool work = fake->last_deadline <= fake->now;
    for (int i = 0; i < fake->next; i++)
        if (fake->sockets[i].open && fake->sockets[i].poller != NULL)
            work = work || fake_ready(fake, &fake->sockets[i]) != 0;
    gw_loop_turn(loop, fake->now);
    return !work;
}

#endif
