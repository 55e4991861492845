#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "auth/users.h"
#include "base/assert.h"
#include "broker/chain.h"
#include "broker/checker.h"
#include "broker/inquiry.h"
#include "os/thread.h"

/* -- a backend that does as its setting says -- */

struct toy {
    const char *answer; /* "yes", "as NAME", "no", "unknown", "trouble", "expired" */
    struct gw_mutex mutex;
    struct gw_signal signal;
    bool blocked;
    bool no_memory;
    bool closed;
    bool withdrawn; /* it stands by nobody */
    unsigned asked;
    char seen[200]; /* user/password/id/address/listener of the last question */
};

static void toy_close(void *backend)
{
    ((struct toy *)backend)->closed = true;
}

static void *toy_enter(void *backend)
{
    return ((struct toy *)backend)->no_memory ? NULL : backend;
}

static void toy_leave(void *worker)
{
    (void)worker;
}

static enum gw_backend_answer toy_ask(void *worker, const struct gw_backend_login *login,
                                      struct gw_backend_reply *reply)
{
    struct toy *toy = worker;
    gw_mutex_lock(&toy->mutex);
    toy->asked++;
    while (toy->blocked)
        gw_signal_wait(&toy->signal, &toy->mutex, UINT64_MAX);
    snprintf(toy->seen, sizeof(toy->seen), "%.*s/%.*s/%.*s/%.*s/%.*s", GW_SPAN_FMT(login->user),
             GW_SPAN_FMT(login->password), GW_SPAN_FMT(login->client_id),
             GW_SPAN_FMT(login->address), GW_SPAN_FMT(login->listener));
    gw_mutex_unlock(&toy->mutex);
    if (strcmp(toy->answer, "trouble") == 0) {
        snprintf(reply->words, sizeof(reply->words), "it burns");
        return GW_BACKEND_TROUBLE;
    }
    if (strcmp(toy->answer, "unknown") == 0)
        return GW_BACKEND_UNKNOWN;
    if (strcmp(toy->answer, "no") == 0)
        return GW_BACKEND_NO;
    if (strncmp(toy->answer, "as ", 3) == 0 &&
        gw_buf_append(&reply->warrant.user, gw_span_str(toy->answer + 3)) != GW_OK)
        return GW_BACKEND_TROUBLE;
    if (strcmp(toy->answer, "expired") == 0)
        reply->warrant.expires = 1000;
    if (gw_warrant_add_group(&reply->warrant, GW_SPAN_LIT("toys")) != GW_OK)
        return GW_BACKEND_TROUBLE;
    return GW_BACKEND_YES;
}

static bool toy_stands(void *backend, uint64_t proof)
{
    (void)proof;
    return !((struct toy *)backend)->withdrawn;
}

static const struct gw_backend_ops toy_ops = {
    .kind = "toy",
    .close = toy_close,
    .enter = toy_enter,
    .leave = toy_leave,
    .ask = toy_ask,
    .stands = toy_stands,
};

static void toy_init(struct toy *toy, const char *answer)
{
    *toy = (struct toy){.answer = answer};
    gw_mutex_init(&toy->mutex);
    gw_signal_init(&toy->signal);
}

static void toy_fini(struct toy *toy)
{
    gw_signal_fini(&toy->signal);
    gw_mutex_fini(&toy->mutex);
}

static void toy_unblock(struct toy *toy)
{
    gw_mutex_lock(&toy->mutex);
    toy->blocked = false;
    gw_signal_ring(&toy->signal);
    gw_mutex_unlock(&toy->mutex);
}

/* -- a shard with as much as an inquiry needs -- */

struct desk {
    struct gw_shard_world world;
    struct gw_shard_config config;
    struct gw_shard shard;
    unsigned answers;
    enum gw_inquiry_verdict verdict;
    char words[GW_BACKEND_WORDS_MAX];
    char method[20];
    char user[40];
    char groups[40];
    uint64_t by;
};

static int setup(void **state)
{
    struct desk *desk = calloc(1, sizeof(*desk));
    const struct gw_checker_options pool = {.name = "test", .workers = 1};
    GW_ASSERT(desk != NULL);
    desk->world.services.clock = gw_clock_system();
    desk->world.checker = gw_checker_new(&pool);
    GW_ASSERT(desk->world.checker != NULL);
    desk->config.config.limits.login.queue = 2;
    desk->shard.world = &desk->world;
    desk->shard.config = &desk->config;
    desk->shard.loop = gw_loop_new(gw_socket_system(), gw_clock_system(), desk);
    GW_ASSERT(desk->shard.loop != NULL);
    *state = desk;
    return 0;
}

