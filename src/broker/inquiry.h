/*
 * broker/inquiry: asks those who may know a client, one after the other, until one says yes or no.
 *
 * Layer   broker.
 * Owner   the loop of the shard that asks.
 * Life    begin; then either the answer comes, which ends it, or drop ends it.
 * Limits  limits.login.queue for each of those who are asked.
 *
 * Whatever goes wrong on the way, the answer is not yes: nobody is asked behind one that has
 * trouble, and what the configuration does not name any more when it answers is not believed.
 */
#ifndef GW_BROKER_INQUIRY_H
#define GW_BROKER_INQUIRY_H

#include "auth/warrant.h"
#include "broker/shard.h"

struct gw_inquiry;

/* Who wants to be let in; copied. */
struct gw_inquiry_subject {
    struct gw_span user; /* empty: it only has a password, a token that says who */
    struct gw_span password;
    struct gw_span client_id;
    struct gw_span listener;       /* its URL */
    const struct gw_address *peer; /* may be NULL */
    const char *only;              /* kind of those to ask ("jwt"); NULL: all */
};

enum gw_inquiry_verdict {
    GW_INQUIRY_YES,
    GW_INQUIRY_NO,
    GW_INQUIRY_TROUBLE,   /* nobody can tell now */
    GW_INQUIRY_BUSY,      /* too many wait already */
    GW_INQUIRY_NO_MEMORY, /* nor is there memory to ask */
};

struct gw_inquiry_answer {
    enum gw_inquiry_verdict verdict;
    const char *method;        /* who said it: "password" or a kind of backend */
    const char *words;         /* why, for the log; without secrets; never NULL */
    struct gw_warrant warrant; /* with a yes */
    uint64_t by;               /* the id of the sponsor that vouched (broker/chain); 0: a file */
};

/* The answer, on the shard's loop, never in the stack of begin; it is released after. */
typedef void gw_inquiry_fn(void *asker, const struct gw_inquiry_answer *answer, gw_mono_ns now);

/* Asks. NULL with the verdict in ret_verdict (never yes) if there is nothing to wait for: fn is not
 * called then. */
struct gw_inquiry *gw_inquiry_begin(struct gw_shard *shard,
                                    const struct gw_inquiry_subject *subject, gw_inquiry_fn *fn,
                                    void *asker, enum gw_inquiry_verdict *ret_verdict);
/* The answer is not wanted any more. NULL is fine. */
void gw_inquiry_drop(struct gw_inquiry *inquiry);
/* Bytes that it holds. */
size_t gw_inquiry_bytes(const struct gw_inquiry *inquiry);

#endif
