/*
 * auth/method: enhanced authentication methods behind AUTH packets (MQTT 5.0 section 4.12).
 *
 * Layer   auth (may include topic, base, os).
 * Owner   methods are immutable; a state belongs to one connection.
 * Life    state_size bytes of zeroed memory, given by the caller; end releases what it holds.
 * Limits  authentication data as large as a packet before CONNECT is accepted.
 */
#ifndef GW_AUTH_METHOD_H
#define GW_AUTH_METHOD_H

#include "base/buf.h"

enum gw_method_outcome {
    GW_METHOD_CONTINUE, /* send AUTH 0x18 with the data and wait for the peer's */
    GW_METHOD_DONE,     /* the peer is who it says; the data goes into CONNACK or AUTH 0x00 */
    GW_METHOD_FAILED,   /* refuse: not authorized */
};

struct gw_method {
    const char *name; /* as in the Authentication Method property */
    size_t state_size;
    /* One step: the peer's data in, ours out (appended to ret_data, which is empty). */
    enum gw_method_outcome (*step)(void *state, struct gw_span data, struct gw_buf *ret_data);
    void (*end)(void *state); /* may be NULL */
};

/* Which methods a broker offers. */
struct gw_method_set {
    bool echo; /* debug.auth_echo */
};

/* Finds an offered method by its name; NULL if there is none. */
const struct gw_method *gw_method_find(const struct gw_method_set *set, struct gw_span name);

#endif
