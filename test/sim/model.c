#include "sim/model.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "topic/name.h"

#define NO_STEP      UINT32_MAX
#define EXPIRY_SLACK (12 * GW_NS_PER_S) /* on its way to a slow reader, and rounded at starts */

const char *const model_filters[MODEL_FILTERS] = {
    "t/#", "t/+/x",           "t/1/x",           "+/2/#", "r/#", "r/1",
    "w/#", "$share/g/$s/a/#", "$share/h/$s/b/+", "#",     "m/#", "$share/v/$s/c/#",
};

const char *const model_topics[MODEL_TOPICS] = {
    "t/1/x",  "t/2/x",  "t/2/y",  "t/3/x/z", "r/0", "r/1", "r/2",    "r/3",
    "$s/a/1", "$s/a/2", "$s/b/1", "t/1",     "t",   "m/1", "$s/c/1", "w/will",
};

#define TOPIC_WILL 15u

/* What one session knows of one filter, in steps; NO_STEP: has not happened. */
struct subscription {
    uint32_t sent, confirmed, ended, end_confirmed;
    uint8_t qos;
    bool ever;
};

struct message {
    uint32_t sent; /* NO_STEP: a will that is not due */
    uint8_t topic, publisher, qos;
    bool retain, deletes, acknowledged, given_up, resent, will, uncertain, discarded;
    bool crossed;          /* a crash came before its acknowledgement, or just after the will */
    bool fragile;          /* a will that was written down nowhere when its connection broke */
    uint32_t discarded_at; /* the step */
    uint32_t acknowledged_at;
    gw_mono_ns expires_at; /* 0: never */
    gw_mono_ns waits_till; /* a will with a delay */
    uint8_t seen[MODEL_CLIENTS];
    uint32_t settled[MODEL_CLIENTS]; /* the step of the last PUBACK; 0: none that is sure */
    uint8_t seen_owed;               /* at QoS 1 or 2, a bit for each client */
    uint8_t seen_once;               /* at QoS 2, a bit for each client */
    bool seen_ever;                  /* by anybody, whatever became of his session */
    uint8_t seen_twice;              /* at QoS 2 through a group: how often */
};

struct model {
    uint64_t seed;
    uint32_t step;
    gw_mono_ns now;
    uint64_t deliveries;
    bool trace, lossy, damaged, troubled;
    uint32_t crashed_at;                 /* the step of the last crash; 0: none */
    uint32_t trouble_from, trouble_till; /* steps */
    uint32_t count;
    struct subscription subscriptions[MODEL_CLIENTS][MODEL_FILTERS];
    uint32_t born[MODEL_CLIENTS];                                /* its session: CONNECT */
    uint32_t group_since[MODEL_FILTERS];                         /* a steady member was confirmed */
    uint32_t newest[MODEL_CLIENTS][MODEL_CLIENTS][MODEL_TOPICS]; /* order, by first arrival */
    struct message messages[MODEL_MESSAGES_MAX];
};

void model_fail(const struct model *model, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fflush(stdout);
    fprintf(stderr, "sim: seed %llu, step %u: ", (unsigned long long)model->seed, model->step);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    abort();
}

void model_set_trace(struct model *model, bool trace)
{
    model->trace = trace;
}

void model_set_lossy(struct model *model)
{
    model->lossy = true;
}

void model_note(const struct model *model, const char *format, ...)
{
    if (!model->trace)
        return;
    va_list arguments;
    va_start(arguments, format);
    printf("%6u  ", model->step);
    vprintf(format, arguments);
    putchar('\n');
    va_end(arguments);
}

static void forget(struct model *model, unsigned client)
{
    for (unsigned f = 0; f < MODEL_FILTERS; f++)
        model->subscriptions[client][f] =
            (struct subscription){.sent = NO_STEP, NO_STEP, NO_STEP, NO_STEP, 0, false};
    memset(model->newest[client], 0, sizeof(model->newest[client]));
}

