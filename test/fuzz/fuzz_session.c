/* session/session with its outbox against plain arrays: what is queued, in flight and being
 * released in which order, the quota, what expired or was dropped, which groups were told, when the
 * will is due and when the session ends. */
#include "fuzz.h"

#include "../unit/session/consistent.h"
#include "session/session.h"

#define ENTRIES_MAX 1024
#define SHARES      4
#define S           GW_NS_PER_S

/* One delivery as the model sees it. */
struct entry {
    uint32_t number; /* of the message; its payload */
    gw_mono_ns deadline;
    gw_packet_id id;
    uint8_t qos;
    uint8_t share;
    bool counted; /* has taken from this connection's quota */
};

struct entries {
    struct entry all[ENTRIES_MAX];
    size_t count;
};

struct model {
    struct entries queued, in_flight, releasing;
    struct gw_outbox_host host;
    struct gw_session *session;
    gw_mono_ns now, closed_at;
    uint64_t dropped;
    uint64_t settled[SHARES], told[SHARES]; /* by the model, by the callback */
    uint32_t numbers;
    uint32_t expiry, delay;
    uint16_t quota, quota_full;
    bool online, will;
};

static void on_settled(void *user, struct gw_outbox *outbox, uint64_t share, uint32_t group_order)
{
    struct model *model = user;
    (void)group_order;
    FUZZ_CHECK(outbox == &model->session->outbox && share > 0 && share < SHARES);
    model->told[share]++;
}

static struct entry entry_take(struct entries *entries, size_t at)
{
    struct entry entry = entries->all[at];
    memmove(&entries->all[at], &entries->all[at + 1],
            (entries->count - at - 1) * sizeof(entries->all[0]));
    entries->count--;
    return entry;
}

static void entry_put(struct entries *entries, struct entry entry)
{
    FUZZ_CHECK(entries->count < ENTRIES_MAX);
    entries->all[entries->count++] = entry;
}

/* -- comparing -- */

static void check_list(const struct gw_list *head, const struct entries *entries)
{
    size_t at = 0;
    for (const struct gw_list *link = head->next; link != head; link = link->next, at++) {
        const struct gw_delivery *delivery = GW_CONTAINER_CONST(link, struct gw_delivery, link);
        FUZZ_CHECK(at < entries->count);
        const struct entry *entry = &entries->all[at];
        FUZZ_CHECK(delivery->packet_id == entry->id && delivery->qos == entry->qos);
        FUZZ_CHECK(delivery->share == entry->share);
        if (!delivery->message)
            continue;
        struct gw_message message;
        gw_message_open(delivery->message, &message);
        FUZZ_CHECK(gw_span_equal(message.payload, gw_span_of(&entry->number, 4)));
    }
    FUZZ_CHECK(at == entries->count);
}

static void check(struct model *model)
{
    const struct gw_outbox *outbox = &model->session->outbox;
    FUZZ_CHECK(consistent(outbox));
    check_list(&outbox->queued, &model->queued);
    check_list(&outbox->in_flight, &model->in_flight);
    check_list(&outbox->releasing, &model->releasing);
    FUZZ_CHECK(outbox->dropped == model->dropped);
    FUZZ_CHECK(outbox->window.quota == model->quota);
    FUZZ_CHECK(model->host.deliveries.live ==
               model->queued.count + model->in_flight.count + model->releasing.count);
    for (size_t i = 0; i < SHARES; i++)
        FUZZ_CHECK(model->settled[i] == model->told[i]);
}

/* -- the outbox -- */

static void settle(struct model *model, const struct entry *entry)
{
    if (entry->share != 0 && entry->qos > 0)
        model->settled[entry->share]++;
    model->quota = (uint16_t)(model->quota + entry->counted);
    FUZZ_CHECK(model->quota <= model->quota_full);
}

static void drop(struct model *model, size_t at)
{
    struct entry entry = entry_take(&model->queued, at);
    settle(model, &entry);
    model->dropped++;
}

/* Makes room as the policy says; false if the new one has to go. All messages cost the same. */
static bool make_room(struct model *model, const struct gw_outbox_limits *limits)
{
    while (model->queued.count > 0 && model->queued.count >= limits->messages_max) {
        size_t oldest = 0;
        while (oldest < model->queued.count && model->queued.all[oldest].id != 0)
            oldest++;
        if (limits->policy == GW_OUTBOX_DROP_NEWEST || oldest == model->queued.count) {
            model->dropped++;
            return false;
        }
        drop(model, oldest);
    }
    return true;
}

