/* The durable log: what was said to be synced is there, whichever allocation failed. */
#include <stdio.h>
#include <unistd.h>

#include "base/assert.h"
#include "scenario.h"
#include "store/store.h"

#define CHUNKS  40
#define SEGMENT 16384u

struct world {
    char path[64];
    gw_mono_ns now;
    struct gw_store *store;
    unsigned records;
    gw_position last;
};

static gw_mono_ns mono(void *user)
{
    return ((const struct world *)user)->now;
}

static gw_wall_ns wall(void *user)
{
    return (gw_wall_ns)((const struct world *)user)->now;
}

static void on_record(void *user, uint8_t kind, gw_position position, struct gw_span body)
{
    struct world *world = user;
    GW_ASSERT(kind == 9 && body.size == 700 && body.data[0] == (uint8_t)world->records);
    world->records++;
    world->last = position;
}

static void open_store(struct world *world, const struct gw_clock *clock)
{
    struct gw_store_options options = {.disk = gw_disk_system(),
                                       .clock = clock,
                                       .path = world->path,
                                       .segment_size = SEGMENT,
                                       .stream_count = 1};
    struct gw_store_error error;
    struct gw_store_report report;
    enum gw_status status;
    do {
        AGAIN(status, gw_store_open(&options, &world->store, &error));
        GW_ASSERT(status == GW_OK);
        world->records = 0;
        status = gw_store_recover(world->store, on_record, world, &report, &error);
        if (status != GW_OK)
            gw_store_close(world->store);
    } while (status == GW_NO_MEMORY);
    GW_ASSERT(status == GW_OK && report.damaged == 0);
}

static void settle(struct world *world)
{
    while (gw_store_step(world->store)) {
    }
    world->now += 2 * GW_NS_PER_S; /* what found no memory is tried again */
    while (gw_store_step(world->store)) {
    }
}

static void write_chunks(struct world *world)
{
    struct gw_store_stream *stream = gw_store_stream(world->store, 0);
    for (unsigned i = 0; i < CHUNKS; i++) {
        uint8_t body[700] = {(uint8_t)i};
        struct gw_store_part part = {gw_span_of(body, sizeof body), NULL};
        enum gw_status status;
        AGAIN(status, gw_store_append(stream, 9 | GW_STORE_ALONE, &part, 1, NULL));
        GW_ASSERT(status == GW_OK);
        (void)gw_store_submit(stream);
        if (i % 3 == 0)
            (void)gw_store_step(world->store);
        if (i == CHUNKS / 2)
            gw_store_set_checkpoint(world->store, gw_position_of(1, 4096));
    }
    settle(world);
    GW_ASSERT(gw_store_synced(stream) == CHUNKS);
    GW_ASSERT(gw_store_state(world->store) == GW_STORE_RUNNING);
}

static void read_back(struct world *world)
{
    gw_position position = world->last;
    struct gw_blob *body = NULL;
    enum gw_status status;
    AGAIN(status, gw_store_read(world->store, position, &body));
    GW_ASSERT(status == GW_OK && body->size == 700);
    gw_blob_unref(&body);
    struct gw_store_stream *stream = gw_store_stream(world->store, 0);
    struct gw_store_fetch fetch = {
        .positions = &position, .bodies = &body, .statuses = &status, .count = 1};
    do {
        gw_store_fetch(stream, &fetch);
        GW_ASSERT(gw_store_step(world->store));
        GW_ASSERT(gw_store_fetched(stream) == &fetch);
    } while (status == GW_NO_MEMORY);
    GW_ASSERT(status == GW_OK && body->size == 700);
    gw_blob_unref(&body);
}

static void remove_name(void *user, const char *name)
{
    const struct world *world = user;
    char path[512];
    snprintf(path, sizeof path, "%s/%s", world->path, name);
    (void)unlink(path);
}

void scenario_store(void)
{
    struct world world = {.now = 1};
    struct gw_clock clock = {mono, wall, &world};
    /* In memory if there is such a place: hundreds of runs with a sync in each. */
    snprintf(world.path, sizeof world.path, "%s/godwit-fault-%d",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", (int)getpid());
    open_store(&world, &clock);
    write_chunks(&world);
    gw_store_close(world.store);
    open_store(&world, &clock);
    GW_ASSERT(world.records == CHUNKS);
    read_back(&world);
    gw_store_close(world.store);
    int error;
    const struct gw_disk *disk = gw_disk_system();
    (void)!disk->ops->list(disk->ctx, world.path, remove_name, &world, &error);
    (void)rmdir(world.path);
}
