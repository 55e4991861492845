/*
 * test: logs and the states they describe as short texts.
 *
 * A log is words between blanks, each a record:
 *
 *   S1:a       session 1 of client a, offline; S1:a! online; S1:a=u owned by user u
 *   W1:t       its will for topic t; W1: none
 *   E1         it ends
 *   +1:f/2     subscription to f, QoS 2     -1:f   not any more
 *   M100       message at position 100; M100r3 relayed, written by stream 3; M100s1=7 from session
 * 1 with packet identifier 7 O1.5@100   session 1 is owed, as its order 5, the message at 100, QoS
 * 2; O1.5@100q1 QoS 1; O1.5@100g9.3 as a member of group 9 that calls it 3; O1.5@100i4 with
 * identifiers 1..4 P1.5=7     SENT with packet identifier 7    R1.5   RELEASE    X1.5   SETTLED
 *   I1=7       RECEIVED                         J1=7   RELEASED
 *   Tt@100     retained; Tt@0 not any more; Tt@0c100 because of the message at 100
 *   G9:$share/g/f   group 9        F9   ends
 *   Q9.3@100   it is owed          Y9.3 settled
 *   C3@100     complete up to 100 of stream 3
 *
 * States are told in the same words, in an order that depends on nothing but the state, and
 *   U100(1,9)* unfinished: sessions or groups 1 and 9 had it; with a star: the retained set too.
 */
#ifndef GW_TEST_LOGTEXT_H
#define GW_TEST_LOGTEXT_H

#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "session/image.h"

struct log_record {
    uint8_t kind;
    gw_position position;
    uint16_t size;
    uint8_t body[110];
};

/* -- from words -- */

static inline uint64_t log_number(const char **at)
{
    uint64_t number = 0;
    for (; **at >= '0' && **at <= '9'; (*at)++)
        number = number * 10 + (uint64_t)(**at - '0');
    return number;
}

/* Skips a letter; true if it was there. */
static inline bool log_letter(const char **at, char letter)
{
    if (**at != letter)
        return false;
    (*at)++;
    return true;
}

/* Up to one of the letters or the end of the word. */
static inline struct gw_span log_until(const char **at, const char *letters)
{
    const char *begin = *at;
    while (**at != 0 && **at != ' ' && !strchr(letters, **at))
        (*at)++;
    return gw_span_of(begin, (size_t)(*at - begin));
}

static inline void log_message(struct gw_writer *w, const char **at, struct log_record *record)
{
    struct gw_record_message message = {.message = {.topic_name = GW_SPAN_LIT("t")}};
    record->position = log_number(at);
    if (log_letter(at, 'r')) {
        message.relayed = true;
        message.origin = (uint8_t)log_number(at);
    }
    if (log_letter(at, 's')) {
        message.session = log_number(at);
        log_letter(at, '=');
        message.packet_id = (gw_packet_id)log_number(at);
        message.message.qos = 2;
    }
    gw_record_write_message(w, &message);
    gw_writer_bytes(w, message.message.topic_name);
}

static inline void log_session(struct gw_writer *w, const char **at)
{
    struct gw_record_session session = {.serial = log_number(at), .expiry = 60};
    log_letter(at, ':');
    session.client_id = log_until(at, "!=");
    session.online = log_letter(at, '!');
    if (log_letter(at, '='))
        session.user = log_until(at, "");
    gw_record_write_session(w, &session);
}

static inline void log_will(struct gw_writer *w, const char **at)
{
    struct gw_record_will will = {.serial = log_number(at)};
    log_letter(at, ':');
    will.message.topic_name = log_until(at, "");
    will.present = will.message.topic_name.size > 0;
    gw_record_write_will(w, &will);
}

static inline void log_subscription(struct gw_writer *w, const char **at)
{
    struct gw_record_subscription subscription = {.serial = log_number(at)};
    log_letter(at, ':');
    subscription.filter = log_until(at, "/");
    if (log_letter(at, '/'))
        subscription.options.qos = (uint8_t)log_number(at);
    gw_record_write_subscription(w, &subscription);
}

static inline void log_owe(struct gw_writer *w, const char **at)
{
    static const uint32_t ids[] = {1, 2, 3, 4};
    struct gw_record_owe owe = {.serial = log_number(at), .qos = 2, .size = 50, .ids = ids};
    log_letter(at, '.');
    owe.order = (uint32_t)log_number(at);
    log_letter(at, '@');
    owe.message.position = log_number(at);
    if (log_letter(at, 'q'))
        owe.qos = (uint8_t)log_number(at);
    if (log_letter(at, 'g')) {
        owe.group = log_number(at);
        log_letter(at, '.');
        owe.group_order = (uint32_t)log_number(at);
    }
    if (log_letter(at, 'i'))
        owe.id_count = (uint32_t)log_number(at);
    gw_record_write_owe(w, &owe);
}

