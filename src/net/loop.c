#include "net/loop.h"

#include <stdlib.h>

#include "base/assert.h"
#include "net/turn.h"

struct gw_loop *gw_loop_new(const struct gw_sockets *sockets, const struct gw_clock *clock,
                            void *mail_owner)
{
    struct gw_loop *loop = malloc(sizeof *loop);
    if (loop == NULL)
        return NULL;
    /* All but the read buffer, whose pages need not be touched before the first read. */
    memset(loop, 0, offsetof(struct gw_loop, read_buffer));
    loop->sockets = sockets;
    loop->clock = clock;
    loop->mail_owner = mail_owner;
    if (sockets->ops->poller_new(sockets->ctx, &loop->poller) != GW_OK) {
        free(loop);
        return NULL;
    }
    loop->turn.now = gw_clock_mono(clock);
    gw_list_init(&loop->dirty);
    gw_list_init(&loop->drained);
    gw_list_init(&loop->ended);
    gw_list_init(&loop->stashes);
    gw_list_init(&loop->pending);
    gw_list_init(&loop->accepts);
    gw_list_init(&loop->callers);
    atomic_init(&loop->stop, false);
    gw_mailbox_init(&loop->mailbox);
    gw_wheel_init(&loop->wheel, loop->turn.now);
    return loop;
}

void gw_loop_free(struct gw_loop *loop)
{
    if (loop == NULL)
        return;
    GW_ASSERT(loop->counters.connections == 0 && gw_list_empty(&loop->accepts));
    gw_mailbox_fini(&loop->mailbox);
    gw_output_cache_fini(&loop->cache);
    loop->sockets->ops->poller_free(loop->sockets->ctx, loop->poller);
    free(loop);
}

void gw_loop_set_hooks(struct gw_loop *loop, const struct gw_loop_hooks *hooks)
{
    loop->hooks = *hooks;
}

static bool has_work(const struct gw_loop *loop)
{
    return loop->turn.work_left || !gw_list_empty(&loop->dirty) || !gw_list_empty(&loop->ended) ||
           !gw_list_empty(&loop->stashes) || !gw_list_empty(&loop->pending) ||
           gw_mailbox_filled(&loop->mailbox);
}

void gw_loop_wait(struct gw_loop *loop)
{
    gw_mono_ns now = gw_clock_mono(loop->clock);
    gw_mono_ns deadline = has_work(loop) ? now : gw_wheel_next(&loop->wheel);
    gw_mono_ns wanted = loop->hooks.next_turn ? loop->hooks.next_turn(loop->hooks.user) : GW_NEVER;
    deadline = wanted < deadline ? wanted : deadline;
    loop->turn.event_at = 0;
    loop->turn.event_count = loop->sockets->ops->wait(loop->sockets->ctx, loop->poller, deadline,
                                                      now, loop->events, GW_LOOP_EVENTS_MAX);
}

void gw_loop_read_mail(struct gw_loop *loop)
{
    struct gw_mail *mail = gw_mailbox_take(&loop->mailbox);
    while (mail != NULL) {
        struct gw_mail *next = mail->next; /* fn releases the mail */
        loop->counters.mails++;
        mail->fn(loop->mail_owner, mail, loop->turn.now);
        mail = next;
    }
}

void gw_loop_forget(struct gw_loop *loop, const struct gw_source *source)
{
    for (int i = loop->turn.event_at; i < loop->turn.event_count; i++)
        if (loop->events[i].user == source)
            loop->events[i].user = NULL;
}

static void deliver_stashes(struct gw_loop *loop)
{
    struct gw_list ready;
    gw_list_init(&ready);
    gw_list_splice_back(&ready, &loop->stashes);
    struct gw_list *link;
    while ((link = gw_list_pop_front(&ready)) != NULL)
        gw_conn_deliver(GW_CONTAINER(link, struct gw_stash, link)->conn, loop->turn.now);
}

static void read_pending(struct gw_loop *loop)
{
    struct gw_list ready;
    gw_list_init(&ready);
    gw_list_splice_back(&ready, &loop->pending);
    struct gw_list *link;
    while ((link = gw_list_pop_front(&ready)) != NULL)
        gw_conn_read_on(GW_CONTAINER(link, struct gw_transport, link)->conn, loop->turn.now);
}

