#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auth/reach.h"
#include "base/compiler.h"

#define TEXT(text)                                                                                 \
    {                                                                                              \
        (const uint8_t *)(text), sizeof(text) - 1                                                  \
    } /* for static objects */

static const struct gw_identity alice = {
    .user = TEXT("alice"),
    .client_id = TEXT("cam-3"),
};

/* A filter as a person writes it, as the rules keep it. */
static struct gw_span encoded(const char *text, struct gw_buf *buf)
{
    gw_buf_init(buf, 1000);
    assert_int_equal(gw_reach_encode(gw_span_str(text), buf), GW_OK);
    return gw_buf_span(buf);
}

static void placeholders_are_read_and_written(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum gw_status status;
    } rows[] = {
        {"#", GW_OK},
        {"devices/%c/#", GW_OK},
        {"%u/%c-x%u/+", GW_OK},
        {"100%%/%%u", GW_OK},
        {"$SYS/#", GW_OK},
        {"a/%", GW_NOT_FOUND},
        {"a/%x", GW_NOT_FOUND},
        {"a/%C", GW_NOT_FOUND},
        {"", GW_INVALID},
        {"a/#/b", GW_INVALID},
        {"a/%u+", GW_INVALID},
        {"%c#", GW_INVALID},
        {"$share/g/a", GW_INVALID},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_buf buf;
        struct gw_buf back;
        gw_buf_init(&buf, 1000);
        gw_buf_init(&back, 1000);
        assert_int_equal(gw_reach_encode(gw_span_str(rows[i].text), &buf), rows[i].status);
        if (rows[i].status == GW_OK) {
            assert_int_equal(gw_reach_decode(gw_buf_span(&buf), &back), GW_OK);
            assert_true(gw_span_equal(gw_buf_span(&back), gw_span_str(rows[i].text)));
        }
        gw_buf_fini(&buf);
        gw_buf_fini(&back);
    }
}

/* Names that could become more than a part of a level fit no filter that would hold them. */
static void hostile_names_fit_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *text, *user, *client_id;
        bool anonymous, fits;
    } rows[] = {
        {"%u/#", "bob", "x", false, true},     {"%u/#", "+", "x", false, false},
        {"%u/#", "#", "x", false, false},      {"%u/#", "a/b", "x", false, false},
        {"%u/#", "a+", "x", false, false},     {"%u/#", "a#", "x", false, false},
        {"%u/#", "", "x", false, false},       {"%u/#", "bob", "#", false, true},
        {"%u/#", "bob", "x", true, false},     {"%c/#", "bob", "x", true, true},
        {"a/%c", "bob", "#", false, false},    {"a/%c", "bob", "+", false, false},
        {"%u/a", "$SYS", "x", false, false},   {"a/%u", "$SYS", "x", false, true},
        {"%u/a", "$share", "x", false, false}, {"a/b", "#", "+/#", false, true},
        {"%u/%c", "bob", "x/y", false, false}, {"%c", "bob", "%u", false, true},
        {"%u/a", "\xFE", "x", false, false},   {"a/x%c", "bob", "/", false, false},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_identity who = {
            .user = gw_span_str(rows[i].user),
            .client_id = gw_span_str(rows[i].client_id),
            .anonymous = rows[i].anonymous,
        };
        struct gw_buf buf;
        assert_int_equal(gw_reach_fits(encoded(rows[i].text, &buf), &who), rows[i].fits);
        gw_buf_fini(&buf);
    }
}

