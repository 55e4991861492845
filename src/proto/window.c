#include "proto/window.h"

#include <stdlib.h>

#include "base/assert.h"

#define CAPACITY_MIN 4u
#define SLOTS_MAX    65536u

void gw_window_init(struct gw_window *window)
{
    *window = (struct gw_window){0};
}

void gw_window_fini(struct gw_window *window)
{
    free(window->slots);
    gw_window_init(window);
}

void gw_window_restart(struct gw_window *window, uint16_t quota)
{
    window->quota = quota;
    window->quota_full = quota;
}

static struct gw_window_slot *slot_of(const struct gw_window *window, gw_packet_id id)
{
    return &window->slots[id & (window->capacity - 1)];
}

static enum gw_status grow(struct gw_window *window)
{
    struct gw_window larger = *window;
    larger.capacity = window->capacity ? window->capacity * 2 : CAPACITY_MIN;
    larger.slots = calloc(larger.capacity, sizeof(*larger.slots));
    if (!larger.slots)
        return GW_NO_MEMORY;
    /* Identifiers that differ in the low bits still differ in more of them. */
    for (uint32_t i = 0; i < window->capacity; i++)
        if (window->slots[i].item)
            *slot_of(&larger, window->slots[i].id) = window->slots[i];
    free(window->slots);
    *window = larger;
    return GW_OK;
}

enum gw_status gw_window_open(struct gw_window *window, void *item, gw_packet_id *ret_id)
{
    GW_ASSERT(item != NULL);
    if (window->count >= GW_WINDOW_MAX)
        return GW_LIMIT;
    if (window->count * 2 >= window->capacity && window->capacity < SLOTS_MAX)
        GW_TRY(grow(window));
    gw_packet_id id = window->last;
    do
        id = id == 65535 ? 1 : (gw_packet_id)(id + 1);
    while (slot_of(window, id)->item);
    *slot_of(window, id) = (struct gw_window_slot){item, id};
    window->last = id;
    window->count++;
    *ret_id = id;
    return GW_OK;
}

enum gw_status gw_window_claim(struct gw_window *window, gw_packet_id id, void *item)
{
    GW_ASSERT(item != NULL);
    if (id == 0 || gw_window_get(window, id))
        return GW_LIMIT;
    /* Two that differ stop colliding as the table grows, at its largest at the latest. */
    while (window->count * 2 >= window->capacity || slot_of(window, id)->item) {
        if (window->capacity == SLOTS_MAX)
            break;
        GW_TRY(grow(window));
    }
    *slot_of(window, id) = (struct gw_window_slot){item, id};
    window->last = id;
    window->count++;
    return GW_OK;
}

void gw_window_replace(struct gw_window *window, gw_packet_id id, void *item)
{
    GW_ASSERT(item != NULL && gw_window_get(window, id) != NULL);
    slot_of(window, id)->item = item;
}

void *gw_window_get(const struct gw_window *window, gw_packet_id id)
{
    if (window->count == 0)
        return NULL;
    const struct gw_window_slot *slot = slot_of(window, id);
    return slot->id == id ? slot->item : NULL;
}

void gw_window_close(struct gw_window *window, gw_packet_id id)
{
    GW_ASSERT(gw_window_get(window, id) != NULL);
    slot_of(window, id)->item = NULL;
    if (--window->count == 0 && window->capacity > CAPACITY_MIN) {
        free(window->slots);
        window->slots = NULL;
        window->capacity = 0;
    }
}

bool gw_window_spend(struct gw_window *window)
{
    if (window->quota == 0)
        return false;
    window->quota--;
    return true;
}

void gw_window_refund(struct gw_window *window)
{
    if (window->quota < window->quota_full)
        window->quota++;
}
