/*
 * client/core/client: an MQTT client (3.1, 3.1.1, 5.0) without I/O: bytes and time in, bytes,
 * events and a deadline out.
 *
 * Layer   client/core (may include proto, topic, wire, base). Pure: no clock, no I/O, no malloc.
 * Owner   whoever drives the connection; not thread-safe, no locks. Events are called from inside
 *         gw_client_on_bytes, _publish, _subscribe and may call every function but init, on_bytes
 *         and on_closed.
 * Life    init on the caller's memory; nothing to release. Messages and requests are the caller's
 *         memory too, linked in until their event.
 * Limits  inflight_max outgoing and incoming_max incoming unfinished messages; packet_max bytes a
 *         packet; scratch bytes for a packet's head.
 *
 * A connection: gw_client_connect, then feed what arrives to gw_client_on_bytes, then
 * gw_client_on_closed when the transport is gone. What is unfinished stays and is taken up by the
 * next gw_client_connect: in the same session it is repeated (MQTT-4.4.0-1), in a new one sent
 * anew.
 */
#ifndef GW_CLIENT_CORE_CLIENT_H
#define GW_CLIENT_CORE_CLIENT_H

#include "base/list.h"
#include "base/time.h"
#include "wire/ack.h"
#include "wire/connect.h"
#include "wire/disconnect.h"
#include "wire/publish.h"
#include "wire/subscribe.h"

#define GW_CLIENT_UNFINISHED_MAX 32767u /* half of the packet ids, so that one is always free */

enum gw_client_state {
    GW_CLIENT_IDLE,          /* no transport; next: CONNECTING */
    GW_CLIENT_CONNECTING,    /* CONNECT is out; next: CONNECTED, ENDED, IDLE */
    GW_CLIENT_CONNECTED,     /* CONNACK accepted; next: DISCONNECTING, ENDED, IDLE */
    GW_CLIENT_DISCONNECTING, /* our DISCONNECT is out, nothing more is read; next: IDLE */
    GW_CLIENT_ENDED,         /* refused, told to go, or a fault: close the transport; next: IDLE */
};

/* Where an outgoing message is. */
enum gw_client_phase {
    GW_PHASE_NONE,    /* not the client's */
    GW_PHASE_QUEUED,  /* waits for room in flight or for a connection */
    GW_PHASE_PUBACK,  /* sent with QoS 1 */
    GW_PHASE_PUBREC,  /* sent with QoS 2 */
    GW_PHASE_PUBCOMP, /* PUBREL is out */
};

/* One outgoing message: the caller's memory, which with all that `publish` views belongs to the
 * client until on_sent. publish.packet_id is given by the client, for QoS 0 too (as a handle). */
struct gw_client_send {
    struct gw_list link;
    struct gw_publish publish;
    enum gw_client_phase phase;
    struct gw_span words; /* in on_sent: the server's reason string; empty if there is none */
    bool repeat;          /* in flight since an earlier connection, to be written again */
};

/* One SUBSCRIBE or UNSUBSCRIBE that waits for its answer: the caller's memory until on_reply. */
struct gw_client_request {
    struct gw_list link;
    enum gw_packet_type type; /* of the request */
    gw_packet_id packet_id;
};

/* A packet seen by on_trace: the member that its type names is set, the others are NULL. */
struct gw_client_trace {
    enum gw_packet_type type;
    bool sent; /* by us */
    const struct gw_connack *connack;
    const struct gw_publish *publish;
    const struct gw_ack *ack;
    const struct gw_disconnect *disconnect;
    const struct gw_client_request *request; /* SUBSCRIBE, UNSUBSCRIBE: with their filters */
    const struct gw_filter_request *filters;
    size_t filter_count;
};

/* What a client needs from its transport's side. */
struct gw_client_io {
    /* Takes all bytes of the parts or none: GW_OK, or GW_AGAIN (later). Mandatory. */
    enum gw_status (*write)(void *user, const struct gw_span *parts, size_t part_count);
    /* Inbound topic aliases: remember a topic (GW_OK, else fault 0x94), give it back
     * (GW_NOT_FOUND). Both NULL: none are offered. A new connection begins with setting. */
    enum gw_status (*alias_set)(void *user, uint16_t alias, struct gw_span topic_name);
    enum gw_status (*alias_get)(void *user, uint16_t alias, struct gw_span *ret_topic_name);
    void *user;
};

/* What an application hears; every member but on_connack may be NULL. */
struct gw_client_events {
    /* The answer to CONNECT, a refusal too (then the state is ENDED). */
    void (*on_connack)(void *user, const struct gw_connack *connack);
    /* Before a CONNACK that lets us in is acted on: false ends the connection (the state is ENDED)
     * before anything is sent, for the server did not prove who it is. NULL: it is trusted. */
    bool (*trusts)(void *user, const struct gw_connack *connack);
    /* A message arrived; views last for the call. It is acknowledged after the call. */
    void (*on_message)(void *user, const struct gw_publish *publish);
    /* An outgoing message is finished and the caller's again. For QoS 0 that is when it is written,
     * so this is called from inside gw_client_publish: who publishes the next one here recurses. */
    void (*on_sent)(void *user, struct gw_client_send *send, uint8_t reason);
    /* A request was answered and is the caller's again; suback NULL: the connection went first. */
    void (*on_reply)(void *user, struct gw_client_request *request, const struct gw_suback *suback);
    /* The server sent DISCONNECT (MQTT 5); the state is ENDED. */
    void (*on_disconnect)(void *user, const struct gw_disconnect *disconnect);
    /* AUTH arrived; answer with gw_client_auth. NULL: it is a fault 0x8C. */
    void (*on_auth)(void *user, const struct gw_disconnect *auth);
    /* Every packet, for people. */
    void (*on_trace)(void *user, const struct gw_client_trace *trace);
};

