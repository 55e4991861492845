#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "auth/access.h"
#include "auth/reach.h"
#include "auth/warrant.h"
#include "base/compiler.h"
#include "base/hash.h"
#include "base/random.h"

#define TEXT(text)                                                                                 \
    {                                                                                              \
        (const uint8_t *)(text), sizeof(text) - 1                                                  \
    } /* for static objects */

/* A rule as a test writes it. */
struct line {
    const char *verb; /* "allow pub", "deny pubsub" */
    const char *topic;
    const char *user, *group, *client_id, *address;
    const char *listener, *certificate, *claim; /* the last two as NAME=VALUE */
    uint8_t qos_max;                            /* 0 with qos_given false: any */
    bool qos_given, anonymous;
    enum gw_access_retain retain;
};

/* "o=Example" as "cert.o" is kept. */
static struct gw_span attribute(const char *kind, const char *text, struct gw_buf *out)
{
    char name[100];
    const char *equals = text ? strchr(text, '=') : NULL;
    gw_buf_init(out, 1000);
    if (!text)
        return GW_SPAN_NONE;
    snprintf(name, sizeof name, "%s.%.*s", kind, (int)(equals - text), text);
    assert_int_equal(gw_warrant_put(out, gw_span_str(name), gw_span_str(equals + 1)), GW_OK);
    return gw_buf_span(out);
}

static void add(struct gw_access *access, const struct line *line)
{
    struct gw_buf topic, certificate, claim;
    struct gw_access_rule rule = {
        .user = gw_span_str(line->user),
        .group = gw_span_str(line->group),
        .client_id = gw_span_str(line->client_id),
        .listener = gw_span_str(line->listener),
        .certificate = attribute("cert", line->certificate, &certificate),
        .claim = attribute("claim", line->claim, &claim),
        .allow = strncmp(line->verb, "allow", 5) == 0,
        .actions = (uint8_t)((strstr(line->verb, "pub") ? GW_ACCESS_PUBLISH : 0) |
                             (strstr(line->verb, "sub") ? GW_ACCESS_SUBSCRIBE : 0)),
        .qos_max = line->qos_given ? line->qos_max : 2,
        .retain = (uint8_t)line->retain,
        .anonymous = line->anonymous,
    };
    gw_buf_init(&topic, 1000);
    if (line->topic)
        assert_int_equal(gw_reach_encode(gw_span_str(line->topic), &topic), GW_OK);
    rule.topic = gw_buf_span(&topic);
    if (line->address)
        assert_int_equal(gw_access_parse_net(gw_span_str(line->address), &rule.net), GW_OK);
    assert_int_equal(gw_access_add(access, &rule), GW_OK);
    gw_buf_fini(&topic);
    gw_buf_fini(&certificate);
    gw_buf_fini(&claim);
}

static struct gw_access *list_of(const struct line *lines, size_t count)
{
    struct gw_access *access = gw_access_new();
    assert_non_null(access);
    for (size_t i = 0; i < count; i++)
        add(access, &lines[i]);
    assert_int_equal(gw_access_seal(access), GW_OK);
    return access;
}

static struct gw_access_verdict ask(const struct gw_access *access, const struct gw_identity *who,
                                    enum gw_access_action action, const char *topic)
{
    struct gw_access_question question = {who, action, gw_span_str(topic), 0, false, false};
    return gw_access_judge(access, &question);
}

static struct gw_access_verdict grant(const struct gw_access *access, const struct gw_identity *who,
                                      const char *filter)
{
    struct gw_access_question question = {who,  GW_ACCESS_SUBSCRIBE, gw_span_str(filter), 0, false,
                                          false};
    return gw_access_grant(access, &question);
}

static const struct gw_identity bob = {
    .user = TEXT("bob"),
    .groups = TEXT("dashboards,ops"),
    .client_id = TEXT("cam-3"),
};
static const struct gw_identity nobody = {.client_id = TEXT("x"), .anonymous = true};

static void without_rules_everything_but_writing_sys_is_allowed(void **state)
{
    (void)state;
    assert_true(ask(NULL, &nobody, GW_ACCESS_PUBLISH, "a").allowed);
    assert_true(ask(NULL, &nobody, GW_ACCESS_SUBSCRIBE, "$SYS/a").allowed);
    assert_true(grant(NULL, &nobody, "$SYS/#").covered);
    assert_true(ask(NULL, &nobody, GW_ACCESS_PUBLISH, "$SYSTEM").allowed);
    assert_int_equal(ask(NULL, &nobody, GW_ACCESS_PUBLISH, "$SYS/a").rule, GW_ACCESS_SYSTEM);
    assert_false(ask(NULL, &nobody, GW_ACCESS_PUBLISH, "$SYS").allowed);
}

