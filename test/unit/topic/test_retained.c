#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/random.h"
#include "topic/name.h"
#include "topic/retained.h"

/* A topic of the tests; its address is the value in the set. */
struct topic {
    char name[80];
    bool there;
    bool there_all_along; /* of the walk that is going on */
    uint32_t given;
    uint32_t released;
};

static struct topic *topic_of(const struct gw_retained_value *value)
{
    return (struct topic *)(uintptr_t)value->word;
}

static void on_release(void *user, struct gw_span name, struct gw_retained_value *value)
{
    struct topic *topic = topic_of(value);
    (void)user;
    assert_true(gw_span_equal(name, gw_span_str(topic->name)));
    topic->released++;
}

struct visits {
    size_t count;
    size_t stop_after; /* fn says that it is enough at each multiple; 0: never */
    size_t put_off;    /* fn takes each one at the nth time only; 0: at once */
    size_t asked;
};

static enum gw_retained_step visit(void *user, struct gw_span name, struct gw_retained_value *value)
{
    struct visits *visits = user;
    struct topic *topic = topic_of(value);
    if (visits->put_off > 0 && ++visits->asked % visits->put_off != 0)
        return GW_RETAINED_LATER;
    assert_true(gw_span_equal(name, gw_span_str(topic->name)));
    assert_true(topic->there);
    topic->given++;
    visits->count++;
    return visits->stop_after == 0 || visits->count % visits->stop_after != 0 ? GW_RETAINED_ON
                                                                              : GW_RETAINED_ENOUGH;
}

static void put(struct gw_retained *set, struct topic *topic)
{
    struct gw_retained_value *old = gw_retained_find(set, gw_span_str(topic->name));
    if (old)
        old->word = (uintptr_t)topic;
    else
        assert_int_equal(
            gw_retained_add(set, gw_span_str(topic->name),
                            &(struct gw_retained_value){.word = (uintptr_t)topic, .deadline = 7}),
            GW_OK);
    topic->there = true;
}

static void take(struct gw_retained *set, struct topic *topic)
{
    assert_true(gw_retained_remove(set, gw_span_str(topic->name)));
    topic->there = false;
    topic->there_all_along = false;
}

static struct topic *get(struct gw_retained *set, const char *name)
{
    const struct gw_retained_value *value = gw_retained_find(set, gw_span_str(name));
    assert_true(value == NULL || value->deadline == 7);
    return value ? topic_of(value) : NULL;
}

static void puts_gets_and_removes(void **state)
{
    (void)state;
    struct gw_retained *set = gw_retained_new(3);
    struct topic a = {.name = "a/b"};
    struct topic other = {.name = "a/b"};
    struct topic root = {.name = "/"};

    assert_null(get(set, "a/b"));
    assert_false(gw_retained_remove(set, gw_span_str("a/b")));
    put(set, &a);
    put(set, &root);
    assert_int_equal(gw_retained_count(set), 2);
    assert_ptr_equal(get(set, "a/b"), &a);
    assert_null(get(set, "a"));
    put(set, &other);
    assert_int_equal(gw_retained_count(set), 2);
    assert_ptr_equal(get(set, "a/b"), &other);
    take(set, &other);
    assert_null(get(set, "a/b"));
    assert_int_equal(gw_retained_count(set), 1);
    gw_retained_free(set, on_release, NULL);
    assert_int_equal(root.released, 1);
    gw_retained_free(NULL, on_release, NULL);
}

static struct topic topics[] = {
    {.name = "a"},         {.name = "a/"},    {.name = "a/b"},    {.name = "a/b/c"},
    {.name = "a/b/"},      {.name = "ab"},    {.name = "/"},      {.name = "/a"},
    {.name = "//"},        {.name = "$SYS"},  {.name = "$SYS/x"}, {.name = "a/$x/b"},
    {.name = "a/$x"},      {.name = "a//b"},  {.name = "a/b/b"},  {.name = "A"},
    {.name = "x/x"},       {.name = "$x/x"},  {.name = "/b/"},    {.name = "b"},
    {.name = "a/b/c/d"},   {.name = "b/b/b"}, {.name = "///"},    {.name = "$"},
    {.name = "$/"},        {.name = "a!"},    {.name = "a!/b"},   {.name = "a\x01"},
    {.name = "a\x01/b"},   {.name = "%"},     {.name = "%/b"},    {.name = "!/b"},
    {.name = "a/b\x01/c"}, {.name = "\xff"},  {.name = "a/\xff"}, {.name = "\xc3\xa9/x"},
    {.name = "x"},         {.name = "x/x/x"}, {.name = "a/b!/c"}, {.name = "y/x"},
};

