/*
 * broker/chain: who is asked whether a client may connect, in order: user files and sponsors.
 *
 * Layer   broker. One of the few files with atomics.
 * Owner   counted; immutable once it is in force, any thread then.
 * Life    new gives one reference; the last unref frees.
 * Limits  GW_CHAIN_MAX.
 */
#ifndef GW_BROKER_CHAIN_H
#define GW_BROKER_CHAIN_H

#include <stdatomic.h>

#include "broker/sponsor.h"

#define GW_CHAIN_MAX 16u

struct gw_chain_link {
    uint64_t id;                /* of these settings; 0: of none */
    struct gw_sponsor *sponsor; /* one reference; NULL: a user file */
    size_t file;                /* which of auth/users */
};

struct gw_chain {
    atomic_uint refs; /* unref releases, the last one acquires */
    size_t count;
    size_t file_count;
    struct gw_chain_link links[GW_CHAIN_MAX];
};

/* NULL when memory is out. */
struct gw_chain *gw_chain_new(void);
struct gw_chain *gw_chain_ref(struct gw_chain *chain);
/* NULL is fine. */
void gw_chain_unref(struct gw_chain *chain);

/* Adds the next user file, or a sponsor (adds a reference to it) at the end. */
void gw_chain_add_file(struct gw_chain *chain, uint64_t id);
void gw_chain_add(struct gw_chain *chain, struct gw_sponsor *sponsor);

/* True if there is somebody beside user files to ask; NULL is fine. */
bool gw_chain_has_sponsors(const struct gw_chain *chain);
/* The sponsor with these settings; NULL if there is none. NULL for a chain is fine. */
struct gw_sponsor *gw_chain_find(const struct gw_chain *chain, uint64_t id);
/* True if the same are asked in the same order. NULL is one that asks nobody. */
bool gw_chain_equal(const struct gw_chain *a, const struct gw_chain *b);

#endif
