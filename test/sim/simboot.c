#include "sim/simboot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "store/layout.h"

#define ROOM_ANY       ((uint64_t)1 << 40)
#define SEGMENT_MIN    ((uint64_t)8 * 1024) /* half of it is head */
#define SEGMENT_CHOICE 4u                   /* doublings; most runs have the smallest */

/* -- the log -- */

static bool starts_with(const char *text, const char *head)
{
    return strncmp(text, head, strlen(head)) == 0;
}

/* A crash is never damage, and a disk that works never fails. */
static void on_log(void *user, enum gw_log_level level, const char *event, const char *message,
                   const struct gw_log_field *fields, size_t field_count)
{
    struct simboot *boot = user;
    char text[160] = "";
    size_t at = 0;
    (void)level;
    for (size_t i = 0; i < field_count && at < sizeof(text) - 1; i++) {
        const struct gw_log_field *field = &fields[i];
        int size = field->kind == GW_LOG_TEXT
                       ? snprintf(text + at, sizeof(text) - at, " %s=%.*s", field->key,
                                  (int)field->text.size, (const char *)field->text.data)
                       : snprintf(text + at, sizeof(text) - at, " %s=%lld", field->key,
                                  (long long)field->number);
        at += (size_t)size;
    }
    model_note(boot->model, "broker: %s: %s%s", event, message, text);
    bool dead = boot->failing || (boot->disk && gw_simdisk_stopped(boot->disk));
    bool unread = strcmp(event, "store.unreadable") == 0 && !dead && !boot->was_full;
    bool damage = strcmp(event, "store.damaged") == 0;
    if (boot->damaged && (damage || strcmp(event, "store.unreadable") == 0))
        model_set_damaged(boot->model); /* it says so: from here on much may be missing */
    if (!boot->damaged && (damage || unread))
        model_fail(boot->model, "the broker calls it damage: %s%s", message, text);
    if (!dead && !boot->damaged && (starts_with(event, "store.f") || starts_with(event, "will.lo")))
        model_fail(boot->model, "%s, and the disk is well: %s%s", event, message, text);
}

/* -- life -- */

bool simboot_has_disk(uint64_t seed)
{
    return seed % 4 != 3;
}

void simboot_init(struct simboot *boot, uint64_t seed, struct simnet *net, struct model *model,
                  struct gw_random *choices)
{
    *boot = (struct simboot){.choices = choices, .net = net, .model = model, .seed = seed};
    gw_random_init(&boot->random, ~seed);
    boot->log = (struct gw_log){on_log, boot, GW_LOG_INFO};
    boot->threads = (unsigned)gw_random_below(choices, 4);
    boot->strategy = (unsigned)gw_random_below(choices, 4);
    boot->lossy = gw_random_below(choices, 4) == 0;
    boot->drop_newest = boot->lossy && gw_random_below(choices, 2) == 0;
    if (boot->lossy)
        model_set_lossy(model);
    if (!simboot_has_disk(seed))
        return;
    boot->disk = gw_simdisk_new(gw_random_next(&boot->random));
    boot->class = gw_random_below(&boot->random, 4) == 0 ? GW_DURABILITY_OS : GW_DURABILITY_DISK;
    boot->segment = SEGMENT_MIN;
    if (gw_random_below(&boot->random, 3) == 0)
        boot->segment <<= gw_random_below(&boot->random, SEGMENT_CHOICE);
}

void simboot_fini(struct simboot *boot)
{
    if (boot->disk)
        gw_simdisk_free(boot->disk);
}

/* -- starting -- */

static void load(struct simboot *boot, struct gw_config *ret_config)
{
    static const char *const sets[] = {
        "listeners=[mqtt://127.0.0.1:1883]",
        "limits.inflight=6",
        "limits.output=16KiB",
        "sys.interval=0s",
    };
    static const char *const thread_sets[] = {"threads=1", "threads=2", "threads=3", "threads=5"};
    static const char *const share_sets[] = {
        "shared.strategy=round_robin", "shared.strategy=least_in_flight",
        "shared.strategy=sticky_client", "shared.strategy=sticky_topic"};
    static const char *const wide[] = {"limits.queue.messages=100000", "limits.queue.bytes=100MB",
                                       "shared.queue.messages=100000", "shared.queue.bytes=100MB",
                                       "limits.queue.qos0=false"};
    static const char *const narrow[] = {
        "limits.queue.messages=4", "limits.queue.bytes=1KiB", "shared.queue.messages=4",
        "limits.queue.policy=drop_oldest", "limits.queue.qos0=true"};
    /* Retained messages are cold as soon as they are written, or as soon as others are kept. */
    static const char *const hot_sets[] = {"limits.retained.hot=0", "limits.retained.hot=400"};
    const char *all[GW_COUNT_OF(sets) + 6 + GW_COUNT_OF(wide)];
    size_t count = GW_COUNT_OF(sets);
    memcpy(all, sets, sizeof(sets));
    all[count++] = thread_sets[boot->threads];
    all[count++] = share_sets[boot->strategy];
    memcpy(all + count, boot->lossy ? narrow : wide, sizeof(wide));
    count += GW_COUNT_OF(wide);
    if (boot->drop_newest)
        all[count - 2] = "limits.queue.policy=drop_newest";
    if (boot->disk) {
        all[count++] = hot_sets[boot->strategy % GW_COUNT_OF(hot_sets)];
        all[count++] = "store.path=/store";
        all[count++] =
            "store.durability_rules=[{filter: " MODEL_VOLATILE_FILTER ", class: memory}]";
        all[count++] =
            boot->class == GW_DURABILITY_OS ? "store.durability=os" : "store.durability=disk";
    }
    struct gw_config_input input = {.sets = all, .set_count = count};
    if (gw_config_load(&input, ret_config, NULL) != GW_OK)
        abort();
    ret_config->store.segment = boot->segment; /* smaller than anybody may ask for */
}