static const char *const filters[] = {
    "a/b",   "a/+",   "+",     "+/+",    "/+",    "/",       "#",      "a/#",     "a/+/#",
    "+/#",   "/#",    "+/x",   "$SYS/#", "$SYS",  "$SYS/+",  "a/$x/+", "+/$x",    "a//b",
    "a/+/b", "A",     "a/",    "+/",     "+/b/+", "//",      "+//+",   "b/#",     "a/b/#",
    "+/+/#", "//#",   "+/b",   "+/b/c",  "a/+/c", "+/+/+/+", "x/#",    "nothing", "nothing/#",
    "zzz/+", "+/+/x", "a/b/+", "$x/+",   "+/b/b",
};

/* Walks to the end in steps; returns how many steps it took. */
static size_t walk_all(struct gw_retained *set, const char *filter, size_t visits_max,
                       struct visits *visits)
{
    struct gw_retained_cursor cursor;
    enum gw_status status;
    size_t steps = 0;

    assert_int_equal(gw_retained_cursor_init(&cursor, gw_span_str(filter)), GW_OK);
    do {
        status = gw_retained_walk(set, &cursor, visits_max, visit, visits);
        assert_true(++steps < 1000);
    } while (status == GW_MORE);
    assert_int_equal(status, GW_END);
    assert_int_equal(gw_retained_walk(set, &cursor, visits_max, visit, visits), GW_END);
    gw_retained_cursor_fini(&cursor);
    return steps;
}

static void gives_what_the_filter_matches(void **state)
{
    (void)state;
    struct gw_retained *set = gw_retained_new(3);
    for (size_t i = 0; i < GW_COUNT_OF(topics); i++)
        put(set, &topics[i]);
    for (size_t f = 0; f < GW_COUNT_OF(filters); f++) {
        for (size_t visits_max = 0; visits_max < 5; visits_max++) {
            struct visits visits = {.stop_after = visits_max};
            for (size_t i = 0; i < GW_COUNT_OF(topics); i++)
                topics[i].given = 0;
            walk_all(set, filters[f], visits_max ? visits_max : 1000, &visits);
            for (size_t i = 0; i < GW_COUNT_OF(topics); i++) {
                bool wanted =
                    gw_filter_matches(gw_span_str(filters[f]), gw_span_str(topics[i].name));
                if (topics[i].given != wanted)
                    fail_msg("filter '%s' name '%s': %u", filters[f], topics[i].name,
                             topics[i].given);
            }
        }
    }
    gw_retained_free(set, on_release, NULL);
}

static void does_not_visit_what_a_prefix_excludes(void **state)
{
    (void)state;
    enum { SITES = 300, DEVICES = 10 };
    struct gw_retained *set = gw_retained_new(3);
    struct topic *all = calloc(SITES * DEVICES, sizeof(*all));
    assert_non_null(all);
    for (size_t i = 0; i < SITES * DEVICES; i++) {
        snprintf(all[i].name, sizeof(all[i].name), "site/%zu/dev/%zu", i / DEVICES, i % DEVICES);
        put(set, &all[i]);
    }
    static const struct {
        const char *filter;
        size_t given;
        size_t visits_max;
    } rows[] = {
        {"site/17/#", 10, 12},
        {"site/17/dev/+", 10, 12},
        {"site/17/+/3", 1, 6},
        {"site/+/dev/3", SITES, 3 * SITES},
        {"site/+/none/+", 0, 2 * SITES},
        {"other/#", 0, 1},
        {"site/17/dev/3", 1, 1},
        {"#", SITES * DEVICES, SITES * DEVICES},
        {"+", 0, 2},
        {"+/+", 0, SITES + 2},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct visits visits = {0};
        size_t steps = walk_all(set, rows[i].filter, rows[i].visits_max, &visits);
        if (visits.count != rows[i].given || steps > 2)
            fail_msg("'%s': %zu given in %zu steps", rows[i].filter, visits.count, steps);
    }
    gw_retained_free(set, on_release, NULL);
    free(all);
}

static void random_topics(struct gw_random *random, struct topic *all, size_t count)
{
    static const char *const levels[] = {"", "a", "b", "$c", "dd", "d\x01", "d!", "$"};
    memset(all, 0, count * sizeof(*all));
    for (size_t i = 0; i < count; i++) {
        size_t size = sizeof(all[i].name);
        size_t at = (size_t)snprintf(all[i].name, size, "%zu/", i % 7);
        size_t depth = gw_random_below(random, 6);
        if (gw_random_below(random, 2) == 0)
            at = 0;
        for (size_t level = 0; level < depth; level++)
            at += (size_t)snprintf(all[i].name + at, size - at, "%s/",
                                   levels[gw_random_below(random, GW_COUNT_OF(levels))]);
        snprintf(all[i].name + at, size - at, "%zu", i);
    }
}

