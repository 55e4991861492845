/*
 * unit/store/ledger: a store on a simulated disk, and a list of what was appended to it, to hold
 *                    what comes back against.
 *
 * Layer   test.
 * Owner   a test.
 * Life    open .. close; open again after a crash goes on with the same list.
 * Limits  LEDGER_MAX records, LEDGER_STREAMS streams.
 */
#ifndef GW_UNIT_STORE_LEDGER_H
#define GW_UNIT_STORE_LEDGER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "sim/simdisk.h"
#include "store/store.h"

#define LEDGER_MAX     20000
#define LEDGER_STREAMS 3
#define LEDGER_PATH    "store"

struct ledger_entry {
    gw_position position;
    gw_position chunk;
    uint32_t size;
    uint8_t kind; /* without ALONE */
    unsigned stream;
    uint32_t offset; /* in its chunk, until it is submitted */
    gw_store_ticket ticket;
    bool seen;
};

struct ledger {
    struct gw_simdisk *disk;
    const struct gw_disk *over; /* stands before it, if not NULL */
    struct gw_store *store;
    uint64_t segment_size;
    bool read_only;
    struct gw_clock clock;
    gw_mono_ns now;
    struct gw_log log;
    struct ledger_entry *entries; /* submitted, in order */
    size_t count;
    struct ledger_entry *staged[LEDGER_STREAMS];
    size_t staged_count[LEDGER_STREAMS];
    gw_position last; /* of what recovery handed over */
    size_t unknown;   /* records handed over that are not in the list */
    struct gw_store_report report;
    struct gw_store_error error;
    unsigned torn, damaged, full, room, failed, told;
};

static inline gw_mono_ns ledger_mono(void *user)
{
    return ((const struct ledger *)user)->now;
}

static inline gw_wall_ns ledger_wall(void *user)
{
    return (gw_wall_ns)((const struct ledger *)user)->now;
}

static inline void ledger_event(void *user, enum gw_log_level level, const char *event,
                                const char *message, const struct gw_log_field *fields,
                                size_t field_count)
{
    struct ledger *ledger = user;
    (void)level, (void)message, (void)fields, (void)field_count;
    ledger->torn += strcmp(event, "store.torn") == 0;
    ledger->damaged += strcmp(event, "store.damaged") == 0;
    ledger->full += strcmp(event, "store.full") == 0;
    ledger->room += strcmp(event, "store.room") == 0;
    ledger->failed += strcmp(event, "store.failed") == 0;
}

static inline void ledger_told(void *user)
{
    ((struct ledger *)user)->told++;
}

static inline void ledger_init(struct ledger *ledger, uint64_t segment_size, uint64_t seed)
{
    *ledger = (struct ledger){.segment_size = segment_size};
    ledger->disk = gw_simdisk_new(seed);
    ledger->entries = calloc(LEDGER_MAX, sizeof(struct ledger_entry));
    for (unsigned i = 0; i < LEDGER_STREAMS; i++)
        ledger->staged[i] = calloc(LEDGER_MAX, sizeof(struct ledger_entry));
    ledger->now = 1;
}

static inline void ledger_fini(struct ledger *ledger)
{
    gw_store_close(ledger->store);
    gw_simdisk_free(ledger->disk);
    free(ledger->entries);
    for (unsigned i = 0; i < LEDGER_STREAMS; i++)
        free(ledger->staged[i]);
}

/* What the record at index `id` of a stream is made of: the id and bytes that follow from it. */
static inline void ledger_fill(uint8_t *body, uint32_t size, uint64_t id)
{
    uint32_t state = (uint32_t)(id * 2654435761u) | 1u;
    for (uint32_t i = 0; i < size; i++) {
        state = state * 1664525u + 1013904223u;
        body[i] = (uint8_t)(state >> 24);
    }
}

/* A record's bytes follow from stream, ticket and offset. */
static inline uint64_t ledger_id(const struct ledger_entry *entry)
{
    return entry->ticket * 1000003u + entry->offset * 7u + entry->stream;
}

static inline bool ledger_is(const struct ledger_entry *entry, struct gw_span body)
{
    if (body.size != entry->size)
        return false;
    uint8_t *expected = malloc(entry->size + 1);
    ledger_fill(expected, entry->size, ledger_id(entry));
    bool same = entry->size == 0 || memcmp(expected, body.data, body.size) == 0;
    free(expected);
    return same;
}

static inline struct ledger_entry *ledger_find(struct ledger *ledger, gw_position position)
{
    size_t low = 0;
    size_t high = ledger->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ledger->entries[middle].position < position)
            low = middle + 1;
        else
            high = middle;
    }
    return low < ledger->count && ledger->entries[low].position == position ? &ledger->entries[low]
                                                                            : NULL;
}

static inline void ledger_record(void *user, uint8_t kind, gw_position position,
                                 struct gw_span body)
{
    struct ledger *ledger = user;
    assert_true(position > ledger->last);
    ledger->last = position;
    struct ledger_entry *entry = ledger_find(ledger, position);
    if (entry == NULL || entry->kind != kind || !ledger_is(entry, body)) {
        ledger->unknown++;
        return;
    }
    assert_false(entry->seen);
    entry->seen = true;
}

