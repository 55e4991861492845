#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auth/oauthbearer.h"
#include "base/compiler.h"

static void messages_are_cut(void **state)
{
    (void)state;
    static const struct {
        const char *message, *as, *token; /* token NULL: refused */
    } rows[] = {
        {"n,,\1auth=Bearer abc.def.g\1\1", "", "abc.def.g"},
        {"y,,\1auth=bearer abc\1\1", "", "abc"},
        {"n,a=ada,\1host=h\1port=1\1auth=Bearer abc\1\1", "ada", "abc"},
        {"n,a=a=2Cb,\1auth=Bearer abc\1\1", "a=2Cb", "abc"},
        {"", NULL, NULL},
        {"n,,", NULL, NULL},
        {"n,,\1", NULL, NULL},
        {"n,,\1\1", NULL, NULL},
        {"n,a=,\1auth=Bearer abc\1\1", NULL, NULL},
        {"n,ada,\1auth=Bearer abc\1\1", NULL, NULL},
        {"p=x,,\1auth=Bearer abc\1\1", NULL, NULL},
        {"x,,\1auth=Bearer abc\1\1", NULL, NULL},
        {"n,,auth=Bearer abc\1\1", NULL, NULL},
        {"n,,x\1auth=Bearer abc\1\1", NULL, NULL},
        {"n,,\1auth=Bearer abc\1", NULL, NULL},
        {"n,,\1auth=Bearer abc\1\1x", NULL, NULL},
        {"n,,\1auth=Bearer \1\1", NULL, NULL},
        {"n,,\1auth=Basic abc\1\1", NULL, NULL},
        {"n,,\1auth=Bearer a b\1\1", NULL, NULL},
        {"n,,\1auth=Bearer a\1auth=Bearer b\1\1", NULL, NULL},
        {"n,,\1host=h\1\1", NULL, NULL},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_span as, token;
        const char *why = gw_oauthbearer_read(gw_span_str(rows[i].message), &as, &token);
        assert_int_equal(why == NULL, rows[i].token != NULL);
        if (why)
            continue;
        assert_true(gw_span_equal(as, gw_span_str(rows[i].as)));
        assert_true(gw_span_equal(token, gw_span_str(rows[i].token)));
    }
}

/* A backend that takes the token "good" for ada, "any" for whoever is named. */
static enum gw_backend_answer answer(void *worker, const struct gw_backend_login *login,
                                     struct gw_backend_reply *reply)
{
    (void)worker;
    assert_true(gw_span_equal(login->address, GW_SPAN_LIT("10.0.0.9")));
    if (gw_span_equal(login->password, GW_SPAN_LIT("down")))
        return GW_BACKEND_TROUBLE;
    if (gw_span_equal(login->password, GW_SPAN_LIT("any")))
        return GW_BACKEND_YES;
    if (!gw_span_equal(login->password, GW_SPAN_LIT("good")))
        return GW_BACKEND_NO;
    reply->warrant.expires = 77;
    return gw_buf_append(&reply->warrant.user, GW_SPAN_LIT("ada")) == GW_OK ? GW_BACKEND_YES
                                                                            : GW_BACKEND_TROUBLE;
}

static void the_backend_judges_the_token(void **state)
{
    (void)state;
    static const struct gw_backend_ops ops = {.ask = answer};
    static const struct {
        const char *message, *given, *user;
        enum gw_method_outcome outcome;
    } rows[] = {
        {"n,,\1auth=Bearer good\1\1", "", "ada", GW_METHOD_DONE},
        {"n,a=ada,\1auth=Bearer good\1\1", "", "ada", GW_METHOD_DONE},
        {"n,a=bea,\1auth=Bearer good\1\1", "", "ada", GW_METHOD_FAILED},
        {"n,,\1auth=Bearer good\1\1", "bea", "ada", GW_METHOD_FAILED},
        {"n,a=b=2Ca,\1auth=Bearer any\1\1", "", "b,a", GW_METHOD_DONE},
        {"n,a=b=a,\1auth=Bearer any\1\1", "", "", GW_METHOD_FAILED},
        {"n,,\1auth=Bearer bad\1\1", "", "", GW_METHOD_FAILED},
        {"n,,\1auth=Bearer down\1\1", "", "", GW_METHOD_TROUBLE},
        {"nonsense", "", "", GW_METHOD_FAILED},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_method_exchange exchange;
        struct gw_buf out;
        gw_method_exchange_init(&exchange);
        gw_buf_init(&out, 100);
        exchange.backend = &ops;
        exchange.who.user = gw_span_str(rows[i].given);
        exchange.who.address = GW_SPAN_LIT("10.0.0.9");
        assert_int_equal(
            gw_oauthbearer_method.step(NULL, &exchange, gw_span_str(rows[i].message), &out),
            rows[i].outcome);
        assert_true(gw_span_equal(gw_buf_span(&exchange.warrant.user), gw_span_str(rows[i].user)));
        gw_method_exchange_fini(&exchange);
        gw_buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_cut),
        cmocka_unit_test(the_backend_judges_the_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
