#include "net/proxyhead.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/crc.h"

#define V2      "\r\n\r\n\0\r\nQUIT\n"
#define ADDRESS "\x0a\x01\x02\x03\x0a\x00\x00\x01\x30\x39\x07\x5b" /* 10.1.2.3:12345 to :1883 */

/* Reads bytes in memory of exactly their size, so that a sanitizer sees a look behind them. */
static enum gw_status read_exactly(struct gw_span bytes, struct gw_proxyhead *head,
                                   size_t *ret_size)
{
    const char *what = NULL;
    uint8_t *copy = malloc(bytes.size + 1);
    assert_non_null(copy);
    uint8_t *at = copy + 1; /* and unaligned */
    if (bytes.size > 0)
        memcpy(at, bytes.data, bytes.size);
    enum gw_status status = gw_proxyhead_read(gw_span_of(at, bytes.size), head, ret_size, &what);
    assert_int_equal(status == GW_MALFORMED, what != NULL);
    head->tls_version = head->cipher = head->common_name = head->authority = GW_SPAN_NONE;
    free(copy);
    return status;
}

struct row {
    struct gw_span bytes;
    enum gw_status status;
    const char *from; /* NULL: not known */
};

/* Whole headers are read, with anything behind them; each beginning of one wants more. */
static void check(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct gw_proxyhead head;
        size_t size = 0;
        char text[GW_ADDRESS_TEXT_MAX];
        if (read_exactly(rows[i].bytes, &head, &size) != rows[i].status)
            fail_msg("row %zu", i);
        if (rows[i].status != GW_OK)
            continue;
        assert_int_equal(size, rows[i].bytes.size);
        assert_int_equal(head.known, rows[i].from != NULL);
        if (rows[i].from != NULL)
            assert_string_equal(gw_address_text(&head.address, text), rows[i].from);
        for (size_t cut = 0; cut < size; cut++)
            if (read_exactly(gw_span_of(rows[i].bytes.data, cut), &head, &size) != GW_MORE)
                fail_msg("row %zu cut to %zu", i, cut);
        uint8_t longer[512];
        memcpy(longer, rows[i].bytes.data, rows[i].bytes.size);
        memset(longer + rows[i].bytes.size, 0x10, 8);
        assert_int_equal(read_exactly(gw_span_of(longer, rows[i].bytes.size + 8), &head, &size),
                         GW_OK);
        assert_int_equal(size, rows[i].bytes.size);
    }
}

#define LINE(text, status, from)                                                                   \
    {                                                                                              \
        GW_SPAN_LIT(text), status, from                                                            \
    }

static void reads_lines(void **state)
{
    const struct row rows[] = {
        LINE("PROXY TCP4 10.1.2.3 10.0.0.1 12345 1883\r\n", GW_OK, "10.1.2.3:12345"),
        LINE("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", GW_OK,
             "255.255.255.255:65535"),
        LINE("PROXY TCP4 1.2.3.4 1.2.3.4 0 0\r\n", GW_OK, "1.2.3.4:0"),
        LINE("PROXY TCP6 2001:db8::1 ::1 5 6\r\n", GW_OK, "[2001:db8::1]:5"),
        LINE("PROXY TCP6 ::ffff:10.1.2.3 ::1 5 6\r\n", GW_OK, "10.1.2.3:5"),
        LINE("PROXY UNKNOWN\r\n", GW_OK, NULL),
        LINE("PROXY UNKNOWN ffff:f ffff:f 65535 65535\r\n", GW_OK, NULL),
        LINE("PROXY TCP4 10.1.2.3 10.0.0.1 12345 1883\n", GW_MALFORMED, NULL),
        LINE("PROXY TCP4  10.1.2.3 10.0.0.1 12345 1883\r\n", GW_MALFORMED, NULL),
        LINE("PROXY TCP4 10.1.2.3 10.0.0.1 12345 1883 \r\n", GW_MALFORMED, NULL),
        LINE("PROXY TCP4 10.1.2.3 10.0.0.1 012345 1883\r\n", GW_MALFORMED, NULL),
        LINE("PROXY TCP4 10.1.2.3 10.0.0.1 65536 1883\r\n", GW_MALFORMED, NULL),
        LINE("PROXY TCP4 10.1.2.3 10.0.0.1 -1 1883\r\n", GW_MALFORMED, NULL),
        LINE("PROXY TCP4 10.1.2.3 10.0.0.1 12345\r\n", GW_MALFORMED, NULL),
        LINE("PROXY TCP4 10.1.2 10.0.0.1 1 1\r\n", GW_MALFORMED, NULL),
        LINE("PROXY TCP4 * 10.0.0.1 1 1\r\n", GW_MALFORMED, NULL),
        LINE("PROXY TCP4 ::1 10.0.0.1 1 1\r\n", GW_MALFORMED, NULL),
        LINE("PROXY TCP6 10.1.2.3 ::1 1 1\r\n", GW_MALFORMED, NULL),
        LINE("PROXY TCP6 [::1] ::1 1 1\r\n", GW_MALFORMED, NULL),
        LINE("PROXY TCP6 fe80::1%lo ::1 1 1\r\n", GW_MALFORMED, NULL),
        LINE("PROXY UDP4 10.1.2.3 10.0.0.1 1 1\r\n", GW_MALFORMED, NULL),
        LINE("PROXY \r\n", GW_MALFORMED, NULL),
        LINE("PROXY\r\n", GW_MALFORMED, NULL),
        LINE("proxy TCP4 10.1.2.3 10.0.0.1 1 1\r\n", GW_MALFORMED, NULL),
        LINE("GET / HTTP/1.1\r\n", GW_MALFORMED, NULL),
        LINE("\x10\x0c\0\4MQTT\5\2\0\x3c", GW_MALFORMED, NULL),
        LINE("\x16\x03\x01", GW_MALFORMED, NULL),
    };
    (void)state;
    check(rows, GW_COUNT_OF(rows));
}

