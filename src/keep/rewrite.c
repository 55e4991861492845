#include "keep/rewrite.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/buf.h"
#include "base/map.h"
#include "os/entropy.h"
#include "store/layout.h"

#define BATCH_SIZE ((size_t)1 << 20)
#define PATH_SIZE  512u

/* A session or a group: who can be owed something. */
struct owner {
    struct gw_map_node node;
    uint64_t serial;
    uint32_t next_order;
    uint32_t source;
    size_t key_size;
    uint8_t key[]; /* 's' or 'g', then client identifier or filter */
};

/* A message that was written. */
struct written {
    struct gw_map_node node;
    struct gw_item_key key;
    gw_position position; /* its offset alone while its chunk is not submitted */
    struct written *next; /* of the same chunk */
};

struct gw_rewrite {
    struct gw_store *store;
    struct gw_store_stream *stream;
    struct gw_map owners;
    struct gw_map messages;
    struct written *staged; /* in the chunk that is not submitted yet */
    struct gw_buf scratch;
    uint64_t serial;
    uint32_t source;
    char path[PATH_SIZE];
};

/* Where a message is: in the log, or in the chunk that is being made. */
struct place {
    gw_position position; /* 0: in this chunk, */
    uint32_t offset;      /* here */
};

static struct gw_span owner_key(const struct gw_map_node *node)
{
    const struct owner *owner = GW_CONTAINER_CONST(node, struct owner, node);
    return gw_span_of(owner->key, owner->key_size);
}

static struct gw_span written_key(const struct gw_map_node *node)
{
    const struct written *written = GW_CONTAINER_CONST(node, struct written, node);
    return gw_span_of(&written->key, sizeof written->key);
}

/* -- life -- */

static void ignore_record(void *user, uint8_t kind, gw_position position, struct gw_span body)
{
    (void)user;
    (void)kind;
    (void)position;
    (void)body;
}

static enum gw_status open_store(struct gw_rewrite *rewrite, uint64_t segment_size,
                                 struct gw_trouble *trouble)
{
    struct gw_store_error error = {0};
    struct gw_store_report report;
    struct gw_store_options options = {
        .disk = gw_disk_system(),
        .clock = gw_clock_system(),
        .path = rewrite->path,
        .segment_size = segment_size,
        .stream_count = 1,
    };
    enum gw_status status = gw_store_open(&options, &rewrite->store, &error);
    if (status == GW_OK)
        status = gw_store_recover(rewrite->store, ignore_record, NULL, &report, &error);
    if (status != GW_OK)
        return gw_trouble_store(trouble, status, rewrite->path, &error);
    rewrite->stream = gw_store_stream(rewrite->store, 0);
    return GW_OK;
}

enum gw_status gw_rewrite_new(const char *path, uint64_t segment_size,
                              struct gw_rewrite **ret_rewrite, struct gw_trouble *trouble)
{
    uint64_t seed;
    struct gw_rewrite *rewrite = calloc(1, sizeof *rewrite);
    *ret_rewrite = NULL;
    if (!rewrite)
        return gw_trouble_say(trouble, GW_NO_MEMORY, "out of memory");
    gw_entropy_fill(&seed, sizeof seed);
    snprintf(rewrite->path, sizeof rewrite->path, "%s", path);
    gw_map_init(&rewrite->owners, owner_key, seed);
    gw_map_init(&rewrite->messages, written_key, seed);
    gw_buf_init(&rewrite->scratch, GW_STORE_RECORD_MAX);
    enum gw_status status = open_store(rewrite, segment_size, trouble);
    if (status == GW_OK)
        *ret_rewrite = rewrite;
    else
        gw_rewrite_free(rewrite);
    return status;
}

void gw_rewrite_free(struct gw_rewrite *rewrite)
{
    struct gw_map_cursor cursor;
    struct gw_map_node *node;
    if (!rewrite)
        return;
    gw_map_first(&rewrite->owners, &cursor);
    while ((node = gw_map_next(&rewrite->owners, &cursor)) != NULL)
        free(GW_CONTAINER(node, struct owner, node));
    gw_map_first(&rewrite->messages, &cursor);
    while ((node = gw_map_next(&rewrite->messages, &cursor)) != NULL)
        free(GW_CONTAINER(node, struct written, node));
    gw_map_fini(&rewrite->owners);
    gw_map_fini(&rewrite->messages);
    gw_buf_fini(&rewrite->scratch);
    gw_store_close(rewrite->store);
    free(rewrite);
}

