#include "os/holder.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* Opens a socket on a port that the system chooses; listens on it if asked to. */
static int open_socket(int family, bool listening, uint16_t *ret_port)
{
    struct sockaddr_in six_or_four = {.sin_family = AF_INET,
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr_storage bound;
    socklen_t size = sizeof bound;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd,
                       family == AF_INET ? (const struct sockaddr *)&six_or_four
                                         : (const struct sockaddr *)&six,
                       family == AF_INET ? sizeof six_or_four : sizeof six) != 0) {
        close(fd);
        return -1;
    }
    assert_int_equal(getsockname(fd, (struct sockaddr *)&bound, &size), 0);
    *ret_port = ntohs(family == AF_INET ? ((const struct sockaddr_in *)&bound)->sin_port
                                        : ((const struct sockaddr_in6 *)&bound)->sin6_port);
    if (listening)
        assert_int_equal(listen(fd, 1), 0);
    return fd;
}

static void test_finds_us(void **state)
{
    static const int families[] = {AF_INET, AF_INET6};

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct gw_holder holder;
        uint16_t port;
        int fd = open_socket(families[i], true, &port);

        if (fd < 0) /* a machine without IPv6 */
            continue;
        assert_true(gw_holder_find(port, &holder));
        assert_int_equal(holder.pid, getpid());
        assert_string_equal(holder.name, "test_holder");
        assert_true(holder.user[0] != '\0');
        close(fd);
    }
}

static void test_finds_nobody(void **state)
{
    struct gw_holder holder;
    uint16_t port;
    int fd = open_socket(AF_INET, false, &port);

    (void)state;
    assert_true(fd >= 0);
    assert_false(gw_holder_find(port, &holder));
    assert_int_equal(holder.pid, 0);
    close(fd);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_us),
        cmocka_unit_test(test_finds_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
