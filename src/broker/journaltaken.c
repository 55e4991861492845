#include "broker/journaltaken.h"

#include "broker/journalring.h"

#define COMPLETE_PERIOD GW_NS_PER_S

static gw_journal_mark *mark_of(const struct gw_journal *journal, unsigned from, unsigned by)
{
    return &journal->world->marks[(size_t)from * journal->shard->world->shard_count + by];
}

void gw_journaltaken_tell(struct gw_journal *journal)
{
    gw_store_ticket synced = gw_store_synced(journal->stream);
    while (journal->taken.count > 0) {
        const struct gw_journal_taken *taken =
            gw_journalring_at(&journal->taken, sizeof(*taken), 0);
        if (taken->ticket > synced)
            return;
        atomic_store_explicit(mark_of(journal, taken->from, journal->shard->index), taken->turn,
                              memory_order_release);
        gw_journalring_pop(&journal->taken);
    }
}

static bool is_taken(const struct gw_journal *journal, const struct gw_journal_relayed *relayed)
{
    for (uint64_t mask = relayed->mask; mask != 0; mask &= mask - 1) {
        unsigned by = (unsigned)__builtin_ctzll(mask);
        if (atomic_load_explicit(mark_of(journal, journal->shard->index, by),
                                 memory_order_acquire) < relayed->turn)
            return false;
    }
    return true;
}

void gw_journaltaken_tell_oldest(struct gw_journal *journal)
{
    gw_position oldest = UINT64_MAX;
    if (journal->relayed.count > 0) {
        const struct gw_journal_relayed *first =
            gw_journalring_at(&journal->relayed, sizeof(*first), 0);
        oldest = first->from;
    }
    atomic_store_explicit(&journal->world->slicer.oldest[journal->shard->index], oldest,
                          memory_order_release);
}

void gw_journaltaken_learn(struct gw_journal *journal)
{
    while (journal->relayed.count > 0) {
        const struct gw_journal_relayed *relayed =
            gw_journalring_at(&journal->relayed, sizeof(*relayed), 0);
        if (!is_taken(journal, relayed))
            break;
        journal->completed = relayed->upto;
        gw_journalring_pop(&journal->relayed);
    }
    gw_journaltaken_tell_oldest(journal);
    if ((journal->relayed.count > 0 || journal->completed != 0) && !gw_timer_armed(&journal->timer))
        gw_wheel_arm(gw_loop_wheel(journal->shard->loop), &journal->timer,
                     gw_loop_now(journal->shard->loop) + COMPLETE_PERIOD);
}

void gw_journaltaken_complete(struct gw_journal *journal)
{
    if (journal->completed == 0)
        return;
    gw_journal_complete(journal->shard, (uint8_t)journal->shard->index, journal->completed);
    journal->completed = 0;
}

void gw_journaltaken_on_timer(struct gw_timer *timer, gw_mono_ns now)
{
    struct gw_journal *journal = GW_CONTAINER(timer, struct gw_journal, timer);
    (void)now;
    gw_journaltaken_learn(journal);
    gw_journaltaken_complete(journal);
}
