/* Turns of two loops in random order over sockets that give, take and fail at random, owners that
 * do at random what they may in each callback: bytes stay whole, each end is told once, no loop
 * spins at rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/random.h"
#include "net/conn.h"
#include "unit/net/fake.h"

#define OWNERS 12
#define SEEDS  200
#define STEPS  150

struct world;

struct owner {
    struct gw_mail mail;   /* carries the connection to its next loop */
    struct gw_mail letter; /* asks its loop for a random act, while others' bytes come in */
    bool posted;           /* the letter is on its way */
    struct world *world;
    struct gw_conn *conn;
    gw_socket socket;
    size_t given;    /* by the peer */
    size_t received; /* by us */
    size_t written;  /* accepted from us */
    bool moving, paused, closed_here;
    int closed;
    int calls; /* of ours into the connection now */
};

/* What a loop hands to mail. */
struct place {
    struct world *world;
    struct gw_loop *loop;
};

struct world {
    struct fake *fake;
    struct place places[2];
    struct gw_random random;
    struct owner owners[OWNERS];
    bool quiet; /* no more random acts */
};

static size_t below(struct world *world, size_t bound)
{
    return (size_t)gw_random_below(&world->random, bound);
}

static uint8_t pattern(size_t i)
{
    return (uint8_t)(i * 31 + (i >> 8) * 7);
}

static void write_some(struct owner *owner)
{
    size_t size = 1 + below(owner->world, below(owner->world, 5) == 0 ? 5000 : 60);
    struct gw_blob *blob = gw_blob_new(size);
    for (size_t i = 0; i < size; i++)
        blob->data[i] = pattern(owner->written + i);
    size_t before = gw_conn_output_size(owner->conn);
    struct gw_span bytes = gw_span_of(blob->data, size);
    if (below(owner->world, 3) == 0) {
        assert_int_equal(gw_conn_write_blob(owner->conn, blob, bytes), GW_OK);
    } else if (below(owner->world, 2) == 0) {
        memcpy(gw_conn_reserve(owner->conn, size + 7), bytes.data, size);
        gw_conn_commit(owner->conn, size);
    } else {
        assert_int_equal(gw_conn_write(owner->conn, bytes), GW_OK);
    }
    owner->written += gw_conn_output_size(owner->conn) - before;
    gw_blob_unref(&blob);
}

static void on_mail(void *mail_owner, struct gw_mail *mail, gw_mono_ns now);

static bool alive(const struct owner *owner)
{
    return owner->conn != NULL && !owner->closed && !owner->moving;
}

static void move(struct owner *owner)
{
    struct gw_loop *from = gw_conn_loop(owner->conn);
    gw_conn_detach(owner->conn);
    owner->moving = true;
    owner->mail.fn = on_mail;
    gw_loop_post(owner->world->places[from == owner->world->places[0].loop].loop, &owner->mail);
}

/* One thing that an owner may do to any connection of the same loop, from anywhere. */
static void act(struct owner *owner)
{
    if (!alive(owner))
        return;
    owner->calls++;
    switch (below(owner->world, 12)) {
    case 0:
        if (!owner->closed_here)
            move(owner);
        break;
    case 1:
        gw_conn_pause(owner->conn);
        owner->paused = true;
        break;
    case 2:
    case 3:
        gw_conn_resume(owner->conn);
        owner->paused = false;
        break;
    case 4: gw_conn_want_drained(owner->conn, below(owner->world, 200)); break;
    case 5:
        if (below(owner->world, 6) == 0) {
            owner->closed_here = true;
            gw_conn_close(owner->conn, below(owner->world, 3) > 0,
                          below(owner->world, 3) * GW_NS_PER_S);
        }
        break;
    default: write_some(owner); break;
    }
    owner->calls--;
}

static void act_on_some(struct world *world, const struct gw_loop *loop)
{
    for (size_t i = below(world, 4); !world->quiet && i > 0; i--) {
        struct owner *owner = &world->owners[below(world, OWNERS)];
        if (alive(owner) && gw_conn_loop(owner->conn) == loop)
            act(owner);
    }
}

static void check_event(const struct owner *owner)
{
    assert_int_equal(owner->calls, 0);
    assert_int_equal(owner->closed, 0);
    assert_false(owner->moving);
}

