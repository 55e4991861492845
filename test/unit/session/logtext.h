/*
 * test: logs as short texts.
 *
 * A log is words between blanks, each a record:
 *
 *   S1:a       session 1 of client a, offline; S1:a! online; S1:a+ just made; S1:a=u owned by user
 * u W1:t       its will for topic t; W1: none E1         it ends +1:f/2     subscription to f, QoS
 * 2     -1:f   not any more M100       message at position 100; M100r3 relayed, written by stream
 * 3; M100s1=7 from session 1 with packet identifier 7 O1.5@100   session 1 is owed, as its order 5,
 * the message at 100, QoS 2; O1.5@100q1 QoS 1; O1.5@100g9.3 as a member of group 9 that calls it 3;
 * O1.5@100i4 with identifiers 1..4 P1.5=7     SENT with packet identifier 7    R1.5   RELEASE X1.5
 * SETTLED I1=7       RECEIVED                         J1=7   RELEASED Tt@100     retained; Tt@0 not
 * any more; Tt@0c100 because of the message at 100 G9:$share/g/f   group 9        F9   ends
 *   Q9.3@100   it is owed          Y9.3 settled
 *   C3@100     complete up to 100 of stream 3
 *
 * States are told in the same words: statetext.h.
 */
#ifndef GW_TEST_LOGTEXT_H
#define GW_TEST_LOGTEXT_H

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

/* "@100" at a position, "<16" bytes before this record. */
static inline struct gw_record_ref log_ref(const char **at)
{
    struct gw_record_ref ref = {0};
    if (log_letter(at, '<'))
        ref.back = (uint32_t)log_number(at);
    else if (log_letter(at, '@'))
        ref.position = log_number(at);
    return ref;
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
    session.client_id = log_until(at, "!+=");
    session.online = log_letter(at, '!');
    session.made = log_letter(at, '+');
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
    owe.message = log_ref(at);
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
    struct gw_record_retained retained = {.topic_name = log_until(at, "@<")};
    retained.message = log_ref(at);
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
    owe.message = log_ref(at);
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

#endif
