#include "base/wheel.h"

#include "base/assert.h"

#define SLOT_BITS  6
#define SLOT_MASK  ((uint64_t)GW_WHEEL_SLOTS - 1)
#define SPAN_TICKS ((uint64_t)1 << (SLOT_BITS * GW_WHEEL_LEVELS))

_Static_assert(GW_WHEEL_SLOTS == 1 << SLOT_BITS, "a slot index is SLOT_BITS wide");

/* A timer of tick t is on the level whose slots are just wide enough for t - wheel->tick, in slot
 * (t >> bits of the level) mod 64. A slot of level n > 0 is emptied downwards when the first of its
 * ticks comes, so at any time the slots ahead hold the next 64 slot-widths, the current index
 * meaning the one a full turn ahead. Beyond the last level a timer waits in the farthest slot and
 * is placed anew from there. */

static unsigned level_shift(unsigned level)
{
    return SLOT_BITS * level;
}

/* Rounded up: a timer must not fire early. */
static uint64_t tick_of(gw_mono_ns deadline)
{
    return deadline / GW_WHEEL_TICK_NS + (deadline % GW_WHEEL_TICK_NS != 0);
}

void gw_wheel_init(struct gw_wheel *wheel, gw_mono_ns now)
{
    wheel->tick = now / GW_WHEEL_TICK_NS;
    wheel->now = now;
    wheel->count = 0;
    gw_list_init(&wheel->due);
    for (unsigned level = 0; level < GW_WHEEL_LEVELS; level++) {
        wheel->occupied[level] = 0;
        for (unsigned slot = 0; slot < GW_WHEEL_SLOTS; slot++)
            gw_list_init(&wheel->slots[level][slot]);
    }
}

void gw_timer_init(struct gw_timer *timer, gw_timer_fn *fn)
{
    gw_list_init(&timer->link);
    timer->deadline = GW_NEVER;
    timer->fn = fn;
}

bool gw_timer_armed(const struct gw_timer *timer)
{
    return !gw_list_empty(&timer->link);
}

static void place(struct gw_wheel *wheel, struct gw_timer *timer)
{
    uint64_t tick = tick_of(timer->deadline);
    GW_ASSERT(tick >= wheel->tick);
    uint64_t ahead = tick - wheel->tick;
    if (ahead >= SPAN_TICKS) {
        ahead = SPAN_TICKS - 1;
        tick = wheel->tick + ahead;
    }
    unsigned level = 0;
    while (ahead >> level_shift(level + 1) != 0)
        level++;
    unsigned slot = (unsigned)(tick >> level_shift(level) & SLOT_MASK);
    wheel->occupied[level] |= (uint64_t)1 << slot;
    gw_list_push_back(&wheel->slots[level][slot], &timer->link);
}

/* Takes the timer out of whichever list it is in; the last one of a slot clears the slot's bit. */
static void unlink_timer(struct gw_wheel *wheel, struct gw_timer *timer)
{
    struct gw_list *head = timer->link.next;
    bool last = head == timer->link.prev;
    gw_list_remove(&timer->link);
    uintptr_t begin = (uintptr_t)&wheel->slots[0][0];
    uintptr_t at = (uintptr_t)head;
    if (!last || at < begin || at >= begin + sizeof(wheel->slots))
        return;
    size_t index = (at - begin) / sizeof(struct gw_list);
    if (gw_list_empty(head))
        wheel->occupied[index / GW_WHEEL_SLOTS] &= ~((uint64_t)1 << (index % GW_WHEEL_SLOTS));
}

void gw_wheel_cancel(struct gw_wheel *wheel, struct gw_timer *timer)
{
    if (!gw_timer_armed(timer))
        return;
    unlink_timer(wheel, timer);
    wheel->count--;
}

void gw_wheel_arm(struct gw_wheel *wheel, struct gw_timer *timer, gw_mono_ns deadline)
{
    gw_wheel_cancel(wheel, timer);
    timer->deadline = deadline;
    if (deadline == GW_NEVER)
        return;
    wheel->count++;
    if (deadline <= wheel->now)
        gw_list_push_back(&wheel->due, &timer->link);
    else
        place(wheel, timer);
}

/* The next tick at which a slot is run or emptied downwards; UINT64_MAX if all slots are empty. */
static uint64_t next_tick(const struct gw_wheel *wheel)
{
    uint64_t best = UINT64_MAX;
    for (unsigned level = 0; level < GW_WHEEL_LEVELS; level++) {
        uint64_t bits = wheel->occupied[level];
        if (bits == 0)
            continue;
        /* Turn the bits so that the slot after the current one is bit 0. */
        uint64_t first = (wheel->tick >> level_shift(level)) + 1;
        unsigned turn = (unsigned)(first & SLOT_MASK);
        bits = bits >> turn | bits << ((GW_WHEEL_SLOTS - turn) & SLOT_MASK);
        uint64_t tick = (first + (unsigned)__builtin_ctzll(bits)) << level_shift(level);
        if (tick < best)
            best = tick;
    }
    return best;
}

static void take_slot(struct gw_wheel *wheel, unsigned level, struct gw_list *ret_timers)
{
    unsigned slot = (unsigned)(wheel->tick >> level_shift(level) & SLOT_MASK);
    wheel->occupied[level] &= ~((uint64_t)1 << slot);
    gw_list_init(ret_timers);
    gw_list_splice_back(ret_timers, &wheel->slots[level][slot]);
}

/* A timer is placed by what is left to wait, so it can fall through several levels at once. */
static void cascade(struct gw_wheel *wheel)
{
    for (unsigned level = GW_WHEEL_LEVELS - 1; level > 0; level--) {
        if ((wheel->tick & (((uint64_t)1 << level_shift(level)) - 1)) != 0)
            continue;
        struct gw_list timers;
        take_slot(wheel, level, &timers);
        struct gw_list *node;
        while ((node = gw_list_pop_front(&timers)) != NULL)
            place(wheel, GW_CONTAINER(node, struct gw_timer, link));
    }
}

/* The list shrinks from the front only by us, and anywhere by a cancel in a callback. */
static void run(struct gw_wheel *wheel, struct gw_list *timers, gw_mono_ns now)
{
    struct gw_list *node;
    while ((node = gw_list_pop_front(timers)) != NULL) {
        struct gw_timer *timer = GW_CONTAINER(node, struct gw_timer, link);
        wheel->count--;
        timer->fn(timer, now);
    }
}

void gw_wheel_advance(struct gw_wheel *wheel, gw_mono_ns now)
{
    if (now < wheel->now)
        now = wheel->now;
    wheel->now = now; /* what callbacks arm up to now goes to `due`, so this loop ends */
    struct gw_list timers;
    gw_list_init(&timers);
    gw_list_splice_back(&timers, &wheel->due);
    run(wheel, &timers, now);
    uint64_t target = now / GW_WHEEL_TICK_NS;
    for (;;) {
        uint64_t tick = next_tick(wheel);
        if (tick > target)
            break;
        wheel->tick = tick;
        cascade(wheel);
        take_slot(wheel, 0, &timers);
        run(wheel, &timers, now);
    }
    wheel->tick = target;
}

gw_mono_ns gw_wheel_next(const struct gw_wheel *wheel)
{
    if (!gw_list_empty(&wheel->due))
        return wheel->now;
    uint64_t tick = next_tick(wheel);
    if (tick > (GW_NEVER - 1) / GW_WHEEL_TICK_NS)
        return wheel->count > 0 ? GW_NEVER - 1 : GW_NEVER;
    return tick * GW_WHEEL_TICK_NS;
}