static void on_mail(void *mail_owner, struct gw_mail *mail, gw_mono_ns now)
{
    struct place *place = mail_owner;
    struct owner *owner = GW_CONTAINER(mail, struct owner, mail);
    (void)now;
    owner->moving = false;
    assert_int_equal(gw_conn_attach(owner->conn, place->loop), GW_OK);
    act_on_some(place->world, place->loop);
}

static void on_letter(void *mail_owner, struct gw_mail *mail, gw_mono_ns now)
{
    struct place *place = mail_owner;
    struct owner *owner = GW_CONTAINER(mail, struct owner, letter);
    (void)now;
    owner->posted = false;
    if (!place->world->quiet && alive(owner) && gw_conn_loop(owner->conn) == place->loop)
        act(owner);
}

static void post_letter(struct world *world, struct gw_loop *loop)
{
    struct owner *owner = &world->owners[below(world, OWNERS)];
    if (world->quiet || owner->posted)
        return;
    owner->posted = true;
    owner->letter.fn = on_letter;
    gw_loop_post(loop, &owner->letter);
}

static void on_bytes(void *user, struct gw_span bytes, gw_mono_ns now)
{
    struct owner *owner = user;
    (void)now;
    check_event(owner);
    assert_false(owner->paused || owner->closed_here);
    for (size_t i = 0; i < bytes.size; i++)
        assert_int_equal(bytes.data[i], pattern(owner->received + i));
    owner->received += bytes.size;
    post_letter(owner->world, gw_conn_loop(owner->conn));
    act_on_some(owner->world, gw_conn_loop(owner->conn));
}

static void on_drained(void *user, gw_mono_ns now)
{
    struct owner *owner = user;
    (void)now;
    check_event(owner);
    assert_false(owner->closed_here);
    act_on_some(owner->world, gw_conn_loop(owner->conn));
}

static void on_closed(void *user, enum gw_conn_end end, int os_errno, gw_mono_ns now)
{
    struct owner *owner = user;
    (void)now;
    (void)os_errno;
    check_event(owner);
    owner->closed++;
    assert_true(end != GW_CONN_END_LOCAL || owner->closed_here);
    if (end == GW_CONN_END_PEER)
        assert_int_equal(owner->received, owner->given);
    act_on_some(owner->world, gw_conn_loop(owner->conn));
}

static void before_flush(void *user, gw_mono_ns now)
{
    struct place *place = user;
    (void)now;
    act_on_some(place->world, place->loop);
}

/* What the peers and the net do. */
static void disturb(struct world *world)
{
    struct owner *owner = &world->owners[below(world, OWNERS)];
    struct fake_socket *s = &world->fake->sockets[owner->socket];
    if (owner->closed)
        return;
    switch (below(world, 16)) {
    case 0: s->out.window = below(world, 100); break;
    case 1: s->out.window = SIZE_MAX; break;
    case 2: s->out.send_max = below(world, 50); break;
    case 3: s->in.recv_max = below(world, 50); break;
    case 4:
        if (below(world, 12) == 0)
            s->in.eof = true;
        break;
    case 5:
        if (below(world, 20) == 0)
            s->in.error = ECONNRESET;
        break;
    case 6:
        if (below(world, 20) == 0)
            s->out.error = EPIPE;
        break;
    case 7:
        if (below(world, 40) == 0)
            s->hangup = s->in.eof = true;
        break;
    case 8: world->fake->now += below(world, 2000) * GW_NS_PER_MS; break;
    default:
        for (size_t i = s->in.eof ? 0 : below(world, 300); i > 0; i--) {
            uint8_t byte = pattern(owner->given++);
            fake_give(world->fake, owner->socket, &byte, 1);
        }
        break;
    }
}

static void check_bytes(const struct owner *owner)
{
    const struct fake_socket *s = &owner->world->fake->sockets[owner->socket];
    assert_true(s->out.all.size <= owner->written);
    for (size_t i = 0; i < s->out.all.size; i++)
        assert_int_equal(s->out.all.bytes[i], pattern(i));
}