/* Borrowed until the client is no longer used; the caller may change `connect` between
 * connections. connect.version chooses the version. */
struct gw_client_options {
    struct gw_connect connect;
    uint16_t inflight_max;      /* unfinished outgoing messages; 0: as the server allows */
    uint32_t packet_max;        /* largest packet taken from the server; 0: what MQTT can frame */
    uint32_t connack_timeout_s; /* 0: the keep-alive decides */
    gw_packet_id *incoming;     /* memory for the ids of unfinished incoming QoS 2 messages */
    size_t incoming_max;
    uint8_t *scratch; /* memory in which the head of a packet is made */
    size_t scratch_size;
};

/* What the server said in its CONNACK, defaults filled in. */
struct gw_client_server {
    uint16_t receive_maximum;
    uint16_t keep_alive; /* in force, seconds */
    uint32_t packet_max;
    uint8_t qos_max;
    bool retain_available;
    bool session_present;
};

struct gw_client {
    const struct gw_client_options *options;
    const struct gw_client_io *io;
    const struct gw_client_events *events;
    void *user; /* of events */
    enum gw_client_state state;
    bool draining;
    gw_packet_id last_id;
    struct gw_client_server server;
    struct gw_fault fault; /* why we ended it; what is NULL if we did not */
    gw_mono_ns last_sent, last_received;
    gw_mono_ns ping_sent;    /* GW_NEVER: no answer is awaited */
    struct gw_list inflight; /* struct gw_client_send, in the order of their ids */
    struct gw_list queued;
    struct gw_list requests;
    size_t inflight_count, queued_count;
    size_t incoming_count;
    struct gw_ack reply; /* an answer that did not fit into the transport; type 0: none */
};

/* Prepares a client; options, io and events are borrowed. */
void gw_client_init(struct gw_client *client, const struct gw_client_options *options,
                    const struct gw_client_io *io, const struct gw_client_events *events,
                    void *user);

/* Writes CONNECT to a fresh transport. GW_INVALID if not idle, GW_NO_SPACE if the scratch is too
 * small, or what `write` said. */
GW_MUST_USE enum gw_status gw_client_connect(struct gw_client *client, gw_mono_ns now);

/* Takes the packets that are complete in bytes; *ret_used bytes are done with, the rest is to be
 * given again with more behind. GW_MORE: that is all; GW_AGAIN: an answer does not fit into the
 * transport, call again when it drained; GW_CLOSED: the connection is over in order (refused, told
 * to go, our own DISCONNECT); GW_MALFORMED, GW_PROTOCOL: the server broke a rule, see
 * client->fault; DISCONNECT is written, close after flushing. */
GW_MUST_USE enum gw_status gw_client_on_bytes(struct gw_client *client, struct gw_span bytes,
                                              gw_mono_ns now, size_t *ret_used);

/* Size of the packet at the front of bytes, 0 if not known yet: how much to make room for. */
size_t gw_client_wanted(const struct gw_client *client, struct gw_span bytes);

/* The transport is gone: requests are given back, messages kept for the next connection. */
void gw_client_on_closed(struct gw_client *client);

/* Does what is due: PINGREQ, and what waited for room in the transport (so call it too when the
 * transport drained). GW_TIMEOUT: the server is silent, close the transport. */
GW_MUST_USE enum gw_status gw_client_on_time(struct gw_client *client, gw_mono_ns now);

/* When gw_client_on_time must be called at the latest; GW_NEVER. */
gw_mono_ns gw_client_next_deadline(const struct gw_client *client);

/* Sends a message or queues it. GW_OK: on_sent will be or was called; else it stays the caller's:
 * GW_INVALID (topic name, QoS), GW_REFUSED (the server takes no such QoS or no retained messages),
 * GW_LIMIT (larger than the server takes), GW_NO_SPACE (scratch), GW_AGAIN (QoS 0 and no room in
 * the transport or no connection; or GW_CLIENT_UNFINISHED_MAX messages are unfinished). */
GW_MUST_USE enum gw_status gw_client_publish(struct gw_client *client, struct gw_client_send *send,
                                             gw_mono_ns now);

/* Sends SUBSCRIBE or UNSUBSCRIBE (request->type). GW_CLOSED without a connection, GW_NO_SPACE, or
 * what `write` said. */
GW_MUST_USE enum gw_status gw_client_request(struct gw_client *client,
                                             struct gw_client_request *request,
                                             const struct gw_props *props,
                                             const struct gw_filter_request *filters,
                                             size_t filter_count, gw_mono_ns now);

/* Sends AUTH (MQTT 5 section 4.12). */
GW_MUST_USE enum gw_status gw_client_auth(struct gw_client *client, uint8_t reason,
                                          const struct gw_props *props, gw_mono_ns now);

/* Sends DISCONNECT (reason and props in MQTT 5); nothing is read from then on. */
GW_MUST_USE enum gw_status gw_client_disconnect(struct gw_client *client, uint8_t reason,
                                                const struct gw_props *props, gw_mono_ns now);

/* From now on messages that arrive are neither shown nor acknowledged (the server keeps them);
 * those already taken are finished. */
void gw_client_drain(struct gw_client *client);

/* True when no incoming message waits for its PUBREL. */
bool gw_client_settled(const struct gw_client *client);

#endif