void gw_rewrite_begin_source(struct gw_rewrite *rewrite)
{
    rewrite->source++;
}

/* -- records -- */

static enum gw_status out_of_memory(struct gw_trouble *trouble)
{
    return gw_trouble_say(trouble, GW_NO_MEMORY, "out of memory");
}

static enum gw_status judge_store(const struct gw_rewrite *rewrite, struct gw_trouble *trouble)
{
    switch (gw_store_state(rewrite->store)) {
    case GW_STORE_RUNNING: return GW_OK;
    case GW_STORE_FULL:
        gw_trouble_say(trouble, GW_NO_SPACE, "cannot write %s: the disk is full", rewrite->path);
        gw_trouble_hint(trouble, "make room, or choose a directory on another disk");
        return GW_NO_SPACE;
    case GW_STORE_FAILED: break;
    }
    return gw_trouble_say(trouble, GW_OS_ERROR, "cannot write %s: a write or a sync failed",
                          rewrite->path);
}

/* Hands over what is staged and waits until it is on the disk. */
static enum gw_status flush(struct gw_rewrite *rewrite, struct gw_trouble *trouble)
{
    gw_position base = gw_store_submit(rewrite->stream);
    for (struct written *at = rewrite->staged; at; at = at->next)
        at->position += base;
    rewrite->staged = NULL;
    gw_store_ticket wanted = gw_store_next(rewrite->stream) - 1;
    while (gw_store_synced(rewrite->stream) < wanted) {
        GW_TRY(judge_store(rewrite, trouble));
        if (!gw_store_step(rewrite->store))
            return judge_store(rewrite, trouble);
    }
    return GW_OK;
}

/* The offset in its chunk that the next record will have. */
static uint32_t own_offset(const struct gw_rewrite *rewrite)
{
    return (uint32_t)(GW_LAYOUT_CHUNK_HEAD + gw_store_staged(rewrite->stream));
}

static struct gw_record_ref ref_of(const struct gw_rewrite *rewrite, const struct place *place)
{
    if (place->position != 0)
        return (struct gw_record_ref){.position = place->position};
    return (struct gw_record_ref){.back = own_offset(rewrite) - place->offset};
}

static enum gw_status append(struct gw_rewrite *rewrite, uint8_t kind, const struct gw_writer *w,
                             struct gw_trouble *trouble)
{
    struct gw_store_part part = {gw_span_of(w->begin, gw_writer_size(w)), NULL};
    GW_ASSERT(!w->overflow);
    if (gw_store_append(rewrite->stream, kind, &part, 1, NULL) != GW_OK)
        return out_of_memory(trouble);
    return GW_OK;
}

/* Memory for a record with texts of this size. */
static enum gw_status make_room(struct gw_rewrite *rewrite, size_t size, struct gw_writer *ret_w,
                                struct gw_trouble *trouble)
{
    gw_buf_clear(&rewrite->scratch);
    if (gw_buf_reserve(&rewrite->scratch, size + GW_RECORD_HEAD_MAX) != GW_OK)
        return out_of_memory(trouble);
    *ret_w = gw_writer_of(rewrite->scratch.data, size + GW_RECORD_HEAD_MAX);
    return GW_OK;
}

static enum gw_status append_step(struct gw_rewrite *rewrite, enum gw_record_kind kind,
                                  const struct gw_record_step *step, struct gw_trouble *trouble)
{
    struct gw_writer w;
    GW_TRY(make_room(rewrite, 0, &w, trouble));
    gw_record_write_step(&w, kind, step);
    return append(rewrite, (uint8_t)kind, &w, trouble);
}

/* -- messages -- */