static void an_empty_list_denies_everything(void **state)
{
    (void)state;
    struct gw_access *access = list_of(NULL, 0);
    assert_false(ask(access, &bob, GW_ACCESS_PUBLISH, "a").allowed);
    assert_int_equal(ask(access, &bob, GW_ACCESS_SUBSCRIBE, "a").rule, GW_ACCESS_NO_RULE);
    assert_false(grant(access, &bob, "#").allowed);
    gw_access_unref(&access);
}

static void sys_is_not_to_be_written_whatever_the_rules_say(void **state)
{
    (void)state;
    static const struct line lines[] = {{.verb = "allow pubsub", .topic = "$SYS/#"}};
    struct gw_access *access = list_of(lines, GW_COUNT_OF(lines));
    assert_int_equal(ask(access, &bob, GW_ACCESS_PUBLISH, "$SYS/a").rule, GW_ACCESS_SYSTEM);
    assert_true(ask(access, &bob, GW_ACCESS_SUBSCRIBE, "$SYS/a").allowed);
    gw_access_unref(&access);
}

/* A condition by itself: whether it lets somebody publish to "a". */
static void expect_to_hold(const struct line *condition, const struct gw_identity *who, bool holds)
{
    struct line line = *condition;
    line.verb = "allow pub";
    line.topic = "a";
    struct gw_access *access = list_of(&line, 1);
    assert_int_equal(ask(access, who, GW_ACCESS_PUBLISH, "a").allowed, holds);
    gw_access_unref(&access);
}

static void each_condition_holds_for_its_own(void **state)
{
    (void)state;
    struct gw_address v4;
    struct gw_address v6;
    struct gw_address mapped;
    assert_int_equal(gw_address_parse(GW_SPAN_LIT("10.1.2.3"), 1, &v4), GW_OK);
    assert_int_equal(gw_address_parse(GW_SPAN_LIT("fd00::7"), 1, &v6), GW_OK);
    assert_int_equal(gw_address_parse(GW_SPAN_LIT("::ffff:10.1.2.3"), 1, &mapped), GW_OK);
    const struct gw_identity from_v4 = {.address = &v4, .client_id = GW_SPAN_LIT("x")};
    const struct gw_identity from_v6 = {.address = &v6, .client_id = GW_SPAN_LIT("x")};
    const struct gw_identity from_mapped = {.address = &mapped, .client_id = GW_SPAN_LIT("x")};
    /* Whoever is anonymous has no user, even if a name is there. */
    const struct gw_identity liar = {
        .user = GW_SPAN_LIT("bob"), .groups = GW_SPAN_LIT("ops"), .anonymous = true};
    const struct {
        struct line line;
        const struct gw_identity *who;
        bool allowed;
    } rows[] = {
        {{.user = "bob"}, &bob, true},
        {{.user = "bo"}, &bob, false},
        {{.user = "bobb"}, &bob, false},
        {{.user = "bob"}, &nobody, false},
        {{.user = "bob"}, &liar, false},
        {{.group = "ops"}, &bob, true},
        {{.group = "op"}, &bob, false},
        {{.group = "ops"}, &liar, false},
        {{.client_id = "cam-3"}, &bob, true},
        {{.client_id = "cam-4"}, &bob, false},
        {{.anonymous = true}, &nobody, true},
        {{.anonymous = true}, &bob, false},
        {{.address = "10.0.0.0/8"}, &from_v4, true},
        {{.address = "10.0.0.0/8"}, &from_mapped, true},
        {{.address = "10.1.2.3"}, &from_v4, true},
        {{.address = "10.1.2.2/31"}, &from_v4, true},
        {{.address = "10.1.2.4/31"}, &from_v4, false},
        {{.address = "0.0.0.0/0"}, &from_v4, true},
        {{.address = "0.0.0.0/0"}, &from_v6, false},
        {{.address = "::/0"}, &from_v4, true},
        {{.address = "fd00::/8"}, &from_v6, true},
        {{.address = "fe00::/8"}, &from_v6, false},
        {{.address = "::/0"}, &bob, false}, /* not of the network */
        {{.user = "bob", .client_id = "cam-3"}, &bob, true},
        {{.user = "bob", .client_id = "x"}, &bob, false},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++)
        expect_to_hold(&rows[i].line, rows[i].who, rows[i].allowed);
}

