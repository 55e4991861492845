#include "cli/crashbook.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/compiler.h"

#define FIRST_CAPACITY 1024u
#define NUMBER_MAX     UINT32_MAX
#define AWAY           1u /* the reader that is absent most of the time */

static const struct {
    const char *title;
    const char *key;
} names[] = {
    [GW_CRASHBOOK_QOS1] = {"QoS 1 message", "qos1"},
    [GW_CRASHBOOK_QOS2] = {"QoS 2 message", "qos2"},
    [GW_CRASHBOOK_AWAY] = {"message for an absent client", "absent"},
    [GW_CRASHBOOK_RETAINED] = {"retained message set", "retained"},
    [GW_CRASHBOOK_DELETED] = {"retained message deleted", "retained_deleted"},
    [GW_CRASHBOOK_SUBSCRIBED] = {"subscription made", "subscribed"},
    [GW_CRASHBOOK_UNSUBSCRIBED] = {"subscription ended", "unsubscribed"},
    [GW_CRASHBOOK_SESSION] = {"session", "session"},
};
_Static_assert(GW_COUNT_OF(names) == GW_CRASHBOOK_ROWS, "each row has its names");

const char *gw_crashbook_title(enum gw_crashbook_row row)
{
    return names[row].title;
}

const char *gw_crashbook_key(enum gw_crashbook_row row)
{
    return names[row].key;
}

void gw_crashbook_init(struct gw_crashbook *book)
{
    *book = (struct gw_crashbook){0};
}

void gw_crashbook_fini(struct gw_crashbook *book)
{
    for (size_t i = 0; i < GW_CRASHBOOK_WRITERS; i++)
        free(book->writers[i].messages);
    *book = (struct gw_crashbook){0};
}

enum gw_status gw_crashbook_publish(struct gw_crashbook *book, unsigned writer, uint8_t qos,
                                    char *ret_name, uint32_t *ret_number)
{
    struct gw_crashbook_writer *its = &book->writers[writer];
    if (its->count == its->capacity) {
        size_t capacity = its->capacity > 0 ? its->capacity * 2 : FIRST_CAPACITY;
        void *memory = capacity <= NUMBER_MAX
                           ? realloc(its->messages, capacity * sizeof *its->messages)
                           : NULL;
        if (!memory)
            return GW_NO_MEMORY;
        its->messages = memory;
        its->capacity = capacity;
    }
    its->messages[its->count] = (struct gw_crashbook_message){.qos = qos};
    *ret_number = (uint32_t)its->count++;
    snprintf(ret_name, GW_CRASHBOOK_NAME, "w%u %u ", writer, *ret_number);
    return GW_OK;
}

void gw_crashbook_acknowledge(struct gw_crashbook *book, unsigned writer, uint32_t number)
{
    struct gw_crashbook_message *message = &book->writers[writer].messages[number];
    book->acknowledged += !message->acknowledged;
    message->acknowledged = true;
}

/* Takes a number and the character behind it off the front; false if there is none. */
static bool take_number(struct gw_span *text, char end, uint32_t *ret_number)
{
    uint64_t number = 0;
    size_t at = 0;
    while (at < text->size && text->data[at] >= '0' && text->data[at] <= '9' &&
           number <= NUMBER_MAX)
        number = number * 10 + (uint64_t)(text->data[at++] - '0');
    if (at == 0 || number > NUMBER_MAX || at == text->size || text->data[at] != (uint8_t)end)
        return false;
    *text = gw_span_from(*text, at + 1);
    *ret_number = (uint32_t)number;
    return true;
}

/* True if nothing but padding follows. */
static bool is_padding(struct gw_span text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] != '%')
            return false;
    }
    return true;
}

static struct gw_crashbook_message *find(struct gw_crashbook *book, struct gw_span payload,
                                         uint32_t *ret_writer, uint32_t *ret_number)
{
    struct gw_span rest = payload;
    if (!gw_span_starts_with(rest, GW_SPAN_LIT("w")))
        return NULL;
    rest = gw_span_from(rest, 1);
    if (!take_number(&rest, ' ', ret_writer) || *ret_writer >= GW_CRASHBOOK_WRITERS ||
        !take_number(&rest, ' ', ret_number) || *ret_number >= book->writers[*ret_writer].count ||
        !is_padding(rest))
        return NULL;
    return &book->writers[*ret_writer].messages[*ret_number];
}

static struct gw_crashbook_figures *figures_of(struct gw_crashbook *book, unsigned reader,
                                               uint8_t qos)
{
    if (reader == AWAY)
        return &book->rows[GW_CRASHBOOK_AWAY];
    return &book->rows[qos == 2 ? GW_CRASHBOOK_QOS2 : GW_CRASHBOOK_QOS1];
}

void gw_crashbook_arrive(struct gw_crashbook *book, unsigned reader, struct gw_span payload)
{
    uint32_t writer, number;
    struct gw_crashbook_message *message = find(book, payload, &writer, &number);
    book->arrivals++;
    if (!message) {
        book->strangers++;
        return;
    }
    struct gw_crashbook_figures *figures = figures_of(book, reader, message->qos);
    uint8_t *arrivals = &message->arrivals[reader];
    if (*arrivals > 0) {
        figures->doubled += message->qos == 2;
        *arrivals = (uint8_t)(*arrivals + (*arrivals < UINT8_MAX));
        return;
    }
    *arrivals = 1;
    uint32_t *newest = &book->newest[reader][writer][message->qos];
    if (number + 1 < *newest)
        figures->disordered++;
    else
        *newest = number + 1;
}

uint64_t gw_crashbook_missing(const struct gw_crashbook *book)
{
    uint64_t missing = 0;
    for (size_t w = 0; w < GW_CRASHBOOK_WRITERS; w++) {
        const struct gw_crashbook_writer *writer = &book->writers[w];
        for (size_t i = 0; i < writer->count; i++) {
            const struct gw_crashbook_message *message = &writer->messages[i];
            for (size_t r = 0; r < GW_CRASHBOOK_READERS; r++)
                missing += message->acknowledged && message->arrivals[r] == 0;
        }
    }
    return missing;
}

void gw_crashbook_look(struct gw_crashbook *book, enum gw_crashbook_row row, bool found)
{
    book->rows[row].acknowledged++;
    book->rows[row].found += found;
    book->rows[row].lost += !found;
}

static void close_message(struct gw_crashbook *book, const struct gw_crashbook_message *message)
{
    for (unsigned r = 0; r < GW_CRASHBOOK_READERS && message->acknowledged; r++) {
        struct gw_crashbook_figures *figures = figures_of(book, r, message->qos);
        figures->acknowledged++;
        figures->found += message->arrivals[r] > 0;
        figures->lost += message->arrivals[r] == 0;
    }
}

void gw_crashbook_close(struct gw_crashbook *book)
{
    for (size_t w = 0; w < GW_CRASHBOOK_WRITERS; w++) {
        for (size_t i = 0; i < book->writers[w].count; i++)
            close_message(book, &book->writers[w].messages[i]);
    }
}

uint64_t gw_crashbook_faults(const struct gw_crashbook *book)
{
    uint64_t faults = book->strangers;
    for (size_t i = 0; i < GW_CRASHBOOK_ROWS; i++)
        faults += book->rows[i].lost + book->rows[i].doubled + book->rows[i].disordered;
    return faults;
}