static int teardown(void **state)
{
    struct desk *desk = *state;
    gw_checker_stop(desk->world.checker);
    gw_loop_turn(desk->shard.loop, gw_clock_mono(gw_clock_system()));
    gw_checker_free(desk->world.checker);
    gw_loop_free(desk->shard.loop);
    gw_users_unref(desk->config.users);
    gw_chain_unref(desk->config.chain);
    free(desk);
    return 0;
}

/* bob with the password "builder". */
static void have_users(struct desk *desk, const char *name)
{
    static const char hash[] =
        "$6$6MKidibLCPGWff2+$YwxI0rj1LmoA0uX4GGKR3Mx0+DDsXQAGEqXxr0KPZRQacwaudw/"
        "nnUl4i/KrJVYqU2kyVc3y51QEPi7ds60GdA==";
    struct gw_users_error error;
    char text[400];
    snprintf(text, sizeof(text), "%s:%s\n", name, hash);
    const struct gw_span span = gw_span_str(text);
    assert_int_equal(gw_users_of(&span, 1, &desk->config.users, &error), GW_OK);
    gw_users_error_fini(&error);
}

static struct gw_sponsor *sponsor_of(struct toy *toy, uint64_t id)
{
    const struct gw_sponsor_options options = {
        .ops = &toy_ops, .backend = toy, .id = id, .workers = 1};
    struct gw_sponsor *sponsor = gw_sponsor_new(&options);
    assert_non_null(sponsor);
    return sponsor;
}

/* "f" is the user file, the others are toys in their order; returns the last sponsor. */
static void have_chain(struct desk *desk, const char *plan, struct toy *const *toys)
{
    desk->config.chain = gw_chain_new();
    assert_non_null(desk->config.chain);
    for (uint64_t i = 0; plan[i]; i++) {
        if (plan[i] == 'f') {
            gw_chain_add_file(desk->config.chain, 1000 + i);
            continue;
        }
        struct gw_sponsor *sponsor = sponsor_of(*toys++, 10 + i);
        gw_chain_add(desk->config.chain, sponsor);
        gw_sponsor_unref(sponsor);
    }
}

static void on_answer(void *asker, const struct gw_inquiry_answer *answer, gw_mono_ns now)
{
    struct desk *desk = asker;
    (void)now;
    desk->answers++;
    desk->verdict = answer->verdict;
    desk->by = answer->by;
    snprintf(desk->words, sizeof(desk->words), "%s", answer->words);
    snprintf(desk->method, sizeof(desk->method), "%s", answer->method);
    snprintf(desk->user, sizeof(desk->user), "%.*s",
             GW_SPAN_FMT(gw_buf_span(&answer->warrant.user)));
    snprintf(desk->groups, sizeof(desk->groups), "%.*s",
             GW_SPAN_FMT(gw_buf_span(&answer->warrant.groups)));
}

static struct gw_inquiry *begin(struct desk *desk, const char *user, const char *password,
                                const char *only)
{
    struct gw_address peer;
    assert_int_equal(gw_address_parse(GW_SPAN_LIT("10.0.0.9"), 4711, &peer), GW_OK);
    const struct gw_inquiry_subject subject = {
        .user = gw_span_str(user),
        .password = gw_span_str(password),
        .client_id = GW_SPAN_LIT("c1"),
        .listener = GW_SPAN_LIT("mqtt://x"),
        .peer = &peer,
        .only = only,
    };
    return gw_inquiry_begin(&desk->shard, &subject, on_answer, desk, &desk->verdict);
}

static void await(struct desk *desk)
{
    unsigned answers = desk->answers + 1;
    while (desk->answers < answers) {
        gw_loop_wait(desk->shard.loop);
        gw_loop_turn(desk->shard.loop, gw_clock_mono(gw_clock_system()));
    }
    assert_int_equal(desk->answers, answers);
}

/* -- who says what -- */

