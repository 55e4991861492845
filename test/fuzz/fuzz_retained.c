/* topic/retained against a list of names: put, get, remove, and walks in small steps between which
 * the set changes. A topic that was there during the whole walk is given exactly once, with its
 * value of that moment; none that does not match or is not there is given. */
#include "fuzz.h"

#include "topic/name.h"
#include "topic/retained.h"

#define TOPICS   48
#define WALKS    3
#define TEXT_MAX 40

struct value {
    size_t *alive; /* counts those not released */
    uint32_t number;
};

struct model {
    char text[TEXT_MAX];
    struct gw_span name;
    struct value *value; /* NULL while not in the set */
    bool through[WALKS]; /* in the set since the walk began */
    unsigned given[WALKS];
    unsigned put_off; /* times that it was asked for to be put off */
};

struct walk {
    struct gw_retained_cursor cursor;
    char text[TEXT_MAX];
    struct gw_span filter;
    bool running;
};

struct world {
    struct gw_retained *set;
    struct model models[TOPICS];
    struct walk walks[WALKS];
    size_t alive;
    size_t count;
    size_t walking;    /* index of the walk that is being stepped */
    uint8_t stop_mask; /* visits that end their step */
    uint32_t made;     /* values made so far, each is numbered */
};

static void end_value(uint64_t word)
{
    struct value *v = (struct value *)(uintptr_t)word;
    (*v->alive)--;
    free(v);
}

static void release(void *user, struct gw_span name, struct gw_retained_value *value)
{
    (void)user;
    (void)name;
    end_value(value->word);
}

/* The model of a name, or a free one; NULL if there is neither. */
static struct model *model_of(struct world *world, struct gw_span name)
{
    struct model *unused = NULL;
    for (size_t i = 0; i < TOPICS; i++) {
        struct model *model = &world->models[i];
        if (model->name.size > 0 && gw_span_equal(model->name, name))
            return model;
        if (model->name.size == 0 && unused == NULL)
            unused = model;
    }
    return unused;
}

static void put(struct world *world, struct gw_span name)
{
    if (gw_name_validate(name, 0) != GW_OK)
        return;
    struct model *model = model_of(world, name);
    if (model == NULL)
        return;
    struct value *value = malloc(sizeof(*value));
    FUZZ_CHECK(value != NULL);
    *value = (struct value){&world->alive, world->made++};
    world->alive++;
    struct gw_retained_value *old = gw_retained_find(world->set, name);
    if (old) {
        end_value(old->word);
        old->word = (uintptr_t)value;
    } else {
        FUZZ_CHECK(gw_retained_add(world->set, name,
                                   &(struct gw_retained_value){.word = (uintptr_t)value}) == GW_OK);
    }
    world->count += model->value == NULL;
    model->value = value;
    memcpy(model->text, name.data, name.size);
    model->name = gw_span_of(model->text, name.size);
    FUZZ_CHECK(world->alive == world->count); /* the one replaced is released */
}

static void take_out(struct world *world, struct model *model)
{
    if (model->name.size == 0)
        return;
    if (model->value != NULL)
        end_value(gw_retained_find(world->set, model->name)->word);
    FUZZ_CHECK(gw_retained_remove(world->set, model->name) == (model->value != NULL));
    world->count -= model->value != NULL;
    model->value = NULL;
    for (size_t i = 0; i < WALKS; i++)
        model->through[i] = false;
    FUZZ_CHECK(world->alive == world->count);
}

static void begin(struct world *world, struct walk *walk, struct gw_span filter)
{
    if (walk->running || gw_filter_validate(filter, 0) != GW_OK)
        return;
    memcpy(walk->text, filter.data, filter.size);
    walk->filter = gw_span_of(walk->text, filter.size);
    walk->running = true;
    FUZZ_CHECK(gw_retained_cursor_init(&walk->cursor, filter) == GW_OK);
    for (size_t i = 0; i < TOPICS; i++) {
        struct model *model = &world->models[i];
        model->given[walk - world->walks] = 0;
        model->through[walk - world->walks] = model->value != NULL;
    }
}

