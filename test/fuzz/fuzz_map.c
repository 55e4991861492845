/* base/map against an array of flags: insert, find, remove, walks that remove on the way. */
#include "fuzz.h"

#include "base/map.h"

#define ITEMS 512

struct item {
    struct gw_map_node node;
    uint16_t key;
    bool in;
    bool seen;
};

static struct gw_span item_key(const struct gw_map_node *node)
{
    const struct item *item = (const struct item *)(const void *)node; /* the first member */
    /* The length depends on the key, so that keys are prefixes of each other too. */
    return gw_span_of(&item->key, item->key < 256 ? 1 : 2);
}

static void walk(struct gw_map *map, struct item *items, unsigned remove_mask)
{
    struct gw_map_cursor cursor;
    struct gw_map_node *node;
    size_t expect = map->count;
    size_t count = 0;
    gw_map_first(map, &cursor);
    while ((node = gw_map_next(map, &cursor)) != NULL) {
        struct item *item = GW_CONTAINER(node, struct item, node);
        FUZZ_CHECK(item->in && !item->seen);
        item->seen = true;
        count++;
        if (((unsigned)item->key & remove_mask) == remove_mask) {
            gw_map_remove(map, node);
            item->in = false;
        }
    }
    FUZZ_CHECK(count == expect);
    for (size_t i = 0; i < ITEMS; i++)
        items[i].seen = false;
}

static void toggle(struct gw_map *map, struct item *item)
{
    struct gw_map_node *found = gw_map_find(map, item_key(&item->node));
    FUZZ_CHECK(found == (item->in ? &item->node : NULL));
    if (!item->in) {
        FUZZ_CHECK(gw_map_insert(map, &item->node) == GW_OK);
        item->in = true;
        return;
    }
    struct item twin = {.key = item->key};
    FUZZ_CHECK(gw_map_insert(map, &twin.node) == GW_EXISTS);
    gw_map_remove(map, &item->node);
    item->in = false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > FUZZ_INPUT_MAX)
        return 0;
    struct gw_span input = gw_span_of(data, size);
    struct item items[ITEMS] = {0};
    for (uint16_t i = 0; i < ITEMS; i++)
        items[i].key = i;
    struct gw_map map;
    gw_map_init(&map, item_key, fuzz_u8(&input));
    while (input.size > 0) {
        uint16_t op = fuzz_u16(&input);
        if ((op & 0xf800) == 0xf800)
            walk(&map, items, op & (ITEMS - 1));
        else if ((op & 0xf800) == 0xf000)
            for (unsigned i = op & (ITEMS - 1); i < ITEMS; i += 1 + (op >> 9 & 3))
                toggle(&map, &items[i]);
        else
            toggle(&map, &items[op & (ITEMS - 1)]);
    }
    size_t count = 0;
    for (size_t i = 0; i < ITEMS; i++) {
        struct gw_map_node *found = gw_map_find(&map, item_key(&items[i].node));
        FUZZ_CHECK(found == (items[i].in ? &items[i].node : NULL));
        count += items[i].in;
    }
    FUZZ_CHECK(map.count == count);
    walk(&map, items, 0);
    FUZZ_CHECK(map.count == 0);
    gw_map_fini(&map);
    return 0;
}
