/*
 * broker/penalty: what a failed login costs, however it was tried: a line in the log, a count, and
 *                 after too many a ban of the address.
 *
 * Layer   broker.
 * Owner   the client's shard.
 * Life    none.
 * Limits  limits.login.failures, limits.login.ban.
 */
#ifndef GW_BROKER_PENALTY_H
#define GW_BROKER_PENALTY_H

#include "broker/guest.h"

/* What was tried; no secrets in it. */
struct gw_penalty_case {
    struct gw_span client_id;
    struct gw_span user;
    const char *method; /* "password", "SCRAM-SHA-256" */
    const char *why;
};

/* What is said to an address that is banned. */
#define GW_PENALTY_BANNED "too many wrong logins came from this address: try again later"

/* True if the client's address is banned; that is counted. */
bool gw_penalty_banned(struct gw_guest *client, gw_mono_ns now);
/* Notes a failed login. */
void gw_penalty_note(struct gw_guest *client, const struct gw_penalty_case *tried, gw_mono_ns now);
/* Notes a login that nobody could judge: that is no failure of the client's. */
void gw_penalty_trouble(struct gw_guest *client, const struct gw_penalty_case *tried);
/* When the client is told: whoever tries passwords has to wait for each. */
gw_mono_ns gw_penalty_until(const struct gw_guest *client, gw_mono_ns now);

#endif
