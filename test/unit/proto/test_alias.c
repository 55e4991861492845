#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/compiler.h"
#include "base/hash.h"
#include "base/random.h"
#include "proto/alias.h"

static struct gw_span name_of(unsigned number, char memory[16])
{
    int size = snprintf(memory, 16, "topic/%u", number);
    return gw_span_of(memory, (size_t)size);
}

/* The bytes that it says it holds are those that it holds. */
static void check_bytes(const struct gw_alias_table *table)
{
    size_t bytes = 0;
    for (unsigned i = 0; table->names && i < table->maximum; i++)
        bytes += sizeof(*table->names) + table->names[i].size;
    assert_int_equal(table->bytes, bytes);
}

static void expect_name(const struct gw_alias_table *table, uint16_t alias, const char *text)
{
    struct gw_span name;
    assert_int_equal(gw_alias_get(table, alias, &name), GW_OK);
    assert_true(gw_span_equal(name, gw_span_str(text)));
}

/* -- what the peer sets -- */

static void bounds_are_the_announced_maximum(void **state)
{
    (void)state;
    static const struct {
        uint16_t maximum, alias;
        enum gw_status set, get_before;
    } rows[] = {
        {0, 0, GW_LIMIT, GW_LIMIT},      {0, 1, GW_LIMIT, GW_LIMIT},
        {0, 65535, GW_LIMIT, GW_LIMIT},  {1, 0, GW_LIMIT, GW_LIMIT},
        {1, 1, GW_OK, GW_NOT_FOUND},     {1, 2, GW_LIMIT, GW_LIMIT},
        {10, 10, GW_OK, GW_NOT_FOUND},   {10, 11, GW_LIMIT, GW_LIMIT},
        {65535, 1, GW_OK, GW_NOT_FOUND}, {65535, 65535, GW_OK, GW_NOT_FOUND},
        {65535, 0, GW_LIMIT, GW_LIMIT},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_alias_table table;
        struct gw_span name;
        gw_alias_init(&table, rows[i].maximum);
        assert_int_equal(gw_alias_get(&table, rows[i].alias, &name), rows[i].get_before);
        assert_int_equal(gw_alias_set(&table, rows[i].alias, GW_SPAN_LIT("a/b")), rows[i].set);
        if (rows[i].set == GW_OK)
            expect_name(&table, rows[i].alias, "a/b");
        else
            assert_null(table.names); /* nothing is allocated for what is refused */
        gw_alias_fini(&table);
    }
}

static void a_name_is_copied_and_can_change(void **state)
{
    (void)state;
    struct gw_alias_table table;
    struct gw_span name;
    char memory[] = "first";
    gw_alias_init(&table, 3);
    assert_int_equal(gw_alias_set(&table, 2, gw_span_str(memory)), GW_OK);
    memory[0] = 'F';
    expect_name(&table, 2, "first");
    assert_int_equal(gw_alias_get(&table, 1, &name), GW_NOT_FOUND);
    assert_int_equal(gw_alias_get(&table, 3, &name), GW_NOT_FOUND);

    const uint8_t *bytes = table.names[1].data;
    assert_int_equal(gw_alias_set(&table, 2, GW_SPAN_LIT("first")), GW_OK);
    assert_ptr_equal(table.names[1].data, bytes); /* the same again costs nothing */
    assert_int_equal(gw_alias_set(&table, 2, GW_SPAN_LIT("a longer second")), GW_OK);
    expect_name(&table, 2, "a longer second");
    assert_int_equal(gw_alias_set(&table, 2, GW_SPAN_LIT("s")), GW_OK);
    expect_name(&table, 2, "s");
    assert_int_equal(gw_alias_set(&table, 1, GW_SPAN_LIT("s")), GW_OK); /* two for one name */
    expect_name(&table, 1, "s");
    expect_name(&table, 2, "s");
    check_bytes(&table);
    gw_alias_fini(&table);
}

static void the_longest_name_fits(void **state)
{
    (void)state;
    static uint8_t longest[65535];
    struct gw_alias_table table;
    struct gw_span name;
    memset(longest, 'x', sizeof(longest));
    gw_alias_init(&table, 1);
    assert_int_equal(gw_alias_set(&table, 1, gw_span_of(longest, sizeof(longest))), GW_OK);
    assert_int_equal(gw_alias_get(&table, 1, &name), GW_OK);
    assert_true(gw_span_equal(name, gw_span_of(longest, sizeof(longest))));
    gw_alias_fini(&table);
    gw_alias_fini(&table);
}

/* -- what we give out -- */

static uint16_t assign(struct gw_alias_table *table, unsigned number, bool *ret_known)
{
    char memory[16];
    struct gw_span name = name_of(number, memory);
    return gw_alias_assign(table, name, gw_hash_bytes(name, 1), ret_known);
}

static void a_table_of_0_gives_out_none(void **state)
{
    (void)state;
    struct gw_alias_table table;
    bool known = true;
    gw_alias_init(&table, 0);
    assert_int_equal(assign(&table, 1, &known), 0);
    assert_false(known);
    assert_null(table.names);
    gw_alias_fini(&table);
}