/* The name with some of its levels replaced by '+', or its end by '#'. */
static void random_filter(struct gw_random *random, const char *name, char *ret_filter)
{
    size_t at = 0;
    for (;;) {
        size_t size = strcspn(name, "/");
        uint64_t choice = gw_random_below(random, 8);
        if (choice == 0) {
            ret_filter[at++] = '#';
            break;
        }
        if (choice < 4) {
            ret_filter[at++] = '+';
        } else {
            memcpy(ret_filter + at, name, size);
            at += size;
        }
        if (name[size] == '\0')
            break;
        ret_filter[at++] = '/';
        name += size + 1;
    }
    ret_filter[at] = '\0';
}

static void change_some(struct gw_retained *set, struct gw_random *random, struct topic *all,
                        size_t count)
{
    for (uint64_t changes = gw_random_below(random, 12); changes > 0; changes--) {
        struct topic *topic = &all[gw_random_below(random, count)];
        if (!topic->there || gw_random_below(random, 4) == 0)
            put(set, topic); /* new, or replaced, which does not disturb */
        else
            take(set, topic);
    }
}

static void random_walk(struct gw_retained *set, struct gw_random *random, struct topic *all,
                        size_t count)
{
    char filter[160];
    struct gw_retained_cursor cursor;
    struct visits visits = {.stop_after = gw_random_below(random, 3),
                            .put_off = gw_random_below(random, 3)};
    enum gw_status status;

    random_filter(random, all[gw_random_below(random, count)].name, filter);
    assert_int_equal(gw_filter_validate(gw_span_str(filter), 0), GW_OK);
    for (size_t i = 0; i < count; i++) {
        all[i].given = 0;
        all[i].there_all_along = all[i].there;
    }
    assert_int_equal(gw_retained_cursor_init(&cursor, gw_span_str(filter)), GW_OK);
    do {
        size_t visits_max = 1 + gw_random_below(random, 10);
        status = gw_retained_walk(set, &cursor, visits_max, visit, &visits);
        change_some(set, random, all, count);
    } while (status == GW_MORE);
    assert_int_equal(status, GW_END);
    gw_retained_cursor_fini(&cursor);
    for (size_t i = 0; i < count; i++) {
        bool match = gw_filter_matches(gw_span_str(filter), gw_span_str(all[i].name));
        if (all[i].given > match || (match && all[i].there_all_along && all[i].given != 1))
            fail_msg("filter '%s' name '%s': %u", filter, all[i].name, all[i].given);
    }
}

static void walks_are_complete_while_topics_come_and_go(void **state)
{
    (void)state;
    enum { COUNT = 300, WALKS = 200 };
    static struct topic all[COUNT];
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct gw_random random;
        struct gw_retained *set = gw_retained_new(seed);
        size_t there = 0;

        gw_random_init(&random, seed);
        random_topics(&random, all, COUNT);
        for (size_t i = 0; i < COUNT; i += 2)
            put(set, &all[i]);
        for (size_t walk = 0; walk < WALKS; walk++)
            random_walk(set, &random, all, COUNT);
        for (size_t i = 0; i < COUNT; i++) {
            there += all[i].there;
            assert_ptr_equal(get(set, all[i].name), all[i].there ? &all[i] : NULL);
        }
        assert_int_equal(gw_retained_count(set), there);
        gw_retained_free(set, on_release, NULL);
    }
}

static enum gw_retained_step count_visit(void *user, struct gw_span name,
                                         struct gw_retained_value *value)
{
    size_t *count = user;
    (void)name;
    (void)value;
    ++*count;
    return GW_RETAINED_ON;
}

static void keep(void *user, struct gw_span name, struct gw_retained_value *value)
{
    (void)user;
    (void)name;
    (void)value;
}

static size_t count_matches(struct gw_retained *set, struct gw_span filter)
{
    struct gw_retained_cursor cursor;
    size_t count = 0;
    assert_int_equal(gw_retained_cursor_init(&cursor, filter), GW_OK);
    while (gw_retained_walk(set, &cursor, 1, count_visit, &count) == GW_MORE)
        continue;
    gw_retained_cursor_fini(&cursor);
    return count;
}

