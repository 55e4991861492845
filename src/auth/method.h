/*
 * auth/method: enhanced authentication methods behind AUTH packets (MQTT 5.0 section 4.12).
 *
 * Layer   auth (may include topic, base, os).
 * Owner   methods are immutable; an exchange and its state belong to one connection, and to a
 *         worker while a step of a method that a backend offers runs there.
 * Life    exchange: init on the caller's memory, steps, fini. A state is state_size bytes of zeroed
 *         memory, given by the caller; end releases what it holds.
 * Limits  GW_METHOD_STEPS_MAX steps of an exchange; authentication data as large as a packet
 *         before CONNECT is accepted, ours GW_METHOD_DATA_MAX.
 */
#ifndef GW_AUTH_METHOD_H
#define GW_AUTH_METHOD_H

#include "auth/backend.h"
#include "auth/users.h"

#define GW_METHOD_STEPS_MAX 10u
#define GW_METHOD_DATA_MAX  UINT16_MAX

enum gw_method_outcome {
    GW_METHOD_CONTINUE, /* send AUTH 0x18 with the data and wait for the peer's */
    GW_METHOD_DONE,     /* the warrant says who the peer is; the data goes into CONNACK or AUTH */
    GW_METHOD_FAILED,   /* refuse: not authorized; words say why */
    GW_METHOD_TROUBLE,  /* it cannot be told now, words say why: the client may try later */
};

/* What a step is given and what it gives, beside data. */
struct gw_method_exchange {
    const struct gw_users *users;         /* of the user files; NULL: there are none */
    struct gw_backend_login who;          /* no password; user: that of CONNECT, proves nothing */
    const struct gw_backend_ops *backend; /* which offers the method; NULL: the broker itself */
    void *worker;                         /* of the backend, for one step */
    struct gw_warrant warrant; /* its user also with FAILED, if it is known: for the log */
    char words[GW_BACKEND_WORDS_MAX];
};

void gw_method_exchange_init(struct gw_method_exchange *exchange);
void gw_method_exchange_fini(struct gw_method_exchange *exchange);

struct gw_method {
    const char *name; /* as in the Authentication Method property */
    size_t state_size;
    bool proves_nobody; /* who it lets in has to log in besides */
    /* One step: the peer's data in, ours out (appended to ret_data, which is empty). */
    enum gw_method_outcome (*step)(void *state, struct gw_method_exchange *exchange,
                                   struct gw_span data, struct gw_buf *ret_data);
    void (*end)(void *state); /* may be NULL */
};

/* Which methods a broker offers of itself. */
struct gw_method_set {
    bool echo;                    /* debug.auth_echo */
    const struct gw_users *users; /* SCRAM-SHA-256, -512: if a user has such a credential */
};

/* Finds an offered method by its name; NULL if there is none. */
const struct gw_method *gw_method_find(const struct gw_method_set *set, struct gw_span name);

#endif