static void end(struct world *world, struct walk *walk)
{
    size_t which = (size_t)(walk - world->walks);
    gw_retained_cursor_fini(&walk->cursor);
    walk->running = false;
    for (size_t i = 0; i < TOPICS; i++) {
        const struct model *model = &world->models[i];
        if (model->name.size == 0 || !gw_filter_matches(walk->filter, model->name))
            continue;
        FUZZ_CHECK(!model->through[which] || model->given[which] == 1);
    }
}

static enum gw_retained_step on_visit(void *user, struct gw_span name,
                                      struct gw_retained_value *value)
{
    struct world *world = user;
    const struct walk *walk = &world->walks[world->walking];
    struct model *model = model_of(world, name);
    FUZZ_CHECK(model != NULL && model->value != NULL &&
               model->value == (struct value *)(uintptr_t)value->word);
    FUZZ_CHECK(gw_span_equal(model->name, name));
    FUZZ_CHECK(gw_filter_matches(walk->filter, name));
    if (world->stop_mask == 5 && model->put_off++ % 2 == 0)
        return GW_RETAINED_LATER;
    model->given[world->walking]++;
    FUZZ_CHECK(!model->through[world->walking] || model->given[world->walking] == 1);
    return (model->value->number & world->stop_mask) != world->stop_mask ? GW_RETAINED_ON
                                                                         : GW_RETAINED_ENOUGH;
}

static enum gw_status go_on(struct world *world, struct walk *walk, size_t visits_max)
{
    world->walking = (size_t)(walk - world->walks);
    enum gw_status status =
        gw_retained_walk(world->set, &walk->cursor, visits_max, on_visit, world);
    FUZZ_CHECK(status == GW_MORE || status == GW_END);
    if (status == GW_END)
        end(world, walk);
    return status;
}

/* Steps a walk to its end; the bound says that each step makes progress. */
static void finish(struct world *world, struct walk *walk)
{
    if (!walk->running)
        return;
    for (size_t steps = 0; go_on(world, walk, 1) != GW_END; steps++)
        FUZZ_CHECK(steps < 4 * TOPICS * TEXT_MAX + 8);
}

static void step(struct world *world, struct gw_span *input)
{
    char text[TEXT_MAX];
    uint8_t op = fuzz_u8(input);
    struct walk *walk = &world->walks[(op & 15) % WALKS];
    if (op < 96) {
        put(world, fuzz_topic(input, text, sizeof(text)));
    } else if (op < 144) {
        take_out(world, &world->models[op - 96]);
    } else if (op < 176) {
        struct gw_span name = fuzz_topic(input, text, sizeof(text));
        if (gw_name_validate(name, 0) != GW_OK)
            return;
        const struct model *model = model_of(world, name);
        const struct gw_retained_value *value = gw_retained_find(world->set, name);
        uint64_t expect = model != NULL ? (uintptr_t)model->value : 0;
        FUZZ_CHECK((value ? value->word : 0) == expect);
    } else if (op < 200) {
        begin(world, walk, fuzz_topic(input, text, sizeof(text)));
    } else if (walk->running) {
        uint8_t visits = fuzz_u8(input);
        world->stop_mask = (uint8_t)(1 + (visits >> 5));
        go_on(world, walk, 1 + (visits & 31));
    }
    FUZZ_CHECK(gw_retained_count(world->set) == world->count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > FUZZ_INPUT_MAX)
        return 0;
    struct gw_span input = gw_span_of(data, size);
    struct world world = {.set = gw_retained_new(fuzz_u8(&input))};
    FUZZ_CHECK(world.set != NULL);
    while (input.size > 0)
        step(&world, &input);
    for (size_t i = 0; i < WALKS; i++)
        finish(&world, &world.walks[i]);
    static const char *const filters[] = {"#", "+/#", "/#", "+/+", "$a/#", "a/+/b", "a"};
    for (size_t i = 0; i < GW_COUNT_OF(filters); i++) {
        begin(&world, &world.walks[0], gw_span_str(filters[i]));
        finish(&world, &world.walks[0]);
    }
    for (size_t i = 0; i < TOPICS; i += 2)
        take_out(&world, &world.models[i]);
    gw_retained_free(world.set, release, NULL);
    FUZZ_CHECK(world.alive == 0);
    return 0;
}
