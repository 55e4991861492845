/* topic/subindex against a list of (filter, entry): add, remove, find, match, generation, counts.
 */
#include "fuzz.h"

#include "topic/name.h"
#include "topic/subindex.h"

#define ENTRIES  64
#define TEXT_MAX 40

struct model {
    struct gw_subindex_entry entry;
    char text[TEXT_MAX];
    struct gw_span filter; /* in text */
    bool in;
    unsigned matched;
};

struct world {
    struct gw_subindex *index;
    struct model models[ENTRIES];
    size_t count;
};

static void on_match(void *user, struct gw_subindex_entry *entry)
{
    struct world *world = user;
    struct model *model = GW_CONTAINER(entry, struct model, entry);
    FUZZ_CHECK(model >= world->models && model < world->models + ENTRIES && model->in);
    model->matched++;
}

static void match(struct world *world, struct gw_span name)
{
    if (gw_name_validate(name, 0) != GW_OK)
        return;
    gw_subindex_match(world->index, name, on_match, world);
    for (size_t i = 0; i < ENTRIES; i++) {
        struct model *model = &world->models[i];
        unsigned expect = model->in && gw_filter_matches(model->filter, name);
        FUZZ_CHECK(model->matched == expect);
        model->matched = 0;
    }
}

/* The list at a filter holds the entries of exactly this filter. */
static void find(struct world *world, struct gw_span filter)
{
    if (gw_filter_validate(filter, 0) != GW_OK)
        return;
    size_t expect = 0;
    for (size_t i = 0; i < ENTRIES; i++)
        expect += world->models[i].in && gw_span_equal(world->models[i].filter, filter);
    size_t found = 0;
    struct gw_list *list = gw_subindex_find(world->index, filter);
    if (list != NULL) {
        GW_LIST_FOREACH (node, list) {
            struct gw_subindex_entry *entry = GW_CONTAINER(node, struct gw_subindex_entry, link);
            struct model *model = GW_CONTAINER(entry, struct model, entry);
            FUZZ_CHECK(model->in && gw_span_equal(model->filter, filter));
            found++;
        }
    }
    FUZZ_CHECK(found == expect);
}

static void add(struct world *world, struct model *model, struct gw_span filter)
{
    if (model->in || gw_filter_validate(filter, 0) != GW_OK)
        return;
    memcpy(model->text, filter.data, filter.size);
    model->filter = gw_span_of(model->text, filter.size);
    uint64_t generation = gw_subindex_generation(world->index);
    FUZZ_CHECK(gw_subindex_add(world->index, model->filter, &model->entry) == GW_OK);
    FUZZ_CHECK(model->entry.node != NULL);
    FUZZ_CHECK(gw_subindex_generation(world->index) == generation + 1);
    model->in = true;
    world->count++;
    find(world, filter);
}

static void take_out(struct world *world, struct model *model)
{
    uint64_t generation = gw_subindex_generation(world->index);
    gw_subindex_remove(world->index, &model->entry);
    FUZZ_CHECK(model->entry.node == NULL);
    FUZZ_CHECK(gw_subindex_generation(world->index) == generation + model->in);
    world->count -= model->in;
    if (model->in) {
        model->in = false;
        find(world, model->filter);
    }
}

static void step(struct world *world, struct gw_span *input)
{
    char text[TEXT_MAX];
    uint8_t op = fuzz_u8(input);
    struct model *model = &world->models[op & (ENTRIES - 1)];
    switch (op >> 6) {
    case 0:
    case 1: add(world, model, fuzz_topic(input, text, sizeof(text))); break;
    case 2: take_out(world, model); break;
    default: {
        struct gw_span topic = fuzz_topic(input, text, sizeof(text));
        match(world, topic);
        find(world, topic);
        break;
    }
    }
    FUZZ_CHECK(gw_subindex_count(world->index) == world->count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > FUZZ_INPUT_MAX)
        return 0;
    struct gw_span input = gw_span_of(data, size);
    struct world world = {.index = gw_subindex_new(fuzz_u8(&input))};
    FUZZ_CHECK(world.index != NULL);
    size_t nodes = gw_subindex_node_count(world.index);
    while (input.size > 0)
        step(&world, &input);
    static const char *const names[] = {"a", "a/b", "/", "$a/b", "a//b", "b/a/c", "c/c/c/c/c"};
    for (size_t i = 0; i < GW_COUNT_OF(names); i++)
        match(&world, gw_span_str(names[i]));
    for (size_t i = 0; i < ENTRIES; i++)
        take_out(&world, &world.models[i]);
    FUZZ_CHECK(gw_subindex_count(world.index) == 0);
    FUZZ_CHECK(gw_subindex_node_count(world.index) == nodes); /* all pruned */
    gw_subindex_free(world.index);
    return 0;
}