static inline enum gw_status ledger_try_open(struct ledger *ledger)
{
    ledger->clock = (struct gw_clock){ledger_mono, ledger_wall, ledger};
    ledger->log = (struct gw_log){ledger_event, ledger, GW_LOG_DEBUG};
    struct gw_store_options options = {
        .disk = ledger->over ? ledger->over : gw_simdisk_disk(ledger->disk),
        .clock = &ledger->clock,
        .log = &ledger->log,
        .path = LEDGER_PATH,
        .segment_size = ledger->segment_size,
        .stream_count = LEDGER_STREAMS,
        .read_only = ledger->read_only,
    };
    for (size_t i = 0; i < ledger->count; i++)
        ledger->entries[i].seen = false;
    for (unsigned i = 0; i < LEDGER_STREAMS; i++)
        ledger->staged_count[i] = 0;
    ledger->last = 0;
    ledger->unknown = 0;
    enum gw_status status = gw_store_open(&options, &ledger->store, &ledger->error);
    if (status == GW_OK)
        status =
            gw_store_recover(ledger->store, ledger_record, ledger, &ledger->report, &ledger->error);
    if (status != GW_OK) {
        gw_store_close(ledger->store);
        ledger->store = NULL;
        return status;
    }
    for (unsigned i = 0; i < LEDGER_STREAMS; i++)
        gw_store_watch(gw_store_stream(ledger->store, i), ledger_told, ledger);
    return GW_OK;
}

static inline void ledger_open(struct ledger *ledger)
{
    assert_int_equal(ledger_try_open(ledger), GW_OK);
}

static inline void ledger_close(struct ledger *ledger)
{
    gw_store_close(ledger->store);
    ledger->store = NULL;
}

/* Kinds go round; every second record can be read alone. */
static inline enum gw_status ledger_append(struct ledger *ledger, unsigned index, uint32_t size)
{
    struct gw_store_stream *stream = gw_store_stream(ledger->store, index);
    size_t count = ledger->staged_count[index];
    struct ledger_entry *entry = &ledger->staged[index][count];
    *entry = (struct ledger_entry){.size = size, .stream = index};
    entry->kind = (uint8_t)(1 + (size + count) % 100);
    entry->ticket = gw_store_next(stream);
    entry->offset = (uint32_t)count;
    uint32_t nth = entry->offset;
    struct gw_blob *blob = gw_blob_new(size);
    assert_non_null(blob);
    ledger_fill(blob->data, size, ledger_id(entry));
    struct gw_store_part parts[] = {
        {gw_span_of(blob->data, size / 3), size % 2 ? blob : NULL},
        {gw_span_of(blob->data + size / 3, size - size / 3), blob},
    };
    uint32_t offset;
    uint8_t alone = count % 2 ? GW_STORE_ALONE : 0;
    enum gw_status status =
        gw_store_append(stream, (uint8_t)(entry->kind | alone), parts, 2, &offset);
    if (status == GW_OK) {
        entry->position = offset;
        entry->offset = nth;
        ledger->staged_count[index]++;
    }
    gw_blob_unref(&blob);
    return status;
}

static inline gw_position ledger_submit(struct ledger *ledger, unsigned index)
{
    gw_position chunk = gw_store_submit(gw_store_stream(ledger->store, index));
    for (size_t i = 0; i < ledger->staged_count[index]; i++) {
        struct ledger_entry *entry = &ledger->entries[ledger->count++];
        assert_true(ledger->count <= LEDGER_MAX);
        *entry = ledger->staged[index][i];
        entry->chunk = chunk;
        entry->position += chunk;
    }
    ledger->staged_count[index] = 0;
    return chunk;
}

/* A chunk of `count` records of about `size` bytes, submitted. */
static inline gw_position ledger_put(struct ledger *ledger, unsigned index, unsigned count,
                                     uint32_t size)
{
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(ledger_append(ledger, index, size + i % 7), GW_OK);
    return ledger_submit(ledger, index);
}

/* Until nothing is to be done any more. */
static inline void ledger_settle(struct ledger *ledger)
{
    while (gw_store_step(ledger->store)) {
    }
}

/* How many of the first entries are said to be synced. */
static inline size_t ledger_synced(const struct ledger *ledger)
{
    size_t synced = 0;
    for (size_t i = 0; i < ledger->count; i++) {
        const struct ledger_entry *entry = &ledger->entries[i];
        if (gw_store_synced(gw_store_stream(ledger->store, entry->stream)) >= entry->ticket)
            synced = i + 1;
    }
    return synced;
}

/* After an open: whether what came back is everything from `from` up to some point, at least
 * `least` entries, whole chunks. What did not come back is forgotten. */
static inline void ledger_check_prefix(struct ledger *ledger, gw_position from, size_t least)
{
    size_t end = 0;
    while (end < ledger->count &&
           (ledger->entries[end].seen || ledger->entries[end].position < from))
        end++;
    for (size_t i = end; i < ledger->count; i++)
        assert_false(ledger->entries[i].seen);
    assert_int_equal(ledger->unknown, 0);
    assert_true(end >= least);
    if (end > 0 && end < ledger->count)
        assert_true(ledger->entries[end - 1].chunk != ledger->entries[end].chunk);
    ledger->count = end;
}

#endif
