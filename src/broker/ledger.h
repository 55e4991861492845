/*
 * broker/ledger: the durable side of outboxes: what they owe is staged, what became cold is
 * fetched, who waited for the log goes on.
 *
 * Layer   broker.
 * Owner   the shard.
 * Life    with its journal.
 * Limits  one errand (broker/errand) a session.
 */
#ifndef GW_BROKER_LEDGER_H
#define GW_BROKER_LEDGER_H

#include "broker/journal.h"

void gw_ledger_init(struct gw_journal *journal);
/* Takes back fetches that came too late; the store has stopped. */
void gw_ledger_fini(struct gw_journal *journal);

/* The outbox of a session got longer: some of it may be cooled once it is written. */
void gw_ledger_on_push(struct gw_shard *shard, struct gw_session *session);
/* Its client can take more, but what comes next waits for the log: tells it later. */
void gw_ledger_on_wait(struct gw_shard *shard, struct gw_session *session);
/* The session ends. */
void gw_ledger_forget(struct gw_session *session);

/* The log got further: fetched messages go to their outboxes, whoever waited is tried again, what
 * is written and far back in a queue leaves memory. */
void gw_ledger_run(struct gw_journal *journal, gw_mono_ns now);

#endif
