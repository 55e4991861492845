#include "proto/alias.h"

#include <stdlib.h>

/* How many times its number of aliases a table sends before an alias that was not among them goes
 * to another name. Without a pause one topic too many would map an alias anew for each message:
 * longer packets than without aliases, and an allocation each. */
#define IDLE_ROUNDS 8u

void gw_alias_init(struct gw_alias_table *table, uint16_t maximum)
{
    *table = (struct gw_alias_table){.maximum = maximum};
}

void gw_alias_fini(struct gw_alias_table *table)
{
    if (table->names)
        for (unsigned i = 0; i < table->maximum; i++)
            free(table->names[i].data);
    free(table->names);
    table->names = NULL;
    table->bytes = 0;
}

static enum gw_status prepare(struct gw_alias_table *table)
{
    if (table->names)
        return GW_OK;
    table->names = calloc(table->maximum, sizeof(*table->names));
    if (!table->names)
        return GW_NO_MEMORY;
    table->bytes = table->maximum * sizeof(*table->names);
    return GW_OK;
}

static enum gw_status store(struct gw_alias_table *table, struct gw_alias_name *name,
                            struct gw_span topic_name)
{
    uint8_t *copy = malloc(topic_name.size);
    if (!copy)
        return GW_NO_MEMORY;
    memcpy(copy, topic_name.data, topic_name.size);
    free(name->data);
    table->bytes += topic_name.size;
    table->bytes -= name->size;
    name->data = copy;
    name->size = (uint16_t)topic_name.size;
    return GW_OK;
}

enum gw_status gw_alias_set(struct gw_alias_table *table, uint16_t alias, struct gw_span topic_name)
{
    if (alias == 0 || alias > table->maximum)
        return GW_LIMIT;
    GW_TRY(prepare(table));
    struct gw_alias_name *name = &table->names[alias - 1];
    if (gw_span_equal(gw_span_of(name->data, name->size), topic_name))
        return GW_OK;
    return store(table, name, topic_name);
}

enum gw_status gw_alias_get(const struct gw_alias_table *table, uint16_t alias,
                            struct gw_span *ret_topic_name)
{
    if (alias == 0 || alias > table->maximum)
        return GW_LIMIT;
    if (!table->names || !table->names[alias - 1].data)
        return GW_NOT_FOUND;
    const struct gw_alias_name *name = &table->names[alias - 1];
    *ret_topic_name = gw_span_of(name->data, name->size);
    return GW_OK;
}

uint16_t gw_alias_assign(struct gw_alias_table *table, struct gw_span topic_name,
                         uint64_t topic_hash, bool *ret_known)
{
    *ret_known = false;
    if (table->maximum == 0 || prepare(table) != GW_OK)
        return 0;
    unsigned oldest = 0;
    table->clock++;
    for (unsigned i = 0; i < table->maximum; i++) {
        struct gw_alias_name *name = &table->names[i];
        if (name->hash == topic_hash &&
            gw_span_equal(gw_span_of(name->data, name->size), topic_name)) {
            name->used = table->clock;
            *ret_known = true;
            return (uint16_t)(i + 1);
        }
        if (name->used < table->names[oldest].used)
            oldest = i;
    }
    struct gw_alias_name *name = &table->names[oldest];
    if (name->used != 0 && table->clock - name->used <= (uint64_t)IDLE_ROUNDS * table->maximum)
        return 0;
    if (store(table, name, topic_name) != GW_OK)
        return 0;
    name->hash = topic_hash;
    name->used = table->clock;
    return (uint16_t)(oldest + 1);
}
