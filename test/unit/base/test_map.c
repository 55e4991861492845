#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/compiler.h"
#include "base/map.h"
#include "base/random.h"

#define ITEMS 2000

struct item {
    struct gw_map_node node;
    uint32_t key;
    bool in;
    unsigned visits;
};

static struct gw_span item_key(const struct gw_map_node *node)
{
    const struct item *item = (const struct item *)(const void *)node; /* the first member */
    return gw_span_of(&item->key, sizeof(item->key));
}

_Static_assert(offsetof(struct item, node) == 0, "item_key relies on it");

static struct item items[ITEMS];

static void prepare(void)
{
    memset(items, 0, sizeof(items));
    for (uint32_t i = 0; i < ITEMS; i++)
        items[i].key = i * 7919;
}

static void check_all(struct gw_map *map)
{
    size_t count = 0;
    for (size_t i = 0; i < ITEMS; i++) {
        struct gw_map_node *found = gw_map_find(map, item_key(&items[i].node));
        assert_ptr_equal(found, items[i].in ? &items[i].node : NULL);
        count += items[i].in;
    }
    assert_int_equal(map->count, count);
}

/* Walks, removes each visited member that `remove_mod` divides, and expects one visit each. */
static void walk(struct gw_map *map, unsigned remove_mod)
{
    size_t expect = map->count;
    size_t seen = 0;
    struct gw_map_cursor cursor;
    gw_map_first(map, &cursor);
    struct gw_map_node *node;
    while ((node = gw_map_next(map, &cursor)) != NULL) {
        struct item *item = GW_CONTAINER(node, struct item, node);
        assert_true(item->in);
        item->visits++;
        seen++;
        if (remove_mod != 0 && item->key % remove_mod == 0) {
            gw_map_remove(map, node);
            item->in = false;
        }
    }
    assert_null(gw_map_next(map, &cursor));
    assert_int_equal(seen, expect);
    for (size_t i = 0; i < ITEMS; i++) {
        assert_true(items[i].visits <= 1);
        items[i].visits = 0;
    }
}

static void agrees_with_an_array(void **state)
{
    (void)state;
    prepare();
    struct gw_random random;
    gw_random_init(&random, 3);
    struct gw_map map;
    gw_map_init(&map, item_key, 99);
    unsigned walks_while_moving = 0;
    for (unsigned i = 0; i < 60000; i++) {
        struct item *item = &items[gw_random_below(&random, i < 500 ? 20 : ITEMS)];
        if (item->in && gw_random_below(&random, 3) == 0) {
            gw_map_remove(&map, &item->node);
            item->in = false;
        } else if (item->in) {
            struct item twin = {.key = item->key};
            assert_int_equal(gw_map_insert(&map, &twin.node), GW_EXISTS);
        } else {
            assert_int_equal(gw_map_insert(&map, &item->node), GW_OK);
            item->in = true;
        }
        if (map.old_buckets != NULL && i % 7 == 0) {
            walks_while_moving++;
            check_all(&map);
            walk(&map, i % 3 == 0 ? 5 : 0);
        }
    }
    assert_true(walks_while_moving > 0);
    check_all(&map);
    walk(&map, 3);
    check_all(&map);
    walk(&map, 1);
    check_all(&map);
    assert_int_equal(map.count, 0);
    gw_map_fini(&map);
    gw_map_fini(NULL);
}

static void an_empty_map_is_usable(void **state)
{
    (void)state;
    struct gw_map map;
    gw_map_init(&map, item_key, 0);
    assert_null(gw_map_find(&map, GW_SPAN_LIT("x")));
    struct gw_map_cursor cursor;
    gw_map_first(&map, &cursor);
    assert_null(gw_map_next(&map, &cursor));
    gw_map_fini(&map);
    gw_map_fini(&map);
}

/* Growth is spread: no insert may move more than a few buckets. */
static void grows_in_steps(void **state)
{
    (void)state;
    prepare();
    struct gw_map map;
    gw_map_init(&map, item_key, 5);
    size_t growths = 0;
    for (size_t i = 0; i < ITEMS; i++) {
        size_t before = map.old_buckets != NULL ? map.moved : 0;
        size_t buckets = map.bucket_count;
        assert_int_equal(gw_map_insert(&map, &items[i].node), GW_OK);
        if (map.bucket_count != buckets)
            growths++;
        else if (map.old_buckets != NULL)
            assert_in_range(map.moved - before, 1, 8);
    }
    assert_int_equal(growths, 9); /* 8 to 2,048 buckets */
    gw_map_fini(&map);
}

/* Keys whose hashes share their low 12 bits all land in one bucket; still each is found. */
static void finds_among_collisions(void **state)
{
    (void)state;
    prepare();
    struct gw_map map;
    gw_map_init(&map, item_key, 1);
    size_t found = 0;
    for (uint32_t key = 0; found < 12; key++) {
        items[found].key = key;
        if ((gw_hash_bytes(item_key(&items[found].node), 1) & 0xfff) == 0)
            found++;
    }
    for (size_t i = 0; i < found; i++)
        assert_int_equal(gw_map_insert(&map, &items[i].node), GW_OK);
    for (size_t out = 0; out < found; out += 2)
        gw_map_remove(&map, &items[out].node);
    for (size_t i = 0; i < found; i++)
        assert_ptr_equal(gw_map_find(&map, item_key(&items[i].node)),
                         i % 2 != 0 ? &items[i].node : NULL);
    gw_map_fini(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_an_array),
        cmocka_unit_test(an_empty_map_is_usable),
        cmocka_unit_test(grows_in_steps),
        cmocka_unit_test(finds_among_collisions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