/* The longest line has 107 bytes with its end. */
static void bounds_lines(void **state)
{
    struct gw_proxyhead head;
    char line[120];
    size_t size;
    (void)state;
    int begin = snprintf(line, sizeof line, "PROXY UNKNOWN %090d", 0);
    memcpy(line + begin, "x\r\n", 3);
    assert_int_equal(begin + 3, 107);
    assert_int_equal(read_exactly(gw_span_of(line, 107), &head, &size), GW_OK);
    memcpy(line + begin, "xx\r\n", 4);
    assert_int_equal(read_exactly(gw_span_of(line, 106), &head, &size), GW_MORE);
    assert_int_equal(read_exactly(gw_span_of(line, 107), &head, &size), GW_MALFORMED);
    assert_int_equal(read_exactly(gw_span_of(line, 108), &head, &size), GW_MALFORMED);
}

static void reads_binary(void **state)
{
    static char local_unix[16 + 216] = V2 "\x21\x31\x00\xd8/run/client";
    const struct row rows[] = {
        LINE(V2 "\x21\x11\x00\x0c" ADDRESS, GW_OK, "10.1.2.3:12345"),
        LINE(V2 "\x21\x10\x00\x0c" ADDRESS, GW_OK, "10.1.2.3:12345"),
        LINE(V2 "\x21\x21\x00\x24"
                "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"
                "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x00\x05\x00\x06",
             GW_OK, "[2001:db8::1]:5"),
        LINE(V2 "\x20\x00\x00\x00", GW_OK, NULL), /* the proxy itself */
        LINE(V2 "\x20\x11\x00\x0c" ADDRESS, GW_OK, NULL),
        LINE(V2 "\x20\xff\x00\x03xyz", GW_OK, NULL),
        LINE(V2 "\x21\x00\x00\x00", GW_OK, NULL),
        LINE(V2 "\x21\x01\x00\x03\x04\x00\x00", GW_OK, NULL), /* NOOP */
        LINE(V2 "\x21\x11\x00\x10" ADDRESS "\xee\x00\x01x", GW_OK, "10.1.2.3:12345"),
        {gw_span_of(local_unix, sizeof local_unix), GW_OK, "/run/client"},
        LINE(V2 "\x11\x11\x00\x0c" ADDRESS, GW_MALFORMED, NULL),
        LINE(V2 "\x22\x11\x00\x0c" ADDRESS, GW_MALFORMED, NULL),
        LINE(V2 "\x21\x12\x00\x0c" ADDRESS, GW_MALFORMED, NULL), /* UDP */
        LINE(V2 "\x21\x41\x00\x0c" ADDRESS, GW_MALFORMED, NULL),
        LINE(V2 "\x21\x11\x00\x0b\x0a\x01\x02\x03\x0a\x00\x00\x01\x30\x39\x07", GW_MALFORMED, NULL),
        LINE(V2 "\x21\x11\x00\x0d" ADDRESS "\x04", GW_MALFORMED, NULL),
        LINE(V2 "\x21\x11\x00\x10" ADDRESS "\x04\x00\x02x", GW_MALFORMED, NULL),
        LINE(V2 "\x21\x11\x00\x13" ADDRESS "\x20\x00\x04\x01\0\0\0", GW_MALFORMED, NULL),
        LINE(V2 "\x21\x11\x20\x00", GW_MALFORMED, NULL), /* 8 KiB and more */
        LINE("\r\n\r\n\0\r\nQUIT\r", GW_MALFORMED, NULL),
    };
    (void)state;
    check(rows, GW_COUNT_OF(rows));
}