static enum gw_status write_message(struct gw_rewrite *rewrite, const struct gw_item *item,
                                    struct place *ret_place, struct gw_trouble *trouble)
{
    const struct gw_message *message = &item->message.message;
    struct gw_writer w;
    GW_TRY(make_room(rewrite, item->message.author.size, &w, trouble));
    gw_record_write_message(&w, &item->message);
    GW_ASSERT(!w.overflow);
    struct gw_store_part parts[] = {
        {gw_span_of(w.begin, gw_writer_size(&w)), NULL},
        {message->topic_name, NULL},
        {message->props, NULL},
        {message->payload, NULL},
    };
    *ret_place = (struct place){0};
    if (gw_store_append(rewrite->stream, GW_RECORD_MESSAGE | GW_STORE_ALONE, parts,
                        GW_COUNT_OF(parts), &ret_place->offset) != GW_OK)
        return out_of_memory(trouble);
    return GW_OK;
}

/* Writes the item's message if it was not written before. */
static enum gw_status place_message(struct gw_rewrite *rewrite, const struct gw_item *item,
                                    struct place *ret_place, struct gw_trouble *trouble)
{
    struct gw_map_node *node =
        gw_map_find(&rewrite->messages, gw_span_of(&item->key, sizeof item->key));
    if (node) {
        gw_position position = GW_CONTAINER(node, struct written, node)->position;
        bool staged = gw_position_segment(position) == 0;
        *ret_place = (struct place){staged ? 0 : position, gw_position_offset(position)};
        return GW_OK;
    }
    GW_TRY(write_message(rewrite, item, ret_place, trouble));
    struct written *written = calloc(1, sizeof *written);
    if (!written)
        return out_of_memory(trouble);
    written->key = item->key;
    written->position = ret_place->offset;
    if (gw_map_insert(&rewrite->messages, &written->node) != GW_OK) {
        free(written);
        return out_of_memory(trouble);
    }
    written->next = rewrite->staged;
    rewrite->staged = written;
    return GW_OK;
}

/* -- who is owed -- */

/* Finds a session ('s') or group ('g') by its name; makes it if `made` is not NULL and it is not
 * there. */
static enum gw_status find_owner(struct gw_rewrite *rewrite, uint8_t type, struct gw_span name,
                                 bool *made, struct owner **ret_owner)
{
    struct owner *owner = calloc(1, sizeof *owner + 1 + name.size);
    if (!owner)
        return GW_NO_MEMORY;
    owner->key[0] = type;
    if (name.size > 0)
        memcpy(owner->key + 1, name.data, name.size);
    owner->key_size = name.size + 1;
    struct gw_map_node *node =
        gw_map_find(&rewrite->owners, gw_span_of(owner->key, owner->key_size));
    if (node || !made) {
        free(owner);
        *ret_owner = node ? GW_CONTAINER(node, struct owner, node) : NULL;
        return node ? GW_OK : GW_NOT_FOUND;
    }
    if (gw_map_insert(&rewrite->owners, &owner->node) != GW_OK) {
        free(owner);
        return GW_NO_MEMORY;
    }
    *made = true;
    *ret_owner = owner;
    return GW_OK;
}

static enum gw_status get_owner(struct gw_rewrite *rewrite, uint8_t type, struct gw_span name,
                                struct owner **ret_owner, struct gw_trouble *trouble)
{
    enum gw_status status = find_owner(rewrite, type, name, NULL, ret_owner);
    if (status == GW_OK)
        return GW_OK;
    if (status == GW_NOT_FOUND)
        status = GW_INVALID;
    gw_trouble_say(trouble, status,
                   status == GW_INVALID ? "there is no %s \"%.*s\" before it"
                                        : "out of memory for %s \"%.*s\"",
                   type == 's' ? "session" : "group", GW_SPAN_FMT(name));
    return status;
}

static enum gw_status get_session(struct gw_rewrite *rewrite, const struct gw_item *item,
                                  struct owner **ret_owner, struct gw_trouble *trouble)
{
    return get_owner(rewrite, 's', item->client_id, ret_owner, trouble);
}

/* -- items -- */

static enum gw_status on_store(struct gw_rewrite *rewrite, const struct gw_item *item,
                               struct gw_trouble *trouble)
{
    (void)rewrite;
    if (item->version <= GW_ITEM_VERSION)
        return GW_OK;
    return gw_trouble_say(trouble, GW_INVALID,
                          "a newer godwit wrote this (version %" PRIu32 ", known is %u)",
                          item->version, GW_ITEM_VERSION);
}

