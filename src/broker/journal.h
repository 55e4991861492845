/*
 * broker/journal: what a shard writes to the durable log, and when it may be believed.
 *
 * Layer   broker.
 * Owner   the shard; the store's threads only wake its loop.
 * Life    init with the shard if there is a store; fini after the store was stopped.
 * Limits  store.pressure bytes on the way to the disk before publishers are held back.
 *
 * Records are staged while packets are handled and leave as one chunk at the end of the turn,
 * before any other shard hears of the turn: so whatever another shard writes because of it stands
 * later in the log. An acknowledgement that promises something waits for the ticket of its chunk
 * (broker/held). A message that other shards have to take up is marked so; once they have written
 * what they owe, COMPLETE says that recovery need not route it again (docs/decisions/0006).
 *
 * Every function is fine without a journal: it does nothing, and tickets are 0.
 */
#ifndef GW_BROKER_JOURNAL_H
#define GW_BROKER_JOURNAL_H

#include "broker/mover.h"
#include "broker/shard.h"
#include "broker/slicer.h"
#include "session/record.h"
#include "store/store.h"

/* The position of a blob whose record is staged and has no place yet; only its own shard sees it.
 */
#define GW_JOURNAL_PENDING UINT32_MAX

/* How far one shard has written down what another one sent it: see gw_journal_on_taken. */
typedef _Atomic uint64_t gw_journal_mark;

/* What the shards of a broker share of it. */
struct gw_journal_world {
    struct gw_blob_keeper keeper; /* of blobs that are in the log */
    struct gw_store *store;
    gw_journal_mark *marks;  /* [from x shard_count + by]: turns of `from` that `by` has written */
    _Atomic uint64_t serial; /* the last one given; relaxed: only to be unique */
    struct gw_slicer_world slicer;
    struct gw_mover mover;
};

/* A blob that was staged in this turn. */
struct gw_journal_pending {
    struct gw_blob *blob; /* one reference */
    uint32_t offset;      /* in the chunk */
    bool is_moved;        /* it stood somewhere else before */
};

/* Messages of one turn that other shards have to write down. */
struct gw_journal_relayed {
    uint64_t turn;
    uint64_t mask;    /* those shards */
    gw_position from; /* not before the first message */
    gw_position upto; /* the last message */
};

/* Mail of another shard that was acted on. */
struct gw_journal_taken {
    gw_store_ticket ticket; /* durable when this is */
    uint64_t turn;
    unsigned from;
};

/* A growing ring of equal elements; see broker/journalring. */
struct gw_journal_ring {
    void *items;
    size_t head, count, capacity;
};

struct gw_journal {
    struct gw_shard *shard;
    struct gw_journal_world *world;
    struct gw_store_stream *stream;
    struct gw_outbox_ledger ledger;
    struct gw_mail mail;    /* the log got further */
    atomic_bool posted;     /* that mail is on its way; set by the store's threads */
    struct gw_list held;    /* gw_held.link: clients that wait for an acknowledgement */
    struct gw_list waiting; /* gw_session.waiting: deliveries wait for the log */
    struct gw_list warm;    /* gw_session.warm: to be looked at by gw_outbox_cool */
    struct gw_list put_off; /* fetches that found no memory */
    struct gw_timer timer;  /* COMPLETE, if nothing else is written */
    struct gw_timer retry;  /* those of put_off */
    struct gw_journal_pending *pending;
    size_t pending_count, pending_capacity;
    struct gw_journal_ring relayed; /* gw_journal_relayed, oldest first */
    struct gw_journal_ring taken;   /* gw_journal_taken, oldest first */
    uint64_t mask;                  /* of this turn's relayed messages */
    uint32_t last_relayed;          /* offset of the last one in the chunk */
    uint64_t turn;
    uint64_t wall_ms; /* ms since 1970 in the turn of this time; 0: not asked yet */
    gw_mono_ns wall_turn;
    gw_position completed; /* to be written as COMPLETE; 0: nothing new */
    struct gw_slicer slicer;
    bool failed; /* the store has failed, and everybody was told */
};

/* GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_journal_init(struct gw_shard *shard);
/* NULL journal is fine. */
void gw_journal_fini(struct gw_shard *shard);

static inline bool gw_journal_on(const struct gw_shard *shard)
{
    return shard->journal != NULL;
}

/* The ticket of all that was staged so far. */
gw_store_ticket gw_journal_ticket(const struct gw_shard *shard);
/* True if everything up to the ticket survives what its class asks for. */
bool gw_journal_reached(const struct gw_shard *shard, gw_store_ticket ticket, bool synced);

