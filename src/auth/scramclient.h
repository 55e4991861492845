/*
 * auth/scramclient: the client's side of SCRAM-SHA-256 and SCRAM-SHA-512 (RFC 5802, RFC 7677): two
 *                   messages out, and whether the server knows the password too.
 *
 * Layer   auth (may include topic, base, os). No I/O, no clock; the nonce is given.
 * Owner   one exchange.
 * Life    init on the caller's memory; fini releases and wipes. Name and password are borrowed
 *         until then.
 * Limits  messages of GW_SCRAM_MESSAGE_MAX; GW_SCRAMCLIENT_ROUNDS_MAX rounds, which take a second
 *         or two.
 */
#ifndef GW_AUTH_SCRAMCLIENT_H
#define GW_AUTH_SCRAMCLIENT_H

#include "auth/scramkey.h"

#define GW_SCRAMCLIENT_ROUNDS_MIN 4096u /* fewer would be a gift to whoever listens */
#define GW_SCRAMCLIENT_ROUNDS_MAX (2u * 1000000u)

struct gw_scramclient {
    enum gw_hashtext_kind kind;
    struct gw_span user;
    struct gw_span password;
    struct gw_buf text;           /* what both sides sign, as far as it has been said */
    size_t nonce_at, nonce_size;  /* ours, within text */
    struct gw_scramkey signature; /* what the server has to say last */
    bool proved;                  /* our proof is out */
};

void gw_scramclient_init(struct gw_scramclient *client, enum gw_hashtext_kind kind,
                         struct gw_span user, struct gw_span password);
void gw_scramclient_fini(struct gw_scramclient *client);

/* Appends the first message. GW_INVALID: name or password are not as SASLprep has them; GW_LIMIT,
 * GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_scramclient_first(struct gw_scramclient *client, struct gw_span nonce,
                                                struct gw_buf *ret_message);
/* Appends the answer to the server's message. GW_PROTOCOL: that is not as it should be, ret_why
 * says why; GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_scramclient_last(struct gw_scramclient *client, struct gw_span said,
                                               struct gw_buf *ret_message, const char **ret_why);
/* True if the server's last message proves that it knows the password. */
bool gw_scramclient_trusts(const struct gw_scramclient *client, struct gw_span said);

#endif
