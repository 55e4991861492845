#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/random.h"
#include "topic/name.h"
#include "topic/subindex.h"

/* One subscription of the tests, with the filter that it stands under. */
struct sub {
    struct gw_subindex_entry entry;
    char filter[64];
    uint32_t hits;
    uint32_t wanted;
};

static struct sub *sub_of(struct gw_subindex_entry *entry)
{
    return GW_CONTAINER(entry, struct sub, entry);
}

static void hit(void *user, struct gw_subindex_entry *entry)
{
    size_t *total = user;
    ++*total;
    sub_of(entry)->hits++;
}

static size_t match(struct gw_subindex *index, const char *name)
{
    size_t total = 0;
    gw_subindex_match(index, gw_span_str(name), hit, &total);
    return total;
}

static void add(struct gw_subindex *index, struct sub *sub, const char *filter)
{
    memset(sub, 0, sizeof(*sub));
    snprintf(sub->filter, sizeof(sub->filter), "%s", filter);
    assert_int_equal(gw_subindex_add(index, gw_span_str(filter), &sub->entry), GW_OK);
}

static void agrees_with_the_rules_one_by_one(void **state)
{
    (void)state;
    static const char *const filters[] = {
        "a/b",   "a/+", "+",     "+/+",    "/+",   "/",      "#",       "a/#",  "a/+/#",
        "+/#",   "/#",  "+/x",   "$SYS/#", "$SYS", "$SYS/+", "a/$x/+",  "+/$x", "a//b",
        "a/+/b", "A",   "a",     "a/",     "+/",   "+/b/+",  "a/b/c",   "//",   "+//+",
        "$+",    "b/#", "a/b/#", "+/+/#",  "//#",  "$SYS/x", "a/b/+/#", "+/b",  "+/b/c",
    };
    static const char *const names[] = {
        "a",    "a/",     "a/b",     "a/b/c", "a/b/", "ab",    "/",  "/a",    "//",
        "$SYS", "$SYS/x", "a/$x/b",  "a/$x",  "a//b", "a/b/b", "A",  "x/x",   "$x/x",
        "/b/",  "b",      "a/b/c/d", "b/b/b", "///",  "$",     "$/", "$/x/y", "a/x/c",
    };
    for (size_t f = 0; f < GW_COUNT_OF(filters); f++) {
        if (gw_filter_validate(gw_span_str(filters[f]), 0) != GW_OK)
            continue;
        struct gw_subindex *index = gw_subindex_new(f);
        struct sub sub;
        add(index, &sub, filters[f]);
        for (size_t n = 0; n < GW_COUNT_OF(names); n++) {
            bool wanted = gw_filter_matches(gw_span_str(filters[f]), gw_span_str(names[n]));
            if (match(index, names[n]) != wanted)
                fail_msg("filter '%s' name '%s'", filters[f], names[n]);
        }
        gw_subindex_remove(index, &sub.entry);
        assert_null(sub.entry.node);
        assert_int_equal(gw_subindex_node_count(index), 0);
        assert_int_equal(match(index, "a/b"), 0);
        gw_subindex_free(index);
    }
}

/* A topic or filter of few different levels, so that random ones often meet. */
static void random_topic(struct gw_random *random, bool filter, char *ret_text, size_t size)
{
    static const char *const levels[] = {"", "a", "b", "$c", "dd", "a level of more than 16 bytes"};
    size_t count = 1 + gw_random_below(random, 6);
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        const char *level = levels[gw_random_below(random, i == 0 ? 6 : 5)];
        uint64_t wild = filter ? gw_random_below(random, 8) : 8;
        if (wild < 2)
            level = "+";
        else if (wild == 2 && i + 1 == count)
            level = "#";
        at += (size_t)snprintf(ret_text + at, size - at, i ? "/%s" : "%s", level);
    }
    if (at == 0)
        snprintf(ret_text, size, "a");
}

static void check_match(struct gw_subindex *index, struct sub *subs, size_t count, const char *name)
{
    size_t wanted = 0;
    for (size_t i = 0; i < count; i++) {
        subs[i].hits = 0;
        subs[i].wanted =
            subs[i].entry.node && gw_filter_matches(gw_span_str(subs[i].filter), gw_span_str(name));
        wanted += subs[i].wanted;
    }
    assert_int_equal(match(index, name), wanted);
    for (size_t i = 0; i < count; i++) {
        if (subs[i].hits != subs[i].wanted)
            fail_msg("filter '%s' name '%s': %u", subs[i].filter, name, subs[i].hits);
    }
}

