/* Connections that move between the threads of two loops while bytes flow both ways: each byte
 * comes back, in order, and each end is told once. To be run under the thread sanitizer too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "net/conn.h"
#include "os/thread.h"

#define CONNECTIONS 8
#define BYTES       ((size_t)64 * 1024)
#define MOVE_EVERY  3 /* deliveries */
/* Bytes on the way at most, so that a busy machine cannot fold them all into a few deliveries. */
#define AHEAD_MAX 4096

struct place {
    struct gw_loop *loop;
    struct place *other;
    struct gw_thread thread;
};

/* An echo that changes its loop every few deliveries, before or after it answers. */
struct echo {
    struct gw_mail mail; /* first */
    struct place *place;
    struct gw_conn *conn;
    unsigned deliveries;
    struct gw_span unanswered;
    uint8_t kept[GW_LOOP_READ_SIZE];
    atomic_int closed; /* read at the end only */
};

static void on_mail(void *owner, struct gw_mail *mail, gw_mono_ns now)
{
    struct echo *echo = GW_CONTAINER(mail, struct echo, mail);
    (void)now;
    echo->place = owner;
    GW_ASSERT(gw_conn_write(echo->conn, echo->unanswered) == GW_OK);
    echo->unanswered = GW_SPAN_NONE;
    GW_ASSERT(gw_conn_attach(echo->conn, echo->place->loop) == GW_OK);
}

static void on_bytes(void *user, struct gw_span bytes, gw_mono_ns now)
{
    struct echo *echo = user;
    (void)now;
    if (++echo->deliveries % MOVE_EVERY != 0) {
        GW_ASSERT(gw_conn_write(echo->conn, bytes) == GW_OK);
        return;
    }
    if (echo->deliveries % (2 * MOVE_EVERY) == 0) {
        GW_ASSERT(gw_conn_write(echo->conn, bytes) == GW_OK); /* moves with its output */
    } else {
        memcpy(echo->kept, bytes.data, bytes.size);
        echo->unanswered = gw_span_of(echo->kept, bytes.size);
    }
    gw_conn_detach(echo->conn);
    echo->mail.fn = on_mail;
    gw_loop_post(echo->place->other->loop, &echo->mail);
}

static void on_drained(void *user, gw_mono_ns now)
{
    (void)user;
    (void)now;
}

static void on_closed(void *user, enum gw_conn_end end, int os_errno, gw_mono_ns now)
{
    struct echo *echo = user;
    (void)os_errno;
    (void)now;
    GW_ASSERT(end == GW_CONN_END_PEER);
    atomic_fetch_add(&echo->closed, 1);
}

static void *run(void *user)
{
    struct place *place = user;
    gw_loop_run(place->loop);
    return NULL;
}

struct caller {
    int socket;
    uint32_t sent, received;
};

static uint8_t pattern(size_t i)
{
    return (uint8_t)(i * 13 + (i >> 8));
}

/* Sends and receives a little; true when all came back. */
static bool step(struct caller *caller, size_t size)
{
    uint8_t bytes[700];
    size_t left = BYTES - caller->sent;
    size = size < left ? size : left;
    if (caller->sent - caller->received + size > AHEAD_MAX)
        size = 0;
    for (size_t i = 0; i < size; i++)
        bytes[i] = pattern(caller->sent + i);
    if (size > 0) {
        ssize_t sent = send(caller->socket, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0)
            caller->sent += (uint32_t)sent;
    }
    ssize_t got = recv(caller->socket, bytes, sizeof bytes, MSG_DONTWAIT);
    assert_true(got > 0 || (got < 0 && errno == EAGAIN));
    for (ssize_t i = 0; i < got; i++)
        assert_int_equal(bytes[i], pattern(caller->received + (size_t)i));
    if (got > 0)
        caller->received += (uint32_t)got;
    return caller->received == BYTES;
}

static void bytes_flow_while_connections_move(void **state)
{
    (void)state;
    static const struct gw_conn_events events = {on_bytes, on_drained, on_closed};
    struct place places[2];
    struct echo *echoes = calloc(CONNECTIONS, sizeof *echoes);
    struct caller callers[CONNECTIONS];
    for (int i = 0; i < 2; i++) {
        places[i].loop = gw_loop_new(gw_socket_system(), gw_clock_system(), &places[i]);
        places[i].other = &places[1 - i];
    }
    for (int i = 0; i < CONNECTIONS; i++) {
        int pair[2];
        struct gw_address none = {0};
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair),
                         0);
        callers[i] = (struct caller){.socket = pair[1]};
        echoes[i].place = &places[i % 2];
        echoes[i].conn = gw_conn_new(gw_socket_system(), pair[0], &none);
        gw_conn_set_events(echoes[i].conn, &events, &echoes[i]);
        assert_int_equal(gw_conn_attach(echoes[i].conn, places[i % 2].loop), GW_OK);
    }
    for (int i = 0; i < 2; i++)
        assert_int_equal(gw_thread_start(&places[i].thread, "loop", run, &places[i]), GW_OK);
    bool done[CONNECTIONS] = {false};
    for (int left = CONNECTIONS, n = 1; left > 0; n++) {
        for (int i = 0; i < CONNECTIONS; i++) {
            if (!done[i] && step(&callers[i], (size_t)(n * 37 + i) % 700)) {
                close(callers[i].socket);
                done[i] = true;
                left--;
            }
        }
    }
    for (int i = 0; i < CONNECTIONS; i++)
        while (atomic_load(&echoes[i].closed) == 0)
            usleep(100);
    for (int i = 0; i < 2; i++) {
        gw_loop_stop(places[i].loop);
        gw_thread_join(&places[i].thread);
    }
    for (int i = 0; i < CONNECTIONS; i++) {
        assert_int_equal(atomic_load(&echoes[i].closed), 1);
        assert_true(echoes[i].deliveries > MOVE_EVERY);
    }
    for (int i = 0; i < 2; i++)
        gw_loop_free(places[i].loop);
    free(echoes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_flow_while_connections_move),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
