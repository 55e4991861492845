#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <sys/un.h>

#include "base/compiler.h"
#include "os/address.h"

static void parses_and_prints(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        uint16_t port;
        const char *text; /* NULL: not an address */
        bool loopback;
    } rows[] = {
        {"127.0.0.1", 1883, "127.0.0.1:1883", true},
        {"127.9.8.7", 1, "127.9.8.7:1", true},
        {"10.0.0.9", 51234, "10.0.0.9:51234", false},
        {"0.0.0.0", 0, "0.0.0.0:0", false},
        {"::1", 1883, "[::1]:1883", true},
        {"[::1]", 65535, "[::1]:65535", true},
        {"2001:db8::1", 8883, "[2001:db8::1]:8883", false},
        {"::ffff:127.0.0.1", 5, "127.0.0.1:5", true},
        {"::ffff:10.1.2.3", 5, "10.1.2.3:5", false},
        {"", 1883, "[::]:1883", false},
        {"*", 1883, "[::]:1883", false},
        {"localhost", 1883, NULL, false},
        {"10.0.0", 1883, NULL, false},
        {"10.0.0.256", 1883, NULL, false},
        {"1.2.3.4.5", 1883, NULL, false},
        {":::", 1883, NULL, false},
        {"fe80::1%nosuchlink", 1883, NULL, false},
        {"127.0.0.1 ", 1883, NULL, false},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_address address;
        char text[GW_ADDRESS_TEXT_MAX];
        enum gw_status status = gw_address_parse(gw_span_str(rows[i].host), rows[i].port, &address);
        assert_int_equal(status, rows[i].text != NULL ? GW_OK : GW_INVALID);
        if (rows[i].text == NULL)
            continue;
        assert_string_equal(gw_address_text(&address, text), rows[i].text);
        assert_int_equal(gw_address_port(&address), rows[i].port);
        assert_int_equal(gw_address_is_loopback(&address), rows[i].loopback);
    }
}

static void refuses_odd_hosts(void **state)
{
    (void)state;
    struct gw_address address;
    char text[600];
    memset(text, '1', sizeof text);
    assert_int_equal(gw_address_parse(gw_span_of(text, sizeof text), 1, &address), GW_INVALID);
    assert_int_equal(gw_address_parse(GW_SPAN_LIT("127.0.0.1\0x"), 1, &address), GW_INVALID);
    assert_int_equal(gw_address_parse(GW_SPAN_NONE, 1, &address), GW_OK);
}

static void names_unix_sockets(void **state)
{
    (void)state;
    struct gw_address address;
    char text[GW_ADDRESS_TEXT_MAX];
    char path[sizeof(struct sockaddr_un)];
    memset(path, 'p', sizeof path);
    size_t longest = sizeof((struct sockaddr_un *)0)->sun_path - 1;
    assert_int_equal(gw_address_unix(GW_SPAN_LIT("/run/x.sock"), &address), GW_OK);
    assert_string_equal(gw_address_text(&address, text), "/run/x.sock");
    assert_int_equal(gw_address_port(&address), 0);
    assert_true(gw_address_is_loopback(&address));
    assert_int_equal(gw_address_unix(gw_span_of(path, longest), &address), GW_OK);
    assert_int_equal(strlen(gw_address_text(&address, text)), longest);
    assert_int_equal(gw_address_unix(gw_span_of(path, longest + 1), &address), GW_LIMIT);
    assert_int_equal(gw_address_unix(GW_SPAN_NONE, &address), GW_INVALID);
    assert_int_equal(gw_address_unix(GW_SPAN_LIT("a\0b"), &address), GW_INVALID);
    /* a peer without a name */
    address.size = sizeof(sa_family_t);
    assert_string_equal(gw_address_text(&address, text), "unix");
    address = (struct gw_address){0};
    assert_string_equal(gw_address_text(&address, text), "");
    assert_false(gw_address_is_loopback(&address));
}