static void holds_the_deepest_topics(void **state)
{
    (void)state;
    char *name = malloc(65535);
    char *filter = malloc(65535);
    struct gw_retained_value value = {0};
    struct gw_retained *set = gw_retained_new(3);

    assert_non_null(name);
    assert_non_null(filter);
    memset(name, '/', 65535);
    for (size_t i = 0; i < 65535; i++)
        filter[i] = i % 2 ? '/' : '+';
    assert_int_equal(gw_retained_add(set, gw_span_of(name, 65535), &value), GW_OK);
    assert_int_equal(gw_retained_add(set, gw_span_of(name, 65534), &value), GW_OK);
    assert_int_equal(gw_retained_add(set, gw_span_of(name, 32767), &value), GW_OK);
    assert_int_equal(count_matches(set, gw_span_of(filter, 65535)), 1);
    filter[65534] = '#';
    assert_int_equal(count_matches(set, gw_span_of(filter, 65535)), 3);
    memset(filter, 'x', 65535);
    filter[0] = '+';
    filter[1] = '/';
    assert_int_equal(count_matches(set, gw_span_of(filter, 65535)), 0);
    gw_retained_free(set, keep, NULL);
    free(name);
    free(filter);
}

/* Names long and short that come in order, backwards or anyhow, and go again: all are where they
 * belong, in order, whatever pages are made and unmade for them. */
static void keeps_names_in_order_in_all_pages(void **state)
{
    (void)state;
    enum { COUNT = 2000 };
    struct topic *all = calloc(COUNT, sizeof(*all));
    assert_non_null(all);
    for (uint64_t way = 0; way < 4; way++) {
        struct gw_random random;
        struct gw_retained *set = gw_retained_new(way);
        size_t at[COUNT];
        gw_random_init(&random, way);
        for (size_t i = 0; i < COUNT; i++) {
            at[i] = i;
            snprintf(all[i].name, sizeof(all[i].name), "%04zu/%0*d", i,
                     way == 3 ? (int)gw_random_below(&random, 70) + 1 : 1, 0);
            all[i].there = false;
        }
        for (size_t i = 0; i < COUNT; i++) {
            size_t other = way == 0   ? i
                           : way == 1 ? COUNT - 1 - i
                                      : gw_random_below(&random, COUNT);
            size_t moved = at[i];
            if (way > 0 && (way > 1 || other > i)) {
                at[i] = at[other];
                at[other] = moved;
            }
        }
        for (size_t i = 0; i < COUNT; i++)
            put(set, &all[at[i]]);
        for (size_t left = COUNT; left > 0; left -= left / 2 + left % 2) {
            struct visits visits = {0};
            for (size_t i = 0; i < COUNT; i++)
                all[i].given = 0;
            walk_all(set, "#", COUNT + 1, &visits);
            assert_int_equal(visits.count, left);
            assert_int_equal(gw_retained_count(set), left);
            for (size_t i = 0; i < COUNT; i++)
                assert_int_equal(all[i].given, all[i].there);
            for (size_t i = 0; i < left / 2 + left % 2; i++)
                take(set, &all[at[COUNT - left + i]]);
        }
        assert_int_equal(gw_retained_count(set), 0);
        gw_retained_free(set, on_release, NULL);
    }
    free(all);
}

static void walks_go_on_from_a_copy(void **state)
{
    (void)state;
    struct gw_retained *set = gw_retained_new(3);
    struct gw_retained_cursor cursor, copy;
    struct visits visits = {0};
    for (size_t i = 0; i < GW_COUNT_OF(topics); i++) {
        topics[i].given = 0;
        put(set, &topics[i]);
    }
    assert_int_equal(gw_retained_cursor_init(&cursor, gw_span_str("a/#")), GW_OK);
    assert_int_equal(gw_retained_walk(set, &cursor, 3, visit, &visits), GW_MORE);
    size_t begun = visits.count;
    assert_int_equal(gw_retained_cursor_copy(&copy, &cursor), GW_OK);
    assert_int_equal(gw_retained_walk(set, &copy, 1000, visit, &visits), GW_END);
    size_t all = visits.count;
    assert_int_equal(gw_retained_walk(set, &cursor, 1000, visit, &visits), GW_END);
    assert_int_equal(visits.count - all, all - begun);
    gw_retained_cursor_fini(&copy);
    gw_retained_cursor_fini(&cursor);
    gw_retained_free(set, on_release, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(puts_gets_and_removes),
        cmocka_unit_test(gives_what_the_filter_matches),
        cmocka_unit_test(does_not_visit_what_a_prefix_excludes),
        cmocka_unit_test(walks_are_complete_while_topics_come_and_go),
        cmocka_unit_test(holds_the_deepest_topics),
        cmocka_unit_test(keeps_names_in_order_in_all_pages),
        cmocka_unit_test(walks_go_on_from_a_copy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
