/*
 * net/tlstickets: the keys of TLS session tickets: made at random, changed by the hour, the same
 * for all loops and listeners, in memory only.
 *
 * Layer   net (may include os, base).
 * Owner   one object for a broker; any thread.
 * Life    new, free after the last connection.
 * Limits  GW_TLSTICKETS_KEYS keys: a ticket is taken for as many periods at most.
 */
#ifndef GW_NET_TLSTICKETS_H
#define GW_NET_TLSTICKETS_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "os/clock.h"

#define GW_TLSTICKETS_KEYS   3
#define GW_TLSTICKETS_PERIOD (3600 * GW_NS_PER_S)
#define GW_TLSTICKETS_NAME   16
#define GW_TLSTICKETS_SECRET 32

struct gw_tlstickets;

struct gw_tlstickets_key {
    uint8_t name[GW_TLSTICKETS_NAME];
    uint8_t cipher[GW_TLSTICKETS_SECRET];
    uint8_t mac[GW_TLSTICKETS_SECRET];
};

/* NULL when memory is out. The clock must outlive it. */
struct gw_tlstickets *gw_tlstickets_new(const struct gw_clock *clock);
/* Forgets the keys; NULL is fine. */
void gw_tlstickets_free(struct gw_tlstickets *tickets);

/* The key for new tickets. */
void gw_tlstickets_current(struct gw_tlstickets *tickets, struct gw_tlstickets_key *ret_key);
/* The key of a ticket by its name; false: it is too old or not of ours. *ret_old: a new ticket
 * should follow. */
bool gw_tlstickets_find(struct gw_tlstickets *tickets, const uint8_t name[GW_TLSTICKETS_NAME],
                        struct gw_tlstickets_key *ret_key, bool *ret_old);

/* What OpenSSL asks for at each ticket; see SSL_CTX_set_tlsext_ticket_key_evp_cb. */
int gw_tlstickets_answer(struct gw_tlstickets *tickets, uint8_t *name, uint8_t *iv,
                         EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, bool encrypt);

#endif
