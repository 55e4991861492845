/*
 * broker/guest: one network connection and the MQTT rules that hold on it. (The name tells it from
 *               gw_client, the machine at the other end.)
 *
 * Layer   broker.
 * Owner   the shard it is on; before CONNECT that is whichever accepted it, from then on the one
 *         that owns its client identifier.
 * Life    made on accept; ends with its connection (on_closed), never earlier.
 * Limits  limits.connect_time, limits.packet, limits.output, keep-alive.
 *
 * The parts: connector (CONNECT), exchange (AUTH), publisher (PUBLISH in), deliverer (PUBLISH out),
 * subscriber (SUBSCRIBE, UNSUBSCRIBE). This file moves bytes and packets between them and net.
 */
#ifndef GW_BROKER_GUEST_H
#define GW_BROKER_GUEST_H

#include "auth/identity.h"
#include "base/blob.h"
#include "broker/entrance.h"
#include "broker/held.h"
#include "broker/shard.h"
#include "net/conn.h"
#include "proto/alias.h"
#include "proto/assembler.h"
#include "proto/keepalive.h"
#include "wire/ack.h"
#include "wire/reason.h"

/* Where a connection stands. */
enum gw_guest_state {
    GW_GUEST_NEW,            /* next: AUTHENTICATING, CONNECTED, CLOSING */
    GW_GUEST_AUTHENTICATING, /* next: CONNECTED, CLOSING */
    GW_GUEST_CONNECTED,      /* next: CLOSING; re-authentication stays here */
    GW_GUEST_CLOSING,        /* the end */
    GW_GUEST_STATE_COUNT
};

enum gw_guest_end_by { GW_GUEST_BY_NETWORK, GW_GUEST_BY_CLIENT, GW_GUEST_BY_BROKER };

/* Why it ended: the first cause wins. */
struct gw_guest_cause {
    const char *what;   /* words, constant */
    const char *clause; /* of the standard, or NULL */
    uint8_t reason;     /* enum gw_reason */
    uint8_t by;         /* enum gw_guest_end_by */
    bool clean;         /* DISCONNECT 0x00: no will */
    bool told;          /* a cause is set */
    bool logged;        /* its line is written */
};

/* What the peer wants of us on this connection. */
struct gw_guest_peer {
    uint32_t packet_max;
    uint16_t receive_max;
    uint8_t version; /* enum gw_version */
    bool request_problem;
    bool tell_durability; /* acknowledgements say which class was reached (broker/durability.h) */
    bool clean_start;
    bool bridge;
};

/* What it was promised when it connected: a reload changes that for later connections only. */
struct gw_guest_offer {
    uint16_t receive_max;
    uint8_t max_qos;
    bool retain;
    bool wildcard_subscriptions;
    bool subscription_ids;
    bool shared_subscriptions;
};

/* Who it says it is, from its CONNECT on. */
struct gw_guest_user {
    struct gw_blob *name;       /* NULL if it gave none */
    struct gw_blob *groups;     /* of a proved user; NULL if none */
    struct gw_blob *attributes; /* proved besides (auth/warrant); NULL if none */
    uint64_t proof;             /* of a proved user: changes with his password */
    uint64_t by;      /* who vouched: the id of a sponsor (broker/chain); 0: a user file */
    uint64_t expires; /* seconds since 1970 until which that holds; 0: for ever */
    bool proved;      /* somebody vouched for the name */
};

