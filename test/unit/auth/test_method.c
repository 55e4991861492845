#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "auth/method.h"
#include "base/compiler.h"

static void only_what_is_offered_is_found(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool echo, found;
    } rows[] = {
        {"ECHO", true, true},           {"ECHO", false, false},
        {"echo", true, false},          {"", true, false},
        {"ECHO ", true, false},         {"ECH", true, false},
        {"SCRAM-SHA-256", true, false},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_method_set set = {.echo = rows[i].echo};
        const struct gw_method *method = gw_method_find(&set, gw_span_str(rows[i].name));
        assert_int_equal(method != NULL, rows[i].found);
        if (method)
            assert_string_equal(method->name, rows[i].name);
    }
}

/* One step of a method in the memory that its caller gives it. */
static void expect_step(const struct gw_method *method, void *memory, const char *data,
                        enum gw_method_outcome outcome)
{
    struct gw_buf answer;
    gw_buf_init(&answer, 100);
    assert_int_equal(method->step(memory, gw_span_str(data), &answer), outcome);
    if (outcome != GW_METHOD_FAILED)
        assert_true(gw_span_equal(gw_buf_span(&answer), gw_span_str(data)));
    gw_buf_fini(&answer);
}

static void echo_sends_back_and_asks_once(void **state)
{
    (void)state;
    static const struct {
        const char *first, *second;
        enum gw_method_outcome outcome;
    } rows[] = {
        {"hello", "again", GW_METHOD_DONE},  {"", "", GW_METHOD_DONE},
        {"hello", "fail", GW_METHOD_FAILED}, {"fail", "x", GW_METHOD_DONE},
        {"hello", "failed", GW_METHOD_DONE},
    };
    struct gw_method_set set = {.echo = true};
    const struct gw_method *method = gw_method_find(&set, GW_SPAN_LIT("ECHO"));
    assert_non_null(method);
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        void *memory = calloc(1, method->state_size);
        assert_non_null(memory);
        expect_step(method, memory, rows[i].first, GW_METHOD_CONTINUE);
        expect_step(method, memory, rows[i].second, rows[i].outcome);
        if (method->end)
            method->end(memory);
        free(memory);
    }
}

static void too_much_data_fails(void **state)
{
    (void)state;
    struct gw_method_set set = {.echo = true};
    const struct gw_method *method = gw_method_find(&set, GW_SPAN_LIT("ECHO"));
    void *memory = calloc(1, method->state_size);
    struct gw_buf answer;
    assert_non_null(memory);
    gw_buf_init(&answer, 4);
    assert_int_equal(method->step(memory, GW_SPAN_LIT("12345"), &answer), GW_METHOD_FAILED);
    assert_int_equal(answer.size, 0);
    gw_buf_fini(&answer);
    free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_is_offered_is_found),
        cmocka_unit_test(echo_sends_back_and_asks_once),
        cmocka_unit_test(too_much_data_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
