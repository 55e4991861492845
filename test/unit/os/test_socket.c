#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/compiler.h"
#include "os/clock.h"
#include "os/socket.h"

struct rig {
    const struct gw_socket_ops *ops;
    struct gw_poller *poller;
    gw_socket listener, caller, server;
    struct gw_address address, peer;
};

static void listen_on(struct rig *rig, const struct gw_address *address)
{
    int os_errno = 0;
    *rig = (struct rig){.ops = gw_socket_system()->ops, .caller = -1, .server = -1};
    assert_int_equal(rig->ops->poller_new(NULL, &rig->poller), GW_OK);
    assert_int_equal(rig->ops->listen(NULL,
                                      &(struct gw_socket_place){.address = address, .backlog = 10},
                                      &rig->listener, &os_errno),
                     GW_OK);
    assert_int_equal(rig->ops->local(NULL, rig->listener, &rig->address), GW_OK);
}

static void meet(struct rig *rig)
{
    int os_errno = 0;
    assert_int_equal(rig->ops->accept(NULL, rig->poller, rig->listener, &rig->server, &rig->peer),
                     GW_AGAIN);
    assert_int_equal(rig->ops->connect(NULL, &rig->address, &rig->caller, &os_errno), GW_OK);
    assert_int_equal(rig->ops->accept(NULL, rig->poller, rig->listener, &rig->server, &rig->peer),
                     GW_OK);
}

static void rig_fini(struct rig *rig)
{
    if (rig->caller >= 0)
        rig->ops->close(NULL, rig->caller);
    if (rig->server >= 0)
        rig->ops->close(NULL, rig->server);
    rig->ops->close(NULL, rig->listener);
    rig->ops->poller_free(NULL, rig->poller);
}

static struct rig rig_tcp(void)
{
    struct rig rig;
    struct gw_address address;
    assert_int_equal(gw_address_parse(GW_SPAN_LIT("127.0.0.1"), 0, &address), GW_OK);
    listen_on(&rig, &address);
    meet(&rig);
    return rig;
}

static enum gw_status send_text(const struct rig *rig, gw_socket socket, const char *text,
                                int *ret_errno)
{
    char copy[64];
    size_t sent = 0;
    snprintf(copy, sizeof copy, "%s", text);
    struct iovec parts[2] = {{copy, 1}, {copy + 1, strlen(copy) - 1}};
    enum gw_status status = rig->ops->sendv(NULL, socket, parts, 2, &sent, ret_errno);
    if (status == GW_OK)
        assert_int_equal(sent, strlen(text));
    return status;
}

/* Waits up to `ms`; returns the bits that came for rig, 0 for none. */
static uint32_t wait_ms(struct rig *rig, unsigned ms)
{
    struct gw_poll_event events[4];
    gw_mono_ns now = gw_clock_mono(gw_clock_system());
    int count = rig->ops->wait(NULL, rig->poller, now + ms * GW_NS_PER_MS, now, events, 4);
    assert_true(count <= 1);
    if (count == 1)
        assert_ptr_equal(events[0].user, rig);
    return count == 1 ? events[0].bits : 0;
}

static void sends_and_receives(void **state)
{
    (void)state;
    struct rig rig = rig_tcp();
    char bytes[16];
    size_t size = 0;
    int os_errno = 0;
    assert_true(gw_address_port(&rig.address) != 0);
    assert_true(gw_address_is_loopback(&rig.peer));
    assert_int_equal(rig.ops->recv(NULL, rig.server, bytes, 16, &size, &os_errno), GW_AGAIN);
    assert_int_equal(send_text(&rig, rig.caller, "hello", &os_errno), GW_OK);
    assert_int_equal(rig.ops->recv(NULL, rig.server, bytes, 3, &size, &os_errno), GW_OK);
    assert_int_equal(size, 3);
    assert_int_equal(rig.ops->recv(NULL, rig.server, bytes, 16, &size, &os_errno), GW_OK);
    assert_memory_equal(bytes, "lo", 2);
    rig.ops->shutdown(NULL, rig.caller);
    assert_int_equal(rig.ops->recv(NULL, rig.server, bytes, 16, &size, &os_errno), GW_CLOSED);
    assert_int_equal(send_text(&rig, rig.server, "still", &os_errno), GW_OK);
    rig_fini(&rig);
}

static void is_without_delay(void **state)
{
    (void)state;
    struct rig rig = rig_tcp();
    const gw_socket both[] = {rig.caller, rig.server};
    for (size_t i = 0; i < GW_COUNT_OF(both); i++) {
        int on = 0;
        socklen_t size = sizeof on;
        assert_int_equal(getsockopt(both[i], IPPROTO_TCP, TCP_NODELAY, &on, &size), 0);
        assert_int_not_equal(on, 0);
    }
    rig_fini(&rig);
}

