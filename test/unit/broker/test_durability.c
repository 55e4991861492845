#include "broker/durability.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/random.h"
#include "config/confrules.h"
#include "topic/subindex.h"

static void load(const char *text, struct gw_config *config)
{
    struct gw_span span = gw_span_str(text);
    struct gw_config_input input = {"f.yaml", &span, NULL, NULL, 0};
    struct gw_confreport report;

    gw_confreport_init(&report);
    if (gw_config_load(&input, config, &report) != GW_OK)
        fail_msg("%.*s", GW_SPAN_FMT(gw_buf_span(&report.text)));
    gw_confreport_fini(&report);
}

static void test_first_match_holds(void **state)
{
    static const struct {
        const char *topic;
        enum gw_durability class;
    } rows[] = {
        {"orders/7/paid", GW_DURABILITY_DISK}, {"orders/7", GW_DURABILITY_MEMORY},
        {"orders", GW_DURABILITY_MEMORY},      {"logs/a/b", GW_DURABILITY_OS},
        {"$SYS/broker", GW_DURABILITY_MEMORY}, {"alarm", GW_DURABILITY_DISK},
        {"alarm/1", GW_DURABILITY_OS},
    };
    struct gw_config config;

    (void)state;
    load("store:\n"
         "  durability: os\n"
         "  durability_rules:\n"
         "    - {filter: orders/+/paid, class: disk}\n"
         "    - {filter: orders/#, class: memory}\n"
         "    - {filter: alarm, class: disk}\n"
         "    - {filter: $SYS/#, class: memory}\n",
         &config);
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++)
        assert_int_equal(gw_durability_of(&config, gw_span_str(rows[i].topic)), rows[i].class);
    gw_config_fini(&config);
}

static void test_without_rules(void **state)
{
    static const char *const texts[] = {"store: {durability: memory}", "store: {durability: os}",
                                        ""};

    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(texts); i++) {
        struct gw_config config;

        load(texts[i], &config);
        assert_int_equal(gw_durability_of(&config, GW_SPAN_LIT("a/b")), i);
        gw_config_fini(&config);
    }
    assert_string_equal(gw_durability_name(GW_DURABILITY_DISK), "disk");
    assert_string_equal(gw_durability_name(GW_DURABILITY_OS), "os");
    assert_string_equal(gw_durability_name(GW_DURABILITY_MEMORY), "memory");
}

static void test_path(void **state)
{
    struct gw_config config;
    const char *path;

    (void)state;
    load("store: {path: none}", &config);
    assert_null(gw_durability_path(&config));
    gw_config_fini(&config);
    load("store: {path: /srv/godwit/none}", &config); /* whether it is there is said at start */
    assert_string_equal(gw_durability_path(&config), "/srv/godwit/none");
    gw_config_fini(&config);
    load("", &config);
    path = gw_durability_path(&config); /* depends on the machine */
    if (path != NULL)
        assert_string_equal(path, GW_CONFIG_STORE_PATH_DEFAULT);
    gw_config_fini(&config);
}

/* A random topic of few levels and few words; a filter if wildcards are wanted. */
static void random_topic(struct gw_random *random, bool wildcards, char text[32])
{
    static const char *const words[] = {"a", "b", "", "$x", "ab", "+", "#"};
    uint64_t levels = 1 + gw_random_below(random, 4);
    size_t used = 0;

    text[0] = '\0';
    for (uint64_t i = 0; i < levels; i++) {
        const char *word = words[gw_random_below(random, wildcards ? 7 : 5)];

        used += (size_t)snprintf(text + used, 32 - used, "%s%s", i > 0 ? "/" : "", word);
        if (word[0] == '#')
            return;
    }
    if (used == 0)
        snprintf(text, 32, "a");
}

#define RULES_MAX 40

struct index_of_rules {
    struct gw_subindex *index;
    struct gw_subindex_entry entries[RULES_MAX]; /* in the order of the rules */
    const struct gw_subindex_entry *first;       /* that matched */
};