static void what_was_proved_besides_holds_for_its_own(void **state)
{
    (void)state;
    const struct gw_identity op = {.user = GW_SPAN_LIT("op"),
                                   .listener = GW_SPAN_LIT("mqtts://*"),
                                   .attributes = GW_SPAN_LIT("cert.o\0Example\0cert.ou\0a\0"
                                                             "cert.ou\0b\0claim.role\0operator\0")};
    const struct {
        struct line line;
        const struct gw_identity *who;
        bool allowed;
    } rows[] = {
        {{.listener = "mqtts://*"}, &op, true},
        {{.listener = "mqtts://"}, &op, false},
        {{.listener = "mqtts://*"}, &bob, false},
        {{.certificate = "o=Example"}, &op, true},
        {{.certificate = "ou=b"}, &op, true},
        {{.certificate = "ou=c"}, &op, false},
        {{.certificate = "ou=b", .claim = "role=operator"}, &op, true},
        {{.certificate = "ou=b", .claim = "role=reader"}, &op, false},
        {{.certificate = "role=operator"}, &op, false}, /* a claim is no certificate */
        {{.claim = "o=Example"}, &op, false},
        {{.claim = "role=operator"}, &op, true},
        {{.claim = "role=operato"}, &op, false},
        {{.claim = "role=operator"}, &bob, false},
        {{.claim = "role=operator", .user = "op"}, &op, true},
        {{.claim = "role=operator", .user = "bob"}, &op, false},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++)
        expect_to_hold(&rows[i].line, rows[i].who, rows[i].allowed);
}

static void the_first_that_matches_wins(void **state)
{
    (void)state;
    static const struct line lines[] = {
        {.verb = "deny pub", .topic = "a/secret"},
        {.verb = "allow pub", .topic = "b/#", .user = "bob"},
        {.verb = "allow pub", .topic = "a/#"},
        {.verb = "deny pub", .topic = "b/x", .user = "bob"},
        {.verb = "allow sub", .topic = "a/secret", .user = "bob"},
        {.verb = "deny pubsub", .client_id = "x"},
        {.verb = "allow pubsub", .topic = "c"},
    };
    struct gw_access *access = list_of(lines, GW_COUNT_OF(lines));
    static const struct {
        const struct gw_identity *who;
        enum gw_access_action action;
        const char *topic;
        bool allowed;
        uint32_t rule;
    } rows[] = {
        {&bob, GW_ACCESS_PUBLISH, "a/secret", false, 0},
        {&bob, GW_ACCESS_PUBLISH, "b/x", true, 1},
        {&bob, GW_ACCESS_PUBLISH, "a/x", true, 2},
        {&nobody, GW_ACCESS_PUBLISH, "a", true, 2},
        {&bob, GW_ACCESS_SUBSCRIBE, "a/secret", true, 4},
        {&nobody, GW_ACCESS_SUBSCRIBE, "c", false, 5},
        {&nobody, GW_ACCESS_SUBSCRIBE, "$SYS/x", false, 5},
        {&bob, GW_ACCESS_SUBSCRIBE, "c", true, 6},
        {&bob, GW_ACCESS_SUBSCRIBE, "d", false, GW_ACCESS_NO_RULE},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_access_verdict verdict = ask(access, rows[i].who, rows[i].action, rows[i].topic);
        assert_int_equal(verdict.allowed, rows[i].allowed);
        assert_int_equal(verdict.rule, rows[i].rule);
    }
    gw_access_unref(&access);
}