struct model *model_new(uint64_t seed)
{
    struct model *model = calloc(1, sizeof(*model));
    if (!model)
        abort();
    model->seed = seed;
    for (unsigned c = 0; c < MODEL_CLIENTS; c++)
        forget(model, c);
    for (unsigned f = 0; f < MODEL_FILTERS; f++)
        model->group_since[f] = NO_STEP;
    return model;
}

void model_free(struct model *model)
{
    free(model);
}

bool model_full(const struct model *model)
{
    return model->count + 64 >= MODEL_MESSAGES_MAX;
}

uint32_t model_message_count(const struct model *model)
{
    return model->count;
}

uint64_t model_delivery_count(const struct model *model)
{
    return model->deliveries;
}

void model_set_step(struct model *model, uint32_t step, gw_mono_ns now)
{
    model->step = step;
    model->now = now;
}

bool model_filter_shared(unsigned filter)
{
    return strncmp(model_filters[filter], "$share/", 7) == 0;
}

bool model_topic_retained(unsigned topic)
{
    return model_topics[topic][0] == 'r';
}

/* Some are large: they are more than one sector of a disk, and small segments are soon full. */
static size_t payload_size(uint32_t message)
{
    uint32_t mixed = message * 2654435761u >> 16;
    return mixed % 8 != 0 ? 4 + mixed / 8 % 40 : 400 + mixed / 8 % (MODEL_PAYLOAD_MAX - 400);
}

size_t model_write_payload(uint32_t message, uint8_t memory[MODEL_PAYLOAD_MAX])
{
    size_t size = payload_size(message);
    for (size_t i = 0; i < size; i++)
        memory[i] = (uint8_t)(i < 4 ? message >> 8 * i : message + i);
    return size;
}

uint32_t model_read_payload(const struct model *model, struct gw_span payload)
{
    uint8_t expected[MODEL_PAYLOAD_MAX];
    uint32_t number = 0;
    for (size_t i = 0; i < 4 && i < payload.size; i++)
        number |= (uint32_t)payload.data[i] << 8 * i;
    size_t size = model_write_payload(number, expected);
    if (!gw_span_equal(payload, gw_span_of(expected, size)))
        model_fail(model, "a payload of %zu bytes that nobody wrote, as of message %u",
                   payload.size, number);
    return number;
}

bool model_topic_volatile(unsigned topic)
{
    return model_topics[topic][0] == 'm';
}

static bool is_of_free_group(unsigned topic)
{
    return strncmp(model_topics[topic], "$s/c/", 5) == 0;
}

static bool matches(unsigned filter, unsigned topic)
{
    struct gw_filter_parts parts;
    if (gw_filter_split(gw_span_str(model_filters[filter]), 0, &parts) != GW_OK)
        abort();
    return gw_filter_matches(parts.filter, gw_span_str(model_topics[topic]));
}

/* -- publishers -- */

uint32_t model_on_publish(struct model *model, unsigned client, unsigned topic, uint8_t qos,
                          bool retain, bool deletes)
{
    model_note(model, "client %u publishes %u to %s, QoS %u%s", client, model->count,
               model_topics[topic], qos, retain ? ", retained" : "");
    model->messages[model->count] = (struct message){
        .sent = model->step,
        .topic = (uint8_t)topic,
        .publisher = (uint8_t)client,
        .qos = qos,
        .retain = retain,
        .deletes = deletes,
    };
    return model->count++;
}

void model_on_expiry(struct model *model, uint32_t message, gw_mono_ns at)
{
    model->messages[message].expires_at = at;
}

void model_on_resend(struct model *model, uint32_t message)
{
    model_note(model, "message %u is sent again", message);
    model->messages[message].resent = true;
}

void model_on_acknowledged(struct model *model, uint32_t message)
{
    model_note(model, "message %u is acknowledged", message);
    model->messages[message].acknowledged = true;
    model->messages[message].acknowledged_at = model->step;
}

void model_on_given_up(struct model *model, uint32_t message)
{
    model_note(model, "message %u is given up", message);
    model->messages[message].given_up = true;
}

void model_on_crossed(struct model *model, uint32_t message)
{
    model->messages[message].crossed = true;
}

