/*
 * test/fuzz/wire: what the targets of wire share: well-formed faults, properties that mean the
 * same.
 */
#ifndef GW_TEST_FUZZ_WIRE_H
#define GW_TEST_FUZZ_WIRE_H

#include "fuzz.h"

#include "wire/property.h"
#include "wire/reason.h"

/* Every refusal names a known reason that refuses, in words, and fits its status. */
static inline void fuzz_fault(enum gw_status status, const struct gw_fault *fault)
{
    FUZZ_CHECK(status == GW_MALFORMED || status == GW_PROTOCOL);
    FUZZ_CHECK(fault->reason >= 0x80 && gw_reason_known(fault->reason));
    FUZZ_CHECK((status == GW_MALFORMED) == (fault->reason == GW_REASON_MALFORMED_PACKET));
    FUZZ_CHECK(fault->what != NULL && fault->what[0] != '\0');
}

static inline bool fuzz_item_equal(const struct gw_prop_item *a, const struct gw_prop_item *b)
{
    return a->prop == b->prop && a->number == b->number && gw_span_equal(a->text, b->text) &&
           gw_span_equal(a->value, b->value);
}

/* The next item of one property; GW_END. */
static inline enum gw_status fuzz_next_of(struct gw_reader *block, enum gw_prop prop,
                                          struct gw_prop_item *ret_item)
{
    enum gw_status status;
    do {
        status = gw_props_next(block, ret_item);
    } while (status == GW_OK && ret_item->prop != prop);
    return status;
}

/* The same properties with the same values; order matters only among those of one kind. */
static inline void fuzz_props_equal(const struct gw_props *a, const struct gw_props *b)
{
    FUZZ_CHECK(a->present == b->present);
    FUZZ_CHECK(a->user_property_count == b->user_property_count);
    FUZZ_CHECK(a->subscription_id_count == b->subscription_id_count);
    for (unsigned prop = 0; prop < GW_PROP_COUNT; prop++) {
        if ((a->present >> prop & 1) == 0)
            continue;
        struct gw_reader left = gw_reader_of(a->raw);
        struct gw_reader right = gw_reader_of(b->raw);
        struct gw_prop_item x;
        struct gw_prop_item y;
        size_t count = 0;
        while (fuzz_next_of(&left, (enum gw_prop)prop, &x) == GW_OK) {
            FUZZ_CHECK(fuzz_next_of(&right, (enum gw_prop)prop, &y) == GW_OK);
            FUZZ_CHECK(fuzz_item_equal(&x, &y));
            count++;
        }
        FUZZ_CHECK(fuzz_next_of(&right, (enum gw_prop)prop, &y) == GW_END);
        FUZZ_CHECK(count > 0);
    }
}

/* Turns decoded properties into what encode wants: those that repeat stay as bytes, the others
 * come from their fields. The caller frees what is returned. */
static inline uint8_t *fuzz_props_prepare(struct gw_props *props)
{
    uint32_t repeats = GW_PROP_BIT(USER_PROPERTY) | GW_PROP_BIT(SUBSCRIPTION_ID);
    uint8_t *memory = malloc(props->raw.size + 1);
    FUZZ_CHECK(memory != NULL);
    size_t size = gw_props_filter(props->raw, repeats, memory);
    FUZZ_CHECK(size <= props->raw.size);
    props->raw = gw_span_of(memory, size);
    props->present &= ~repeats;
    return memory;
}

#endif