static void random_steps(uint64_t seed)
{
    enum { SUBS = 150, STEPS = 1500 };
    static struct sub subs[SUBS];
    struct gw_random random;
    struct gw_subindex *index = gw_subindex_new(seed);
    size_t live = 0;
    char text[64];

    gw_random_init(&random, seed);
    memset(subs, 0, sizeof(subs));
    for (size_t step = 0; step < STEPS; step++) {
        struct sub *sub = &subs[gw_random_below(&random, SUBS)];
        uint64_t generation = gw_subindex_generation(index);
        if (!sub->entry.node) {
            random_topic(&random, true, text, sizeof(text));
            add(index, sub, text);
            live++;
            assert_int_equal(gw_subindex_generation(index), generation + 1);
        } else if (gw_random_below(&random, 3) != 0) {
            gw_subindex_remove(index, &sub->entry);
            gw_subindex_remove(index, &sub->entry);
            live--;
            assert_int_equal(gw_subindex_generation(index), generation + 1);
        }
        assert_int_equal(gw_subindex_count(index), live);
        random_topic(&random, false, text, sizeof(text));
        check_match(index, subs, SUBS, text);
    }
    for (size_t i = 0; i < SUBS; i++)
        gw_subindex_remove(index, &subs[i].entry);
    assert_int_equal(gw_subindex_node_count(index), 0);
    gw_subindex_free(index);
}

static void agrees_with_a_list_at_random(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 8; seed++)
        random_steps(seed);
}

static void finds_the_entries_of_one_filter(void **state)
{
    (void)state;
    struct gw_subindex *index = gw_subindex_new(7);
    struct sub subs[6];
    static const char *const filters[] = {"a/b", "a/+", "a/+", "a/b", "a/+/#", "a/b"};

    for (size_t i = 0; i < GW_COUNT_OF(subs); i++)
        add(index, &subs[i], filters[i]);
    struct gw_list *list = gw_subindex_find(index, gw_span_str("a/b"));
    assert_non_null(list);
    assert_ptr_equal(list->next, &subs[0].entry.link);
    assert_ptr_equal(list->next->next, &subs[3].entry.link);
    assert_ptr_equal(list->prev, &subs[5].entry.link);
    list = gw_subindex_find(index, gw_span_str("a/+"));
    assert_non_null(list);
    assert_ptr_equal(list->next, &subs[1].entry.link);
    assert_ptr_equal(list->prev, &subs[2].entry.link);
    assert_null(gw_subindex_find(index, gw_span_str("a")));
    assert_null(gw_subindex_find(index, gw_span_str("a/#")));
    assert_null(gw_subindex_find(index, gw_span_str("+/b")));
    assert_null(gw_subindex_find(index, gw_span_str("a/b/c")));
    gw_subindex_remove(index, &subs[4].entry);
    assert_null(gw_subindex_find(index, gw_span_str("a/+/#")));
    assert_non_null(gw_subindex_find(index, gw_span_str("a/+")));
    gw_subindex_free(index);
    gw_subindex_free(NULL);
}

static void shares_nodes_of_equal_beginnings(void **state)
{
    (void)state;
    struct gw_subindex *index = gw_subindex_new(7);
    struct sub subs[4];

    add(index, &subs[0], "a/b/+");
    assert_int_equal(gw_subindex_node_count(index), 3);
    add(index, &subs[1], "a/b/#");
    assert_int_equal(gw_subindex_node_count(index), 4);
    add(index, &subs[2], "a/b/c/d/e/f/g");
    assert_int_equal(gw_subindex_node_count(index), 5);
    add(index, &subs[3], "a/b/+");
    assert_int_equal(gw_subindex_node_count(index), 5);
    gw_subindex_remove(index, &subs[0].entry);
    assert_int_equal(gw_subindex_node_count(index), 5);
    gw_subindex_remove(index, &subs[3].entry);
    assert_int_equal(gw_subindex_node_count(index), 4);
    gw_subindex_remove(index, &subs[1].entry);
    assert_int_equal(gw_subindex_node_count(index), 1);
    gw_subindex_free(index);
}

/* "x/x/x/…", and the same with '+' everywhere or at every second level. */
static void deep_topic(char *ret_text, size_t levels, const char *pattern)
{
    for (size_t i = 0; i < levels; i++) {
        ret_text[2 * i] = pattern[i % 2];
        ret_text[2 * i + 1] = '/';
    }
}