static void qos_and_retain_bound_what_is_published(void **state)
{
    (void)state;
    static const struct line lines[] = {
        {.verb = "deny pub", .topic = "r/#", .retain = GW_ACCESS_RETAIN_ONLY},
        {.verb = "allow pub", .topic = "n/#", .retain = GW_ACCESS_RETAIN_NO},
        {.verb = "allow pubsub", .topic = "q/#", .qos_max = 1, .qos_given = true},
        {.verb = "allow pub", .topic = "r/#"},
    };
    static const struct {
        const char *topic;
        uint8_t qos;
        bool retain, allowed;
    } rows[] = {
        {"r/a", 2, false, true}, {"r/a", 0, true, false}, {"n/a", 2, false, true},
        {"n/a", 0, true, false}, {"q/a", 1, true, true},  {"q/a", 2, false, false},
    };
    struct gw_access *access = list_of(lines, GW_COUNT_OF(lines));
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_access_question question = {
            &bob,        GW_ACCESS_PUBLISH, gw_span_str(rows[i].topic),
            rows[i].qos, rows[i].retain,    false};
        assert_int_equal(gw_access_judge(access, &question).allowed, rows[i].allowed);
    }
    assert_int_equal(grant(access, &bob, "q/+").qos_max, 1);
    assert_true(grant(access, &bob, "q/+").covered);
    assert_int_equal(ask(access, &bob, GW_ACCESS_SUBSCRIBE, "q/a").qos_max, 1);
    gw_access_unref(&access);
}

/* Where an absent client comes from is not known: what was allowed stays so until it is judged
 * again, and nobody is shut out for an address he may not have. */
static void absent_clients_are_judged_without_their_address(void **state)
{
    (void)state;
    static const struct line lines[] = {
        {.verb = "deny sub", .topic = "a", .address = "10.0.0.0/8"},
        {.verb = "deny sub", .topic = "a", .listener = "ws://*"},
        {.verb = "allow sub", .topic = "+", .address = "192.168.0.0/16", .listener = "mqtts://*"},
    };
    struct gw_identity known = bob;
    struct gw_access *access = list_of(lines, GW_COUNT_OF(lines));
    struct gw_access_question question = {&bob, GW_ACCESS_SUBSCRIBE, GW_SPAN_LIT("a"), 0, false,
                                          true};
    assert_true(gw_access_judge(access, &question).allowed);
    question.absent = false;
    assert_false(gw_access_judge(access, &question).allowed);
    /* What is said all the same counts. */
    question.absent = true;
    question.who = &known;
    known.listener = GW_SPAN_LIT("mqtts://*");
    assert_true(gw_access_judge(access, &question).allowed);
    known.listener = GW_SPAN_LIT("ws://*");
    assert_false(gw_access_judge(access, &question).allowed);
    gw_access_unref(&access);
}

/* Of who published a message once, not everything is known. */
static void what_is_not_known_of_somebody_holds_if_it_allows(void **state)
{
    (void)state;
    struct gw_identity past = {
        .user = GW_SPAN_LIT("bob"),
        .client_seed = 7,
        .client_hash = gw_hash_bytes(GW_SPAN_LIT("cam-3"), 7),
        .unknown = GW_IDENTITY_GROUPS | GW_IDENTITY_ATTRIBUTES | GW_IDENTITY_CLIENT_ID,
    };
    static const struct {
        struct line line;
        bool allowed; /* of a rule that allows, and of one that denies before another allows */
        bool after;
        const char *client_id; /* that the topic has turned out to hold */
    } rows[] = {
        {{.topic = "a/cam-3", .user = "bob"}, true, false, ""},
        {{.topic = "a/cam-3", .user = "eve"}, false, true, ""},
        {{.topic = "a/cam-3", .group = "ops"}, true, true, ""},
        {{.topic = "a/cam-3", .certificate = "o=x"}, true, true, ""},
        {{.topic = "a/cam-3", .claim = "o=x"}, true, true, ""},
        {{.topic = "a/cam-3", .address = "10.0.0.0/8"}, true, true, ""},
        {{.topic = "a/cam-3", .client_id = "cam-3"}, true, false, ""},
        {{.topic = "a/cam-3", .client_id = "cam-4"}, false, true, ""},
        {{.topic = "a/%c"}, true, false, "cam-3"},
        {{.topic = "a/%c"}, false, true, ""},
        {{.topic = "a/x%c"}, false, true, ""}, /* not with this beginning */
        {{.topic = "a/%cx"}, true, true, ""},  /* who knows */
        {{.topic = "a/%cx"}, false, true, "cam-3"},
        {{.topic = "b/%cx"}, false, true, ""},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct line lines[2] = {rows[i].line, {.verb = "allow pub", .topic = "#"}};
        struct gw_access_question question = {
            &past, GW_ACCESS_PUBLISH, GW_SPAN_LIT("a/cam-3"), 0, false, true};
        past.client_id = gw_span_str(rows[i].client_id);
        lines[0].verb = "allow pub";
        struct gw_access *access = list_of(lines, 1);
        assert_int_equal(gw_access_judge(access, &question).allowed, rows[i].allowed);
        gw_access_unref(&access);
        lines[0].verb = "deny pub";
        access = list_of(lines, 2);
        assert_int_equal(gw_access_judge(access, &question).allowed, rows[i].after);
        gw_access_unref(&access);
    }
}