uint32_t model_on_will(struct model *model, unsigned client, uint8_t qos)
{
    uint32_t number = model_on_publish(model, client, TOPIC_WILL, qos, false, false);
    model->messages[number].will = true;
    model->messages[number].sent = model->troubled ? model->step : NO_STEP;
    return number;
}

void model_on_will_due(struct model *model, uint32_t message, bool certain, bool durable)
{
    struct message *will = &model->messages[message];
    model_note(model, "will %u is %s", message, certain ? "due" : "perhaps due");
    will->fragile = !durable;
    will->sent = model->step;
    will->acknowledged = certain;
    will->uncertain = !certain;
}

void model_on_will_waits(struct model *model, uint32_t message, bool durable, gw_mono_ns till)
{
    struct message *will = &model->messages[message];
    model_note(model, "will %u waits", message);
    will->fragile = !durable;
    will->sent = model->step;
    will->uncertain = true;
    will->waits_till = till;
}

void model_on_will_freed(struct model *model, uint32_t message)
{
    model->messages[message].waits_till = 0;
}

void model_on_will_certain(struct model *model, uint32_t message)
{
    struct message *will = &model->messages[message];
    bool troubled = model->troubled || model->trouble_till >= will->sent;
    if (troubled || will->fragile)
        return;
    model_note(model, "will %u has certainly gone out", message);
    will->acknowledged = true;
    will->uncertain = false;
}

void model_on_will_discarded(struct model *model, uint32_t message)
{
    model_note(model, "will %u is discarded", message);
    model->messages[message].discarded = true;
    model->messages[message].discarded_at = model->step;
}

/* -- subscribers -- */

void model_on_session_lost(struct model *model, unsigned client)
{
    model_note(model, "client %u has lost its session", client);
    forget(model, client);
    for (uint32_t m = 0; m < model->count; m++) {
        model->messages[m].seen[client] = 0;
        model->messages[m].seen_once &= (uint8_t) ~(1u << client);
        model->messages[m].seen_owed &= (uint8_t) ~(1u << client);
        model->messages[m].settled[client] = 0;
    }
}

void model_on_connect(struct model *model, unsigned client)
{
    model->born[client] = model->step;
}

void model_on_subscribe(struct model *model, unsigned client, unsigned filter, uint8_t qos)
{
    struct subscription *subscription = &model->subscriptions[client][filter];
    model_note(model, "client %u subscribes to %s, QoS %u", client, model_filters[filter], qos);
    bool renewed = subscription->confirmed != NO_STEP && subscription->ended == NO_STEP;
    if (renewed && qos < subscription->qos)
        subscription->qos = qos;
    if (renewed)
        return; /* it has been there all the time */
    *subscription = (struct subscription){model->step, NO_STEP, NO_STEP, NO_STEP, qos, true};
}

void model_on_suback(struct model *model, unsigned client, unsigned filter)
{
    model_note(model, "client %u is subscribed to %s", client, model_filters[filter]);
    struct subscription *subscription = &model->subscriptions[client][filter];
    if (subscription->confirmed == NO_STEP)
        subscription->confirmed = model->step;
    if (model_filter_shared(filter) && client < MODEL_STEADY && filter != MODEL_FREE_GROUP &&
        model->group_since[filter] == NO_STEP)
        model->group_since[filter] = model->step;
}

void model_on_unsubscribe(struct model *model, unsigned client, unsigned filter)
{
    model->subscriptions[client][filter].ended = model->step;
}

void model_on_unsuback(struct model *model, unsigned client, unsigned filter)
{
    model_note(model, "client %u is unsubscribed from %s", client, model_filters[filter]);
    model->subscriptions[client][filter].end_confirmed = model->step;
}

/* Whether it was acknowledged, and thus given to all who were there, before this session was. Not
 * what waits in a group for whoever comes. */
static bool is_older(const struct model *model, unsigned client, const struct message *message)
{
    return message->acknowledged && !message->will && message->acknowledged_at != 0 &&
           message->acknowledged_at < model->born[client] && model_topics[message->topic][0] != '$';
}