static void on_match(void *user, struct gw_subindex_entry *entry)
{
    struct index_of_rules *rules = user;

    if (rules->first == NULL || entry < rules->first)
        rules->first = entry;
}

/* The index of subscriptions is another way to know what matches: the first of it holds. */
static void test_against_the_index(void **state)
{
    struct gw_random random;

    (void)state;
    gw_random_init(&random, 7);
    for (unsigned round = 0; round < 40; round++) {
        struct index_of_rules other = {.index = gw_subindex_new(round)};
        struct gw_config config;
        struct gw_config_rules *rules = &config.store.durability_rules;
        struct gw_confreport_error error;
        char text[32];

        load("store: {durability: os}", &config);
        while (rules->count < RULES_MAX && gw_random_below(&random, 30) > 0) {
            size_t count = rules->count;
            enum gw_durability class = (enum gw_durability)gw_random_below(&random, 3);

            random_topic(&random, true, text);
            if (gw_confrules_add(rules, gw_span_str(text), class, &error) == GW_OK)
                assert_int_equal(
                    gw_subindex_add(other.index, gw_span_str(text), &other.entries[count]), GW_OK);
        }
        for (unsigned i = 0; i < 200; i++) {
            random_topic(&random, false, text);
            other.first = NULL;
            gw_subindex_match(other.index, gw_span_str(text), on_match, &other);
            assert_int_equal(gw_durability_of(&config, gw_span_str(text)),
                             other.first == NULL
                                 ? config.store.durability
                                 : rules->items[other.first - other.entries].result);
        }
        gw_subindex_free(other.index);
        gw_config_fini(&config);
    }
}

static void test_asked(void **state)
{
    static const struct {
        const char *name, *value;
        bool asked;
    } rows[] = {
        {"godwit.durability", "tell", true},  {"godwit.durability", "", false},
        {"godwit.durability", "TELL", false}, {"godwit.durabilit", "tell", false},
        {"tell", "godwit.durability", false},
    };

    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        uint8_t memory[128];
        struct gw_writer w = gw_writer_of(memory, sizeof memory);
        struct gw_reader r;
        struct gw_props props = {0};
        struct gw_fault fault;

        assert_false(gw_durability_asked(&props));
        props.present = GW_PROP_BIT(SESSION_EXPIRY);
        props.session_expiry = 60;
        props.raw = GW_SPAN_LIT("\x26\0\1a\0\1b");
        gw_props_encode(&w, &props);
        memory[0] = (uint8_t)(memory[0] + 5 + strlen(rows[i].name) + strlen(rows[i].value));
        gw_props_write_user(&w, gw_span_str(rows[i].name), gw_span_str(rows[i].value));
        r = gw_reader_of(gw_span_of(memory, gw_writer_size(&w)));
        assert_int_equal(gw_props_decode(&r, 1u << GW_PACKET_CONNECT, false, 9, &props, &fault),
                         GW_OK);
        assert_int_equal(gw_durability_asked(&props), rows[i].asked);
    }
}

static void test_property(void **state)
{
    static const char *const names[] = {"memory", "os", "disk"};

    (void)state;
    for (unsigned i = 0; i < GW_DURABILITY_COUNT; i++) {
        struct gw_span raw = gw_durability_property((enum gw_durability)i);
        struct gw_reader block = gw_reader_of(raw);
        struct gw_prop_item item;

        assert_true(raw.size + 2 <= GW_DURABILITY_PROPERTY_MAX);
        assert_int_equal(gw_props_next(&block, &item), GW_OK);
        assert_int_equal(item.prop, GW_PROP_USER_PROPERTY);
        assert_true(gw_span_equal(item.text, GW_SPAN_LIT("godwit.durability")));
        assert_true(gw_span_equal(item.value, gw_span_str(names[i])));
        assert_int_equal(gw_props_next(&block, &item), GW_END);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_match_holds),
        cmocka_unit_test(test_without_rules),
        cmocka_unit_test(test_path),
        cmocka_unit_test(test_against_the_index),
        cmocka_unit_test(test_asked),
        cmocka_unit_test(test_property),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
