#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/listener.h"
#include "unit/net/fake.h"

struct door {
    struct gw_loop *loop;
    struct gw_listener *listener;
    int came;
    int leave_after; /* connections, 0: never */
};

/* Refuses at once: the connection is attached to no loop yet. */
static void on_accept(void *user, struct gw_listener *listener, struct gw_conn *conn,
                      gw_mono_ns now)
{
    struct door *door = user;
    (void)now;
    assert_ptr_equal(listener, door->listener);
    door->came++;
    gw_conn_close(conn, false, 0);
    if (door->came == door->leave_after)
        gw_listener_leave(listener, door->loop);
}

static struct fake *open_fake(struct door *door)
{
    struct fake *fake = fake_new();
    struct gw_address none = {0};
    int os_errno;
    *door = (struct door){0};
    door->loop = gw_loop_new(&fake->service, &fake->clock, NULL);
    assert_int_equal(gw_listener_open(&fake->service,
                                      &(struct gw_socket_place){.address = &none, .backlog = 10},
                                      &door->listener, &os_errno),
                     GW_OK);
    assert_int_equal(gw_listener_join(door->listener, door->loop, on_accept, door), GW_OK);
    return fake;
}

static void close_fake(struct door *door, struct fake *fake)
{
    gw_listener_leave(door->listener, door->loop);
    gw_listener_leave(door->listener, door->loop); /* again is fine */
    gw_listener_close(door->listener);
    gw_loop_free(door->loop);
    fake_free(fake);
}

/* An owner with too much to do lets the crowd wait, but not for ever. */
static void takes_one_now_and_then_when_asked_to(void **state)
{
    (void)state;
    struct door door;
    struct fake *fake = open_fake(&door);
    fake->accept_status = GW_LIMIT;
    fake->accepts_waiting = 50;
    gw_loop_accept_slowly(door.loop, true);
    for (int taken = 1; taken <= 3; taken++) {
        fake_turn(fake, door.loop);
        fake_turn(fake, door.loop);
        assert_int_equal(fake->accepts_waiting, 50 - taken);
        fake->now += GW_LOOP_SLOW_ACCEPT_NS + GW_WHEEL_TICK_NS;
    }
    gw_loop_accept_slowly(door.loop, false);
    for (int turn = 0; turn < 4; turn++)
        fake_turn(fake, door.loop);
    assert_int_equal(fake->accepts_waiting, 0);
    close_fake(&door, fake);
}

static void takes_a_bounded_number_a_turn(void **state)
{
    (void)state;
    struct door door;
    struct fake *fake = open_fake(&door);
    fake->accept_status = GW_LIMIT; /* as taking, but without filling the table of the fake */
    fake->accepts_waiting = GW_LISTENER_ACCEPTS_PER_TURN + 10;
    fake_turn(fake, door.loop);
    assert_int_equal(fake->accepts_waiting, 10);
    fake_turn(fake, door.loop);
    assert_int_equal(fake->accepts_waiting, 0);
    assert_int_equal(gw_loop_counters(door.loop)->accept_refused,
                     GW_LISTENER_ACCEPTS_PER_TURN + 10);
    assert_true(fake_sleeps(fake, door.loop));
    close_fake(&door, fake);
}

static void hands_connections_over(void **state)
{
    (void)state;
    struct door door;
    struct fake *fake = open_fake(&door);
    fake->accepts_waiting = 5;
    fake_turn(fake, door.loop);
    assert_int_equal(door.came, 5);
    assert_int_equal(gw_loop_counters(door.loop)->accepted, 5);
    close_fake(&door, fake);
}

struct order {
    struct door door;
    struct gw_conn *conn;
    int came_before; /* connections that came before the bytes */
};

static void note_order(void *user, struct gw_span bytes, gw_mono_ns now)
{
    struct order *order = user;
    (void)bytes;
    (void)now;
    order->came_before = order->door.came;
}

static void ignore_closed(void *user, enum gw_conn_end end, int os_errno, gw_mono_ns now)
{
    (void)user;
    (void)end;
    (void)os_errno;
    (void)now;
}