void simboot_release(struct simboot *boot)
{
    if (boot->disk)
        (void)gw_broker_step_store(boot->broker); /* what is being read comes back to its loops */
    gw_broker_free(boot->broker);
    boot->broker = NULL;
}

/* Makes a broker on what the disk holds; false: it could not be, *ret_error says why. */
static bool make(struct simboot *boot, struct gw_store_error *ret_error)
{
    struct gw_config config;
    struct gw_broker_error error;
    struct gw_broker_services services = {
        .log = &boot->log,
        .sockets = simnet_sockets(boot->net),
        .clock = simnet_clock(boot->net),
        .seed = boot->seed,
        .disk = boot->disk ? gw_simdisk_disk(boot->disk) : NULL,
        .stepped = true,
    };
    load(boot, &config);
    enum gw_status status = gw_broker_new(&config, &services, &boot->broker);
    gw_config_fini(&config);
    GW_ASSERT(status == GW_OK);
    if (gw_broker_recover(boot->broker, ret_error) != GW_OK) {
        gw_broker_free(boot->broker);
        boot->broker = NULL;
        return false;
    }
    status = gw_broker_open(boot->broker, &error);
    GW_ASSERT(status == GW_OK);
    return true;
}

static void lose_power(struct simboot *boot)
{
    static const enum gw_simdisk_crash ways[] = {
        GW_SIMDISK_TEAR, GW_SIMDISK_TEAR, GW_SIMDISK_TEAR, GW_SIMDISK_TEAR,
        GW_SIMDISK_LOSE, GW_SIMDISK_LOSE, GW_SIMDISK_KEEP,
    };
    static const char *const names[] = {"lost", "kept", "torn"};
    size_t way = (size_t)gw_random_below(&boot->random, GW_COUNT_OF(ways) + 1);
    if (boot->class == GW_DURABILITY_OS || way == GW_COUNT_OF(ways)) {
        model_note(boot->model, "the broker is killed");
        gw_simdisk_kill(boot->disk);
    } else {
        model_note(boot->model, "the power is cut; what was not synced is %s",
                   names[ways[way] == GW_SIMDISK_LOSE   ? 0
                         : ways[way] == GW_SIMDISK_KEEP ? 1
                                                        : 2]);
        gw_simdisk_crash(boot->disk, ways[way]);
    }
}

/* A start that the power cuts short. */
static void start_in_vain(struct simboot *boot)
{
    struct gw_store_error error;
    boot->failing = true;
    gw_simdisk_cut_at(boot->disk, 1 + gw_random_below(&boot->random, 30));
    if (make(boot, &error)) {
        gw_simdisk_stop(boot->disk);
        simboot_release(boot);
    }
    gw_simdisk_stop(boot->disk);
    lose_power(boot);
    boot->failing = false;
}

bool simboot_start(struct simboot *boot)
{
    struct gw_store_error error = {.what = ""};
    boot->recycled = 0;
    boot->checkpoint = 0;
    if (boot->starts++ > 0) {
        boot->seed = gw_random_next(&boot->random);
        boot->threads = (unsigned)gw_random_below(&boot->random, 4);
        if (gw_random_below(&boot->random, 4) == 0)
            start_in_vain(boot);
    }
    if (make(boot, &error))
        return true;
    model_note(boot->model, "no start: %s %s", error.path, error.what ? error.what : "");
    if (!boot->damaged || !error.what || error.what[0] == '\0')
        model_fail(boot->model, "no start: %s %s (%d)", error.path, error.what ? error.what : "?",
                   error.os_errno);
    return false;
}