static void a_full_socket_says_again(void **state)
{
    (void)state;
    struct rig rig = rig_tcp();
    static char bytes[256 * 1024];
    struct iovec part = {bytes, sizeof bytes};
    size_t sent = 0;
    size_t total = 0;
    int os_errno = 0;
    enum gw_status status;
    while ((status = rig.ops->sendv(NULL, rig.server, &part, 1, &sent, &os_errno)) == GW_OK)
        total += sent;
    assert_int_equal(status, GW_AGAIN);
    assert_int_equal(sent, 0);
    assert_true(total > 0);
    rig_fini(&rig);
}

static void a_gone_peer_is_an_error_not_a_signal(void **state)
{
    (void)state;
    struct rig rig = rig_tcp();
    int os_errno = 0;
    rig.ops->close(NULL, rig.caller);
    rig.caller = -1;
    assert_int_equal(send_text(&rig, rig.server, "to nobody", &os_errno), GW_OK);
    assert_int_equal(send_text(&rig, rig.server, "to nobody", &os_errno), GW_OS_ERROR);
    assert_true(os_errno == EPIPE || os_errno == ECONNRESET);
    rig_fini(&rig);
}

static void a_refused_connect_shows_on_the_socket(void **state)
{
    (void)state;
    struct rig rig = rig_tcp();
    gw_socket socket;
    int os_errno = 0;
    struct gw_address address = rig.address;
    rig.ops->close(NULL, rig.listener);
    rig.ops->close(NULL, rig.server);
    rig.ops->close(NULL, rig.caller);
    rig.server = rig.caller = -1;
    if (rig.ops->connect(NULL, &address, &socket, &os_errno) == GW_OK) {
        assert_int_equal(rig.ops->add(NULL, rig.poller, socket, GW_POLL_READ, false, &rig), GW_OK);
        assert_true(wait_ms(&rig, 5000) & GW_POLL_HANGUP);
        os_errno = rig.ops->error(NULL, socket);
        rig.ops->close(NULL, socket);
    }
    assert_int_equal(os_errno, ECONNREFUSED);
    rig.ops->poller_free(NULL, rig.poller);
}

/* Readiness as net/conn relies on it: what is asked for, what comes unasked, what can be silenced.
 */
static void reports_readiness(void **state)
{
    (void)state;
    struct rig rig = rig_tcp();
    char bytes[16];
    size_t size;
    int os_errno = 0;
    assert_int_equal(rig.ops->add(NULL, rig.poller, rig.server, GW_POLL_READ, false, &rig), GW_OK);
    assert_int_equal(wait_ms(&rig, 0), 0);
    assert_int_equal(send_text(&rig, rig.caller, "hello", &os_errno), GW_OK);
    assert_int_equal(wait_ms(&rig, 1000), GW_POLL_READ);
    assert_int_equal(wait_ms(&rig, 1000), GW_POLL_READ); /* level */
    rig.ops->set(NULL, rig.poller, rig.server, GW_POLL_WRITE, &rig);
    assert_int_equal(wait_ms(&rig, 1000), GW_POLL_WRITE);
    rig.ops->set(NULL, rig.poller, rig.server, GW_POLL_HANGUP, &rig);
    assert_int_equal(wait_ms(&rig, 0), 0);
    rig.ops->shutdown(NULL, rig.caller);
    assert_int_equal(wait_ms(&rig, 1000), GW_POLL_HANGUP);
    rig.ops->set(NULL, rig.poller, rig.server, 0, &rig);
    assert_int_equal(wait_ms(&rig, 0), 0); /* the end of one side can be silenced */
    rig.ops->shutdown(NULL, rig.server);
    assert_int_equal(wait_ms(&rig, 1000), GW_POLL_HANGUP); /* the end of both cannot */
    rig.ops->remove(NULL, rig.poller, rig.server);
    assert_int_equal(wait_ms(&rig, 0), 0);
    assert_int_equal(rig.ops->recv(NULL, rig.server, bytes, 16, &size, &os_errno), GW_OK);
    assert_int_equal(size, 5);
    rig_fini(&rig);
}

