#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "net/httphead.h"

static void expect_text(struct gw_span span, const char *text)
{
    assert_int_equal(span.size, strlen(text));
    if (span.size > 0)
        assert_memory_equal(span.data, text, span.size);
}

/* -- the end -- */

/* Gives a head byte by byte; returns how many were needed, 0 if all were not enough. */
static size_t needed(struct gw_span bytes, enum gw_status *ret_status, size_t *ret_size)
{
    size_t scanned = 0;
    for (size_t size = 1; size <= bytes.size; size++) {
        *ret_status = gw_httphead_end(gw_span_of(bytes.data, size), &scanned, ret_size);
        assert_true(scanned <= size);
        if (*ret_status != GW_MORE)
            return size;
    }
    return 0;
}

static void test_the_end_is_found_however_it_is_cut(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size; /* 0: no end */
    } rows[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\nrest", 27},
        {"GET / HTTP/1.1\r\n\r\n", 18},
        {"\r\n\r\n", 4},
        {"a\n\nrest", 3},
        {"a\r\nb\n\r\nrest", 7},
        {"a\r\nb\r\n \r\n", 0},
        {"a\r\n\r\r\n", 0},
        {"a\r\n\r", 0},
        {"a\r\n", 0},
        {"a", 0},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_span bytes = gw_span_str(rows[i].bytes);
        enum gw_status status = GW_OK;
        size_t size = 0, scanned = 0;
        assert_int_equal(needed(bytes, &status, &size), rows[i].size);
        assert_int_equal(size, rows[i].size);
        status = gw_httphead_end(bytes, &scanned, &size);
        assert_int_equal(status, rows[i].size ? GW_OK : GW_MORE);
        assert_int_equal(size, rows[i].size);
    }
}

static void test_a_head_ends_within_its_limit(void **state)
{
    (void)state;
    uint8_t *bytes = malloc(GW_HTTPHEAD_SIZE_MAX + 1);
    assert_non_null(bytes);
    memset(bytes, 'x', GW_HTTPHEAD_SIZE_MAX + 1);
    size_t size = 0, scanned = 0;
    assert_int_equal(gw_httphead_end(gw_span_of(bytes, GW_HTTPHEAD_SIZE_MAX - 1), &scanned, &size),
                     GW_MORE);
    assert_int_equal(gw_httphead_end(gw_span_of(bytes, GW_HTTPHEAD_SIZE_MAX), &scanned, &size),
                     GW_LIMIT);
    memcpy(bytes + GW_HTTPHEAD_SIZE_MAX - 4, "\r\n\r\n", 4);
    scanned = 0;
    assert_int_equal(gw_httphead_end(gw_span_of(bytes, GW_HTTPHEAD_SIZE_MAX), &scanned, &size),
                     GW_OK);
    assert_int_equal(size, GW_HTTPHEAD_SIZE_MAX);
    memcpy(bytes + GW_HTTPHEAD_SIZE_MAX - 4, "x\r\n\r\n", 5);
    scanned = 0;
    assert_int_equal(gw_httphead_end(gw_span_of(bytes, GW_HTTPHEAD_SIZE_MAX + 1), &scanned, &size),
                     GW_LIMIT);
    free(bytes);
}

/* -- lines -- */

static void test_fields_are_cut_apart(void **state)
{
    (void)state;
    struct gw_span head =
        GW_SPAN_LIT("GET /a b HTTP/1.1\r\nHost:a:1\r\nX-!#$%&'*+-.^_`|~9: \t v w \t\r\n"
                    "Empty:\r\nColons: a:b:c\r\n\r\nrest");
    static const char *const want[][2] = {
        {"Host", "a:1"}, {"X-!#$%&'*+-.^_`|~9", "v w"}, {"Empty", ""}, {"Colons", "a:b:c"}};
    struct gw_span line;
    struct gw_httphead_field field;
    assert_int_equal(gw_httphead_first(&head, &line), GW_OK);
    expect_text(gw_httphead_word(&line), "GET");
    expect_text(gw_httphead_word(&line), "/a");
    expect_text(line, "b HTTP/1.1");
    expect_text(gw_httphead_word(&line), "b");
    expect_text(gw_httphead_word(&line), "HTTP/1.1");
    expect_text(gw_httphead_word(&line), "");
    for (size_t i = 0; i < GW_COUNT_OF(want); i++) {
        assert_int_equal(gw_httphead_next(&head, &field), GW_OK);
        expect_text(field.name, want[i][0]);
        expect_text(field.value, want[i][1]);
    }
    assert_int_equal(gw_httphead_next(&head, &field), GW_END);
    expect_text(head, "rest");
}

static void test_what_others_may_read_otherwise_is_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "Host: a\n",      /* a bare LF */
        "Host : a\r\n",   /* a blank before the colon */
        " folded: a\r\n", /* a folded line */
        "\tfolded\r\n",
        ": a\r\n",
        "Host\r\n",
        "Ho st: a\r\n",
        "Ho\xC3\xB6: a\r\n",
        "Host: a\rb\r\n",
        "Host: a\x01\r\n",
        "Host: a\x7F\r\n",
        "\n",
        "Host: a",
        "",
    };
    struct gw_httphead_field field;
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_span head = gw_span_str(rows[i]);
        assert_int_equal(gw_httphead_next(&head, &field), GW_MALFORMED);
    }
    struct gw_span nul = GW_SPAN_LIT("Host: a\0b\r\n");
    assert_int_equal(gw_httphead_next(&nul, &field), GW_MALFORMED);
    struct gw_span empty = GW_SPAN_LIT("\r\n");
    struct gw_span line;
    assert_int_equal(gw_httphead_first(&empty, &line), GW_MALFORMED);
}

static void test_lists_are_cut_apart(void **state)
{
    (void)state;
    struct gw_span list = GW_SPAN_LIT(" , a ,b c,,\td\t,");
    struct gw_span member;
    static const char *const want[] = {"a", "b c", "d"};
    for (size_t i = 0; i < GW_COUNT_OF(want); i++) {
        assert_true(gw_httphead_member(&list, &member));
        expect_text(member, want[i]);
    }
    assert_false(gw_httphead_member(&list, &member));
    assert_true(gw_httphead_has(GW_SPAN_LIT("keep-alive, UPGRADE"), "upgrade"));
    assert_false(gw_httphead_has(GW_SPAN_LIT("keep-alive, upgrades"), "upgrade"));
    assert_false(gw_httphead_has(GW_SPAN_NONE, "upgrade"));
    assert_true(gw_httphead_same(GW_SPAN_LIT("aZ[@"), GW_SPAN_LIT("Az[@")));
    assert_false(gw_httphead_same(GW_SPAN_LIT("["), GW_SPAN_LIT("{")));
    assert_false(gw_httphead_same(GW_SPAN_LIT("@"), GW_SPAN_LIT("`")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_end_is_found_however_it_is_cut),
        cmocka_unit_test(test_a_head_ends_within_its_limit),
        cmocka_unit_test(test_fields_are_cut_apart),
        cmocka_unit_test(test_what_others_may_read_otherwise_is_refused),
        cmocka_unit_test(test_lists_are_cut_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
