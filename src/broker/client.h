/*
 * broker/client: one network connection and the MQTT rules that hold on it.
 *
 * Layer   broker.
 * Owner   the shard it is on; before CONNECT that is whichever accepted it, from then on the one
 * that owns its client identifier. Life    made on accept; ends with its connection (on_closed),
 * never earlier. Limits  limits.connect_time, limits.packet, limits.output, keep-alive.
 *
 * The parts: connector (CONNECT, AUTH), publisher (PUBLISH in), deliverer (PUBLISH out),
 * subscriber (SUBSCRIBE, UNSUBSCRIBE). This file moves bytes and packets between them and net.
 */
#ifndef GW_BROKER_CLIENT_H
#define GW_BROKER_CLIENT_H

#include "auth/method.h"
#include "broker/shard.h"
#include "net/conn.h"
#include "proto/alias.h"
#include "proto/assembler.h"
#include "proto/keepalive.h"
#include "wire/reason.h"

/* Where a connection stands. */
enum gw_client_state {
    GW_CLIENT_NEW,            /* next: AUTHENTICATING, CONNECTED, CLOSING */
    GW_CLIENT_AUTHENTICATING, /* next: CONNECTED, CLOSING */
    GW_CLIENT_CONNECTED,      /* next: CLOSING; re-authentication stays here */
    GW_CLIENT_CLOSING,        /* the end */
    GW_CLIENT_STATE_COUNT
};

enum gw_client_end_by { GW_CLIENT_BY_NETWORK, GW_CLIENT_BY_CLIENT, GW_CLIENT_BY_BROKER };

/* Why it ended: the first cause wins. */
struct gw_client_cause {
    const char *what;   /* words, constant */
    const char *clause; /* of the standard, or NULL */
    uint8_t reason;     /* enum gw_reason */
    uint8_t by;         /* enum gw_client_end_by */
    bool clean;         /* DISCONNECT 0x00: no will */
    bool told;          /* a cause is set */
    bool logged;        /* its line is written */
};

/* What the peer wants of us on this connection. */
struct gw_client_peer {
    uint32_t packet_max;
    uint16_t receive_max;
    uint8_t version; /* enum gw_version */
    bool request_problem;
    bool clean_start;
    bool bridge;
};

/* An enhanced authentication in progress or done. */
struct gw_client_auth {
    const struct gw_method *method;
    void *state;
    struct gw_buf connect; /* the CONNECT that waits for its outcome */
    bool again;            /* a re-authentication is going on */
};

struct gw_client {
    struct gw_conn *conn;
    struct gw_shard *shard;
    struct gw_session *session; /* NULL until connected, and again once taken from it */
    struct gw_list link;        /* in shard->clients.all */
    struct gw_list paused;      /* in shard->clients.paused, while held back */
    struct gw_timer timer;      /* connect time, then keep-alive */
    struct gw_assembler assembler;
    struct gw_keepalive keepalive;
    struct gw_alias_table alias_in;
    struct gw_alias_table alias_out;
    struct gw_buf stash; /* bytes that move along to another shard */
    struct gw_client_auth *auth;
    struct gw_listener *listener;
    char *user_name; /* for the log; NULL if none */
    gw_mono_ns since;
    struct gw_client_peer peer;
    struct gw_client_cause cause;
    uint8_t state;       /* enum gw_client_state */
    uint8_t last_packet; /* enum gw_packet_type */
    bool choked;         /* not read from: it does not read what we answer */
    bool anonymous;      /* its listener lets strangers in */
    bool counted;        /* in shard->clients.addresses */
};

/* Takes a connection that a listener accepted. */
void gw_client_accept(struct gw_shard *shard, struct gw_listener *listener, bool anonymous,
                      struct gw_conn *conn, gw_mono_ns now);

/* Sends the client, with what is in its stash, to the shard that owns its identifier. */
void gw_client_move(struct gw_client *client, unsigned to);
/* It has come from another shard. */
void gw_client_arrive(struct gw_shard *shard, struct gw_client *client, gw_mono_ns now);

/* Ends a connection by our will: MQTT 5 clients that are connected are told the reason; one log
 * line with the cause follows. Returns at once; everything else comes with on_closed. */
void gw_client_end(struct gw_client *client, uint8_t reason, const char *what, const char *clause);
/* The same for a fault in what it sent. */
void gw_client_end_fault(struct gw_client *client, const struct gw_fault *fault);
/* The client said DISCONNECT. */
void gw_client_leave(struct gw_client *client, uint8_t reason);
/* Closes without a word (after a refusing CONNACK). */
void gw_client_close(struct gw_client *client);

/* Its session goes to another connection or ends: handles the will and lets go of it. */
void gw_client_release_session(struct gw_client *client, gw_mono_ns now);

/* Room for a packet of at most `size` bytes at the end of the output; NULL: out of memory, and the
 * client is being ended. Fill it through a writer and give its size to gw_client_commit. */
uint8_t *gw_client_reserve(struct gw_client *client, size_t size);
void gw_client_commit(struct gw_client *client, size_t size);
/* Sends PUBACK, PUBREC, PUBREL or PUBCOMP. */
void gw_client_send_ack(struct gw_client *client, enum gw_packet_type type, gw_packet_id id,
                        uint8_t reason);

/* How many bytes of output it may have waiting before deliveries stay in the session. */
bool gw_client_has_room(const struct gw_client *client);
/* Its connection; never NULL while it lives. */
const char *gw_client_version_name(const struct gw_client *client);
struct gw_span gw_client_id(const struct gw_client *client);

#endif