static void addresses_are_parsed_and_printed(void **state)
{
    (void)state;
    static const struct {
        const char *text, *back; /* NULL: refused */
    } rows[] = {
        {"10.1.2.3", "10.1.2.3/32"},
        {"10.1.2.3/8", "10.0.0.0/8"},
        {"0.0.0.0/0", "0.0.0.0/0"},
        {"::1", "::1/128"},
        {"fd00:1::9/16", "fd00::/16"},
        {"::/0", "::/0"},
        {"10.1.2", NULL},
        {"10.1.2.3/33", NULL},
        {"::1/129", NULL},
        {"10.1.2.3/", NULL},
        {"10.1.2.3/08", NULL},
        {"10.1.2.3/8x", NULL},
        {"", NULL},
        {"/8", NULL},
        {"localhost", NULL},
        {"::ffff:10.1.2.3/104", "10.0.0.0/8"},
        {"10.1.2.3/256", NULL},
        {"10.1.2.3/-1", NULL},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_access_net net;
        char text[GW_ACCESS_NET_TEXT_MAX];
        enum gw_status status = gw_access_parse_net(gw_span_str(rows[i].text), &net);
        assert_int_equal(status, rows[i].back ? GW_OK : GW_INVALID);
        if (rows[i].back)
            assert_string_equal(gw_access_net_text(&net, text), rows[i].back);
    }
}

static void lists_are_compared_by_what_they_say(void **state)
{
    (void)state;
    static const struct line lines[] = {
        {.verb = "allow pub", .topic = "a", .user = "bob"},
        {.verb = "allow pub", .topic = "b", .user = "bob"},
    };
    struct gw_access *one = list_of(lines, 2);
    struct gw_access *same = list_of(lines, 2);
    struct gw_access *shorter = list_of(lines, 1);
    struct gw_access *other = list_of(&lines[1], 1);
    struct gw_access *none = NULL;
    assert_true(gw_access_equal(one, same));
    assert_false(gw_access_equal(one, shorter));
    assert_false(gw_access_equal(shorter, other));
    assert_false(gw_access_equal(one, NULL));
    assert_true(gw_access_equal(NULL, NULL));
    struct gw_access *ref = gw_access_ref(one);
    gw_access_unref(&one);
    assert_null(one);
    assert_int_equal(gw_access_count(ref), 2);
    gw_access_unref(&ref);
    gw_access_unref(&same);
    gw_access_unref(&shorter);
    gw_access_unref(&other);
    gw_access_unref(&none);
}

static void lists_have_a_limit(void **state)
{
    (void)state;
    struct gw_access *access = gw_access_new();
    struct gw_access_rule rule = {.actions = GW_ACCESS_PUBLISH, .topic = GW_SPAN_LIT("a")};
    for (unsigned i = 0; i < GW_ACCESS_GENERAL_MAX; i++)
        assert_int_equal(gw_access_add(access, &rule), GW_OK);
    assert_int_equal(gw_access_add(access, &rule), GW_LIMIT);
    rule.user = GW_SPAN_LIT("bob");
    for (unsigned i = GW_ACCESS_GENERAL_MAX; i < GW_ACCESS_RULES_MAX; i++)
        assert_int_equal(gw_access_add(access, &rule), GW_OK);
    assert_int_equal(gw_access_add(access, &rule), GW_LIMIT);
    assert_int_equal(gw_access_count(access), GW_ACCESS_RULES_MAX);
    gw_access_unref(&access);
}

/* -- against a reference that puts names in as text and knows no index -- */

#define RULES_MAX  5
#define LEVELS_MAX 4
#define WORDS_MAX  64

struct random_rule {
    char topic[WORDS_MAX];
    const char *user;
    unsigned actions;
    unsigned qos_max;
    unsigned retain;
    bool allow;
};