static bool may_have(const struct model *model, unsigned client, const struct message *message)
{
    for (unsigned f = 0; f < MODEL_FILTERS; f++) {
        const struct subscription *subscription = &model->subscriptions[client][f];
        bool gone =
            subscription->end_confirmed != NO_STEP && subscription->end_confirmed < message->sent;
        if (subscription->ever && !gone && matches(f, message->topic))
            return true;
    }
    return false;
}

/* Which QoS this session must have had it with; 0: nothing is owed. */
static uint8_t owed_qos(const struct model *model, unsigned client, const struct message *message)
{
    uint8_t qos = 0;
    if (message->expires_at != 0)
        return 0;
    if (model_topic_volatile(message->topic) && message->sent <= model->crashed_at)
        return 0;
    for (unsigned f = 0; f < MODEL_FILTERS; f++) {
        const struct subscription *subscription = &model->subscriptions[client][f];
        if (model_filter_shared(f) || !matches(f, message->topic) ||
            subscription->confirmed == NO_STEP || subscription->confirmed >= message->sent ||
            subscription->ended != NO_STEP)
            continue;
        uint8_t granted = subscription->qos < message->qos ? subscription->qos : message->qos;
        if (granted > qos)
            qos = granted;
    }
    return qos;
}

static bool has_shared(const struct model *model, unsigned client, unsigned topic)
{
    for (unsigned f = 0; f < MODEL_FILTERS; f++)
        if (model_filter_shared(f) && model->subscriptions[client][f].ever && matches(f, topic))
            return true;
    return false;
}

void model_check_topic(const struct model *model, unsigned client, uint32_t number,
                       struct gw_span topic_name)
{
    if (number >= model->count)
        model_fail(model, "client %u got message %u, which nobody sent", client, number);
    const char *topic = model_topics[model->messages[number].topic];
    if (!gw_span_equal(topic_name, gw_span_str(topic)))
        model_fail(model, "client %u got message %u (%s) as %.*s", client, number, topic,
                   (int)topic_name.size, (const char *)topic_name.data);
}

void model_on_settled(struct model *model, unsigned client, uint32_t message)
{
    model->messages[message].settled[client] = model->step;
}

/* Whether what was done at a step may not be done by all. A broker in trouble may not read. */
static bool is_recent(const struct model *model, uint32_t step)
{
    uint32_t since = model->step;
    bool lately = model->trouble_till != 0 && model->trouble_till + MODEL_LAZY_STEPS > model->step;
    if (model->troubled || lately)
        since = model->trouble_from;
    return step + MODEL_LAZY_STEPS > since;
}

bool model_is_recent(const struct model *model, uint32_t step)
{
    return is_recent(model, step);
}

uint32_t model_step(const struct model *model)
{
    return model->step;
}

void model_on_link_ended(struct model *model, unsigned client)
{
    for (uint32_t m = 0; m < model->count; m++)
        if (is_recent(model, model->messages[m].settled[client]))
            model->messages[m].settled[client] = 0;
}

/* Whether a client may see a message for the second time. */
static bool may_repeat(const struct model *model, unsigned client, const struct message *message,
                       uint8_t qos, bool dup)
{
    if (message->qos == 1 && message->resent)
        return true; /* its publisher repeated it */
    bool once = (message->seen_once & 1u << client) != 0 && !model_topic_volatile(message->topic);
    if (message->crossed && !once)
        return true; /* it left before it was written down, and its publisher has to repeat it */
    bool restored = model->crashed_at != 0 && message->sent <= model->crashed_at;
    /* It was given at QoS 0, which nobody writes down, and a later subscription asks for more. */
    if (restored && qos > 0 && !(message->seen_owed & 1u << client))
        return true;
    if (qos != 1)
        return false;
    return (dup || restored) && message->settled[client] == 0;
}

/* A copy of the retained set; model_check_retained judges it at the end. */
static void check_copy(const struct model *model, unsigned client, uint32_t number, bool dup)
{
    const struct message *message = &model->messages[number];
    /* One that was on its way when the broker ended may come again, without a word of it. */
    if (dup || (model->crashed_at != 0 && message->sent <= model->crashed_at))
        return;
    if (number + 1 < model->newest[client][message->publisher][message->topic])
        model_fail(model, "client %u got retained message %u (%s) after a newer one", client,
                   number, model_topics[message->topic]);
}

