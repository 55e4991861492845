/*
 * broker/errand: messages of the log on their way back into memory, read by the store's thread.
 *
 * Layer   broker.
 * Owner   the shard; while it is under way nobody touches it.
 * Life    embedded in whatever wants the messages; from send until `done` is called, which calls
 *         gw_errand_release.
 * Limits  GW_ERRAND_MAX messages, about GW_ERRAND_BYTES (the sender's to keep).
 *
 * The segments of its positions are held meanwhile, whoever else lets go of them. What cannot be
 * read for a want that passes (memory, descriptors) is tried again every second, without `done`
 * hearing of it; what the system refuses is tried again for a minute.
 */
#ifndef GW_BROKER_ERRAND_H
#define GW_BROKER_ERRAND_H

#include "broker/journal.h"

#define GW_ERRAND_MAX   64u
#define GW_ERRAND_BYTES ((size_t)256 * 1024)

struct gw_errand;

/* The bodies are there, or never will be (`late`: the shard ends). */
typedef void gw_errand_fn(struct gw_journal *journal, struct gw_errand *errand, bool late,
                          gw_mono_ns now);

struct gw_errand {
    struct gw_store_fetch fetch;
    struct gw_list link; /* in journal->put_off */
    gw_errand_fn *done;
    uint32_t count;    /* of positions */
    unsigned refusals; /* times that the system did not let it be read */
    gw_position positions[GW_ERRAND_MAX];
    struct gw_blob *bodies[GW_ERRAND_MAX]; /* NULL where the status is not GW_OK */
    enum gw_status statuses[GW_ERRAND_MAX];
};

void gw_errand_init(struct gw_journal *journal);
/* Ends those that came too late; the store has stopped. */
void gw_errand_fini(struct gw_journal *journal);

/* Sends it for errand->count positions, none or some. */
void gw_errand_send(struct gw_journal *journal, struct gw_errand *errand, gw_errand_fn *done);
/* The same, but not before a while: memory is out. */
void gw_errand_send_later(struct gw_journal *journal, struct gw_errand *errand, gw_errand_fn *done,
                          gw_mono_ns now);
/* Lets go of bodies and segments: it can be sent again, or its memory given back. */
void gw_errand_release(struct gw_journal *journal, struct gw_errand *errand);

/* The message of an index as gw_journal_blob; *ret_status GW_OK, GW_NO_MEMORY (it is there, but
 * cannot be taken now), or why it is lost. NULL unless GW_OK. */
struct gw_blob *gw_errand_message(struct gw_journal *journal, const struct gw_errand *errand,
                                  size_t index, enum gw_status *ret_status);
/* The message of a position; GW_AGAIN if the errand did not go for that. */
struct gw_blob *gw_errand_message_at(struct gw_journal *journal, const struct gw_errand *errand,
                                     gw_position position, enum gw_status *ret_status);

/* Calls `done` for what came back. */
void gw_errand_run(struct gw_journal *journal, gw_mono_ns now);

#endif