/* The poller names the listener first; the connection that is there already is served first. */
static void serves_before_it_takes_more(void **state)
{
    (void)state;
    static const struct gw_conn_events events = {note_order, NULL, ignore_closed};
    struct order order = {.came_before = -1};
    struct gw_address none = {0};
    struct fake *fake = open_fake(&order.door);
    gw_socket socket = fake_open(fake);
    order.conn = gw_conn_new(&fake->service, socket, &none);
    gw_conn_set_events(order.conn, &events, &order);
    assert_int_equal(gw_conn_attach(order.conn, order.door.loop), GW_OK);
    fake_give(fake, socket, "connect", 7);
    fake->accepts_waiting = 3;
    fake_turn(fake, order.door.loop);
    assert_int_equal(order.came_before, 0);
    assert_int_equal(order.door.came, 3);
    gw_conn_close(order.conn, false, 0);
    fake_turn(fake, order.door.loop);
    close_fake(&order.door, fake);
}

static void may_leave_while_accepting(void **state)
{
    (void)state;
    struct door door;
    struct fake *fake = open_fake(&door);
    door.leave_after = 2;
    fake->accepts_waiting = 5;
    fake_turn(fake, door.loop);
    assert_int_equal(door.came, 2);
    fake_turn(fake, door.loop);
    assert_int_equal(door.came, 2);
    close_fake(&door, fake);
}

/* Neither taken nor refused: the listener rests a while instead of spinning. */
static void backs_off(void **state)
{
    (void)state;
    struct door door;
    struct fake *fake = open_fake(&door);
    fake->accept_status = GW_OS_ERROR;
    fake->accepts_waiting = 1;
    for (int i = 0; i < 10; i++)
        fake_turn(fake, door.loop);
    assert_int_equal(fake->accept_calls, 1);
    fake->sockets[0].add_fails = 1; /* and even coming back fails once */
    fake->accept_status = GW_OK;
    for (int i = 0; i < 3; i++) {
        fake->now += 110 * GW_NS_PER_MS;
        fake_turn(fake, door.loop);
        fake_turn(fake, door.loop);
    }
    assert_int_equal(door.came, 1);
    fake->accept_status = GW_OS_ERROR;
    fake->accepts_waiting = 1;
    fake_turn(fake, door.loop);
    gw_listener_leave(door.listener, door.loop); /* while resting */
    fake->now += GW_NS_PER_S;
    fake_turn(fake, door.loop);
    close_fake(&door, fake);
}

/* The machine's sockets. */

static void turns(struct gw_loop *loop, int count)
{
    while (count-- > 0) {
        gw_loop_wait(loop);
        gw_loop_turn(loop, gw_clock_mono(gw_clock_system()));
    }
}

static gw_socket dial(const char *host, const struct gw_listener *listener)
{
    const struct gw_sockets *sockets = gw_socket_system();
    struct gw_address address;
    gw_socket socket;
    int os_errno;
    assert_int_equal(gw_address_parse(gw_span_str(host),
                                      gw_address_port(gw_listener_address(listener)), &address),
                     GW_OK);
    assert_int_equal(sockets->ops->connect(sockets->ctx, &address, &socket, &os_errno), GW_OK);
    return socket;
}

static struct door open_real(const char *host)
{
    struct door door = {.loop = gw_loop_new(gw_socket_system(), gw_clock_system(), NULL)};
    struct gw_address address;
    int os_errno;
    assert_int_equal(gw_address_parse(gw_span_str(host), 0, &address), GW_OK);
    assert_int_equal(
        gw_listener_open(gw_socket_system(),
                         &(struct gw_socket_place){.address = &address, .backlog = 100},
                         &door.listener, &os_errno),
        GW_OK);
    return door;
}

static void close_real(struct door *door)
{
    gw_listener_leave(door->listener, door->loop);
    gw_listener_close(door->listener);
    gw_loop_free(door->loop);
}

static int lowest_free(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    close(fd);
    return fd;
}

/* The table of descriptors is full: callers are refused, not left waiting; the loop does not spin;
 * with descriptors back, it serves again. */