static inline void log_step(struct gw_writer *w, const char **at, enum gw_record_kind kind)
{
    struct gw_record_step step = {.serial = log_number(at)};
    if (log_letter(at, '.'))
        step.order = (uint32_t)log_number(at);
    if (log_letter(at, '='))
        step.packet_id = (gw_packet_id)log_number(at);
    gw_record_write_step(w, kind, &step);
}

static inline void log_retained(struct gw_writer *w, const char **at)
{
    struct gw_record_retained retained = {.topic_name = log_until(at, "@")};
    log_letter(at, '@');
    retained.message.position = log_number(at);
    if (log_letter(at, 'c'))
        retained.cleared_by.position = log_number(at);
    gw_record_write_retained(w, &retained);
}

static inline void log_group(struct gw_writer *w, const char **at)
{
    struct gw_record_group group = {.serial = log_number(at)};
    log_letter(at, ':');
    group.filter = log_until(at, "");
    gw_record_write_group(w, &group);
}

static inline void log_group_owe(struct gw_writer *w, const char **at, enum gw_record_kind kind)
{
    struct gw_record_group_owe owe = {.serial = log_number(at), .size = 50};
    log_letter(at, '.');
    owe.order = (uint32_t)log_number(at);
    if (log_letter(at, '@'))
        owe.message.position = log_number(at);
    gw_record_write_group_owe(w, kind, &owe);
}

static inline void log_complete(struct gw_writer *w, const char **at)
{
    struct gw_record_complete complete = {.origin = (uint8_t)log_number(at)};
    log_letter(at, '@');
    complete.upto = log_number(at);
    gw_record_write_complete(w, &complete);
}

/* Takes the next word; false at the end. Records that name no position of their own stand at
 * `position`. */
static inline bool log_next(const char **at, gw_position position, struct log_record *ret_record)
{
    static const char letters[] = " MSWE+-OPRXIJTGFQYC"; /* in the order of the kinds */
    while (**at == ' ' || **at == '\n')
        (*at)++;
    if (**at == 0)
        return false;
    const char *letter = strchr(letters, *(*at)++);
    GW_ASSERT(letter != NULL);
    struct gw_writer w = gw_writer_of(ret_record->body, sizeof(ret_record->body));
    enum gw_record_kind kind = (enum gw_record_kind)(letter - letters);
    ret_record->kind = (uint8_t)kind;
    ret_record->position = position;
    switch (kind) {
    case GW_RECORD_MESSAGE: log_message(&w, at, ret_record); break;
    case GW_RECORD_SESSION: log_session(&w, at); break;
    case GW_RECORD_WILL: log_will(&w, at); break;
    case GW_RECORD_END:
    case GW_RECORD_GROUP_END: gw_record_write_serial(&w, log_number(at)); break;
    case GW_RECORD_SUBSCRIBE:
    case GW_RECORD_UNSUBSCRIBE: log_subscription(&w, at); break;
    case GW_RECORD_OWE: log_owe(&w, at); break;
    case GW_RECORD_SENT:
    case GW_RECORD_RELEASE:
    case GW_RECORD_SETTLED:
    case GW_RECORD_RECEIVED:
    case GW_RECORD_RELEASED: log_step(&w, at, kind); break;
    case GW_RECORD_RETAINED: log_retained(&w, at); break;
    case GW_RECORD_GROUP: log_group(&w, at); break;
    case GW_RECORD_GROUP_OWE:
    case GW_RECORD_GROUP_SETTLED: log_group_owe(&w, at, kind); break;
    case GW_RECORD_COMPLETE: log_complete(&w, at); break;
    case GW_RECORD_KIND_COUNT: abort();
    }
    GW_ASSERT(!w.overflow && (**at == ' ' || **at == '\n' || **at == 0));
    ret_record->size = (uint16_t)gw_writer_size(&w);
    return true;
}

static inline void log_apply(struct gw_image *image, const char *text)
{
    struct log_record record;
    while (log_next(&text, gw_position_of(1, 100), &record))
        gw_image_apply(image, record.kind, record.position, gw_span_of(record.body, record.size));
}

/* -- to words -- */

/* Words that are sorted before they are told. */
struct words {
    char **all;
    size_t count, capacity;
};

GW_PRINTF(2, 3) static inline void words_add(struct words *words, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    GW_ASSERT(size >= 0 && (size_t)size < sizeof(text));
    if (words->count == words->capacity) {
        words->capacity = words->capacity ? words->capacity * 2 : 64;
        words->all = realloc(words->all, words->capacity * sizeof(*words->all));
        GW_ASSERT(words->all != NULL);
    }
    words->all[words->count] = strdup(text);
    GW_ASSERT(words->all[words->count] != NULL);
    words->count++;
}

static inline int words_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The words in one text, for the caller to free. */
static inline char *words_text(struct words *words)
{
    size_t size = 1;
    for (size_t i = 0; i < words->count; i++)
        size += strlen(words->all[i]) + 1;
    char *text = malloc(size);
    GW_ASSERT(text != NULL);
    char *at = text;
    qsort(words->all, words->count, sizeof(*words->all), words_compare);
    for (size_t i = 0; i < words->count; i++) {
        at += snprintf(at, size - (size_t)(at - text), "%s%s", i > 0 ? " " : "", words->all[i]);
        free(words->all[i]);
    }
    *at = 0;
    free(words->all);
    return text;
}

