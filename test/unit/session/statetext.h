/*
 * test: what an image says, as text: the words of logtext.h in an order that depends on nothing but
 *       the state, and
 *
 *   U100(1,9)* unfinished: sessions or groups 1 and 9 had it; with a star: the retained set too.
 */
#ifndef GW_TEST_STATETEXT_H
#define GW_TEST_STATETEXT_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "session/image.h"

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
    if (words->count > 0)
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