/* Room for messages: GW_STORE_FULL and GW_STORE_FAILED refuse them. */
enum gw_store_state gw_journal_state(const struct gw_shard *shard);
/* True while more than store.pressure waits to be written. */
bool gw_journal_congested(const struct gw_shard *shard);

/* -- what is written -- */

/* A publication that somebody durable wants, on this shard or (mask) on others; gives its blob a
 * position. `publisher`: the session that has to know the packet identifier again (QoS 2), or NULL.
 * GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_journal_message(struct gw_shard *shard, struct gw_message *message,
                                              uint64_t mask, const struct gw_session *publisher,
                                              gw_packet_id packet_id);

/* A session is there with what CONNECT says (its will included), or has changed; a new one with an
 * expiry becomes durable. */
void gw_journal_session(struct gw_shard *shard, struct gw_session *session);
/* Its connection is gone. */
void gw_journal_offline(struct gw_shard *shard, const struct gw_session *session);
/* Its will is gone: published or dropped. */
void gw_journal_no_will(struct gw_shard *shard, const struct gw_session *session);
void gw_journal_end(struct gw_shard *shard, const struct gw_session *session);
void gw_journal_subscribe(struct gw_shard *shard, const struct gw_subscription *subscription);
void gw_journal_unsubscribe(struct gw_shard *shard, const struct gw_subscription *subscription);
/* RECEIVED, RELEASED: a QoS 2 identifier of the client. */
void gw_journal_packet_id(struct gw_shard *shard, enum gw_record_kind kind,
                          const struct gw_session *session, gw_packet_id packet_id);
/* For gw_outbox_ledger (broker/ledger): user is the journal. */
void gw_journal_owe(void *user, struct gw_outbox *outbox, const struct gw_delivery *delivery);
uint64_t gw_journal_sent(void *user, struct gw_outbox *outbox, const struct gw_delivery *delivery);
void gw_journal_release(void *user, struct gw_outbox *outbox, const struct gw_delivery *delivery);
void gw_journal_settled(void *user, struct gw_outbox *outbox, uint32_t order);
/* The retained message of a topic, by its place in the log, its footprint and when it expires (wall
 * clock, 0 = never). */
void gw_journal_retained(struct gw_shard *shard, struct gw_span topic_name, gw_position position,
                         uint32_t size, uint64_t expires_ms);
/* There is none any more: the log's deletion did it, or (NULL) what is not in the log. */
void gw_journal_not_retained(struct gw_shard *shard, struct gw_span topic_name,
                             const struct gw_blob *deletion);
/* Writes a retained message once more, so that an older segment can go. GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_journal_move_retained(struct gw_shard *shard, struct gw_blob *blob,
                                                    uint64_t expires_ms);
/* Writes a message of the log, the body of its record, once more as it is; *ret_blob: one reference
 * to it, its place is known after submit. GW_MALFORMED, GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_journal_move(struct gw_shard *shard, struct gw_span body,
                                           struct gw_blob **ret_blob);
/* Groups: a new serial; what one is owed, and what it is not owed any more. */
uint64_t gw_journal_group(struct gw_shard *shard, struct gw_span filter);
void gw_journal_group_end(struct gw_shard *shard, uint64_t serial);
void gw_journal_group_owe(struct gw_shard *shard, uint64_t serial, uint32_t order,
                          const struct gw_blob *blob);
void gw_journal_group_settled(struct gw_shard *shard, uint64_t serial, uint32_t order);
/* One delivery as a snapshot has it: OWE, and SENT and RELEASE if these are true of it. */
void gw_journal_delivery(struct gw_shard *shard, const struct gw_session *session,
                         const struct gw_outbox_restored *delivery);
/* COMPLETE for another stream's messages (start-up). */
void gw_journal_group_again(struct gw_shard *shard, uint64_t serial, struct gw_span filter);
void gw_journal_complete(struct gw_shard *shard, uint8_t origin, gw_position upto);

/* -- the turn -- */

/* Hands over what was staged: before mail is posted to other shards. */
void gw_journal_submit(struct gw_shard *shard);
/* Submits early if much is staged; only between two packets. */
void gw_journal_breathe(struct gw_shard *shard);
/* Gives another shard a turn, however little it has to do. Any thread. */
void gw_journal_wake(struct gw_shard *shard);
/* The number that mail of this turn carries. */
uint64_t gw_journal_turn(const struct gw_shard *shard);
/* Mail that another shard posted in its turn has been acted on. */
void gw_journal_on_taken(struct gw_shard *shard, unsigned from, uint64_t turn);

/* -- reading -- */

/* A message record's body as a message blob, held in the log while it lives; NULL: no memory, or
 * not a message. */
struct gw_blob *gw_journal_blob(struct gw_shard *shard, struct gw_span body, gw_position position);

#endif