bool simboot_commit(struct simboot *boot, bool *ret_recycled)
{
    struct gw_store_figures figures;
    if (!boot->disk || boot->committing)
        return false;
    const struct gw_store *store = gw_broker_store(boot->broker);
    boot->committing = true;
    bool any = gw_broker_step_store(boot->broker);
    boot->committing = false;
    gw_store_get_figures(store, &figures);
    if (ret_recycled)
        *ret_recycled = figures.recycled > boot->recycled;
    boot->sums.recycled += figures.recycled - boot->recycled;
    boot->sums.rounds += boot->checkpoint != 0 && gw_store_checkpoint(store) != boot->checkpoint;
    boot->checkpoint = gw_store_checkpoint(store);
    boot->recycled = figures.recycled;
    if (!any)
        return false;
    /* A commit may write nothing new, and then there is no chunk to say so. */
    if (gw_store_state(store) != GW_STORE_FAILED && gw_store_written_end(store) != boot->written) {
        boot->vouched = boot->written;
        boot->written = gw_store_written_end(store);
    }
    gw_position from = gw_store_checkpoint(store);
    gw_position end = gw_store_end(store);
    model_note(boot->model, "the log is written from %x:%x to %x:%x", gw_position_segment(from),
               gw_position_offset(from), gw_position_segment(end), gw_position_offset(end));
    return true;
}

/* -- ending -- */

void simboot_end(struct simboot *boot)
{
    while (simboot_commit(boot, NULL))
        continue;
    simboot_release(boot);
    if (!boot->disk)
        return;
    if (gw_simdisk_open_count(boot->disk) != 0)
        model_fail(boot->model, "%zu files are left open", gw_simdisk_open_count(boot->disk));
    if (boot->class == GW_DURABILITY_OS)
        gw_simdisk_kill(boot->disk);
    else
        gw_simdisk_crash(boot->disk, GW_SIMDISK_LOSE); /* a spare segment need not be synced */
}

void simboot_crash(struct simboot *boot)
{
    gw_simdisk_stop(boot->disk);
    simboot_release(boot);
    lose_power(boot);
}

void simboot_set_room(struct simboot *boot, uint64_t more)
{
    const struct gw_disk *disk = gw_simdisk_disk(boot->disk);
    uint64_t room = 0;
    int os_errno;
    gw_simdisk_set_budget(boot->disk, ROOM_ANY);
    if (more == UINT64_MAX || disk->ops->room(disk->ctx, "/store", &room, &os_errno) != GW_OK)
        return;
    gw_simdisk_set_budget(boot->disk, ROOM_ANY - room + more);
}

/* -- damage -- */

struct names {
    gw_position before; /* only segments that begin before it */
    char paths[64][128];
    size_t count;
};

static gw_position place_of(const char *name, uint64_t offset)
{
    return gw_position_of((uint32_t)strtoul(name, NULL, 16), (uint32_t)offset);
}

static void note_name(void *user, const char *name)
{
    struct names *names = user;
    bool segment = strlen(name) == 12 && strcmp(name + 8, ".seg") == 0;
    if (names->before != UINT64_MAX && (!segment || place_of(name, 0) >= names->before))
        return;
    if (names->count < GW_COUNT_OF(names->paths))
        snprintf(names->paths[names->count++], sizeof(names->paths[0]), "/store/%s", name);
}

void simboot_damage(struct simboot *boot, unsigned bits, bool vouched)
{
    const struct gw_disk *disk = gw_simdisk_disk(boot->disk);
    struct names names = {.before = vouched ? boot->vouched : UINT64_MAX};
    int os_errno;
    char newest[128];
    snprintf(newest, sizeof(newest), "/store/%08x.seg", gw_position_segment(boot->vouched));
    if (disk->ops->list(disk->ctx, "/store", note_name, &names, &os_errno) != GW_OK)
        return;
    boot->damaged = true;
    while (bits-- > 0 && names.count > 0) {
        const char *path = names.paths[gw_random_below(&boot->random, names.count)];
        uint64_t size;
        if (!gw_simdisk_size(boot->disk, path, &size) || size == 0)
            continue;
        uint64_t offset = gw_random_below(&boot->random, size);
        bool late = gw_random_below(&boot->random, 2) == 0;
        if (vouched && late && gw_position_offset(boot->vouched) > GW_LAYOUT_SEGMENT_AREA) {
            path = newest;
            offset = GW_LAYOUT_SEGMENT_AREA +
                     gw_random_below(&boot->random,
                                     gw_position_offset(boot->vouched) - GW_LAYOUT_SEGMENT_AREA);
        }
        unsigned bit = (unsigned)gw_random_below(&boot->random, 8);
        if (vouched && place_of(path + strlen("/store/"), offset) >= boot->vouched)
            continue;
        model_note(boot->model, "bit %u of byte %llu of %s is flipped", bit,
                   (unsigned long long)offset, path);
        (void)gw_simdisk_flip(boot->disk, path, offset, bit);
    }
}