static void push(struct model *model, struct gw_span *input)
{
    uint8_t how = fuzz_u8(input);
    uint8_t limit = fuzz_u8(input);
    struct entry entry = {.number = ++model->numbers,
                          .qos = (uint8_t)((how & 3) % 3),
                          .share = how >> 2 & 3,
                          .deadline = GW_NEVER};
    struct gw_message message = {.topic_name = GW_SPAN_LIT("t"),
                                 .payload = gw_span_of(&entry.number, 4),
                                 .received_at = model->now,
                                 .expiry = how >> 5,
                                 .has_expiry = (how & 16) != 0,
                                 .qos = 2};
    struct gw_delivery_options options = {.share = entry.share, .qos = entry.qos};
    struct gw_outbox_limits limits = {SIZE_MAX, limit >> 1,
                                      limit & 1 ? GW_OUTBOX_DROP_OLDEST : GW_OUTBOX_DROP_NEWEST, 0};
    bool limited = limit >= 2;
    if (message.has_expiry) /* at 0 it lives until the clock moves */
        entry.deadline = model->now + (message.expiry > 0 ? message.expiry * S : 1);
    if (model->queued.count + model->in_flight.count >= ENTRIES_MAX - 1)
        return;
    enum gw_status status = gw_outbox_push(&model->session->outbox, &model->host, &message,
                                           &options, limited ? &limits : NULL, NULL);
    gw_message_drop(&message);
    bool taken = !limited || make_room(model, &limits);
    FUZZ_CHECK(status == (taken ? GW_OK : GW_LIMIT));
    if (taken)
        entry_put(&model->queued, entry);
}

static size_t find(const struct entries *entries, gw_packet_id id)
{
    size_t at = 0;
    while (at < entries->count && entries->all[at].id != id)
        at++;
    return at;
}

static void count(struct model *model, struct entry *entry, const struct gw_delivery *delivery)
{
    if (entry->qos == 0)
        return;
    if (entry->id == 0) {
        gw_packet_id id = delivery->packet_id;
        FUZZ_CHECK(id != 0 && find(&model->queued, id) == model->queued.count);
        FUZZ_CHECK(find(&model->in_flight, id) == model->in_flight.count);
        FUZZ_CHECK(find(&model->releasing, id) == model->releasing.count);
        entry->id = id;
    }
    FUZZ_CHECK(delivery->packet_id == entry->id && model->quota > 0);
    entry->counted = true;
    model->quota--;
}

static void resume(struct model *model, uint16_t quota)
{
    struct entries *queued = &model->queued;
    size_t again = model->in_flight.count;
    gw_outbox_on_resume(&model->session->outbox, quota);
    memmove(&queued->all[again], &queued->all[0], queued->count * sizeof(queued->all[0]));
    memcpy(&queued->all[0], &model->in_flight.all[0], again * sizeof(queued->all[0]));
    queued->count += again;
    model->in_flight.count = 0;
    for (size_t i = 0; i < queued->count; i++)
        queued->all[i].counted = false;
    for (size_t i = 0; i < model->releasing.count; i++)
        model->releasing.all[i].counted = false;
    model->quota = model->quota_full = quota;
}

enum fate { SENT, SKIPPED, BROKEN };

/* The next one is sent, cannot be, or the connection ends just then. */
static bool pump(struct model *model, enum fate fate)
{
    struct gw_outbox *outbox = &model->session->outbox;
    bool dup;
    struct gw_delivery *next = gw_outbox_next(outbox, &model->host, model->now);
    while (model->queued.count > 0 && model->queued.all[0].id == 0 &&
           model->queued.all[0].deadline <= model->now)
        drop(model, 0);
    bool blocked = model->queued.count > 0 && model->queued.all[0].qos > 0 && model->quota == 0;
    FUZZ_CHECK((next == NULL) == (model->queued.count == 0 || blocked));
    if (!next)
        return false;
    struct entry *entry = &model->queued.all[0];
    bool again = entry->id != 0;
    FUZZ_CHECK(gw_outbox_begin(outbox, &model->host, next, &dup) == GW_OK);
    FUZZ_CHECK(dup == again);
    count(model, entry, next);
    if (fate == SENT) {
        gw_outbox_sent(outbox, &model->host, next);
        struct entry sent = entry_take(&model->queued, 0);
        if (sent.qos > 0)
            entry_put(&model->in_flight, sent);
    } else if (fate == SKIPPED) {
        gw_outbox_skip(outbox, &model->host, next);
        drop(model, 0);
    } else {
        resume(model, model->quota_full);
    }
    return true;
}

