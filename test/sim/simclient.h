/*
 * sim/simclient: a client that does what comes to its mind, and tells the model what it did and
 * saw.
 *
 * Layer   test.
 * Owner   the simulation.
 * Life    init/fini.
 * Limits  SIMCLIENT_IN_FLIGHT publications at a time.
 */
#ifndef GW_SIM_SIMCLIENT_H
#define GW_SIM_SIMCLIENT_H

#include "base/buf.h"
#include "proto/assembler.h"
#include "proto/idset.h"
#include "sim/model.h"
#include "sim/simnet.h"

#define SIMCLIENT_IN_FLIGHT 48
#define SIMCLIENT_ACKS_MAX  256

enum simclient_state { SIMCLIENT_OFF, SIMCLIENT_CONNECTING, SIMCLIENT_ON, SIMCLIENT_LEAVING };

struct simclient_publication {
    uint32_t message;
    gw_packet_id id; /* 0: free */
    uint8_t topic, qos;
    bool retain, deletes;
    bool released;   /* PUBREC came, PUBREL is out */
    uint32_t expiry; /* s; 0: none */
};

struct simclient_will {
    uint32_t number;        /* of this connection's, + 1; 0: none */
    uint32_t delay;         /* s */
    uint32_t waiting;       /* of an earlier connection's that waits, + 1; 0: none */
    uint32_t waiting_delay; /* s */
};

struct simclient_request {
    gw_packet_id id; /* 0: free */
    uint8_t filter;
    bool subscribe;
};

/* What is known of when its session began to end. */
struct simclient_times {
    gw_mono_ns up_at;     /* its connection was there at that time for certain */
    gw_mono_ns broken_at; /* before its last connection ended: the same; 0: it had none */
    gw_mono_ns unsure_at; /* it was perhaps connected last; at least broken_at, */
    uint32_t unsure_step; /* in steps */
    gw_mono_ns asked_at;  /* CONNECT was written */
    uint32_t expiry;      /* s after which its session ends, UINT32_MAX: never */
    uint32_t wanted;      /* the same, as asked for in CONNECT */
    bool seems_online;    /* as the log of a broker that ended has it: its time begins at a start */
    bool ghost;           /* an older session ended in trouble: a crash could bring it back */
};

struct simclient {
    struct simnet *net;
    struct model *model;
    struct gw_random *random;
    unsigned index;
    enum gw_version version;
    bool member;   /* of shared groups: keeps its session and its membership for good */
    bool lives_on; /* keeps its session, mostly */
    bool has_session;
    bool floods;     /* publishes much at once, now and then */
    unsigned lazy;   /* steps for which it acknowledges nothing */
    unsigned asleep; /* steps until it comes again */
    enum simclient_state state;
    int end;
    struct simclient_will will;
    struct gw_assembler in;
    struct gw_buf out;
    gw_packet_id last_id;
    struct simclient_publication flight[SIMCLIENT_IN_FLIGHT];
    struct simclient_request request;
    struct gw_idset received; /* QoS 2, not released */
    struct {
        enum gw_packet_type type;
        gw_packet_id id;
        uint32_t message;       /* PUBACK: number + 1 of the message; 0: not known */
    } acks[SIMCLIENT_ACKS_MAX]; /* owed to the broker, given when it likes */
    unsigned ack_count;
    unsigned unacknowledged; /* QoS 1 and 2 received and not answered, on this connection */
    unsigned receive_max;
    bool asked_clean;
    bool wants_clean; /* until a CONNACK has answered that */
    bool durable;     /* its session outlives its connection, by the last CONNACK */
    bool troubled;    /* the broker may refuse, end connections, or be gone */
    bool unsure;      /* CONNACK came in trouble: its will may be written down nowhere */
    struct simclient_times times;
};

void simclient_init(struct simclient *client, unsigned index, struct simnet *net,
                    struct model *model, struct gw_random *random);
void simclient_fini(struct simclient *client);

/* Does something, or nothing. calm: no faults, no new work, only what leads to rest. */
void simclient_step(struct simclient *client, bool calm);
/* True if nothing is owed in either direction. */
bool simclient_rests(const struct simclient *client);
/* The broker's process is gone and its links are cut: takes what is left on them and breaks. */
void simclient_on_crash(struct simclient *client);
/* A broker is there again; sessions that it thought online end from now on. */
void simclient_on_restart(struct simclient *client);
/* Notes what a client that does not rest waits for. */
void simclient_note(const struct simclient *client);
/* Leaves in order; over once state is SIMCLIENT_OFF. */
void simclient_leave(struct simclient *client);

#endif