static void one_after_the_other_is_asked(void **state)
{
    (void)state;
    static const struct {
        const char *plan, *answers[2];
        const char *user, *password, *only;
        enum gw_inquiry_verdict verdict;
        const char *method, *words;
        uint64_t by;
    } rows[] = {
        {"f", {0}, "bob", "builder", NULL, GW_INQUIRY_YES, "password", "", 0},
        {"f", {0}, "bob", "wrong", NULL, GW_INQUIRY_NO, "password", "the password is wrong", 0},
        {"f", {0}, "eve", "builder", NULL, GW_INQUIRY_NO, "password", "there is no such user", 0},
        {"ft",
         {"yes"},
         "bob",
         "wrong",
         NULL,
         GW_INQUIRY_NO,
         "password",
         "the password is wrong",
         0},
        {"ft", {"yes"}, "eve", "x", NULL, GW_INQUIRY_YES, "toy", "", 11},
        {"tf", {"unknown"}, "bob", "builder", NULL, GW_INQUIRY_YES, "password", "", 0},
        {"tf", {"no"}, "bob", "builder", NULL, GW_INQUIRY_NO, "toy", "the password is wrong", 0},
        {"tf", {"trouble"}, "bob", "builder", NULL, GW_INQUIRY_TROUBLE, "toy", "it burns", 0},
        {"tf",
         {"unknown"},
         "eve",
         "x",
         NULL,
         GW_INQUIRY_NO,
         "password",
         "there is no such user",
         0},
        {"tt", {"unknown", "yes"}, "eve", "x", NULL, GW_INQUIRY_YES, "toy", "", 11},
        {"tt",
         {"unknown", "unknown"},
         "eve",
         "x",
         NULL,
         GW_INQUIRY_NO,
         "toy",
         "nobody knows this user",
         0},
        {"tt", {"trouble", "yes"}, "eve", "x", NULL, GW_INQUIRY_TROUBLE, "toy", "it burns", 0},
        {"t", {"as joe"}, "eve", "x", NULL, GW_INQUIRY_YES, "toy", "", 10},
        {"t", {"as joe"}, "", "x", NULL, GW_INQUIRY_YES, "toy", "", 10},
        {"t",
         {"yes"},
         "",
         "x",
         NULL,
         GW_INQUIRY_TROUBLE,
         "toy",
         "it says yes, but not who this is",
         0},
        {"t",
         {"as \xff"},
         "eve",
         "x",
         NULL,
         GW_INQUIRY_TROUBLE,
         "toy",
         "the user name that it gives is not valid",
         0},
        {"t",
         {"expired"},
         "eve",
         "x",
         NULL,
         GW_INQUIRY_NO,
         "toy",
         "what it was to be let in by has expired",
         0},
        {"ft", {"yes"}, "bob", "wrong", "toy", GW_INQUIRY_YES, "toy", "", 11},
        {"tf",
         {"unknown"},
         "bob",
         "builder",
         "toy",
         GW_INQUIRY_NO,
         "toy",
         "nobody knows this user",
         0},
        {"tf", {"yes"}, "bob", "", NULL, GW_INQUIRY_NO, "password", "the password is wrong", 0},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct desk *desk;
        struct toy toys[2];
        struct toy *const all[2] = {&toys[0], &toys[1]};
        setup((void **)&desk);
        for (size_t t = 0; t < 2; t++)
            toy_init(&toys[t], rows[i].answers[t] ? rows[i].answers[t] : "no");
        if (strchr(rows[i].plan, 'f'))
            have_users(desk, "bob");
        have_chain(desk, rows[i].plan, all);
        assert_non_null(begin(desk, rows[i].user, rows[i].password, rows[i].only));
        assert_int_equal(desk->answers, 0); /* never in the asker's own stack */
        await(desk);
        assert_int_equal(desk->verdict, rows[i].verdict);
        assert_string_equal(desk->method, rows[i].method);
        assert_string_equal(desk->words, rows[i].words);
        assert_int_equal(desk->by, rows[i].by);
        if (desk->verdict == GW_INQUIRY_YES)
            assert_string_equal(desk->groups, rows[i].by ? "toys" : "");
        teardown((void **)&desk);
        for (size_t t = 0; t < 2; t++) {
            assert_int_equal(toys[t].closed,
                             strlen(rows[i].plan) - !!strchr(rows[i].plan, 'f') > t);
            toy_fini(&toys[t]);
        }
    }
}

