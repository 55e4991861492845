/*
 * session/session: what the broker keeps of a client beyond its connection (MQTT 5.0 section 4.1).
 *
 * Layer   session (may include proto, topic, wire, base). Pure: time in, deadlines out.
 * Owner   the loop that owns the client identifier, online or offline; not thread-safe.
 * Life    new/free; new makes it connected, on_closed and on_deadline say when it has ended.
 * Limits  its outbox's, its subscriptions' (counted here), one will.
 */
#ifndef GW_SESSION_SESSION_H
#define GW_SESSION_SESSION_H

#include "base/map.h"
#include "base/wheel.h"
#include "proto/idset.h"
#include "session/outbox.h"
#include "session/subscription.h"

#define GW_SESSION_EXPIRY_NEVER UINT32_MAX

/* A will as CONNECT brought it; its message is kept with the session. */
struct gw_will {
    struct gw_message message; /* kept; its time counts from publication */
    uint32_t delay;            /* seconds */
};

/* How a connection ended, as far as the session cares. */
enum gw_session_close {
    GW_SESSION_CLOSE_CLEAN, /* DISCONNECT 0x00: the will is discarded (MQTT-3.14.4-3) */
    GW_SESSION_CLOSE_OTHER, /* everything else */
};

/* What its owner has to do now. */
struct gw_session_duty {
    bool publish_will; /* take it with gw_session_take_will */
    bool end;          /* the session has ended: publish the will first, then free it */
};

/* Who the client is and what it may receive, for the broker's rules of access. */
struct gw_session_access {
    struct gw_blob *user;       /* the name of whom it belongs to; NULL: nobody */
    struct gw_blob *groups;     /* of that user; NULL: none */
    struct gw_blob *attributes; /* what was proved besides; NULL: nothing */
    void *rights;               /* what is remembered of verdicts; the broker's */
    uint32_t guard;             /* equal to the broker's: nothing needs judging */
    uint32_t weighed;           /* the broker's guard when the subscriptions were looked at */
    uint32_t author;            /* the broker's number for whom it belongs to; 0: not known */
    uint32_t unchecked;         /* subscriptions whose messages have to be judged */
    bool known;                 /* who it is; not yet, if it was read from the log */
};

struct gw_session {
    struct gw_map_node node; /* in its loop's map, by client identifier */
    void *link;              /* the connected client; NULL while offline */
    void *owner;             /* whoever keeps it; opaque here */
    uint64_t handle;         /* names it in messages between loops */
    uint64_t client_hash;    /* of the client identifier */
    uint64_t serial;         /* names it in the log; 0: it is not durable */
    struct gw_outbox outbox;
    struct gw_idset received;     /* QoS 2 identifiers between PUBLISH and PUBREL */
    struct gw_list subscriptions; /* gw_subscription.link */
    struct gw_list replays;       /* retained sets being sent; the broker's */
    uint64_t *passed;             /* topics that came live meanwhile; the broker's */
    uint64_t passed_count;
    uint32_t replay_asked;  /* retained messages on their way from other loops; the broker's */
    struct gw_will *will;   /* NULL if none */
    struct gw_list waiting; /* for the log; the broker's */
    struct gw_list warm;    /* some of the outbox may be cooled; the broker's */
    struct gw_session_access access;
    struct gw_timer timer; /* the broker arms it at next_deadline */
    gw_mono_ns closed_at;
    gw_mono_ns full_told_at; /* when the log last heard of a full queue */
    uint32_t full_untold;    /* messages dropped since */
    bool full_told;          /* on this connection, or since it ended */
    size_t told_bytes;       /* what the owner has counted of gw_session_bytes so far */
    uint64_t match_round;    /* router's scratch: the publication that it was matched for */
    uint32_t match_slot;
    uint32_t subscription_count;
    uint32_t shared_count;
    uint32_t expiry; /* seconds after the connection; GW_SESSION_EXPIRY_NEVER */
    uint16_t client_id_size;
    uint8_t client_id[];
};

/* Makes a session; NULL when memory is out. */
struct gw_session *gw_session_new(struct gw_span client_id, uint64_t client_hash);
/* Releases it with its outbox and will; subscriptions must be gone. NULL is fine. */
void gw_session_free(struct gw_session *session, struct gw_outbox_host *host);

/* Memory held but for outbox messages and subscriptions, for limits.memory. */
size_t gw_session_bytes(const struct gw_session *session);

/* Key function for a map by client identifier. */
struct gw_span gw_session_key(const struct gw_map_node *node);

static inline struct gw_span gw_session_client_id(const struct gw_session *session)
{
    return gw_span_of(session->client_id, session->client_id_size);
}

/* Whom it belongs to; empty: nobody. */
static inline struct gw_span gw_session_user(const struct gw_session *session)
{
    return gw_blob_span(session->access.user);
}
/* It belongs to this user from now on (takes a reference of its own); NULL: to nobody. */
void gw_session_set_user(struct gw_session *session, struct gw_blob *user);

/* Sets or replaces the will (keeps it: gw_message_keep) and takes the message's reference over.
 * GW_NO_MEMORY: the old will is gone, the new one not set, the message as it was. */
GW_MUST_USE enum gw_status gw_session_set_will(struct gw_session *session,
                                               struct gw_message *message, uint32_t delay);
/* Forgets the will. */
void gw_session_drop_will(struct gw_session *session);
/* Takes the will out for publication at `now`: a view that borrows from *ret_keeper, which the
 * caller drops afterwards. False if there is none. It is never given twice (MQTT-3.1.2-10). */
bool gw_session_take_will(struct gw_session *session, gw_mono_ns now,
                          struct gw_message *ret_message, struct gw_message *ret_keeper);

/* The client is there again; a delayed will is off (MQTT-3.1.3-9). The caller sets the link and the
 * new will. */
void gw_session_on_connected(struct gw_session *session, uint32_t expiry);
/* The connection has ended; link becomes NULL. */
struct gw_session_duty gw_session_on_closed(struct gw_session *session, enum gw_session_close how,
                                            gw_mono_ns now);
/* When to call on_deadline: will delay or expiry, whichever is first; GW_NEVER while online. */
gw_mono_ns gw_session_next_deadline(const struct gw_session *session);
struct gw_session_duty gw_session_on_deadline(struct gw_session *session, gw_mono_ns now);

#endif