static struct world *world_new(uint64_t seed)
{
    static const struct gw_conn_events events = {on_bytes, on_drained, on_closed};
    struct world *world = calloc(1, sizeof *world);
    gw_random_init(&world->random, seed);
    world->fake = fake_new();
    for (int i = 0; i < 2; i++) {
        struct place *place = &world->places[i];
        place->world = world;
        place->loop = gw_loop_new(&world->fake->service, &world->fake->clock, place);
        const struct gw_loop_hooks hooks = {.before_flush = before_flush, .user = place};
        gw_loop_set_hooks(place->loop, &hooks);
    }
    for (int i = 0; i < OWNERS; i++) {
        struct owner *owner = &world->owners[i];
        struct gw_address none = {0};
        owner->world = world;
        owner->socket = fake_open(world->fake);
        owner->conn = gw_conn_new(&world->fake->service, owner->socket, &none);
        gw_conn_set_events(owner->conn, &events, owner);
        assert_int_equal(gw_conn_attach(owner->conn, world->places[i % 2].loop), GW_OK);
    }
    return world;
}

/* Everything becomes easy: all that is owed must now come, and then the loops must rest. */
static void settle(struct world *world)
{
    world->quiet = true;
    for (int i = 0; i < OWNERS; i++) {
        struct owner *owner = &world->owners[i];
        struct fake_socket *s = &world->fake->sockets[owner->socket];
        s->out.window = SIZE_MAX;
        s->out.send_max = s->in.recv_max = 0;
    }
    for (int t = 0; t < 400; t++)
        fake_turn(world->fake, world->places[t % 2].loop);
    for (int i = 0; i < OWNERS; i++)
        if (alive(&world->owners[i])) {
            gw_conn_resume(world->owners[i].conn);
            world->owners[i].paused = false;
        }
    for (int t = 0; t < 400; t++)
        fake_turn(world->fake, world->places[t % 2].loop);
    for (int i = 0; i < 2; i++)
        assert_true(fake_sleeps(world->fake, world->places[i].loop));
    for (int i = 0; i < OWNERS; i++) {
        struct owner *owner = &world->owners[i];
        check_bytes(owner);
        if (owner->closed || gw_conn_closing(owner->conn) || gw_conn_hung_up(owner->conn))
            continue;
        assert_int_equal(owner->received, owner->given);
        assert_int_equal(world->fake->sockets[owner->socket].out.all.size, owner->written);
    }
}

static void end_all(struct world *world)
{
    for (int i = 0; i < OWNERS; i++) {
        struct owner *owner = &world->owners[i];
        owner->closed_here = true;
        if (!owner->closed)
            gw_conn_close(owner->conn, false, 0);
    }
    for (int t = 0; t < 4; t++)
        fake_turn(world->fake, world->places[t % 2].loop);
    for (int i = 0; i < OWNERS; i++) {
        assert_int_equal(world->owners[i].closed, 1);
        assert_int_equal(world->fake->sockets[i].closes, 1);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(gw_loop_counters(world->places[i].loop)->output_bytes, 0);
        gw_loop_free(world->places[i].loop);
    }
    fake_free(world->fake);
    free(world);
}

static void random_turns(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        print_message("seed %llu\n", (unsigned long long)seed);
        struct world *world = world_new(seed);
        for (int step = 0; step < STEPS; step++) {
            for (size_t i = below(world, 4); i > 0; i--)
                disturb(world);
            size_t at = below(world, 2);
            struct gw_loop *loop = world->places[at].loop;
            gw_loop_wait(loop);
            act_on_some(world, loop); /* between wait and turn, as mail of a simulator may */
            gw_loop_turn(loop, world->fake->now);
        }
        settle(world);
        end_all(world);
    }
}

/* The same seed gives the same run. */
static void repeats_under_a_seed(void **state)
{
    (void)state;
    uint64_t sums[2];
    for (int run = 0; run < 2; run++) {
        struct world *world = world_new(7);
        uint64_t sum = 0;
        for (int step = 0; step < STEPS; step++) {
            disturb(world);
            fake_turn(world->fake, world->places[below(world, 2)].loop);
            for (int i = 0; i < OWNERS; i++)
                sum = sum * 31 + world->owners[i].received + world->owners[i].written * 7 +
                      (uint64_t)world->fake->sockets[i].events;
        }
        sums[run] = sum;
        settle(world);
        end_all(world);
    }
    assert_int_equal(sums[0], sums[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_turns),
        cmocka_unit_test(repeats_under_a_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
