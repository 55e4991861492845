#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "auth/password.h"
#include "auth/scram.h"
#include "auth/scramkey.h"
#include "auth/scramtext.h"
#include "base/compiler.h"

/* The example of RFC 7677 section 3. */
#define NONCE    "rOprNGfwEbeRWgbNEkqO"
#define OURS     "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define SALT     "W22ZaJ0SNY7soEsUEjb6gQ=="
#define PROOF    "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
#define VERIFIER "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
#define CLIENT_1 "n,,n=user,r=" NONCE
#define SERVER_1 "r=" NONCE OURS ",s=" SALT ",i=4096"
#define UNPROVED "c=biws,r=" NONCE OURS
#define CLIENT_2 UNPROVED ",p=" PROOF

static struct gw_hashtext credential(enum gw_hashtext_kind kind, const char *password)
{
    struct gw_hashtext hash = {.kind = kind, .rounds = 4096};
    assert_true(gw_scramtext_read_base64(GW_SPAN_LIT(SALT), &hash.salt));
    assert_int_equal(gw_scramkey_make(&hash, gw_span_str(password)), GW_OK);
    return hash;
}

struct people {
    struct gw_hashtext user;
    struct gw_hashtext other; /* of a kind that SCRAM cannot use */
};

static const struct gw_hashtext *find(const void *ctx, struct gw_span name)
{
    const struct people *people = ctx;
    if (gw_span_equal(name, GW_SPAN_LIT("user")) || gw_span_equal(name, GW_SPAN_LIT("a,b=c")))
        return &people->user;
    return gw_span_equal(name, GW_SPAN_LIT("other")) ? &people->other : NULL;
}

struct fixture {
    struct people people;
    struct gw_scram_directory directory;
    struct gw_scram scram;
    struct gw_buf answer;
    const char *why;
};

static void begin(struct fixture *f, enum gw_hashtext_kind kind)
{
    *f = (struct fixture){.why = NULL};
    f->people.user = credential(kind, "pencil");
    f->people.other.kind = GW_HASHTEXT_ARGON2ID;
    f->directory = (struct gw_scram_directory){&f->people, find, {1, 2, 3}, 4096};
    gw_scram_init(&f->scram, kind);
    gw_buf_init(&f->answer, 10000);
}

static void end(struct fixture *f)
{
    gw_scram_fini(&f->scram);
    gw_buf_fini(&f->answer);
}

static enum gw_scram_outcome first(struct fixture *f, const char *message)
{
    gw_buf_clear(&f->answer);
    return gw_scram_first(&f->scram, gw_span_str(message), &f->directory, GW_SPAN_LIT(OURS),
                          &f->answer, &f->why);
}

static enum gw_scram_outcome last(struct fixture *f, const char *message)
{
    gw_buf_clear(&f->answer);
    return gw_scram_last(&f->scram, gw_span_str(message), &f->answer, &f->why);
}

static void assert_answer(const struct fixture *f, const char *text)
{
    assert_int_equal(f->answer.size, strlen(text));
    assert_memory_equal(f->answer.data, text, f->answer.size);
}

static void the_example_of_the_standard_holds(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, GW_HASHTEXT_SCRAM256);
    assert_int_equal(first(&f, CLIENT_1), GW_SCRAM_MORE);
    assert_answer(&f, SERVER_1);
    assert_int_equal(last(&f, CLIENT_2), GW_SCRAM_DONE);
    assert_answer(&f, "v=" VERIFIER);
    assert_int_equal(last(&f, CLIENT_2), GW_SCRAM_BAD); /* once only */
    end(&f);
}

/* The client's proof for what the server said; 0 bytes of key are wrong ones. */
static void prove(const struct fixture *f, enum gw_hashtext_kind kind, const char *password,
                  const char *bare, char *ret_message, size_t room)
{
    struct gw_scramkey salted, client, stored, sign;
    struct gw_buf out;
    char signed_text[1000];
    const char *unproved = UNPROVED;
    snprintf(signed_text, sizeof(signed_text), "%s,%.*s,%s", bare, (int)f->answer.size,
             (const char *)f->answer.data, unproved);
    assert_int_equal(gw_scramkey_salted(&f->scram.credential, gw_span_str(password), &salted), 0);
    assert_int_equal(gw_scramkey_sign(kind, salted.bytes, GW_SPAN_LIT("Client Key"), &client), 0);
    assert_int_equal(gw_scramkey_digest(kind, client.bytes, &stored), 0);
    assert_int_equal(gw_scramkey_sign(kind, stored.bytes, gw_span_str(signed_text), &sign), 0);
    for (size_t i = 0; i < gw_scramkey_size(kind); i++)
        client.bytes[i] ^= sign.bytes[i];
    gw_buf_init(&out, 200);
    assert_int_equal(
        gw_scramtext_add_base64(&out, gw_span_of(client.bytes, gw_scramkey_size(kind))), GW_OK);
    snprintf(ret_message, room, "%s,p=%.*s", unproved, (int)out.size, (const char *)out.data);
    gw_buf_fini(&out);
}