static void refuses_without_descriptors(void **state)
{
    (void)state;
    enum { CALLERS = 6 };
    struct door door = open_real("127.0.0.1");
    assert_int_equal(gw_listener_join(door.listener, door.loop, on_accept, &door), GW_OK);
    gw_socket callers[CALLERS];
    for (int i = 0; i < CALLERS; i++)
        callers[i] = dial("127.0.0.1", door.listener);
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit full = {(rlim_t)lowest_free(), before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &full), 0);
    turns(door.loop, 1);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(door.came, 0);
    assert_int_equal(gw_loop_counters(door.loop)->accept_refused, CALLERS);
    for (int i = 0; i < CALLERS; i++) {
        char byte;
        assert_true(recv(callers[i], &byte, 1, 0) <= 0); /* the peer knows */
        close(callers[i]);
    }
    callers[0] = dial("127.0.0.1", door.listener);
    turns(door.loop, 1);
    assert_int_equal(door.came, 1);
    close(callers[0]);
    close_real(&door);
}

struct seen {
    char peer[GW_ADDRESS_TEXT_MAX];
    struct gw_conn *conn;
};

static void on_look(void *user, struct gw_listener *listener, struct gw_conn *conn, gw_mono_ns now)
{
    struct seen *seen = user;
    (void)listener;
    (void)now;
    gw_address_text(gw_conn_peer(conn), seen->peer);
    gw_conn_close(conn, false, 0);
}

static void any_address_takes_both_families(void **state)
{
    (void)state;
    static const struct {
        const char *host, *peer;
    } rows[] = {{"127.0.0.1", "127.0.0.1:"}, {"::1", "[::1]:"}};
    struct door door = open_real("*");
    struct seen seen = {.conn = NULL};
    assert_int_equal(gw_listener_join(door.listener, door.loop, on_look, &seen), GW_OK);
    bool v6 = gw_listener_address(door.listener)->storage.ss_family == AF_INET6;
    for (size_t i = 0; i < (v6 ? GW_COUNT_OF(rows) : 1); i++) {
        gw_socket caller = dial(rows[i].host, door.listener);
        turns(door.loop, 1);
        assert_int_equal(strncmp(seen.peer, rows[i].peer, strlen(rows[i].peer)), 0);
        close(caller);
    }
    close_real(&door);
}

static void refuses_an_address_in_use(void **state)
{
    (void)state;
    struct door door = open_real("127.0.0.1");
    struct gw_listener *second;
    int os_errno;
    assert_int_equal(
        gw_listener_open(
            gw_socket_system(),
            &(struct gw_socket_place){.address = gw_listener_address(door.listener), .backlog = 10},
            &second, &os_errno),
        GW_OS_ERROR);
    assert_int_equal(os_errno, EADDRINUSE);
    assert_null(second);
    gw_listener_close(second);
    close_real(&door);
}

/* Two loops share a listener; both may take, whoever leaves stops. */
static void two_loops_share_it(void **state)
{
    (void)state;
    struct door door = open_real("127.0.0.1");
    struct door other = {.loop = gw_loop_new(gw_socket_system(), gw_clock_system(), NULL),
                         .listener = door.listener};
    assert_int_equal(gw_listener_join(door.listener, door.loop, on_accept, &door), GW_OK);
    assert_int_equal(gw_listener_join(door.listener, other.loop, on_accept, &other), GW_OK);
    gw_socket caller = dial("127.0.0.1", door.listener);
    turns(other.loop, 1);
    assert_int_equal(other.came, 1);
    close(caller);
    gw_listener_leave(door.listener, other.loop);
    caller = dial("127.0.0.1", door.listener);
    turns(door.loop, 1);
    assert_int_equal(door.came, 1);
    close(caller);
    gw_loop_free(other.loop);
    close_real(&door);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_a_bounded_number_a_turn),
        cmocka_unit_test(takes_one_now_and_then_when_asked_to),
        cmocka_unit_test(hands_connections_over),
        cmocka_unit_test(serves_before_it_takes_more),
        cmocka_unit_test(may_leave_while_accepting),
        cmocka_unit_test(backs_off),
        cmocka_unit_test(refuses_without_descriptors),
        cmocka_unit_test(any_address_takes_both_families),
        cmocka_unit_test(refuses_an_address_in_use),
        cmocka_unit_test(two_loops_share_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