/* First arrivals come in the order of their publications. */
static void check_order(struct model *model, unsigned client, uint32_t number)
{
    const struct message *message = &model->messages[number];
    uint32_t *newest = &model->newest[client][message->publisher][message->topic];
    /* What its publisher sent again (at QoS 2: it had been refused for want of room), or the broker
     * took up again after a crash, may come to a session that was not subscribed before, or for
     * which it had been dropped. */
    bool refused = message->resent && (model->troubled || model->trouble_till >= message->sent);
    bool late = (message->qos == 1 && message->resent) || refused || message->crossed ||
                (model->crashed_at != 0 && message->sent <= model->crashed_at &&
                 (model->lossy || owed_qos(model, client, message) == 0));
    if (late)
        return;
    if (number + 1 < *newest)
        model_fail(model, "client %u got message %u (%s) after %u", client, number,
                   model_topics[message->topic], *newest - 1);
    *newest = number + 1;
}

void model_on_delivery(struct model *model, unsigned client, uint32_t number, uint8_t qos, bool dup,
                       bool retain)
{
    model->deliveries++;
    if (number >= model->count)
        model_fail(model, "client %u got message %u, which nobody sent", client, number);
    model_note(model, "client %u gets %u, QoS %u%s%s", client, number, qos, dup ? ", dup" : "",
               retain ? ", retained" : "");
    struct message *message = &model->messages[number];
    const char *topic = model_topics[message->topic];
    if (model->damaged)
        return;
    if (message->will && (message->sent == NO_STEP || message->discarded))
        model_fail(model, "client %u got will %u, which was not due", client, number);
    if (message->will && model->now < message->waits_till)
        model_fail(model, "client %u got will %u before its time", client, number);
    if (message->expires_at != 0 && !dup && qos < 2 && message->seen[client] == 0 &&
        model->now > message->expires_at + EXPIRY_SLACK)
        model_fail(model, "client %u got message %u (%s) after its time", client, number, topic);
    if (!may_have(model, client, message))
        model_fail(model, "client %u got message %u (%s) without a subscription", client, number,
                   topic);
    if (qos > message->qos)
        model_fail(model, "client %u got message %u at QoS %u, sent at %u", client, number, qos,
                   message->qos);
    bool shared = has_shared(model, client, message->topic);
    if (retain) {
        check_copy(model, client, number, dup);
        return;
    }
    if (is_older(model, client, message))
        model_fail(model, "client %u got message %u (%s), which is older than its session", client,
                   number, topic);
    message->seen_ever = true;
    if (message->seen[client] < UINT8_MAX)
        message->seen[client]++;
    if (topic[0] == '$' && qos == 2 && !is_of_free_group(message->topic) &&
        ++message->seen_twice > 1)
        model_fail(model, "client %u got message %u (%s), which a group had given out at QoS 2",
                   client, number, topic);
    if (message->seen[client] > 1 && !shared && !may_repeat(model, client, message, qos, dup))
        model_fail(model, "client %u got message %u (%s) twice at QoS %u", client, number, topic,
                   qos);
    if (qos > 0)
        message->seen_owed |= (uint8_t)(1u << client);
    if (qos == 2)
        message->seen_once |= (uint8_t)(1u << client);
    if (message->seen[client] == 1 && !shared && !message->will)
        check_order(model, client, number);
}

/* -- the broker's process -- */

/* What was seen and not acknowledged may be gone: older ones may follow as retained copies. */
static void lower_newest(struct model *model)
{
    uint32_t last[MODEL_CLIENTS][MODEL_TOPICS] = {{0}};
    for (uint32_t m = 0; m < model->count; m++) {
        const struct message *message = &model->messages[m];
        if (message->acknowledged)
            last[message->publisher][message->topic] = m + 1;
    }
    for (unsigned c = 0; c < MODEL_CLIENTS; c++)
        for (unsigned p = 0; p < MODEL_CLIENTS; p++)
            for (unsigned t = 0; t < MODEL_TOPICS; t++)
                if (model_topic_retained(t) && model->newest[c][p][t] > last[p][t])
                    model->newest[c][p][t] = last[p][t];
}