/* Who came by a Unix socket is told by its path and his user, and counted by his user alone. */
static void names_users_of_this_machine(void **state)
{
    (void)state;
    struct gw_address a, b, cut, v4;
    char text[GW_ADDRESS_TEXT_MAX], path[200];
    uint32_t uid = 0;
    gw_address_set_local(&a, GW_SPAN_LIT("/run/x.sock"), 1000);
    assert_string_equal(gw_address_text(&a, text), "unix:/run/x.sock uid=1000");
    assert_true(gw_address_is_loopback(&a) && gw_address_port(&a) == 0);
    assert_true(gw_address_uid(&a, &uid) && uid == 1000);
    gw_address_set_local(&b, GW_SPAN_LIT("/run/y.sock"), 1000);
    assert_true(gw_span_equal(gw_address_host(&a), gw_address_host(&b)));
    gw_address_set_local(&b, GW_SPAN_NONE, UINT32_MAX);
    assert_string_equal(gw_address_text(&b, text), "unix uid=4294967295");
    assert_false(gw_span_equal(gw_address_host(&a), gw_address_host(&b)));
    memset(path, 'p', sizeof path);
    gw_address_set_local(&b, gw_span_of(path, 107), UINT32_MAX);
    assert_int_equal(strlen(gw_address_text(&b, text)), GW_ADDRESS_TEXT_MAX - 1);
    gw_address_set_local(&b, gw_span_of(path, sizeof path), 1);
    gw_address_copy(&cut, &b);
    assert_true(gw_address_uid(&cut, &uid) && uid == 1);
    assert_int_equal(gw_address_parse(GW_SPAN_LIT("10.0.0.9"), 1, &v4), GW_OK);
    assert_false(gw_address_uid(&v4, &uid));
    assert_false(gw_address_host(&v4).size == gw_address_host(&a).size);
}

/* IPv4 counts whole, also where it is written as IPv6; of IPv6 the half that names a network. */
static void counts_by_host(void **state)
{
    (void)state;
    static const struct {
        const char *one, *other;
        bool same;
    } rows[] = {
        {"10.0.0.9", "10.0.0.9", true},
        {"10.0.0.9", "10.0.0.8", false},
        {"10.0.0.9", "::ffff:10.0.0.9", true},
        {"2001:db8::1", "2001:db8::2", true},
        {"2001:db8::1", "2001:db8:0:1::1", false},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_address one, other;
        assert_int_equal(gw_address_parse(gw_span_str(rows[i].one), 1, &one), GW_OK);
        assert_int_equal(gw_address_parse(gw_span_str(rows[i].other), 2, &other), GW_OK);
        assert_int_equal(gw_span_equal(gw_address_host(&one), gw_address_host(&other)),
                         rows[i].same);
    }
    struct gw_address none = {0};
    assert_int_equal(gw_address_host(&none).size, 0);
}

/* An address in memory that is cut to its size is read, printed and copied within it. */
static void lives_in_cut_memory(void **state)
{
    (void)state;
    static const char *const hosts[] = {"10.0.0.9", "2001:db8::1"};
    for (size_t i = 0; i < GW_COUNT_OF(hosts); i++) {
        struct gw_address whole;
        struct gw_address copy;
        char text[2][GW_ADDRESS_TEXT_MAX];
        assert_int_equal(gw_address_parse(gw_span_str(hosts[i]), 7, &whole), GW_OK);
        struct gw_address *cut = malloc(gw_address_stored_size(&whole));
        memcpy(cut, &whole, gw_address_stored_size(&whole));
        gw_address_copy(&copy, cut);
        assert_memory_equal(&copy, &whole, sizeof whole);
        assert_string_equal(gw_address_text(cut, text[0]), gw_address_text(&whole, text[1]));
        assert_int_equal(gw_address_port(cut), 7);
        assert_false(gw_address_is_loopback(cut));
        free(cut);
    }
}

static void resolves_names(void **state)
{
    (void)state;
    struct gw_address address;
    assert_int_equal(gw_address_resolve(GW_SPAN_LIT("127.0.0.1"), 9, &address), GW_OK);
    assert_int_equal(gw_address_port(&address), 9);
    assert_int_equal(gw_address_resolve(GW_SPAN_LIT("localhost"), 9, &address), GW_OK);
    assert_true(gw_address_is_loopback(&address));
    assert_int_equal(gw_address_port(&address), 9);
    assert_int_equal(gw_address_resolve(GW_SPAN_LIT("no such name"), 9, &address), GW_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_and_prints),  cmocka_unit_test(refuses_odd_hosts),
        cmocka_unit_test(names_unix_sockets), cmocka_unit_test(names_users_of_this_machine),
        cmocka_unit_test(counts_by_host),     cmocka_unit_test(lives_in_cut_memory),
        cmocka_unit_test(resolves_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
