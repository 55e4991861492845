/*
 * Owners of connections over sockets in memory: they note their events, check that none comes when
 * none may, and do what a test says in each. Include cmocka before it.
 */
#ifndef GW_TEST_NET_OWNER_H
#define GW_TEST_NET_OWNER_H

#include "net/conn.h"
#include "unit/net/fake.h"

#define PEERS 4

struct world;

/* An owner of a connection that notes its events and does what the test says in each. */
struct owner {
    struct world *world;
    struct gw_conn *conn;
    gw_socket socket;
    uint8_t bytes[256];
    size_t size;
    size_t bytes_in;
    int drained, closed;
    enum gw_conn_end end;
    int os_errno;
    void (*do_bytes)(struct owner *owner);
    void (*do_drained)(struct owner *owner);
    void (*do_closed)(struct owner *owner);
};

struct world {
    struct fake *fake;
    struct gw_loop *loop;
    struct gw_loop *other;
    struct owner owners[PEERS];
    int calls; /* depth of our own calls: no event may come from inside one */
    void (*before_flush)(struct world *world);
};

static inline void on_bytes(void *user, struct gw_span bytes, gw_mono_ns now)
{
    struct owner *owner = user;
    assert_int_equal(owner->world->calls, 0);
    assert_int_equal(owner->closed, 0);
    assert_false(gw_conn_closing(owner->conn));
    assert_int_equal(now, owner->world->fake->now);
    size_t room = sizeof owner->bytes - owner->size;
    size_t part = bytes.size < room ? bytes.size : room;
    memcpy(owner->bytes + owner->size, bytes.data, part);
    owner->size += part;
    owner->bytes_in += bytes.size;
    if (owner->do_bytes != NULL)
        owner->do_bytes(owner);
}

static inline void on_drained(void *user, gw_mono_ns now)
{
    struct owner *owner = user;
    (void)now;
    assert_int_equal(owner->world->calls, 0);
    assert_int_equal(owner->closed, 0);
    assert_false(gw_conn_closing(owner->conn));
    owner->drained++;
    if (owner->do_drained != NULL)
        owner->do_drained(owner);
}

static inline void on_closed(void *user, enum gw_conn_end end, int os_errno, gw_mono_ns now)
{
    struct owner *owner = user;
    (void)now;
    assert_int_equal(owner->world->calls, 0);
    assert_int_equal(owner->closed, 0);
    owner->closed++;
    owner->end = end;
    owner->os_errno = os_errno;
    if (owner->do_closed != NULL)
        owner->do_closed(owner);
}

static const struct gw_conn_events events = {on_bytes, on_drained, on_closed};

static inline void before_flush(void *user, gw_mono_ns now)
{
    struct world *world = user;
    (void)now;
    if (world->before_flush != NULL)
        world->before_flush(world);
}

static inline void add_owner(struct world *world, int i)
{
    struct owner *owner = &world->owners[i];
    struct gw_address none = {0};
    owner->world = world;
    owner->socket = fake_open(world->fake);
    owner->conn = gw_conn_new(&world->fake->service, owner->socket, &none);
    assert_non_null(owner->conn);
    gw_conn_set_events(owner->conn, &events, owner);
}

static inline struct world *world_new(int owners)
{
    struct world *world = calloc(1, sizeof *world);
    world->fake = fake_new();
    world->loop = gw_loop_new(&world->fake->service, &world->fake->clock, world);
    world->other = gw_loop_new(&world->fake->service, &world->fake->clock, world);
    const struct gw_loop_hooks hooks = {.before_flush = before_flush, .user = world};
    gw_loop_set_hooks(world->loop, &hooks);
    for (int i = 0; i < owners; i++) {
        add_owner(world, i);
        assert_int_equal(gw_conn_attach(world->owners[i].conn, world->loop), GW_OK);
    }
    return world;
}

static inline void close_conn(struct owner *owner, bool flush, uint64_t flush_time)
{
    owner->world->calls++;
    gw_conn_close(owner->conn, flush, flush_time);
    owner->world->calls--;
}

static inline void turn(struct world *world)
{
    fake_turn(world->fake, world->loop);
}

static inline void world_free(struct world *world)
{
    for (int i = 0; i < PEERS; i++)
        if (world->owners[i].conn != NULL && !world->owners[i].closed)
            close_conn(&world->owners[i], false, 0);
    fake_turn(world->fake, world->loop);
    fake_turn(world->fake, world->other);
    for (int i = 0; i < PEERS; i++)
        assert_int_equal(world->owners[i].closed, world->owners[i].conn != NULL);
    assert_int_equal(gw_loop_counters(world->loop)->output_bytes, 0);
    assert_int_equal(gw_loop_counters(world->other)->output_bytes, 0);
    gw_loop_free(world->loop);
    gw_loop_free(world->other);
    fake_free(world->fake);
    free(world);
}

static inline struct fake_socket *socket_of(struct owner *owner)
{
    return &owner->world->fake->sockets[owner->socket];
}

static inline void put(struct owner *owner, const char *text)
{
    owner->world->calls++;
    assert_int_equal(gw_conn_write(owner->conn, gw_span_str(text)), GW_OK);
    owner->world->calls--;
}

static inline void assert_sent(struct owner *owner, const char *text)
{
    assert_int_equal(socket_of(owner)->out.all.size, strlen(text));
    assert_memory_equal(socket_of(owner)->out.all.bytes, text, strlen(text));
}

static inline void assert_got(struct owner *owner, const char *text)
{
    assert_int_equal(owner->size, strlen(text));
    assert_memory_equal(owner->bytes, text, strlen(text));
}

static inline void give(struct owner *owner, const char *text)
{
    fake_give(owner->world->fake, owner->socket, text, strlen(text));
}

/* Closes, then does all that must have no effect any more. */
static inline void close_now(struct owner *owner)
{
    close_conn(owner, false, 0);
    close_conn(owner, true, GW_NS_PER_S); /* idempotent */
    put(owner, "ignored");
    uint8_t *room = gw_conn_reserve(owner->conn, 10);
    assert_non_null(room);
    memset(room, 'x', 10);
    gw_conn_commit(owner->conn, 10);
    gw_conn_want_drained(owner->conn, 100);
    gw_conn_pause(owner->conn);
    gw_conn_resume(owner->conn);
    assert_int_equal(gw_conn_output_size(owner->conn), 0);
}

#endif
