/*
 * broker/sponsor: one who may vouch for clients beside the user files: a backend (auth/backend)
 * with workers of its own, so that a slow one stalls nobody else.
 *
 * Layer   broker. One of the few files with atomics.
 * Owner   counted; asked from any loop. The controlling thread must let go last (broker/broker
 *         keeps a reference for that): the end waits for the workers.
 * Life    new gives one reference, its pool is started by whoever wants it; unref.
 * Limits  workers and time of a question: settings of the backend.
 */
#ifndef GW_BROKER_SPONSOR_H
#define GW_BROKER_SPONSOR_H

#include "auth/backend.h"

struct gw_checker;
struct gw_sponsor;

struct gw_sponsor_options {
    const struct gw_backend_ops *ops;
    void *backend; /* opened; the sponsor's from now on */
    uint64_t id;   /* not 0: the same for the same settings, see gw_chain_find */
    unsigned workers;
};

/* NULL: out of memory, and the backend is closed. */
struct gw_sponsor *gw_sponsor_new(const struct gw_sponsor_options *options);
struct gw_sponsor *gw_sponsor_ref(struct gw_sponsor *sponsor);
/* NULL is fine. */
void gw_sponsor_unref(struct gw_sponsor *sponsor);
/* True if only one reference is left. */
bool gw_sponsor_is_alone(const struct gw_sponsor *sponsor);

uint64_t gw_sponsor_id(const struct gw_sponsor *sponsor);
const struct gw_backend_ops *gw_sponsor_ops(const struct gw_sponsor *sponsor);
/* Whether it would let in still to whom it gave this proof, see gw_backend_ops. */
bool gw_sponsor_stands(const struct gw_sponsor *sponsor, uint64_t proof);
/* Where it is asked; what a worker has there is of the ops' enter. */
struct gw_checker *gw_sponsor_pool(struct gw_sponsor *sponsor);

#endif
