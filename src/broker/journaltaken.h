/*
 * broker/journaltaken: what other shards have written down of what this one relayed to them, and
 *                      this one of theirs: until then a message is not complete.
 *
 * Layer   broker.
 * Owner   the journal of a shard; what shards tell each other are the marks of its world.
 * Life    none of its own.
 * Limits  none; what waits is one entry a turn (journal->relayed, journal->taken).
 */
#ifndef GW_BROKER_JOURNALTAKEN_H
#define GW_BROKER_JOURNALTAKEN_H

#include "broker/journal.h"

/* Tells the others how far this shard has synced what they sent. */
void gw_journaltaken_tell(struct gw_journal *journal);
/* Tells the slicer from where on messages of this shard may have to be routed again: a checkpoint
 * stays before. */
void gw_journaltaken_tell_oldest(struct gw_journal *journal);
/* Learns how far the others are with what this shard sent. */
void gw_journaltaken_learn(struct gw_journal *journal);
/* Writes down how far they all are, if that is news. */
void gw_journaltaken_complete(struct gw_journal *journal);
/* Both, for when nothing else happens; the journal's timer. */
void gw_journaltaken_on_timer(struct gw_timer *timer, gw_mono_ns now);

#endif