struct world {
    struct gw_random random;
    struct random_rule rules[RULES_MAX];
    size_t rule_count;
    const char *user;
    const char *client_id;
};

static size_t pick(struct world *world, size_t count)
{
    return (size_t)(gw_random_next(&world->random) % count);
}

static const char *const names[] = {"u", "a", "+", "#", "a/b", "$s", "z"};

/* A filter of up to three levels, of what matters; with placeholders if asked. */
static void random_filter(struct world *world, char *out, bool placeholders)
{
    static const char *const levels[] = {"a", "u", "$s", "", "+", "+", "#", "%u", "%c", "%c%u"};
    size_t count = 1 + pick(world, 3);
    *out = '\0';
    for (size_t i = 0; i < count; i++) {
        const char *level = levels[pick(world, placeholders ? GW_COUNT_OF(levels) : 7)];
        if (i > 0)
            strcat(out, "/");
        strcat(out, level);
        if (level[0] == '#')
            break;
    }
    if (*out == '\0')
        strcpy(out, "+");
}

static bool naive_matches(const char *filter, const char *name)
{
    if (name[0] == '$' && (filter[0] == '+' || filter[0] == '#'))
        return false;
    for (;;) {
        size_t f = strcspn(filter, "/");
        size_t n = strcspn(name, "/");
        if (f == 1 && filter[0] == '#')
            return true;
        if (!(f == 1 && filter[0] == '+') && !(f == n && memcmp(filter, name, n) == 0))
            return false;
        if (name[n] == '\0')
            return filter[f] == '\0' || strcmp(filter + f, "/#") == 0;
        if (filter[f] == '\0')
            return false;
        filter += f + 1;
        name += n + 1;
    }
}

/* Puts the names in as text; false if one of them must not stand there. */
static bool put_in(const struct world *world, const char *topic, char *out)
{
    size_t size = 0;
    for (; *topic; topic++) {
        const char *name = topic[0] != '%'   ? NULL
                           : topic[1] == 'u' ? world->user
                                             : world->client_id;
        if (!name) {
            out[size++] = *topic;
            continue;
        }
        if (strpbrk(name, "+#/") || (size == 0 && name[0] == '$'))
            return false;
        memcpy(out + size, name, strlen(name));
        size += strlen(name);
        topic++;
    }
    out[size] = '\0';
    return true;
}

/* The number of the rule that decides, -1 if none. */
static int naive_judge(const struct world *world, unsigned action, const char *name, unsigned qos,
                       bool retain)
{
    for (size_t i = 0; i < world->rule_count; i++) {
        const struct random_rule *rule = &world->rules[i];
        char filter[WORDS_MAX * 4];
        if (!(rule->actions & action) || (rule->user && strcmp(rule->user, world->user) != 0))
            continue;
        if (action == GW_ACCESS_PUBLISH && rule->retain != GW_ACCESS_RETAIN_ANY &&
            retain != (rule->retain == GW_ACCESS_RETAIN_ONLY))
            continue;
        if (action == GW_ACCESS_PUBLISH && rule->allow && qos > rule->qos_max)
            continue;
        if (put_in(world, rule->topic, filter) && naive_matches(filter, name))
            return (int)i;
    }
    return -1;
}

static struct gw_access *random_list(struct world *world)
{
    struct gw_access *access = gw_access_new();
    world->rule_count = pick(world, RULES_MAX + 1);
    for (size_t i = 0; i < world->rule_count; i++) {
        struct random_rule *rule = &world->rules[i];
        random_filter(world, rule->topic, true);
        rule->allow = pick(world, 3) > 0;
        rule->actions = 1 + (unsigned)pick(world, 3);
        rule->qos_max = (unsigned)pick(world, 4);
        rule->qos_max = rule->qos_max > 2 ? 2 : rule->qos_max;
        rule->retain = (unsigned)pick(world, 3);
        rule->user = pick(world, 2) ? names[pick(world, GW_COUNT_OF(names))] : NULL;
        static const char *const verbs[2][4] = {{"", "deny pub", "deny sub", "deny pubsub"},
                                                {"", "allow pub", "allow sub", "allow pubsub"}};
        add(access, &(struct line){
                        .verb = verbs[rule->allow][rule->actions],
                        .topic = rule->topic,
                        .user = rule->user,
                        .qos_given = true,
                        .qos_max = (uint8_t)rule->qos_max,
                        .retain = (enum gw_access_retain)rule->retain,
                    });
    }
    assert_int_equal(gw_access_seal(access), GW_OK);
    return access;
}

