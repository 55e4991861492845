/*
 * cli/prove: the tools' side of enhanced authentication (MQTT 5.0 section 4.12): SCRAM by name and
 *            password, OAUTHBEARER by a token.
 *
 * Layer   cli (may include client, auth, proto, topic, wire, net, os, base). Reads the token file.
 * Owner   the main thread.
 * Life    init, for each connection begin and what follows, fini.
 * Limits  a token of GW_PROVE_TOKEN_MAX bytes.
 */
#ifndef GW_CLI_PROVE_H
#define GW_CLI_PROVE_H

#include "auth/scramclient.h"
#include "cli/options.h"

#define GW_PROVE_TOKEN_MAX ((size_t)48 * 1024)

struct gw_prove {
    const struct gw_options_session *session;
    struct gw_scramclient scram;
    struct gw_buf data; /* what we say next */
    char why[256];      /* what went wrong */
};

/* Why this method cannot be had with these options; NULL if it can. */
const char *gw_prove_judge(const struct gw_options_session *session);

/* The session's method is NULL where none is wanted: then begin and the others do nothing. */
void gw_prove_init(struct gw_prove *prove, const struct gw_options_session *session);
void gw_prove_fini(struct gw_prove *prove);

/* Begins an exchange anew: method and first message go into the properties of CONNECT. GW_INVALID
 * (why), GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_prove_begin(struct gw_prove *prove, struct gw_props *props);
/* Answers an AUTH of the broker. GW_PROTOCOL (why), GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_prove_answer(struct gw_prove *prove, const struct gw_props *said,
                                           struct gw_props *ret_props);
/* True if a CONNACK that lets us in may be trusted. */
bool gw_prove_trusts(const struct gw_prove *prove, const struct gw_props *said);

#endif