static void cross_will(const struct model *model, struct message *will)
{
    if (will->discarded && is_recent(model, will->discarded_at)) {
        will->discarded = false; /* DISCONNECT has no acknowledgement that could wait */
        will->uncertain = true;
        will->sent = model->step;
        will->waits_till = 0; /* who called it off does not wait for it any more */
    }
    if (will->sent == NO_STEP || !is_recent(model, will->sent))
        return;
    will->crossed = true; /* it may have been given out already */
    if (will->fragile)
        will->acknowledged = false;
}

void model_set_troubled(struct model *model, bool troubled)
{
    if (troubled && !model->troubled)
        model->trouble_from = model->step;
    model->troubled = troubled;
    model->trouble_till = model->step;
    for (uint32_t m = 0; troubled && m < model->count; m++) {
        struct message *message = &model->messages[m];
        if (message->will && message->sent == NO_STEP && !message->discarded)
            message->sent = model->step;
    }
}

void model_on_crash(struct model *model)
{
    model->crashed_at = model->step;
    for (unsigned c = 0; c < MODEL_CLIENTS; c++)
        model_on_link_ended(model, c);
    for (uint32_t m = 0; m < model->count; m++)
        if (model->messages[m].will)
            cross_will(model, &model->messages[m]);
    lower_newest(model);
}

bool model_damaged(const struct model *model)
{
    return model->damaged;
}

void model_set_damaged(struct model *model)
{
    model->damaged = true;
    model->lossy = true;
}

/* -- the end -- */

void model_check_retained(struct model *model, unsigned topic, bool found, uint32_t number)
{
    if (model->damaged)
        return;
    /* The last write that certainly happened, and those after it that perhaps did. */
    bool may_be_empty = true;
    bool matched = false;
    for (uint32_t m = 0; m < model->count; m++) {
        const struct message *message = &model->messages[m];
        if (!message->retain || message->topic != topic)
            continue;
        bool certain = message->acknowledged && !message->given_up;
        if (found && m == number && message->expires_at != 0 &&
            model->now > message->expires_at + EXPIRY_SLACK)
            model_fail(model, "retained message of %s is %u, whose time is over",
                       model_topics[topic], number);
        if (certain) {
            may_be_empty = message->deletes || message->expires_at != 0;
            matched = found && m == number && !message->deletes;
        } else {
            may_be_empty |= message->deletes || message->expires_at != 0;
            matched |= found && m == number && !message->deletes;
        }
    }
    if (found && !matched)
        model_fail(model, "retained message of %s is %u, not the last write", model_topics[topic],
                   number);
    if (!found && !may_be_empty)
        model_fail(model, "retained message of %s is gone", model_topics[topic]);
}

static void check_group(const struct model *model, uint32_t number, unsigned filter)
{
    const struct message *message = &model->messages[number];
    if (!model_filter_shared(filter) || !matches(filter, message->topic) ||
        model->group_since[filter] == NO_STEP || model->group_since[filter] >= message->sent ||
        message->qos == 0 || !message->acknowledged || message->expires_at != 0)
        return;
    if (!message->seen_ever)
        model_fail(model, "no member of %s got message %u", model_filters[filter], number);
}

void model_check_end(struct model *model)
{
    if (model->lossy)
        return;
    for (uint32_t m = 0; m < model->count; m++) {
        const struct message *message = &model->messages[m];
        if (message->sent == NO_STEP || !message->acknowledged || message->deletes)
            continue; /* a deletion has no payload to be told by */
        for (unsigned c = 0; c < MODEL_CLIENTS; c++)
            if (message->seen[c] == 0 && owed_qos(model, c, message) > 0)
                model_fail(model, "client %u never got message %u (%s, QoS %u, sent at step %u)", c,
                           m, model_topics[message->topic], message->qos, message->sent);
        for (unsigned f = 0; f < MODEL_FILTERS; f++)
            check_group(model, m, f);
    }
}