/* Name number `number` of all of up to four levels; false behind the last. */
static bool name_of(size_t number, char *out)
{
    static const char *const levels[] = {"a", "u", "$s", "", "z"};
    size_t depth = 1;
    size_t count = GW_COUNT_OF(levels);
    while (number >= count) {
        number -= count;
        count *= GW_COUNT_OF(levels);
        if (++depth > LEVELS_MAX)
            return false;
    }
    *out = '\0';
    for (size_t i = 0; i < depth; i++, number /= GW_COUNT_OF(levels)) {
        strcat(out, i > 0 ? "/" : "");
        strcat(out, levels[number % GW_COUNT_OF(levels)]);
    }
    return true;
}

static void check_world(struct world *world)
{
    struct gw_access *access = random_list(world);
    struct gw_identity who = {.user = gw_span_str(world->user),
                              .client_id = gw_span_str(world->client_id)};
    char filter[WORDS_MAX];
    char name[WORDS_MAX];
    size_t denies = 0; /* and what makes it hard to tell */
    bool some = false;
    random_filter(world, filter, false);
    struct gw_access_verdict granted = grant(access, &who, filter);
    for (size_t i = 0; i < world->rule_count; i++)
        denies += world->rules[i].allow ? (strstr(world->rules[i].topic, "%c%u") ? 2u : 0u) : 1u;
    for (size_t i = 0; name_of(i, name); i++) {
        if (name[0] == '\0')
            continue;
        uint8_t qos = (uint8_t)pick(world, 3);
        bool retain = pick(world, 2) == 0;
        struct gw_access_question question = {
            &who, GW_ACCESS_PUBLISH, gw_span_str(name), qos, retain, false};
        int rule = naive_judge(world, GW_ACCESS_PUBLISH, name, qos, retain);
        struct gw_access_verdict verdict = gw_access_judge(access, &question);
        assert_int_equal((int)verdict.rule, rule);
        assert_int_equal(verdict.allowed, rule >= 0 && world->rules[rule].allow);

        rule = naive_judge(world, GW_ACCESS_SUBSCRIBE, name, 0, false);
        verdict = ask(access, &who, GW_ACCESS_SUBSCRIBE, name);
        assert_int_equal((int)verdict.rule, rule);
        if (!naive_matches(filter, name))
            continue;
        some |= verdict.allowed;
        if (granted.covered) {
            assert_true(verdict.allowed);
            assert_int_equal(verdict.qos_max, granted.qos_max);
        }
        if (verdict.allowed) {
            assert_true(granted.allowed);
            assert_true(verdict.qos_max <= granted.qos_max);
        }
    }
    /* Not granted for nothing. Names of two placeholders are not among those tried; "/#" and "+"
     * share the empty name, which is none. */
    if (denies <= 1 && strcmp(filter, "/#") != 0 && strcmp(filter, "+") != 0)
        assert_int_equal(granted.allowed, some);
    gw_access_unref(&access);
}

static void random_lists_decide_as_the_reference_does(void **state)
{
    (void)state;
    struct world world = {0};
    gw_random_init(&world.random, 4711);
    for (int i = 0; i < 600; i++) {
        world.user = names[pick(&world, GW_COUNT_OF(names))];
        world.client_id = names[pick(&world, GW_COUNT_OF(names))];
        check_world(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_rules_everything_but_writing_sys_is_allowed),
        cmocka_unit_test(an_empty_list_denies_everything),
        cmocka_unit_test(sys_is_not_to_be_written_whatever_the_rules_say),
        cmocka_unit_test(each_condition_holds_for_its_own),
        cmocka_unit_test(what_was_proved_besides_holds_for_its_own),
        cmocka_unit_test(the_first_that_matches_wins),
        cmocka_unit_test(qos_and_retain_bound_what_is_published),
        cmocka_unit_test(absent_clients_are_judged_without_their_address),
        cmocka_unit_test(what_is_not_known_of_somebody_holds_if_it_allows),
        cmocka_unit_test(addresses_are_parsed_and_printed),
        cmocka_unit_test(lists_are_compared_by_what_they_say),
        cmocka_unit_test(lists_have_a_limit),
        cmocka_unit_test(random_lists_decide_as_the_reference_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
