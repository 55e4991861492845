#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "cli/context.h"

static void what_is_set_comes_back(void **state)
{
    (void)state;
    struct gw_context context = {0}, again;
    struct gw_context_error error;
    struct gw_buf text;
    static const char password[] = "a \"quoted\" \\ word: # - \t\x01\x7F \xC3\xBC ${HOME} 'x' ";
    assert_int_equal(gw_context_set(&context, "url", "mqtts://broker.lan:8883"), GW_OK);
    assert_int_equal(gw_context_set(&context, "user", "on"), GW_OK);
    assert_int_equal(gw_context_set(&context, "password", password), GW_OK);
    assert_int_equal(gw_context_set(&context, "ca", "/x/ca.pem"), GW_OK);
    assert_int_equal(gw_context_set(&context, "ca", NULL), GW_OK);
    assert_int_equal(gw_context_set(&context, "cat", "x"), GW_NOT_FOUND);
    gw_buf_init(&text, GW_CONTEXT_SIZE_MAX);
    assert_int_equal(gw_context_print(&context, &text), GW_OK);
    assert_int_equal(gw_context_parse(gw_buf_span(&text), &again, &error), GW_OK);
    assert_string_equal(again.url, context.url);
    assert_string_equal(again.user, "on");
    assert_string_equal(again.password, password);
    assert_null(again.ca);
    gw_context_fini(&again);
    assert_null(again.password);
    gw_context_fini(&context);
    gw_buf_fini(&text);
}

static void texts_that_are_no_context(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t line;
        const char *says;
    } rows[] = {
        {"", 1, "names and their values"},
        {"# nothing\n", 2, "names and their values"},
        {"hello\n", 1, "names and their values"},
        {"- url: x\n", 1, "names and their values"},
        {"user: x\n", 2, "there is no url"},
        {"url: x\nusr: y\n", 2, "did you mean \"user\"?"},
        {"url: x\nfrobnicate: y\n", 2, "unknown key \"frobnicate\""},
        {"url: x\nurl: y\n", 2, "url stands twice"},
        {"url: [x]\n", 1, "url is one value"},
        {"url:\n", 2, "url has no value"},
        {"url: \"a\\0b\"\n", 1, "no value that can be used"},
        {"url: x\n[a]: b\n", 2, "a name and its value"},
        {"url: x\npassword: a\npassword_file: b\n", 4, "exclude each other"},
        {"url: x\n---\nurl: y\n", 2, "more than one document"},
        {"url: 'x\n", 2, "this is not YAML"},
        {"url: x\n\tuser: y\n", 2, "this is not YAML"},
        {"url: &a x\nuser: *a\n", 2, "user is one value"},
        {"url: \xFF\n", 1, "this is not YAML"},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_context context;
        struct gw_context_error error;
        assert_int_equal(gw_context_parse(gw_span_str(rows[i].text), &context, &error), GW_INVALID);
        if (strstr(error.what, rows[i].says) == NULL)
            fail_msg("row %zu: %s", i, error.what);
        assert_true(error.line >= 1 && error.line <= rows[i].line + 1);
        assert_null(context.url);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_set_comes_back),
        cmocka_unit_test(texts_that_are_no_context),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
