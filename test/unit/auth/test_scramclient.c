#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "auth/scram.h"
#include "auth/scramclient.h"
#include "base/compiler.h"

/* The example of RFC 7677 section 3. */
#define NONCE    "rOprNGfwEbeRWgbNEkqO"
#define OURS     "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define SALT     "W22ZaJ0SNY7soEsUEjb6gQ=="
#define SAID     "r=" NONCE OURS ",s=" SALT ",i=4096"
#define VERIFIER "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

struct fixture {
    struct gw_scramclient client;
    struct gw_buf out;
    const char *why;
};

static void begin(struct fixture *f, const char *user, const char *password)
{
    f->why = NULL;
    gw_scramclient_init(&f->client, GW_HASHTEXT_SCRAM256, gw_span_str(user), gw_span_str(password));
    gw_buf_init(&f->out, 20000);
}

static enum gw_status first(struct fixture *f)
{
    gw_buf_clear(&f->out);
    return gw_scramclient_first(&f->client, GW_SPAN_LIT(NONCE), &f->out);
}

static enum gw_status last(struct fixture *f, const char *said)
{
    gw_buf_clear(&f->out);
    return gw_scramclient_last(&f->client, gw_span_str(said), &f->out, &f->why);
}

static void end(struct fixture *f)
{
    gw_scramclient_fini(&f->client);
    gw_buf_fini(&f->out);
}

static void assert_out(const struct fixture *f, const char *text)
{
    assert_true(gw_span_equal(gw_buf_span(&f->out), gw_span_str(text)));
}

static void the_example_of_the_standard_holds(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, "user", "pencil");
    assert_int_equal(first(&f), GW_OK);
    assert_out(&f, "n,,n=user,r=" NONCE);
    assert_false(gw_scramclient_trusts(&f.client, GW_SPAN_LIT(VERIFIER)));
    assert_int_equal(last(&f, SAID), GW_OK);
    assert_out(&f, "c=biws,r=" NONCE OURS ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
    assert_true(gw_scramclient_trusts(&f.client, GW_SPAN_LIT(VERIFIER)));
    assert_int_equal(last(&f, SAID), GW_PROTOCOL);
    end(&f);
}

static void only_the_right_signature_is_trusted(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "v=",
        "e=invalid-proof",
        "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G8=",
        "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95A==",
        "x=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
    };
    struct fixture f;
    begin(&f, "user", "pencil");
    assert_int_equal(first(&f), GW_OK);
    assert_int_equal(last(&f, SAID), GW_OK);
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++)
        assert_false(gw_scramclient_trusts(&f.client, gw_span_str(rows[i])));
    end(&f);
}

static void a_bad_challenge_gets_no_proof(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "e=other-error",
        "r=" NONCE ",s=" SALT ",i=4096", /* nothing of its own */
        "r=" OURS ",s=" SALT ",i=4096",
        "r=" NONCE OURS ",i=4096",
        "r=" NONCE OURS ",s=" SALT,
        "r=" NONCE OURS ",s=,i=4096",
        "r=" NONCE OURS ",s=%%%%,i=4096",
        "r=" NONCE OURS ",s=" SALT ",i=4095",
        "r=" NONCE OURS ",s=" SALT ",i=1",
        "r=" NONCE OURS ",s=" SALT ",i=2000001",
        "r=" NONCE OURS ",s=" SALT ",i=04096",
        "r=" NONCE OURS ",s=" SALT ",i=-4096",
        "m=x,r=" NONCE OURS ",s=" SALT ",i=4096",
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct fixture f;
        begin(&f, "user", "pencil");
        assert_int_equal(last(&f, SAID), GW_PROTOCOL); /* it has not begun */
        assert_int_equal(first(&f), GW_OK);
        assert_int_equal(last(&f, rows[i]), GW_PROTOCOL);
        assert_non_null(f.why);
        assert_int_equal(f.out.size, 0);
        end(&f);
    }
}

static void names_are_written_as_the_standard_has_it(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, "a,b=c", "x");
    assert_int_equal(first(&f), GW_OK);
    assert_out(&f, "n,,n=a=2Cb=3Dc,r=" NONCE);
    end(&f);
    begin(&f, "e\xCC\x81", "x");
    assert_int_equal(first(&f), GW_INVALID);
    end(&f);
    begin(&f, "user", "\x01");
    assert_int_equal(first(&f), GW_INVALID);
    end(&f);
    begin(&f, "", "x");
    assert_int_equal(first(&f), GW_INVALID);
    end(&f);
}

static const struct gw_hashtext *find(const void *ctx, struct gw_span user)
{
    (void)user;
    return ctx;
}

/* Both sides of this program understand each other, in both kinds. */
static void it_gets_into_our_own_server(void **state)
{
    (void)state;
    static const enum gw_hashtext_kind kinds[] = {GW_HASHTEXT_SCRAM256, GW_HASHTEXT_SCRAM512};
    for (size_t k = 0; k < GW_COUNT_OF(kinds); k++) {
        struct gw_hashtext hash = {.kind = kinds[k], .rounds = 4096, .salt = {{7, 8}, 2}};
        struct gw_scram_directory directory = {.ctx = &hash, .find = find, .rounds = 4096};
        struct gw_scram server;
        struct gw_buf answer;
        struct fixture f;
        assert_int_equal(gw_scramkey_make(&hash, GW_SPAN_LIT("secret")), GW_OK);
        begin(&f, "user", "secret");
        f.client.kind = kinds[k];
        gw_scram_init(&server, kinds[k]);
        gw_buf_init(&answer, 1000);
        assert_int_equal(first(&f), GW_OK);
        assert_int_equal(gw_scram_first(&server, gw_buf_span(&f.out), &directory,
                                        GW_SPAN_LIT("theirs"), &answer, &f.why),
                         GW_SCRAM_MORE);
        gw_buf_clear(&f.out);
        assert_int_equal(gw_scramclient_last(&f.client, gw_buf_span(&answer), &f.out, &f.why),
                         GW_OK);
        gw_buf_clear(&answer);
        assert_int_equal(gw_scram_last(&server, gw_buf_span(&f.out), &answer, &f.why),
                         GW_SCRAM_DONE);
        assert_true(gw_scramclient_trusts(&f.client, gw_buf_span(&answer)));
        gw_scram_fini(&server);
        gw_buf_fini(&answer);
        end(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_the_standard_holds),
        cmocka_unit_test(only_the_right_signature_is_trusted),
        cmocka_unit_test(a_bad_challenge_gets_no_proof),
        cmocka_unit_test(names_are_written_as_the_standard_has_it),
        cmocka_unit_test(it_gets_into_our_own_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