static void it_is_told_who_asks(void **state)
{
    struct desk *desk = *state;
    struct toy toy;
    struct toy *const all[] = {&toy};
    toy_init(&toy, "as joe");
    have_chain(desk, "t", all);
    assert_non_null(begin(desk, "eve", "secret", NULL));
    await(desk);
    assert_string_equal(toy.seen, "eve/secret/c1/10.0.0.9/mqtt://x");
    assert_string_equal(desk->user, "joe");
    gw_chain_unref(desk->config.chain);
    desk->config.chain = NULL;
    toy_fini(&toy);
}

static void nobody_to_ask_is_no(void **state)
{
    struct desk *desk = *state;
    struct toy toy;
    struct toy *const all[] = {&toy};
    toy_init(&toy, "yes");
    desk->verdict = GW_INQUIRY_YES;
    assert_null(begin(desk, "eve", "x", NULL)); /* no users, no chain */
    assert_int_equal(desk->verdict, GW_INQUIRY_NO);
    have_chain(desk, "t", all);
    desk->verdict = GW_INQUIRY_YES;
    assert_null(begin(desk, "eve", "", NULL)); /* an empty password is shown to no backend */
    assert_int_equal(desk->verdict, GW_INQUIRY_NO);
    desk->verdict = GW_INQUIRY_YES;
    assert_null(begin(desk, "eve", "x", "other"));
    assert_int_equal(desk->verdict, GW_INQUIRY_NO);
    assert_int_equal(toy.asked, 0);
    gw_chain_unref(desk->config.chain);
    desk->config.chain = NULL;
    toy_fini(&toy);
}

static void without_memory_nobody_is_let_in(void **state)
{
    struct desk *desk = *state;
    struct toy toy;
    struct toy *const all[] = {&toy};
    toy_init(&toy, "yes");
    toy.no_memory = true;
    have_chain(desk, "t", all);
    assert_non_null(begin(desk, "eve", "x", NULL));
    await(desk);
    assert_int_equal(desk->verdict, GW_INQUIRY_NO_MEMORY);
    gw_chain_unref(desk->config.chain);
    desk->config.chain = NULL;
    toy_fini(&toy);
}

/* One blocks: its queue gets full, others go on, and who does not wait any more is not told. */
static void a_blocked_one_holds_up_nobody_else(void **state)
{
    struct desk *desk = *state;
    struct toy toy;
    struct toy *const all[] = {&toy};
    struct gw_inquiry *waiting[3];
    unsigned asked = 0;
    toy_init(&toy, "yes");
    toy.blocked = true;
    have_users(desk, "bob");
    have_chain(desk, "ft", all);
    struct gw_sponsor *sponsor = gw_sponsor_ref(desk->config.chain->links[1].sponsor);
    assert_int_equal(gw_checker_start(desk->world.checker), GW_OK);
    assert_int_equal(gw_checker_start(gw_sponsor_pool(sponsor)), GW_OK);
    waiting[0] = begin(desk, "eve", "x", NULL);
    while (asked == 0) { /* the worker has taken it: two more may wait */
        gw_mutex_lock(&toy.mutex);
        asked = toy.asked;
        gw_mutex_unlock(&toy.mutex);
        gw_thread_sleep(1000000);
    }
    waiting[1] = begin(desk, "eve", "x", NULL);
    waiting[2] = begin(desk, "eve", "x", NULL);
    assert_true(waiting[0] && waiting[1] && waiting[2]);
    assert_true(gw_inquiry_bytes(waiting[0]) > 0);
    assert_null(begin(desk, "eve", "x", NULL));
    assert_int_equal(desk->verdict, GW_INQUIRY_BUSY);
    assert_non_null(begin(desk, "bob", "builder", NULL));
    await(desk);
    assert_int_equal(desk->verdict, GW_INQUIRY_YES);
    gw_inquiry_drop(waiting[0]);
    gw_inquiry_drop(waiting[1]);
    toy_unblock(&toy);
    await(desk); /* the third */
    assert_int_equal(desk->verdict, GW_INQUIRY_YES);
    assert_int_equal(desk->by, 11);
    gw_chain_unref(desk->config.chain);
    desk->config.chain = NULL;
    gw_checker_stop(gw_sponsor_pool(sponsor));
    gw_loop_turn(desk->shard.loop, gw_clock_mono(gw_clock_system()));
    assert_true(gw_sponsor_is_alone(sponsor));
    gw_sponsor_unref(sponsor);
    assert_true(toy.closed);
    toy_fini(&toy);
}