static void names_take_their_places(void **state)
{
    (void)state;
    static const struct {
        const char *text, *name;
        bool matches;
    } rows[] = {
        {"devices/%c/#", "devices/cam-3/temp", true},
        {"devices/%c/#", "devices/cam-3", true},
        {"devices/%c/#", "devices/cam-4/temp", false},
        {"devices/%c/#", "devices/cam-33", false},
        {"devices/%c/#", "devices/cam-/temp", false},
        {"%u/%c", "alice/cam-3", true},
        {"%u/%c", "cam-3/alice", false},
        {"x%u-%c", "xalice-cam-3", true},
        {"x%u-%c", "xalice-cam-3/", false},
        {"a/%%u", "a/%u", true},
        {"a/%%u", "a/alice", false},
        {"+/%c/#", "$x/cam-3/b", false},
        {"$x/%c/#", "$x/cam-3/b", true},
        {"#", "$SYS", false},
        {"+", "", false},
        {"a/+/c", "a//c", true},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_buf buf;
        struct gw_span reach = encoded(rows[i].text, &buf);
        if (rows[i].name[0] != '\0')
            assert_int_equal(gw_reach_matches(reach, &alice, gw_span_str(rows[i].name)),
                             rows[i].matches);
        gw_buf_fini(&buf);
    }
}

static void filters_meet_and_hold_each_other(void **state)
{
    (void)state;
    static const struct {
        const char *text, *filter;
        bool overlaps, covers;
    } rows[] = {
        {"a/#", "a/b", true, true},      {"a/#", "a", true, true},
        {"a/#", "#", true, false},       {"a/#", "+/#", true, false},
        {"a/#", "b/#", false, false},    {"a/+", "a/#", true, false},
        {"a/+", "a/+", true, true},      {"a/b", "a/+", true, false},
        {"#", "+/#", true, true},        {"+/#", "#", true, true},
        {"+/+/#", "#", true, false},     {"#", "$SYS/#", false, false},
        {"+/a", "$SYS/a", false, false}, {"$SYS/#", "#", false, false},
        {"$SYS/#", "+/a", false, false}, {"$SYS/#", "$SYS/+/b", true, true},
        {"a/#", "a/+/#", true, true},    {"a/+/#", "a/#", true, false},
        {"a/+/#", "a", false, false},    {"+", "+/+", false, false},
        {"%u/#", "alice/b", true, true}, {"%u/#", "+/b", true, false},
        {"%u/#", "bob/b", false, false}, {"a//#", "a/+/b", true, false},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_buf buf;
        struct gw_span reach = encoded(rows[i].text, &buf);
        struct gw_span filter = gw_span_str(rows[i].filter);
        assert_int_equal(gw_reach_overlaps(reach, &alice, filter), rows[i].overlaps);
        if (rows[i].overlaps)
            assert_int_equal(gw_reach_covers(reach, &alice, filter), rows[i].covers);
        gw_buf_fini(&buf);
    }
}

static void what_two_have_in_common_is_held(void **state)
{
    (void)state;
    static const struct {
        const char *text, *filter, *other;
        bool covers;
    } rows[] = {
        {"a/+/x", "+/b/x", "a/b/x", true}, {"a/b/#", "a/#", "+/b/c", true},
        {"a/b/#", "a/#", "+/+/c", false},  {"a/#", "#", "a/+/#", true},
        {"a/b", "a/#", "a/+", false},      {"a/+", "a/#", "a/+", true},
        {"a", "a/#", "a", true},           {"a/+", "a/#", "a", false},
        {"%u/#", "+/x", "%u/+", true},     {"%u/#", "+/x", "%c/+", false},
        {"#", "+/x", "$SYS/+", false},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_buf one;
        struct gw_buf two;
        struct gw_span reach = encoded(rows[i].text, &one);
        struct gw_span other = encoded(rows[i].other, &two);
        struct gw_span filter = gw_span_str(rows[i].filter);
        if (gw_reach_overlaps(other, &alice, filter))
            assert_int_equal(gw_reach_covers_both(reach, &alice, filter, other), rows[i].covers);
        gw_buf_fini(&one);
        gw_buf_fini(&two);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(placeholders_are_read_and_written),
        cmocka_unit_test(hostile_names_fit_nothing),
        cmocka_unit_test(names_take_their_places),
        cmocka_unit_test(filters_meet_and_hold_each_other),
        cmocka_unit_test(what_two_have_in_common_is_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