struct gw_guest {
    struct gw_conn *conn;
    const struct gw_entrance *entrance; /* of the listener that it came by */
    struct gw_shard *shard;
    struct gw_session *session; /* NULL until connected, and again once taken from it */
    struct gw_list link;        /* in shard->clients.all */
    struct gw_list paused;      /* in shard->clients.paused, while held back */
    struct gw_list opening;     /* in shard->clients.lobby, while it shakes hands */
    struct gw_timer timer;      /* connect time, then keep-alive */
    struct gw_assembler assembler;
    struct gw_keepalive keepalive;
    struct gw_alias_table alias_in;
    struct gw_alias_table alias_out;
    struct gw_buf stash;          /* bytes that move along to another shard */
    struct gw_guest_auth *auth;   /* it named a method in CONNECT (broker/exchange) */
    struct gw_login *login;       /* while its password is being checked (broker/login) */
    struct gw_throttle *throttle; /* NULL: it was never bound to a rate */
    struct gw_held held;          /* acknowledgements that wait for the disk */
    struct gw_guest_user user;
    gw_mono_ns since;
    uint64_t waits_until; /* the turn in which it may take its session over; 0: not asked yet */
    size_t told_bytes;    /* what its shard has counted of what it holds */
    struct gw_guest_peer peer;
    struct gw_guest_offer offer;
    struct gw_guest_cause cause;
    uint8_t state;         /* enum gw_guest_state */
    uint8_t last_packet;   /* enum gw_packet_type */
    bool choked;           /* not read from: it does not read what we answer */
    bool counted;          /* among the strangers of its address */
    bool counted_address;  /* among its connections */
    uint32_t counted_user; /* among the connections of its user: his number (broker/authors) */
};

/* Takes a connection that a listener accepted; the entrance outlives it. */
void gw_guest_accept(struct gw_shard *shard, const struct gw_entrance *entrance,
                     struct gw_conn *conn, gw_mono_ns now);

/* Sends the client, with what is in its stash, to the shard that owns its identifier. */
void gw_guest_move(struct gw_guest *client, unsigned to);
/* It has come from another shard. */
void gw_guest_arrive(struct gw_shard *shard, struct gw_guest *client, gw_mono_ns now);

/* Ends a connection by our will: MQTT 5 clients that are connected are told the reason; one log
 * line with the cause follows. Returns at once; everything else comes with on_closed. */
void gw_guest_end(struct gw_guest *client, uint8_t reason, const char *what, const char *clause);
/* The same for a fault in what it sent. */
void gw_guest_end_fault(struct gw_guest *client, const struct gw_fault *fault);
/* The client said DISCONNECT. */
void gw_guest_leave(struct gw_guest *client, uint8_t reason);
/* Closes without a word (after a refusing CONNACK). */
void gw_guest_close(struct gw_guest *client);

/* Reads on, unless something else still holds it: unread answers, other shards or the disk that are
 * behind, its rate. */
void gw_guest_read_on(struct gw_guest *client);

/* Ends at once, whatever waits: nobody will turn the loop for it any more. */
void gw_guest_cut(struct gw_guest *client);

/* Its session goes to another connection or ends: handles the will and lets go of it. */
void gw_guest_release_session(struct gw_guest *client, gw_mono_ns now);

/* Room for a packet of at most `size` bytes at the end of the output; NULL: out of memory, and the
 * client is being ended. Fill it through a writer and give its size to gw_guest_commit. */
uint8_t *gw_guest_reserve(struct gw_guest *client, size_t size);
void gw_guest_commit(struct gw_guest *client, size_t size);
/* Sends PUBACK, PUBREC, PUBREL or PUBCOMP at once; others send through broker/held, in order. */
void gw_guest_send_ack(struct gw_guest *client, const struct gw_ack *ack);

/* How many bytes of output it may have waiting before deliveries stay in the session. */
bool gw_guest_has_room(const struct gw_guest *client);
/* Its connection; never NULL while it lives. */
const char *gw_guest_version_name(const struct gw_guest *client);
struct gw_span gw_guest_id(const struct gw_guest *client);
/* The user name that it gave, proved or not, for the log; empty if none. */
struct gw_span gw_guest_user_name(const struct gw_guest *client);
/* Who it is, for rules; holds while the client has its session and its user stays as it is. */
struct gw_identity gw_guest_identity(const struct gw_guest *client);

#endif