static void handle_events(struct gw_loop *loop)
{
    while (loop->turn.event_at < loop->turn.event_count) {
        const struct gw_poll_event event = loop->events[loop->turn.event_at++];
        struct gw_source *source = event.user;
        if (source != NULL)
            source->on_ready(source, event.bits, loop->turn.now);
    }
}

/* Flushes what is dirty now; what must go on is dirty again for the next pass. */
static void flush_dirty(struct gw_loop *loop)
{
    struct gw_list batch;
    gw_list_init(&batch);
    gw_list_splice_back(&batch, &loop->dirty);
    struct gw_list *link;
    while ((link = gw_list_pop_front(&batch)) != NULL) {
        struct gw_conn *conn = gw_conn_of_link(link);
        if (gw_conn_flush(conn, loop->turn.now))
            gw_list_push_back(&loop->drained, link);
    }
}

/* True if a callback was called: it may have written. */
static bool tell_drained(struct gw_loop *loop)
{
    bool told = false;
    struct gw_list *link;
    while ((link = gw_list_pop_front(&loop->drained)) != NULL) {
        gw_conn_tell_drained(gw_conn_of_link(link), loop->turn.now);
        told = true;
    }
    return told;
}

/* One flush, and one more for what the drained callbacks wrote; then the next turn. */
static void flush(struct gw_loop *loop)
{
    flush_dirty(loop);
    if (!tell_drained(loop))
        return;
    loop->turn.work_left = true;
    flush_dirty(loop);
    struct gw_list *link;
    while ((link = gw_list_pop_front(&loop->drained)) != NULL)
        gw_list_push_back(&loop->dirty, link);
}

static void end_connections(struct gw_loop *loop)
{
    if (gw_list_empty(&loop->ended))
        return;
    /* An end is an input like bytes: what its peer may have seen before comes first. */
    gw_loop_read_mail(loop);
    struct gw_list finished;
    gw_list_init(&finished);
    struct gw_list *link;
    while ((link = gw_list_pop_front(&loop->ended)) != NULL) {
        gw_conn_finish(gw_conn_of_link(link), loop->turn.now);
        gw_list_push_back(&finished, link);
    }
    while ((link = gw_list_pop_front(&finished)) != NULL)
        gw_conn_free(gw_conn_of_link(link));
    loop->turn.work_left = true;
}

void gw_loop_turn(struct gw_loop *loop, gw_mono_ns now)
{
    loop->turn.now = now;
    loop->turn.work_left = false;
    loop->turn.heavy_ns = 0;
    loop->counters.turns++;
    gw_loop_read_mail(loop);
    gw_wheel_advance(&loop->wheel, now);
    deliver_stashes(loop);
    read_pending(loop);
    handle_events(loop);
    gw_listener_serve(loop);
    if (loop->hooks.before_flush != NULL)
        loop->hooks.before_flush(loop->hooks.user, now);
    flush(loop);
    end_connections(loop);
}

void gw_loop_run(struct gw_loop *loop)
{
    while (!atomic_load_explicit(&loop->stop, memory_order_acquire)) {
        gw_loop_wait(loop);
        gw_loop_turn(loop, gw_clock_mono(loop->clock));
    }
}

void gw_loop_stop(struct gw_loop *loop)
{
    atomic_store_explicit(&loop->stop, true, memory_order_release);
    loop->sockets->ops->wake(loop->sockets->ctx, loop->poller);
}

void gw_loop_post(struct gw_loop *loop, struct gw_mail *mail)
{
    if (gw_mailbox_post(&loop->mailbox, mail))
        loop->sockets->ops->wake(loop->sockets->ctx, loop->poller);
}

size_t gw_loop_mail_weight(const struct gw_loop *loop)
{
    return gw_mailbox_weight(&loop->mailbox);
}

void gw_loop_accept_slowly(struct gw_loop *loop, bool slowly)
{
    loop->accepts_slowly = slowly;
}

struct gw_wheel *gw_loop_wheel(struct gw_loop *loop)
{
    return &loop->wheel;
}

gw_mono_ns gw_loop_now(const struct gw_loop *loop)
{
    return loop->turn.now;
}

const struct gw_clock *gw_loop_clock(const struct gw_loop *loop)
{
    return loop->clock;
}

const struct gw_sockets *gw_loop_sockets(const struct gw_loop *loop)
{
    return loop->sockets;
}

const struct gw_loop_counters *gw_loop_counters(const struct gw_loop *loop)
{
    return &loop->counters;
}