static enum gw_status on_group(struct gw_rewrite *rewrite, const struct gw_item *item,
                               struct gw_trouble *trouble)
{
    struct owner *owner;
    struct gw_writer w;
    bool made = false;
    if (find_owner(rewrite, 'g', item->filter, &made, &owner) != GW_OK)
        return out_of_memory(trouble);
    if (!made)
        return GW_OK;
    owner->serial = ++rewrite->serial;
    struct gw_record_group record = {owner->serial, item->filter};
    GW_TRY(make_room(rewrite, item->filter.size, &w, trouble));
    gw_record_write_group(&w, &record);
    return append(rewrite, GW_RECORD_GROUP, &w, trouble);
}

static enum gw_status end_session(struct gw_rewrite *rewrite, uint64_t serial,
                                  struct gw_trouble *trouble)
{
    struct gw_writer w;
    GW_TRY(make_room(rewrite, 0, &w, trouble));
    gw_record_write_serial(&w, serial);
    return append(rewrite, GW_RECORD_END, &w, trouble);
}

static enum gw_status on_session(struct gw_rewrite *rewrite, const struct gw_item *item,
                                 struct gw_trouble *trouble)
{
    struct gw_record_session record = item->session;
    struct owner *owner;
    struct gw_writer w;
    bool made = false;
    if (find_owner(rewrite, 's', item->client_id, &made, &owner) != GW_OK)
        return out_of_memory(trouble);
    if (!made && owner->source == rewrite->source)
        return gw_trouble_say(trouble, GW_INVALID, "session \"%.*s\" comes twice",
                              GW_SPAN_FMT(item->client_id));
    if (!made)
        GW_TRY(end_session(rewrite, owner->serial, trouble));
    owner->source = rewrite->source;
    owner->next_order = 0;
    record.serial = owner->serial = ++rewrite->serial;
    record.client_id = item->client_id;
    GW_TRY(make_room(rewrite, record.client_id.size + record.user.size, &w, trouble));
    gw_record_write_session(&w, &record);
    GW_TRY(append(rewrite, GW_RECORD_SESSION, &w, trouble));
    for (size_t i = 0; i < item->received_count; i++) {
        struct gw_record_step step = {.serial = owner->serial, .packet_id = item->received[i]};
        GW_TRY(append_step(rewrite, GW_RECORD_RECEIVED, &step, trouble));
    }
    return GW_OK;
}

static enum gw_status on_will(struct gw_rewrite *rewrite, const struct gw_item *item,
                              struct gw_trouble *trouble)
{
    const struct gw_message *message = &item->message.message;
    struct owner *owner;
    struct gw_writer w;
    GW_TRY(get_session(rewrite, item, &owner, trouble));
    struct gw_record_will record = {owner->serial, true, item->delay, *message};
    size_t size = message->topic_name.size + message->props.size + message->payload.size;
    GW_TRY(make_room(rewrite, size, &w, trouble));
    gw_record_write_will(&w, &record);
    return append(rewrite, GW_RECORD_WILL, &w, trouble);
}

static enum gw_status on_subscription(struct gw_rewrite *rewrite, const struct gw_item *item,
                                      struct gw_trouble *trouble)
{
    struct owner *owner;
    struct gw_writer w;
    GW_TRY(get_session(rewrite, item, &owner, trouble));
    struct gw_record_subscription record = {owner->serial, item->filter, item->options};
    GW_TRY(make_room(rewrite, item->filter.size, &w, trouble));
    gw_record_write_subscription(&w, &record);
    return append(rewrite, GW_RECORD_SUBSCRIBE, &w, trouble);
}

static enum gw_status append_owe(struct gw_rewrite *rewrite, struct gw_record_owe *record,
                                 const struct place *place, struct gw_trouble *trouble)
{
    struct gw_writer w;
    GW_TRY(make_room(rewrite, (size_t)record->id_count * GW_RECORD_ID_MAX, &w, trouble));
    if (place)
        record->message = ref_of(rewrite, place);
    gw_record_write_owe(&w, record);
    return append(rewrite, GW_RECORD_OWE, &w, trouble);
}