/* A header of version 2 with these fields. */
static struct gw_span header(uint8_t memory[512], struct gw_span fields)
{
    memcpy(memory, V2 "\x21\x11\x00\x00" ADDRESS, 28);
    memcpy(memory + 28, fields.data, fields.size);
    memory[15] = (uint8_t)(12 + fields.size);
    return gw_span_of(memory, 28 + fields.size);
}

static void reads_what_the_client_proved(void **state)
{
    static const char authority[] = "\x02\x00\x09mqtt.home";
    const struct {
        struct gw_span fields;
        bool tls, verified;
        const char *version, *cipher, *name, *authority;
    } rows[] = {
        {GW_SPAN_LIT("\x20\x00\x0d\x07\0\0\0\0\x22\x00\x05"
                     "alice"),
         true, true, "", "", "alice", ""},
        {GW_SPAN_LIT("\x20\x00\x12\x05\0\0\0\0\x21\x00\x07TLSv1.3\x23\x00\x00"), true, true,
         "TLSv1.3", "", "", ""},
        {GW_SPAN_LIT("\x20\x00\x0c\x03\0\0\0\1\x22\x00\x04"
                     "evil"),
         true, false, "", "", "evil", ""}, /* not verified */
        {GW_SPAN_LIT("\x20\x00\x0c\x01\0\0\0\0\x22\x00\x04"
                     "evil"),
         true, false, "", "", "evil", ""}, /* none was shown */
        {GW_SPAN_LIT("\x20\x00\x0c\x06\0\0\0\0\x22\x00\x04"
                     "evil"),
         false, false, "", "", "evil", ""}, /* no TLS */
        {GW_SPAN_LIT("\x20\x00\x0a\x03\0\0\0\0\x22\x00\x02\xff\xfe"), true, true, "", "", "", ""},
        {GW_SPAN_LIT("\x20\x00\x0b\x03\0\0\0\0\x22\x00\x03"
                     "a\0b"),
         true, true, "", "", "", ""},
        {gw_span_of(authority, sizeof authority - 1), false, false, "", "", "", "mqtt.home"},
    };
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_proxyhead head;
        uint8_t memory[512];
        size_t size;
        const char *what;
        struct gw_span bytes = header(memory, rows[i].fields);
        assert_int_equal(gw_proxyhead_read(bytes, &head, &size, &what), GW_OK);
        if (head.tls != rows[i].tls || head.verified != rows[i].verified ||
            !gw_span_equal(head.tls_version, gw_span_str(rows[i].version)) ||
            !gw_span_equal(head.cipher, gw_span_str(rows[i].cipher)) ||
            !gw_span_equal(head.common_name, gw_span_str(rows[i].name)) ||
            !gw_span_equal(head.authority, gw_span_str(rows[i].authority)))
            fail_msg("row %zu", i);
    }
}

static void checks_sums(void **state)
{
    struct gw_proxyhead head;
    uint8_t memory[512];
    size_t size;
    const char *what;
    (void)state;
    struct gw_span bytes = header(memory, GW_SPAN_LIT("\x03\x00\x04\0\0\0\0\x04\x00\x01x"));
    uint32_t crc = gw_crc32c(0, bytes);
    for (int i = 0; i < 4; i++)
        memory[31 + i] = (uint8_t)(crc >> (24 - 8 * i));
    assert_int_equal(gw_proxyhead_read(bytes, &head, &size, &what), GW_OK);
    memory[20] ^= 1;
    assert_int_equal(gw_proxyhead_read(bytes, &head, &size, &what), GW_MALFORMED);
    memory[20] ^= 1;
    memory[34] ^= 1;
    assert_int_equal(gw_proxyhead_read(bytes, &head, &size, &what), GW_MALFORMED);
    bytes = header(memory, GW_SPAN_LIT("\x03\x00\x03\0\0\0"));
    assert_int_equal(gw_proxyhead_read(bytes, &head, &size, &what), GW_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_lines),  cmocka_unit_test(bounds_lines),
        cmocka_unit_test(reads_binary), cmocka_unit_test(reads_what_the_client_proved),
        cmocka_unit_test(checks_sums),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