/* Sends a topic `count` times, which must be known. */
static void keep_using(struct gw_alias_table *table, unsigned topic, uint16_t alias, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        bool known;
        assert_int_equal(assign(table, topic, &known), alias);
        assert_true(known);
    }
}

static void what_was_idle_for_long_is_mapped_anew(void **state)
{
    (void)state;
    static const struct {
        unsigned topic;
        uint16_t alias;
        bool known;
    } sends[] = {
        {1, 1, false}, {2, 2, false}, {3, 3, false}, {1, 1, true}, {4, 0, false}, {3, 3, true},
    };
    struct gw_alias_table table;
    bool known;
    gw_alias_init(&table, 3);
    for (size_t i = 0; i < GW_COUNT_OF(sends); i++) {
        assert_int_equal(assign(&table, sends[i].topic, &known), sends[i].alias);
        assert_int_equal(known, sends[i].known);
    }
    keep_using(&table, 1, 1, 19); /* 2 was last sent 23 sends ago, 3 was 19 ago */
    assert_int_equal(assign(&table, 4, &known), 0);
    assert_int_equal(assign(&table, 4, &known), 2); /* more than 8 times 3 */
    assert_false(known);
    keep_using(&table, 4, 2, 1);
    assert_int_equal(assign(&table, 2, &known), 0);
    keep_using(&table, 1, 1, 1);
    assert_int_equal(assign(&table, 2, &known), 3); /* now it was 3 */
    assert_false(known);
    keep_using(&table, 1, 1, 1);
    gw_alias_fini(&table);
}

/* One topic too many, in turn: all but that one keep their aliases, and nothing is allocated. */
static void one_topic_too_many_does_not_upset_the_others(void **state)
{
    (void)state;
    static const uint16_t maximums[] = {1, 2, 16, 100};
    for (size_t m = 0; m < GW_COUNT_OF(maximums); m++) {
        uint16_t maximum = maximums[m];
        struct gw_alias_table table;
        gw_alias_init(&table, maximum);
        for (unsigned i = 0; i < 20u * (maximum + 1u); i++) {
            unsigned topic = i % (maximum + 1u);
            bool known;
            uint16_t alias = assign(&table, topic, &known);
            assert_int_equal(alias, topic < maximum ? topic + 1 : 0);
            assert_int_equal(known, topic < maximum && i > maximum);
        }
        gw_alias_fini(&table);
    }
}

static void equal_hashes_are_not_equal_names(void **state)
{
    (void)state;
    struct gw_alias_table table;
    bool known;
    gw_alias_init(&table, 2);
    assert_int_equal(gw_alias_assign(&table, GW_SPAN_LIT("a"), 77, &known), 1);
    assert_int_equal(gw_alias_assign(&table, GW_SPAN_LIT("b"), 77, &known), 2);
    assert_false(known);
    assert_int_equal(gw_alias_assign(&table, GW_SPAN_LIT("a"), 77, &known), 1);
    assert_true(known);
    assert_int_equal(gw_alias_assign(&table, GW_SPAN_LIT("z"), 77, &known), 0);
    assert_false(known);
    gw_alias_fini(&table);
}

/* Both ends together: a receiver that follows what is sent always knows the name that was meant. */
static void both_ends_agree(void **state)
{
    (void)state;
    static const uint16_t maximums[] = {1, 2, 16, 100};
    for (size_t m = 0; m < GW_COUNT_OF(maximums); m++) {
        struct gw_alias_table out, in;
        struct gw_random random;
        gw_random_init(&random, m);
        gw_alias_init(&out, maximums[m]);
        gw_alias_init(&in, maximums[m]);
        unsigned known_count = 0, anew = 0;
        for (unsigned i = 0; i < 3000; i++) {
            /* Some topics for a while, then others. */
            unsigned topic = i / 500 * 20 + (unsigned)gw_random_below(&random, 40);
            char memory[16];
            bool known;
            uint16_t alias = assign(&out, topic, &known);
            struct gw_span name = name_of(topic, memory);
            struct gw_span got;
            assert_in_range(alias, 0, maximums[m]);
            assert_true(alias != 0 || !known);
            if (alias == 0)
                continue;
            if (!known)
                assert_int_equal(gw_alias_set(&in, alias, name), GW_OK);
            anew += !known;
            assert_int_equal(gw_alias_get(&in, alias, &got), GW_OK);
            assert_true(gw_span_equal(got, name));
            known_count += known;
        }
        assert_true(known_count > 0 && anew > maximums[m]);
        check_bytes(&out);
        check_bytes(&in);
        gw_alias_fini(&out);
        check_bytes(&out);
        gw_alias_fini(&in);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds_are_the_announced_maximum),
        cmocka_unit_test(a_name_is_copied_and_can_change),
        cmocka_unit_test(the_longest_name_fits),
        cmocka_unit_test(a_table_of_0_gives_out_none),
        cmocka_unit_test(what_was_idle_for_long_is_mapped_anew),
        cmocka_unit_test(one_topic_too_many_does_not_upset_the_others),
        cmocka_unit_test(equal_hashes_are_not_equal_names),
        cmocka_unit_test(both_ends_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