static enum gw_status append_group_owe(struct gw_rewrite *rewrite, enum gw_record_kind kind,
                                       struct gw_record_group_owe *record,
                                       const struct place *place, struct gw_trouble *trouble)
{
    struct gw_writer w;
    GW_TRY(make_room(rewrite, 0, &w, trouble));
    if (place)
        record->message = ref_of(rewrite, place);
    gw_record_write_group_owe(&w, kind, record);
    return append(rewrite, (uint8_t)kind, &w, trouble);
}

/* Who has had a message is told by a debt that is settled. */
static enum gw_status note_had_session(struct gw_rewrite *rewrite, struct gw_span name,
                                       const struct place *place, struct gw_trouble *trouble)
{
    struct owner *owner;
    GW_TRY(get_owner(rewrite, 's', name, &owner, trouble));
    struct gw_record_owe owe = {.serial = owner->serial, .order = owner->next_order++, .qos = 1};
    struct gw_record_step step = {.serial = owner->serial, .order = owe.order};
    GW_TRY(append_owe(rewrite, &owe, place, trouble));
    return append_step(rewrite, GW_RECORD_SETTLED, &step, trouble);
}

static enum gw_status note_had_group(struct gw_rewrite *rewrite, struct gw_span name,
                                     const struct place *place, struct gw_trouble *trouble)
{
    struct owner *owner;
    GW_TRY(get_owner(rewrite, 'g', name, &owner, trouble));
    struct gw_record_group_owe owe = {.serial = owner->serial, .order = owner->next_order++};
    GW_TRY(append_group_owe(rewrite, GW_RECORD_GROUP_OWE, &owe, place, trouble));
    return append_group_owe(rewrite, GW_RECORD_GROUP_SETTLED, &owe, NULL, trouble);
}

static enum gw_status append_retained(struct gw_rewrite *rewrite, struct gw_record_retained *record,
                                      struct gw_record_ref *ref, const struct place *place,
                                      struct gw_trouble *trouble)
{
    struct gw_writer w;
    GW_TRY(make_room(rewrite, record->topic_name.size, &w, trouble));
    *ref = ref_of(rewrite, place);
    gw_record_write_retained(&w, record);
    return append(rewrite, GW_RECORD_RETAINED, &w, trouble);
}

/* It has a copy of its own: what is owed already goes by another one, so that the debts noted here
 * are those that the item names. */
static enum gw_status on_unfinished(struct gw_rewrite *rewrite, const struct gw_item *item,
                                    struct gw_trouble *trouble)
{
    struct gw_record_retained retained = {.topic_name = item->message.message.topic_name};
    struct owner *owner;
    struct place place;
    for (size_t i = 0; i < item->had_sessions.count; i++)
        GW_TRY(get_owner(rewrite, 's', item->had_sessions.list[i], &owner, trouble));
    for (size_t i = 0; i < item->had_groups.count; i++)
        GW_TRY(get_owner(rewrite, 'g', item->had_groups.list[i], &owner, trouble));
    GW_TRY(write_message(rewrite, item, &place, trouble));
    for (size_t i = 0; i < item->had_sessions.count; i++)
        GW_TRY(note_had_session(rewrite, item->had_sessions.list[i], &place, trouble));
    for (size_t i = 0; i < item->had_groups.count; i++)
        GW_TRY(note_had_group(rewrite, item->had_groups.list[i], &place, trouble));
    if (!item->retained)
        return GW_OK;
    return append_retained(rewrite, &retained, &retained.cleared_by, &place, trouble);
}

/* The group takes note of an order that is settled for it: the session keeps what it chose it for.
 */
static enum gw_status number_in_group(struct gw_rewrite *rewrite, struct owner *group,
                                      struct gw_record_owe *owe, struct gw_trouble *trouble)
{
    struct gw_record_group_owe settled = {.serial = group->serial, .order = group->next_order++};
    owe->group = group->serial;
    owe->group_order = settled.order;
    return append_group_owe(rewrite, GW_RECORD_GROUP_SETTLED, &settled, NULL, trouble);
}