/* -- changes while somebody is asked -- */

static void whoever_is_gone_is_not_believed(void **state)
{
    static const char *const answers[] = {"yes", "unknown"};
    for (size_t i = 0; i < GW_COUNT_OF(answers); i++) {
        struct desk *desk;
        struct toy toy;
        struct toy *const all[] = {&toy};
        setup((void **)&desk);
        toy_init(&toy, answers[i]);
        have_chain(desk, "t", all);
        assert_non_null(begin(desk, "eve", "x", NULL));
        gw_chain_unref(desk->config.chain);
        desk->config.chain = NULL;
        await(desk);
        assert_int_equal(desk->verdict, GW_INQUIRY_TROUBLE);
        teardown((void **)&desk);
        assert_true(toy.closed);
        toy_fini(&toy);
    }
    (void)state;
}

/* A file of its has changed: it is opened anew, with the same settings and so with the same id. */
static void what_was_withdrawn_meanwhile_is_not_believed(void **state)
{
    for (unsigned withdrawn = 0; withdrawn < 2; withdrawn++) {
        struct desk *desk;
        struct toy toys[2];
        struct toy *const before[] = {&toys[0]};
        struct toy *const after[] = {&toys[1]};
        setup((void **)&desk);
        toy_init(&toys[0], "yes");
        toy_init(&toys[1], "yes");
        toys[1].withdrawn = withdrawn;
        have_chain(desk, "t", before);
        assert_non_null(begin(desk, "eve", "x", NULL));
        gw_chain_unref(desk->config.chain);
        have_chain(desk, "t", after);
        await(desk);
        assert_int_equal(desk->verdict, withdrawn ? GW_INQUIRY_TROUBLE : GW_INQUIRY_YES);
        teardown((void **)&desk);
        toy_fini(&toys[0]);
        toy_fini(&toys[1]);
    }
    (void)state;
}

static void a_user_who_is_gone_is_not_let_in(void **state)
{
    struct desk *desk = *state;
    have_users(desk, "bob");
    assert_non_null(begin(desk, "bob", "builder", NULL));
    gw_users_unref(desk->config.users);
    have_users(desk, "joe");
    await(desk);
    assert_int_equal(desk->verdict, GW_INQUIRY_NO);
}

static void chains_are_compared(void **state)
{
    struct desk *desk = *state;
    struct toy toy;
    struct toy *const all[] = {&toy};
    toy_init(&toy, "yes");
    have_chain(desk, "ft", all);
    struct gw_chain *chain = desk->config.chain;
    struct gw_chain *other = gw_chain_new();
    assert_true(gw_chain_has_sponsors(chain));
    assert_false(gw_chain_has_sponsors(other));
    assert_false(gw_chain_has_sponsors(NULL));
    assert_true(gw_chain_equal(NULL, other));
    assert_false(gw_chain_equal(chain, NULL));
    gw_chain_add_file(other, 1000);
    assert_false(gw_chain_equal(chain, other));
    gw_chain_add(other, chain->links[1].sponsor);
    assert_true(gw_chain_equal(chain, other));
    assert_ptr_equal(gw_chain_find(other, 11), chain->links[1].sponsor);
    assert_null(gw_chain_find(other, 1000)); /* a file is no sponsor */
    assert_null(gw_chain_find(NULL, 11));
    gw_chain_unref(other);
    gw_chain_unref(chain);
    desk->config.chain = NULL;
    assert_true(toy.closed);
    toy_fini(&toy);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_after_the_other_is_asked),
        CASE(it_is_told_who_asks),
        CASE(nobody_to_ask_is_no),
        CASE(without_memory_nobody_is_let_in),
        CASE(a_blocked_one_holds_up_nobody_else),
        cmocka_unit_test(whoever_is_gone_is_not_believed),
        cmocka_unit_test(what_was_withdrawn_meanwhile_is_not_believed),
        CASE(a_user_who_is_gone_is_not_let_in),
        CASE(chains_are_compared),
    };
    return cmocka_run_group_tests_name("inquiry", tests, NULL, NULL);
}
