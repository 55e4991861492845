/*
 * cli/talk: what pub, sub and rr share: the connection from the options, the loop over socket,
 * standard input, signals and time, reconnecting, complaints and the exit code.
 *
 * Layer   cli (may include client, proto, topic, wire, net, os, base). Prints.
 * Owner   the main thread.
 * Life    one call of gw_talk_run.
 * Limits  a new attempt to connect each GW_TALK_RETRY_S; ending in order takes at most
 * GW_TALK_END_S, half of it for messages half taken.
 */
#ifndef GW_CLI_TALK_H
#define GW_CLI_TALK_H

#include "cli/options.h"
#include "cli/prove.h"
#include "client/host/driver.h"

#define GW_TALK_RETRY_S 1
#define GW_TALK_END_S   10

struct gw_talk;

/* What a tool does at the turns of its conversation; all but on_connected may be NULL. */
struct gw_talk_ops {
    void (*on_connected)(struct gw_talk *talk, bool session_present);
    void (*on_message)(struct gw_talk *talk, const struct gw_publish *publish);
    void (*on_sent)(struct gw_talk *talk, struct gw_client_send *send, uint8_t reason);
    void (*on_reply)(struct gw_talk *talk, struct gw_client_request *request,
                     const struct gw_suback *suback);
    /* After each turn; input_ready: standard input can be read (if want_input was set). */
    void (*on_turn)(struct gw_talk *talk, bool input_ready);
    bool reconnects;        /* a lost connection is taken up again */
    bool signal_is_success; /* SIGINT and SIGTERM end with 0 */
};

struct gw_talk {
    struct gw_options *options;
    const struct gw_talk_ops *ops;
    void *user; /* of the tool */
    struct gw_driver driver;
    struct gw_driver_target target;
    struct gw_client_options client;
    struct gw_props connect_props;
    struct gw_prove prove; /* enhanced authentication */
    char *own_id;          /* made by us */
    char *assigned_id;     /* by the server */
    gw_mono_ns time_end;   /* -W */
    gw_mono_ns end_by;     /* ending takes no longer, unless bytes still move */
    size_t unsent;         /* bytes that waited at the last look */
    gw_mono_ns wake_at;    /* a turn that the tool wants */
    int interrupt;         /* descriptor of os/interrupt */
    int exit_code;
    bool want_input;
    bool connected_once;
    bool ending;      /* DISCONNECT is out or will be, nothing is to follow */
    bool interrupted; /* by a signal or the time: in MQTT 5 the will is published then */
    bool over;
};

/* Runs a conversation to its end and returns the exit code. */
int gw_talk_run(struct gw_talk *talk, struct gw_options *options, const struct gw_talk_ops *ops,
                void *user);

/* Ends the conversation in order with this exit code: DISCONNECT, then the end of gw_talk_run. What
 * arrives from now on is not acknowledged, so that a kept session holds it for the next time. */
void gw_talk_end(struct gw_talk *talk, int exit_code);

/* Complains on stderr, unless --quiet: "godwit sub: ...". */
GW_PRINTF(2, 3) void gw_talk_complain(const struct gw_talk *talk, const char *format, ...);

/* Publishes; what cannot be is complained about. GW_OK, GW_AGAIN (later), GW_INVALID (never). */
GW_MUST_USE enum gw_status gw_talk_publish(struct gw_talk *talk, struct gw_client_send *send);

/* The payload of -m, -f, -s or -n into buf: GW_OK, or GW_INVALID after a complaint. */
GW_MUST_USE enum gw_status gw_talk_payload(const struct gw_options *options, struct gw_buf *buf);

#endif