static inline void state_deliveries(struct words *words, const struct gw_image_session *session)
{
    unsigned serial = (unsigned)session->serial;
    for (size_t i = 0; i < session->delivery_count; i++) {
        const struct gw_image_delivery *d = &session->deliveries[i];
        const uint32_t *ids;
        size_t id_count = gw_image_delivery_ids(d, &ids);
        char group[40] = "";
        char more[16] = "";
        GW_ASSERT(i == 0 || (int32_t)(d->order - d[-1].order) > 0);
        GW_ASSERT((int32_t)(session->next_order - d->order) > 0);
        GW_ASSERT(d->size == 50);
        for (size_t n = 0; n < id_count; n++)
            GW_ASSERT(ids[n] == n + 1);
        if (d->group)
            snprintf(group, sizeof(group), "g%u.%u", (unsigned)d->group, d->group_order);
        if (id_count)
            snprintf(more, sizeof(more), "i%u", (unsigned)id_count);
        words_add(words, "O%u.%u@%u%s%s%s", serial, d->order, (unsigned)d->message,
                  d->qos == 1 ? "q1" : "", group, more);
        if (d->packet_id)
            words_add(words, "P%u.%u=%u", serial, d->order, d->packet_id);
        if (d->releasing)
            words_add(words, "R%u.%u", serial, d->order);
    }
}

static inline void state_session(struct words *words, const struct gw_image_session *session)
{
    unsigned serial = (unsigned)session->serial;
    struct gw_span user = GW_SPAN_NONE;
    if (session->user)
        user = gw_span_of(session->user->data, session->user->size);
    words_add(words, "S%u:%.*s%s%s%.*s", serial, session->client_id_size,
              (const char *)session->client_id, session->online ? "!" : "", user.size ? "=" : "",
              GW_SPAN_FMT(user));
    for (const struct gw_list *link = session->subscriptions.next; link != &session->subscriptions;
         link = link->next) {
        const struct gw_image_subscription *s =
            GW_CONTAINER_CONST(link, struct gw_image_subscription, link);
        words_add(words, "+%u:%.*s/%u", serial, s->filter_size, (const char *)s->filter,
                  s->options.qos);
    }
    for (size_t i = 0; i < session->received_count; i++)
        words_add(words, "I%u=%u", serial, session->received[i]);
    if (session->will) {
        struct gw_record_will will;
        enum gw_status status =
            gw_record_read_will(gw_span_of(session->will->data, session->will->size), &will);
        GW_ASSERT(status == GW_OK && will.serial == serial);
        words_add(words, "W%u:%.*s", serial, GW_SPAN_FMT(will.message.topic_name));
    }
    state_deliveries(words, session);
}

static inline void state_unfinished(struct words *words, const struct gw_image *image)
{
    for (size_t i = 0; i < image->unfinished_count; i++) {
        const struct gw_image_unfinished *u = &image->unfinished[i];
        char had[200] = "";
        size_t size = 0;
        GW_ASSERT(i == 0 || u->message > u[-1].message);
        for (size_t n = 0; n < u->had_count; n++) {
            size += (size_t)snprintf(had + size, sizeof(had) - size, n > 0 ? ",%u" : "%u",
                                     (unsigned)u->had[n]);
            GW_ASSERT(size < sizeof(had) && (n == 0 || u->had[n] > u->had[n - 1]));
        }
        words_add(words, "U%u(%s)%s", (unsigned)u->message, had, u->retained ? "*" : "");
    }
}

/* What an image says after finish, for the caller to free. */
static inline char *state_text(struct gw_image *image)
{
    struct words words = {0};
    const struct gw_image_session *session;
    const struct gw_image_group *group;
    const struct gw_image_retained *retained;
    struct gw_map_cursor cursor;
    gw_map_first(&image->sessions, &cursor);
    while ((session = gw_image_next_session(image, &cursor)) != NULL)
        state_session(&words, session);
    gw_map_first(&image->groups, &cursor);
    while ((group = gw_image_next_group(image, &cursor)) != NULL) {
        unsigned serial = (unsigned)group->serial;
        words_add(&words, "G%u:%.*s", serial, group->filter_size, (const char *)group->filter);
        for (size_t i = 0; i < group->entry_count; i++)
            words_add(&words, "Q%u.%u@%u", serial, group->entries[i].order,
                      (unsigned)group->entries[i].message);
    }
    gw_map_first(&image->retained, &cursor);
    while ((retained = gw_image_next_retained(image, &cursor)) != NULL)
        words_add(&words, "T%.*s@%u", (int)retained->topic_size, (const char *)retained->topic_name,
                  (unsigned)retained->message);
    state_unfinished(&words, image);
    return words_text(&words);
}

#endif