static void only_the_right_password_proves(void **state)
{
    (void)state;
    static const struct {
        const char *bare, *password;
        enum gw_scram_outcome outcome;
    } rows[] = {
        {"n=user,r=" NONCE, "pencil", GW_SCRAM_DONE},
        {"n=user,r=" NONCE ",x=any", "pencil", GW_SCRAM_DONE},
        {"n=a=2Cb=3Dc,r=" NONCE, "pencil", GW_SCRAM_DONE},
        {"n=user,r=" NONCE, "pencils", GW_SCRAM_WRONG},
        {"n=user,r=" NONCE, "", GW_SCRAM_WRONG},
        {"n=nobody,r=" NONCE, "pencil", GW_SCRAM_WRONG},
        {"n=other,r=" NONCE, "pencil", GW_SCRAM_WRONG},
        {"n=USER,r=" NONCE, "pencil", GW_SCRAM_WRONG},
    };
    static const enum gw_hashtext_kind kinds[] = {GW_HASHTEXT_SCRAM256, GW_HASHTEXT_SCRAM512};
    for (size_t k = 0; k < GW_COUNT_OF(kinds); k++)
        for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
            struct fixture f;
            char message[400];
            begin(&f, kinds[k]);
            snprintf(message, sizeof(message), "n,,%s", rows[i].bare);
            assert_int_equal(first(&f, message), GW_SCRAM_MORE);
            prove(&f, kinds[k], rows[i].password, rows[i].bare, message, sizeof(message));
            assert_int_equal(last(&f, message), rows[i].outcome);
            assert_true((f.answer.size > 0) == (rows[i].outcome == GW_SCRAM_DONE));
            assert_true((f.why != NULL) == (rows[i].outcome == GW_SCRAM_WRONG));
            end(&f);
        }
}

static void bad_first_messages_are_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "n",
        "n,",
        "n,,",
        ",,n=user,r=x",
        "x,,n=user,r=x",
        "ny,,n=user,r=x",
        "p=tls-unique,,n=user,r=x", /* channel binding */
        "n,a=other,n=user,r=x",     /* as somebody else */
        "n,a=,n=user,r=x",
        "n,user,n=user,r=x",
        "n,,m=x,n=user,r=x", /* an extension that must be understood */
        "n,,r=x,n=user",
        "n,,n=user",
        "n,,n=user,",
        "n,,n=,r=x",
        "n,,n=user,r=",
        "n,,n=user,r=a b",
        "n,,n=user,r=\xC3\xA4",
        "n,,n=user,r=x,",
        "n,,n=user,r=x,y",
        "n,,n=user,r=x,1=2",
        "n,,n=us=er,r=x",
        "n,,n=user=2c,r=x", /* upper case only */
        "n,,n=user=,r=x",
        "n,,n=us\ner,r=x",
        "n,,n=\xFF,r=x",
        "n,,n=e\xCC\x81,r=x", /* SASLprep would melt it */
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct fixture f;
        begin(&f, GW_HASHTEXT_SCRAM256);
        assert_int_equal(first(&f, rows[i]), GW_SCRAM_BAD);
        assert_int_equal(f.answer.size, 0);
        assert_non_null(f.why);
        assert_int_equal(last(&f, CLIENT_2), GW_SCRAM_BAD);
        end(&f);
    }
}

static void the_other_header_forms_are_taken(void **state)
{
    (void)state;
    static const char *const rows[] = {"y,,n=user,r=" NONCE, "n,a=user,n=user,r=" NONCE,
                                       "n,a=a=2Cb,n=a=2Cb,r=" NONCE};
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct fixture f;
        begin(&f, GW_HASHTEXT_SCRAM256);
        assert_int_equal(first(&f, rows[i]), GW_SCRAM_MORE);
        end(&f);
    }
}

static void bad_last_messages_are_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "c=biws",
        "r=" NONCE OURS ",c=biws,p=" PROOF,
        "c=eSws,r=" NONCE OURS ",p=" PROOF, /* another header than before */
        "c=biwsbiws,r=" NONCE OURS ",p=" PROOF,
        "c=biws,r=" NONCE ",p=" PROOF,
        "c=biws,r=" NONCE OURS "x,p=" PROOF,
        "c=biws,r=" OURS NONCE ",p=" PROOF,
        UNPROVED,
        UNPROVED ",",
        UNPROVED ",p=",
        UNPROVED ",p=" PROOF ",",
        UNPROVED ",p=" PROOF ",x=y",
        UNPROVED ",p=" PROOF "AAAA",
        UNPROVED ",p=AAAA",
        UNPROVED ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ",
        UNPROVED ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7And-Q=",
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct fixture f;
        begin(&f, GW_HASHTEXT_SCRAM256);
        assert_int_equal(first(&f, CLIENT_1), GW_SCRAM_MORE);
        assert_int_equal(last(&f, rows[i]), GW_SCRAM_BAD);
        assert_int_equal(f.answer.size, 0);
        end(&f);
    }
}