enum answer { PUBACK, PUBREC, PUBREC_REFUSED, PUBCOMP };

/* What the model says to an answer; the entry moves as the table of the sender has it. */
static enum gw_status judge(struct model *model, enum answer answer, gw_packet_id id)
{
    size_t flying = find(&model->in_flight, id);
    size_t releasing = find(&model->releasing, id);
    if (flying < model->in_flight.count) {
        uint8_t qos = model->in_flight.all[flying].qos;
        if (qos != (answer == PUBACK ? 1 : 2) || answer == PUBCOMP)
            return GW_PROTOCOL;
        struct entry entry = entry_take(&model->in_flight, flying);
        if (answer == PUBREC)
            entry_put(&model->releasing, entry);
        else
            settle(model, &entry);
        return GW_OK;
    }
    if (releasing == model->releasing.count)
        return GW_NOT_FOUND;
    if (answer == PUBACK)
        return GW_PROTOCOL;
    if (answer == PUBCOMP) {
        struct entry entry = entry_take(&model->releasing, releasing);
        settle(model, &entry);
    }
    return GW_OK;
}

static void acknowledge(struct model *model, struct gw_span *input)
{
    struct gw_outbox *outbox = &model->session->outbox;
    uint8_t how = fuzz_u8(input);
    size_t pick = fuzz_u8(input);
    const struct entries *from = how & 4 ? &model->releasing : &model->in_flight;
    gw_packet_id id = (gw_packet_id)pick;
    if (from->count > 0 && (how & 8) == 0)
        id = from->all[pick % from->count].id;
    enum answer answer = how & 3;
    enum gw_status status;
    if (answer == PUBACK)
        status = gw_outbox_on_puback(outbox, &model->host, id);
    else if (answer == PUBCOMP)
        status = gw_outbox_on_pubcomp(outbox, &model->host, id);
    else
        status = gw_outbox_on_pubrec(outbox, &model->host, id, answer == PUBREC_REFUSED);
    FUZZ_CHECK(judge(model, answer, id) == status);
}

static void take_shared(struct model *model)
{
    struct gw_list taken;
    struct entries *lists[] = {&model->in_flight, &model->queued};
    gw_list_init(&taken);
    gw_outbox_take_shared(&model->session->outbox, &model->host, &taken);
    for (size_t which = 0; which < GW_COUNT_OF(lists); which++) {
        for (size_t i = 0; i < lists[which]->count;) {
            struct entry *entry = &lists[which]->all[i];
            if (entry->share == 0 || (entry->id != 0 && entry->qos == 2)) {
                i++;
                continue;
            }
            struct entry gone = entry_take(lists[which], i);
            struct gw_list *link = gw_list_pop_front(&taken);
            FUZZ_CHECK(link != NULL);
            struct gw_delivery *delivery = GW_CONTAINER(link, struct gw_delivery, link);
            FUZZ_CHECK(delivery->share == gone.share && delivery->qos == gone.qos);
            gw_outbox_release(&model->host, delivery);
            model->settled[gone.share] -= gone.qos > 0; /* back to its group, not settled */
            settle(model, &gone);
        }
    }
    FUZZ_CHECK(gw_list_empty(&taken));
}

/* -- the session -- */

static gw_mono_ns end_of(const struct model *model)
{
    return model->expiry == GW_SESSION_EXPIRY_NEVER ? GW_NEVER
                                                    : model->closed_at + model->expiry * S;
}

/* When the will is due: with the session's end at the latest. */
static gw_mono_ns will_of(const struct model *model)
{
    gw_mono_ns due = model->closed_at + model->delay * S;
    if (!model->will)
        return GW_NEVER;
    return due < end_of(model) ? due : end_of(model);
}

