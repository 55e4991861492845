/*
 * cli/crashbook: the books of `selftest --crash`: what was acknowledged, what was found again.
 *
 * Layer   cli (may include client, proto, topic, wire, net, os, base). Pure but for malloc.
 * Owner   the main thread.
 * Life    init, fini.
 * Limits  GW_CRASHBOOK_WRITERS publishers, GW_CRASHBOOK_READERS subscribers of the same messages.
 *
 * A message is named by its writer and a number that its payload carries, so whatever arrives can
 * be found in the books, or was never published.
 */
#ifndef GW_CLI_CRASHBOOK_H
#define GW_CLI_CRASHBOOK_H

#include "base/span.h"
#include "base/status.h"

#define GW_CRASHBOOK_WRITERS 2
#define GW_CRASHBOOK_READERS 2
#define GW_CRASHBOOK_QOS     3
#define GW_CRASHBOOK_NAME    32 /* bytes of a payload that name the message, at most */

/* The kinds of promise, a row each. */
enum gw_crashbook_row {
    GW_CRASHBOOK_QOS1,
    GW_CRASHBOOK_QOS2,
    GW_CRASHBOOK_AWAY,
    GW_CRASHBOOK_RETAINED,
    GW_CRASHBOOK_DELETED,
    GW_CRASHBOOK_SUBSCRIBED,
    GW_CRASHBOOK_UNSUBSCRIBED,
    GW_CRASHBOOK_SESSION,
    GW_CRASHBOOK_ROWS
};

struct gw_crashbook_figures {
    uint64_t acknowledged, found, lost, doubled, disordered;
};

struct gw_crashbook_message {
    uint8_t qos;
    bool acknowledged;
    uint8_t arrivals[GW_CRASHBOOK_READERS]; /* saturating */
};

struct gw_crashbook_writer {
    struct gw_crashbook_message *messages; /* by number */
    size_t count, capacity;
};

struct gw_crashbook {
    struct gw_crashbook_writer writers[GW_CRASHBOOK_WRITERS];
    /* number + 1 of the newest first arrival, for the order */
    uint32_t newest[GW_CRASHBOOK_READERS][GW_CRASHBOOK_WRITERS][GW_CRASHBOOK_QOS];
    struct gw_crashbook_figures rows[GW_CRASHBOOK_ROWS];
    uint64_t acknowledged; /* messages */
    uint64_t arrivals;     /* of any message, at any reader */
    uint64_t strangers;    /* arrived and never published, or changed on the way */
};

void gw_crashbook_init(struct gw_crashbook *book);
void gw_crashbook_fini(struct gw_crashbook *book);

/* Notes a message about to be published, and writes its name ("w0 17 ") to where GW_CRASHBOOK_NAME
 * bytes have room. GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_crashbook_publish(struct gw_crashbook *book, unsigned writer,
                                                uint8_t qos, char *ret_name, uint32_t *ret_number);

/* Its acknowledgement came; more than once is fine. */
void gw_crashbook_acknowledge(struct gw_crashbook *book, unsigned writer, uint32_t number);

/* A payload came to a reader. */
void gw_crashbook_arrive(struct gw_crashbook *book, unsigned reader, struct gw_span payload);

/* Messages that are acknowledged and did not reach every reader yet. */
uint64_t gw_crashbook_missing(const struct gw_crashbook *book);

/* A promise of another kind was looked at. */
void gw_crashbook_look(struct gw_crashbook *book, enum gw_crashbook_row row, bool found);

/* Counts what of the messages was found and what not, once, at the end. */
void gw_crashbook_close(struct gw_crashbook *book);

/* Losses, doubles, disorder and strangers together. */
uint64_t gw_crashbook_faults(const struct gw_crashbook *book);

/* What a row stands for: for people, and as a key of JSON. */
const char *gw_crashbook_title(enum gw_crashbook_row row);
const char *gw_crashbook_key(enum gw_crashbook_row row);

#endif