static void messages_have_their_turn_and_their_length(void **state)
{
    (void)state;
    static char large[GW_SCRAM_MESSAGE_MAX + 2];
    struct fixture f;
    begin(&f, GW_HASHTEXT_SCRAM256);
    assert_int_equal(last(&f, CLIENT_2), GW_SCRAM_BAD);
    assert_int_equal(first(&f, CLIENT_1), GW_SCRAM_BAD);
    end(&f);
    begin(&f, GW_HASHTEXT_SCRAM256);
    assert_int_equal(first(&f, CLIENT_1), GW_SCRAM_MORE);
    assert_int_equal(first(&f, CLIENT_1), GW_SCRAM_BAD);
    end(&f);
    memset(large, 'x', sizeof(large) - 1);
    memcpy(large, "n,,n=user,r=", 12);
    begin(&f, GW_HASHTEXT_SCRAM256);
    assert_int_equal(first(&f, large), GW_SCRAM_BAD);
    end(&f);
    large[sizeof(large) - 2] = 0;
    begin(&f, GW_HASHTEXT_SCRAM256);
    assert_int_equal(first(&f, large), GW_SCRAM_MORE);
    end(&f);
}

/* Nobody learns from the first answer whether a name is there. */
static void who_is_not_there_has_a_salt_too(void **state)
{
    (void)state;
    static const char *const names[] = {"nobody", "other", "nobody", "somebody"};
    struct gw_buf said[GW_COUNT_OF(names)];
    for (size_t i = 0; i < GW_COUNT_OF(names); i++) {
        struct fixture f;
        char message[100];
        begin(&f, GW_HASHTEXT_SCRAM256);
        snprintf(message, sizeof(message), "n,,n=%s,r=" NONCE, names[i]);
        assert_int_equal(first(&f, message), GW_SCRAM_MORE);
        assert_int_equal(f.answer.size, sizeof(SERVER_1) - 1);
        said[i] = f.answer;
        gw_buf_init(&f.answer, 0);
        end(&f);
    }
    assert_true(gw_span_equal(gw_buf_span(&said[0]), gw_buf_span(&said[2])));
    assert_false(gw_span_equal(gw_buf_span(&said[0]), gw_buf_span(&said[1])));
    assert_false(gw_span_equal(gw_buf_span(&said[0]), gw_buf_span(&said[3])));
    for (size_t i = 0; i < GW_COUNT_OF(names); i++)
        gw_buf_fini(&said[i]);
}

static void a_credential_is_a_hash_of_the_password_too(void **state)
{
    (void)state;
    static const enum gw_hashtext_kind kinds[] = {GW_HASHTEXT_SCRAM256, GW_HASHTEXT_SCRAM512};
    for (size_t k = 0; k < GW_COUNT_OF(kinds); k++) {
        struct gw_hashtext made;
        struct gw_hashtext hash = credential(kinds[k], "pencil");
        assert_int_equal(gw_password_check(&hash, GW_SPAN_LIT("pencil")), GW_OK);
        assert_int_equal(gw_password_check(&hash, GW_SPAN_LIT("pencil2")), GW_REFUSED);
        assert_int_equal(gw_password_check(&hash, gw_span_of("pencil\0", 7)), GW_REFUSED);
        assert_int_equal(gw_password_hash_with(kinds[k], 5000, GW_SPAN_LIT("x"), &made), GW_OK);
        assert_int_equal(made.rounds, 5000);
        assert_int_equal(gw_password_check(&made, GW_SPAN_LIT("x")), GW_OK);
        assert_int_equal(gw_password_hash(kinds[k], GW_SPAN_LIT("e\xCC\x81"), &made), GW_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_the_standard_holds),
        cmocka_unit_test(only_the_right_password_proves),
        cmocka_unit_test(bad_first_messages_are_refused),
        cmocka_unit_test(the_other_header_forms_are_taken),
        cmocka_unit_test(bad_last_messages_are_refused),
        cmocka_unit_test(messages_have_their_turn_and_their_length),
        cmocka_unit_test(who_is_not_there_has_a_salt_too),
        cmocka_unit_test(a_credential_is_a_hash_of_the_password_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
