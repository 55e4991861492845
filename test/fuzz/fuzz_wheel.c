/* base/wheel against a list of deadlines: arm, cancel, advance, and callbacks that do the same. */
#include "fuzz.h"

#include "base/wheel.h"

#define TIMERS 32
#define TICK   GW_WHEEL_TICK_NS
/* The clock stays in the first 292 years; deadlines may be anywhere. */
#define NOW_MAX (GW_NEVER / 2)

struct model {
    struct gw_timer timer;
    struct world *world;
    gw_mono_ns deadline; /* GW_NEVER when not armed */
    bool past;           /* was not after `now` when armed */
};

struct world {
    struct gw_wheel wheel;
    struct gw_span input;
    struct model timers[TIMERS];
    gw_mono_ns now;       /* of the last advance */
    uint64_t tick_before; /* of the timer that fired before: the order by tick */
};

static uint64_t tick_of(gw_mono_ns deadline)
{
    return deadline / TICK + (deadline % TICK != 0);
}

/* A length of time of any magnitude out of three bytes. */
static gw_mono_ns length(struct gw_span *input)
{
    unsigned shift = fuzz_u8(input) % 49;
    return (gw_mono_ns)fuzz_u16(input) << shift;
}

static void arm(struct model *model, struct gw_span *input)
{
    struct world *world = model->world;
    uint8_t kind = fuzz_u8(input);
    gw_mono_ns by = length(input);
    gw_mono_ns deadline = world->now + by < world->now ? GW_NEVER - 1 : world->now + by;
    if (kind == 0)
        deadline = GW_NEVER;
    else if (kind < 32)
        deadline = by < world->now ? world->now - by : 0;
    gw_wheel_arm(&world->wheel, &model->timer, deadline);
    model->deadline = deadline;
    model->past = deadline <= world->now;
}

static void change(struct world *world)
{
    uint8_t op = fuzz_u8(&world->input);
    struct model *model = &world->timers[op & (TIMERS - 1)];
    if (op < 192) {
        arm(model, &world->input);
    } else {
        gw_wheel_cancel(&world->wheel, &model->timer);
        model->deadline = GW_NEVER;
    }
}

static void on_fire(struct gw_timer *timer, gw_mono_ns now)
{
    struct model *model = GW_CONTAINER(timer, struct model, timer);
    struct world *world = model->world;
    FUZZ_CHECK(model->deadline != GW_NEVER && model->deadline <= now && now == world->now);
    FUZZ_CHECK(!gw_timer_armed(timer));
    uint64_t tick = model->past ? 0 : tick_of(model->deadline);
    FUZZ_CHECK(tick >= world->tick_before);
    world->tick_before = tick;
    model->deadline = GW_NEVER;
    for (unsigned n = fuzz_u8(&world->input) & 3; n > 0; n--)
        change(world);
}

/* What is due is gone, what is not is still armed, and next() is neither late nor idle. */
static void compare(const struct world *world, bool advanced)
{
    size_t count = 0;
    gw_mono_ns earliest = GW_NEVER;
    for (size_t i = 0; i < TIMERS; i++) {
        const struct model *model = &world->timers[i];
        FUZZ_CHECK(gw_timer_armed(&model->timer) == (model->deadline != GW_NEVER));
        if (model->deadline == GW_NEVER)
            continue;
        count++;
        FUZZ_CHECK(!advanced || model->past || tick_of(model->deadline) > world->now / TICK);
        gw_mono_ns fires = model->past ? world->now : GW_NEVER - 1;
        if (!model->past && tick_of(model->deadline) <= (GW_NEVER - 1) / TICK)
            fires = tick_of(model->deadline) * TICK;
        earliest = fires < earliest ? fires : earliest;
    }
    gw_mono_ns next = gw_wheel_next(&world->wheel);
    FUZZ_CHECK(world->wheel.count == count);
    FUZZ_CHECK(next == earliest || (next < earliest && next / TICK % GW_WHEEL_SLOTS == 0));
    FUZZ_CHECK(next >= world->now);
}

static void advance(struct world *world, gw_mono_ns now)
{
    now = now < NOW_MAX ? now : NOW_MAX;
    world->now = now > world->now ? now : world->now;
    world->tick_before = 0;
    gw_wheel_advance(&world->wheel, now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > FUZZ_INPUT_MAX)
        return 0;
    struct world world = {.input = gw_span_of(data, size)};
    world.now = length(&world.input) / 2;
    gw_wheel_init(&world.wheel, world.now);
    for (size_t i = 0; i < TIMERS; i++) {
        world.timers[i] = (struct model){.world = &world, .deadline = GW_NEVER};
        gw_timer_init(&world.timers[i].timer, on_fire);
    }
    while (world.input.size > 0) {
        uint8_t op = fuzz_u8(&world.input);
        if (op < 128) {
            change(&world);
            compare(&world, false);
            continue;
        }
        gw_mono_ns next = gw_wheel_next(&world.wheel);
        gw_mono_ns by = length(&world.input);
        if (op < 192 && next != GW_NEVER)
            advance(&world, next);
        else if (world.now + by >= world.now)
            advance(&world, op == 255 ? by : world.now + by);
        compare(&world, true);
    }
    return 0;
}
