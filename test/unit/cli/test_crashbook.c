#include "cli/crashbook.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { NEAR, AWAY };

/* A message of writer 0 in the books, acknowledged or not; its payload is in name. */
static uint32_t publish(struct gw_crashbook *book, uint8_t qos, bool acknowledged, char *name)
{
    uint32_t number;
    assert_int_equal(gw_crashbook_publish(book, 0, qos, name, &number), GW_OK);
    if (acknowledged)
        gw_crashbook_acknowledge(book, 0, number);
    return number;
}

static void arrive(struct gw_crashbook *book, unsigned reader, const char *payload)
{
    gw_crashbook_arrive(book, reader, gw_span_str(payload));
}

/* What each course of two messages is judged to be; "01" arrive in this order at both readers. */
static void test_judgement(void **state)
{
    static const struct {
        const char *course;
        uint8_t qos;
        bool acknowledged;
        uint64_t found, lost, doubled, disordered;
    } rows[] = {
        {"01", 2, true, 2, 0, 0, 0},
        {"01", 1, true, 2, 0, 0, 0},
        {"0", 2, true, 1, 1, 0, 0},
        {"", 1, true, 0, 2, 0, 0},
        {"", 1, false, 0, 0, 0, 0},
        {"01", 1, false, 0, 0, 0, 0}, /* not promised, but may come */
        {"001", 2, true, 2, 0, 1, 0},
        {"001", 2, false, 0, 0, 1, 0}, /* twice is wrong even where nothing was promised */
        {"0101", 1, true, 2, 0, 0, 0}, /* QoS 1 may repeat, from somewhere on */
        {"0101", 2, true, 2, 0, 2, 0},
        {"10", 1, true, 2, 0, 0, 1},
        {"10", 2, true, 2, 0, 0, 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct gw_crashbook book;
        char names[2][GW_CRASHBOOK_NAME];

        gw_crashbook_init(&book);
        for (size_t n = 0; n < 2; n++)
            publish(&book, rows[i].qos, rows[i].acknowledged, names[n]);
        for (const char *at = rows[i].course; *at; at++) {
            arrive(&book, NEAR, names[*at - '0']);
            arrive(&book, AWAY, names[*at - '0']);
        }
        assert_int_equal(gw_crashbook_missing(&book), 2 * rows[i].lost);
        gw_crashbook_close(&book);
        const struct gw_crashbook_figures *near =
            &book.rows[rows[i].qos == 2 ? GW_CRASHBOOK_QOS2 : GW_CRASHBOOK_QOS1];
        const struct gw_crashbook_figures *both[] = {near, &book.rows[GW_CRASHBOOK_AWAY]};
        for (size_t f = 0; f < 2; f++) {
            assert_int_equal(both[f]->acknowledged, rows[i].acknowledged ? 2 : 0);
            assert_int_equal(both[f]->found, rows[i].found);
            assert_int_equal(both[f]->lost, rows[i].lost);
            assert_int_equal(both[f]->doubled, rows[i].doubled);
            assert_int_equal(both[f]->disordered, rows[i].disordered);
        }
        uint64_t faults = rows[i].lost + rows[i].doubled + rows[i].disordered;
        assert_int_equal(gw_crashbook_faults(&book), 2 * faults);
        gw_crashbook_fini(&book);
    }
}

/* Lanes of QoS 1 and QoS 2 are apart: the standard orders them so (4.6). */
static void test_order_is_per_qos(void **state)
{
    struct gw_crashbook book;
    char one[GW_CRASHBOOK_NAME], two[GW_CRASHBOOK_NAME];

    (void)state;
    gw_crashbook_init(&book);
    publish(&book, 1, true, one);
    publish(&book, 2, true, two);
    arrive(&book, NEAR, two);
    arrive(&book, NEAR, one);
    assert_int_equal(gw_crashbook_faults(&book), 0);
    gw_crashbook_fini(&book);
}

static void test_strangers(void **state)
{
    static const char *const payloads[] = {
        "",         "x",      "w0",   "w0 ",   "w0 0",   "w0 1 ",          "w2 0 ",
        "w0 0 %%x", "w0 -1 ", "w 0 ", "W0 0 ", "w0  0 ", "w0 4294967296 ", "w00000000001 0"};
    struct gw_crashbook book;
    char name[GW_CRASHBOOK_NAME];

    (void)state;
    gw_crashbook_init(&book);
    publish(&book, 1, true, name);
    for (size_t i = 0; i < sizeof payloads / sizeof payloads[0]; i++) {
        arrive(&book, NEAR, payloads[i]);
        assert_int_equal(book.strangers, i + 1);
    }
    arrive(&book, NEAR, "w0 0 %%%%");
    assert_int_equal(book.strangers, sizeof payloads / sizeof payloads[0]);
    assert_int_equal(book.writers[0].messages[0].arrivals[NEAR], 1);
    gw_crashbook_fini(&book);
}

static void test_many(void **state)
{
    struct gw_crashbook book;
    char name[GW_CRASHBOOK_NAME];

    (void)state;
    gw_crashbook_init(&book);
    for (uint32_t i = 0; i < 3000; i++) {
        assert_int_equal(publish(&book, 2, true, name), i);
        arrive(&book, NEAR, name);
    }
    gw_crashbook_acknowledge(&book, 0, 0); /* once more: no matter */
    assert_int_equal(book.acknowledged, 3000);
    assert_int_equal(gw_crashbook_missing(&book), 3000); /* of the one that is away */
    gw_crashbook_look(&book, GW_CRASHBOOK_SESSION, true);
    gw_crashbook_look(&book, GW_CRASHBOOK_SESSION, false);
    assert_int_equal(book.rows[GW_CRASHBOOK_SESSION].acknowledged, 2);
    assert_int_equal(gw_crashbook_faults(&book), 1);
    gw_crashbook_fini(&book);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_judgement),
        cmocka_unit_test(test_order_is_per_qos),
        cmocka_unit_test(test_strangers),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