static void holds_the_deepest_topics(void **state)
{
    (void)state;
    enum { LEVELS = 32767 };
    static const char *const patterns[] = {"xx", "++", "x+", "+x", "x+"};
    struct gw_subindex *index = gw_subindex_new(7);
    struct sub subs[GW_COUNT_OF(patterns)];
    char *text = calloc(1, 2 * LEVELS + 1);
    size_t total = 0;

    assert_non_null(text);
    for (size_t i = 0; i < GW_COUNT_OF(patterns); i++) {
        memset(&subs[i], 0, sizeof(subs[i]));
        deep_topic(text, LEVELS, patterns[i]);
        if (i == 4)
            text[2 * LEVELS - 2] = '#';
        struct gw_span filter = gw_span_of(text, 2 * LEVELS - 1);
        assert_int_equal(gw_filter_validate(filter, 0), GW_OK);
        assert_int_equal(gw_subindex_add(index, filter, &subs[i].entry), GW_OK);
    }
    deep_topic(text, LEVELS, "xx");
    gw_subindex_match(index, gw_span_of(text, 2 * LEVELS - 1), hit, &total);
    assert_int_equal(total, GW_COUNT_OF(patterns));
    for (size_t i = 0; i < GW_COUNT_OF(patterns); i++)
        assert_int_equal(subs[i].hits, 1);
    total = 0;
    memset(text, '/', 65535); /* deeper than any filter */
    gw_subindex_match(index, gw_span_of(text, 2 * LEVELS), hit, &total);
    assert_int_equal(total, 0);
    for (size_t i = 0; i < GW_COUNT_OF(patterns); i++)
        gw_subindex_remove(index, &subs[i].entry);
    assert_int_equal(gw_subindex_node_count(index), 0);
    gw_subindex_free(index);
    free(text);
}

static void grows_and_shrinks_by_thousands(void **state)
{
    (void)state;
    enum { SUBS = 20000 };
    struct gw_subindex *index = gw_subindex_new(7);
    struct sub *subs = calloc(SUBS, sizeof(*subs));
    char text[64];

    assert_non_null(subs);
    for (size_t i = 0; i < SUBS; i++) {
        snprintf(text, sizeof(text), i % 2 ? "site/%zu/+/x" : "site/%zu/cmd/x", i);
        add(index, &subs[i], text);
    }
    for (size_t i = 0; i < SUBS; i++) {
        if (i % 10 != 0)
            gw_subindex_remove(index, &subs[i].entry);
        snprintf(text, sizeof(text), "site/%zu/cmd/x", i);
        assert_int_equal(match(index, text), i % 10 == 0);
    }
    for (size_t i = 0; i < SUBS; i++) {
        snprintf(text, sizeof(text), "site/%zu/cmd/x", i);
        assert_int_equal(match(index, text), i % 10 == 0);
    }
    for (size_t i = 0; i < SUBS; i++)
        gw_subindex_remove(index, &subs[i].entry);
    assert_int_equal(gw_subindex_node_count(index), 0);
    gw_subindex_free(index);
    free(subs);
}

/* Every exact filter is foreseen, by its own first entry; nothing else is, whatever the tables do.
 */
static void foresees_exact_filters(void **state)
{
    (void)state;
    enum { SUBS = 2000 };
    struct gw_subindex *index = gw_subindex_new(8);
    struct sub *subs = calloc(SUBS, sizeof(*subs)), wild, second;
    struct gw_subindex_entry *entries[GW_SUBINDEX_FORESEEN_MAX];
    char texts[GW_SUBINDEX_FORESEEN_MAX][64];
    struct gw_span names[GW_SUBINDEX_FORESEEN_MAX];

    assert_non_null(index);
    assert_non_null(subs);
    names[0] = GW_SPAN_LIT("a");
    gw_subindex_foresee(index, names, 1, entries); /* of an empty index */
    assert_null(entries[0]);
    add(index, &wild, "site/+/x");
    gw_subindex_foresee(index, names, 1, entries);
    assert_null(entries[0]);
    for (size_t i = 0; i < SUBS; i++) {
        snprintf(texts[0], sizeof(texts[0]), "site/%zu", i);
        add(index, &subs[i], texts[0]);
        size_t count = i % GW_SUBINDEX_FORESEEN_MAX + 1;
        for (size_t k = 0; k < count; k++) {
            snprintf(texts[k], sizeof(texts[k]), "site/%zu%s", i / (k + 1), k % 5 == 4 ? "/x" : "");
            names[k] = gw_span_str(texts[k]);
        }
        gw_subindex_foresee(index, names, count, entries);
        for (size_t k = 0; k < count; k++)
            assert_ptr_equal(entries[k], k % 5 == 4 ? NULL : &subs[i / (k + 1)].entry);
    }
    add(index, &second, "site/7");
    names[0] = GW_SPAN_LIT("site/7");
    gw_subindex_foresee(index, names, 1, entries);
    assert_ptr_equal(entries[0], &subs[7].entry);
    gw_subindex_remove(index, &subs[7].entry);
    gw_subindex_foresee(index, names, 1, entries);
    assert_ptr_equal(entries[0], &second.entry);
    gw_subindex_free(index);
    free(subs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_rules_one_by_one),
        cmocka_unit_test(agrees_with_a_list_at_random),
        cmocka_unit_test(finds_the_entries_of_one_filter),
        cmocka_unit_test(shares_nodes_of_equal_beginnings),
        cmocka_unit_test(holds_the_deepest_topics),
        cmocka_unit_test(grows_and_shrinks_by_thousands),
        cmocka_unit_test(foresees_exact_filters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