/* A reset does not take away what came before it: net/conn reads on after a failed write. */
static void bytes_before_a_reset_stay(void **state)
{
    (void)state;
    struct rig rig = rig_tcp();
    char bytes[16];
    size_t size;
    int os_errno = 0;
    const struct linger reset = {1, 0};
    assert_int_equal(send_text(&rig, rig.caller, "publish", &os_errno), GW_OK);
    assert_int_equal(setsockopt(rig.caller, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
    rig.ops->close(NULL, rig.caller);
    rig.caller = -1;
    assert_int_equal(send_text(&rig, rig.server, "ack", &os_errno), GW_OS_ERROR);
    assert_int_equal(rig.ops->recv(NULL, rig.server, bytes, 16, &size, &os_errno), GW_OK);
    assert_memory_equal(bytes, "publish", 7);
    assert_int_not_equal(rig.ops->recv(NULL, rig.server, bytes, 16, &size, &os_errno), GW_AGAIN);
    rig_fini(&rig);
}

static void a_wake_is_sticky_once(void **state)
{
    (void)state;
    struct rig rig = rig_tcp();
    rig.ops->wake(NULL, rig.poller);
    rig.ops->wake(NULL, rig.poller);
    gw_mono_ns before = gw_clock_mono(gw_clock_system());
    assert_int_equal(wait_ms(&rig, 10000), 0);
    gw_mono_ns between = gw_clock_mono(gw_clock_system());
    assert_true(between - before < 5 * GW_NS_PER_S);
    assert_int_equal(wait_ms(&rig, 20), 0);
    assert_true(gw_clock_mono(gw_clock_system()) - between >= 20 * GW_NS_PER_MS);
    rig_fini(&rig);
}

/* A timer must be due when the wait for it ends, or the loop would turn for nothing. */
static void never_wakes_early(void **state)
{
    (void)state;
    struct rig rig = rig_tcp();
    struct gw_poll_event event;
    for (uint64_t extra = 1; extra < GW_NS_PER_MS; extra += 333332) {
        gw_mono_ns now = gw_clock_mono(gw_clock_system());
        gw_mono_ns deadline = now + 2 * GW_NS_PER_MS + extra;
        assert_int_equal(rig.ops->wait(NULL, rig.poller, deadline, now, &event, 1), 0);
        assert_true(gw_clock_mono(gw_clock_system()) >= deadline);
    }
    rig_fini(&rig);
}

/* A Unix socket whose owner is gone does not block the next one; a living one does, a file too. */
static void replaces_a_stale_unix_socket_only(void **state)
{
    (void)state;
    char folder[] = "/tmp/gw_test_socket_XXXXXX";
    assert_non_null(mkdtemp(folder));
    char path[64];
    snprintf(path, sizeof path, "%s/sock", folder);
    struct gw_address address;
    assert_int_equal(gw_address_unix(gw_span_str(path), &address), GW_OK);
    struct rig rig;
    listen_on(&rig, &address);
    meet(&rig);
    gw_socket second;
    int os_errno = 0;
    assert_int_equal(rig.ops->listen(NULL,
                                     &(struct gw_socket_place){.address = &address, .backlog = 10},
                                     &second, &os_errno),
                     GW_OS_ERROR);
    assert_int_equal(os_errno, EADDRINUSE);
    char text[GW_ADDRESS_TEXT_MAX], peer[GW_ADDRESS_TEXT_MAX + 32];
    snprintf(peer, sizeof peer, "unix:%s uid=%u", path, (unsigned)getuid());
    assert_string_equal(gw_address_text(&rig.peer, text), peer);
    rig_fini(&rig);
    listen_on(&rig, &address);
    meet(&rig);
    rig.ops->sweep(NULL, &address); /* somebody listens */
    assert_int_equal(access(path, F_OK), 0);
    rig_fini(&rig);
    rig.ops->sweep(NULL, &address);
    assert_int_equal(access(path, F_OK), -1);
    rig.ops->sweep(NULL, &address);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
    rig.ops->sweep(NULL, &address);
    assert_int_equal(rig.ops->listen(NULL,
                                     &(struct gw_socket_place){.address = &address, .backlog = 10},
                                     &second, &os_errno),
                     GW_OS_ERROR);
    assert_int_equal(os_errno, EADDRINUSE);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

/* The file of a Unix socket is as it was ordered before anybody can connect; else there is none. */
static void a_unix_socket_has_its_mode(void **state)
{
    (void)state;
    char folder[] = "/tmp/gw_test_socket_XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/sock", folder);
    struct gw_address address;
    assert_int_equal(gw_address_unix(gw_span_str(path), &address), GW_OK);
    const struct gw_socket_ops *ops = gw_socket_system()->ops;
    static const uint32_t modes[] = {0600, 0660, 0666, 0777};
    for (size_t i = 0; i < GW_COUNT_OF(modes); i++) {
        struct gw_socket_place place = {.address = &address,
                                        .backlog = 1,
                                        .mode = modes[i],
                                        .group = getgid(),
                                        .has_group = true};
        gw_socket listener;
        struct stat info;
        int os_errno;
        assert_int_equal(ops->listen(NULL, &place, &listener, &os_errno), GW_OK);
        assert_int_equal(lstat(path, &info), 0);
        assert_int_equal(info.st_mode & 07777, modes[i]);
        assert_int_equal(info.st_gid, getgid());
        ops->close(NULL, listener);
    }
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sends_and_receives),
        cmocka_unit_test(is_without_delay),
        cmocka_unit_test(a_full_socket_says_again),
        cmocka_unit_test(a_gone_peer_is_an_error_not_a_signal),
        cmocka_unit_test(a_refused_connect_shows_on_the_socket),
        cmocka_unit_test(reports_readiness),
        cmocka_unit_test(bytes_before_a_reset_stay),
        cmocka_unit_test(a_wake_is_sticky_once),
        cmocka_unit_test(never_wakes_early),
        cmocka_unit_test(replaces_a_stale_unix_socket_only),
        cmocka_unit_test(a_unix_socket_has_its_mode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