static void connect_client(struct model *model, struct gw_span *input)
{
    static const uint32_t expiries[] = {0, 1, 5, GW_SESSION_EXPIRY_NEVER};
    uint8_t how = fuzz_u8(input);
    model->expiry = expiries[how & 3];
    model->delay = how >> 2 & 7;
    model->will = (how & 32) != 0;
    gw_session_on_connected(model->session, model->expiry);
    FUZZ_CHECK(model->session->will == NULL);
    model->session->link = model;
    model->online = true;
    if (model->will) {
        struct gw_message message = {.topic_name = GW_SPAN_LIT("w")};
        FUZZ_CHECK(gw_session_set_will(model->session, &message, model->delay) == GW_OK);
    }
    resume(model, fuzz_u8(input) & 31);
    /* As if so many had been sent: the next identifiers may be in use, or come round to 1. */
    model->session->outbox.window.last = how & 64 ? (gw_packet_id)(65535 - (how >> 7)) : how >> 7;
}

static void open_session(struct model *model)
{
    model->session = gw_session_new(GW_SPAN_LIT("c"), 1);
    FUZZ_CHECK(model->session != NULL);
    model->queued.count = model->in_flight.count = model->releasing.count = 0;
    model->quota = model->quota_full = 0;
    model->dropped = 0;
    model->online = model->will = false;
}

/* Does what the session says, after it said what the model expects. */
static void obey(struct model *model, struct gw_session_duty duty, struct gw_span *input)
{
    FUZZ_CHECK(duty.end == (!model->online && model->now >= end_of(model)));
    FUZZ_CHECK(duty.publish_will == (!model->online && model->now >= will_of(model)));
    if (duty.publish_will) {
        struct gw_message message, keeper;
        FUZZ_CHECK(gw_session_take_will(model->session, model->now, &message, &keeper));
        FUZZ_CHECK(!gw_session_take_will(model->session, model->now, &message, &keeper));
        gw_message_drop(&keeper);
        model->will = false;
    }
    if (duty.end) {
        gw_session_free(model->session, &model->host);
        FUZZ_CHECK(model->host.deliveries.live == 0);
        open_session(model);
        connect_client(model, input);
    } else if (!model->online) {
        gw_mono_ns will = will_of(model), end = end_of(model);
        FUZZ_CHECK(gw_session_next_deadline(model->session) == (will < end ? will : end));
    }
}

static void disconnect(struct model *model, struct gw_span *input)
{
    enum gw_session_close how =
        fuzz_u8(input) & 1 ? GW_SESSION_CLOSE_CLEAN : GW_SESSION_CLOSE_OTHER;
    model->closed_at = model->now;
    model->online = false;
    model->will = model->will && how == GW_SESSION_CLOSE_OTHER;
    obey(model, gw_session_on_closed(model->session, how, model->now), input);
}

static void step(struct model *model, struct gw_span *input)
{
    uint8_t op = fuzz_u8(input) & 15;
    if (op <= 4) {
        push(model, input);
    } else if (op == 5) {
        while (model->online && pump(model, SENT)) {
        }
    } else if (op <= 7 && model->online) {
        pump(model, op == 6 ? SENT : SKIPPED);
    } else if (op == 8 && model->online) {
        pump(model, BROKEN);
    } else if (op <= 11 && model->online) {
        acknowledge(model, input);
    } else if (op == 12) {
        model->now += (fuzz_u8(input) & 31) * (S / 4);
        obey(model, gw_session_on_deadline(model->session, model->now), input);
    } else if (op == 13 && model->online) {
        disconnect(model, input);
    } else if (op == 14 && !model->online) {
        connect_client(model, input);
    } else if (op == 15) {
        take_shared(model);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > FUZZ_INPUT_MAX)
        return 0;
    struct gw_span input = gw_span_of(data, size);
    struct model *model = calloc(1, sizeof(*model));
    FUZZ_CHECK(model != NULL);
    gw_pool_init(&model->host.deliveries, sizeof(struct gw_delivery), 2 * ENTRIES_MAX);
    model->host.on_settled = on_settled;
    model->host.user = model;
    model->now = 1000 * S;
    open_session(model);
    connect_client(model, &input);
    while (input.size > 0) {
        step(model, &input);
        check(model);
    }
    gw_session_free(model->session, &model->host);
    gw_pool_fini(&model->host.deliveries);
    free(model);
    return 0;
}