static enum gw_status on_queued(struct gw_rewrite *rewrite, const struct gw_item *item,
                                struct gw_trouble *trouble)
{
    struct gw_record_owe owe = {
        .qos = item->qos, .retain = item->retain, .ids = item->ids, .id_count = item->id_count};
    struct owner *owner;
    struct owner *group = NULL;
    struct place place;
    GW_TRY(get_session(rewrite, item, &owner, trouble));
    if (item->filter.size > 0)
        GW_TRY(get_owner(rewrite, 'g', item->filter, &group, trouble));
    if (item->has_message)
        GW_TRY(place_message(rewrite, item, &place, trouble));
    if (group)
        GW_TRY(number_in_group(rewrite, group, &owe, trouble));
    owe.serial = owner->serial;
    owe.order = owner->next_order++;
    owe.size = item->has_message ? (uint32_t)gw_message_footprint(&item->message.message) : 0;
    GW_TRY(append_owe(rewrite, &owe, item->has_message ? &place : NULL, trouble));
    struct gw_record_step step = {owe.serial, owe.order, item->packet_id};
    if (item->packet_id != 0)
        GW_TRY(append_step(rewrite, GW_RECORD_SENT, &step, trouble));
    if (item->releasing)
        GW_TRY(append_step(rewrite, GW_RECORD_RELEASE, &step, trouble));
    return GW_OK;
}

static enum gw_status on_group_queued(struct gw_rewrite *rewrite, const struct gw_item *item,
                                      struct gw_trouble *trouble)
{
    struct owner *group;
    struct place place;
    GW_TRY(get_owner(rewrite, 'g', item->filter, &group, trouble));
    GW_TRY(place_message(rewrite, item, &place, trouble));
    struct gw_record_group_owe owe = {
        .serial = group->serial,
        .order = group->next_order++,
        .size = (uint32_t)gw_message_footprint(&item->message.message),
    };
    return append_group_owe(rewrite, GW_RECORD_GROUP_OWE, &owe, &place, trouble);
}

static enum gw_status on_retained(struct gw_rewrite *rewrite, const struct gw_item *item,
                                  struct gw_trouble *trouble)
{
    const struct gw_message *message = &item->message.message;
    struct gw_record_retained record = {
        .expires_ms =
            message->has_expiry ? item->message.received_ms + message->expiry * (uint64_t)1000 : 0,
        .size = (uint32_t)gw_message_footprint(message),
        .topic_name = message->topic_name,
    };
    struct place place;
    GW_TRY(place_message(rewrite, item, &place, trouble));
    return append_retained(rewrite, &record, &record.message, &place, trouble);
}

enum gw_status gw_rewrite_item(struct gw_rewrite *rewrite, const struct gw_item *item,
                               struct gw_trouble *trouble)
{
    static enum gw_status (*const steps[])(struct gw_rewrite * rewrite, const struct gw_item *item,
                                           struct gw_trouble *trouble) = {
        [GW_ITEM_STORE] = on_store,
        [GW_ITEM_GROUP] = on_group,
        [GW_ITEM_SESSION] = on_session,
        [GW_ITEM_WILL] = on_will,
        [GW_ITEM_SUBSCRIPTION] = on_subscription,
        [GW_ITEM_UNFINISHED] = on_unfinished,
        [GW_ITEM_QUEUED] = on_queued,
        [GW_ITEM_GROUP_QUEUED] = on_group_queued,
        [GW_ITEM_RETAINED] = on_retained,
    };
    _Static_assert(GW_COUNT_OF(steps) == GW_ITEM_KIND_COUNT, "a step for each kind");
    GW_TRY(steps[item->kind](rewrite, item, trouble));
    return gw_store_staged(rewrite->stream) >= BATCH_SIZE ? flush(rewrite, trouble) : GW_OK;
}

enum gw_status gw_rewrite_finish(struct gw_rewrite *rewrite, struct gw_trouble *trouble)
{
    GW_TRY(flush(rewrite, trouble));
    gw_store_stop(rewrite->store);
    return judge_store(rewrite, trouble);
}
