#include "net/conn.h"

#include <errno.h>
#include <stdlib.h>

#include "base/assert.h"
#include "net/connstate.h"

#define PARTS_MAX 128

/* After our output went out, how long the peer may take to end its side: closing while its bytes
 * come in would make the kernel throw our last ones away. */
#define LINGER_NS GW_NS_PER_S
/* After a write failed, how long the owner may take to read what the peer sent before. */
#define UNREAD_NS (5 * GW_NS_PER_S)

struct gw_conn *gw_conn_of_link(struct gw_list *link)
{
    return GW_CONTAINER(link, struct gw_conn, link);
}

/* Asks for a flush at the end of the turn. */
static void make_dirty(struct gw_conn *conn)
{
    if (conn->loop != NULL && !has(conn, ENDED) && gw_list_empty(&conn->link))
        gw_list_push_back(&conn->loop->dirty, &conn->link);
}

/* Bytes that the transports hold decoded are read in the next turn, after everybody had theirs. */
static void note_pending(struct gw_conn *conn)
{
    if (conn->transport == NULL)
        return;
    gw_list_remove(&conn->transport->link);
    if (conn->loop != NULL && !has(conn, PAUSED | SHUT | ENDED) &&
        gw_transport_pending(conn->transport))
        gw_list_push_back(&conn->loop->pending, &conn->transport->link);
}

/* Decides the end; it is told at the end of the turn. */
static void end_with(struct gw_conn *conn, enum gw_conn_end end, int os_errno)
{
    if (has(conn, ENDED))
        return;
    set(conn, CLOSING | ENDED);
    conn->end = (uint8_t)end;
    conn->os_errno = os_errno;
    gw_list_remove(&conn->link);
    gw_list_push_back(&conn->loop->ended, &conn->link);
    note_pending(conn);
}

static void drop_stash(struct gw_conn *conn)
{
    if (conn->stash == NULL)
        return;
    gw_list_remove(&conn->stash->link);
    free(conn->stash);
    conn->stash = NULL;
}

/* Keeps received bytes that cannot be delivered now; false when memory is out. */
static bool keep_bytes(struct gw_conn *conn, struct gw_span bytes)
{
    struct gw_stash *stash = malloc(sizeof *stash + bytes.size);
    if (stash == NULL)
        return false;
    gw_list_init(&stash->link);
    stash->conn = conn;
    stash->size = bytes.size;
    memcpy(stash->bytes, bytes.data, bytes.size);
    conn->stash = stash;
    return true;
}

static void drop_output(struct gw_conn *conn)
{
    if (conn->loop != NULL)
        conn->loop->counters.output_bytes -= conn->output.size;
    gw_output_clear(&conn->output, cache_of(conn));
}

static void end_our_side(struct gw_conn *conn)
{
    gw_transport_mute(conn->transport);
    conn->sockets->ops->shutdown(conn->sockets->ctx, conn->socket);
}

/* Output cannot leave any more, but what the peer sent before may still wait in the socket: a
 * PUBLISH must not be lost because the acknowledgement of another one hit a reset. So only the
 * writing side ends here, and the reading side finds its own end. */
static void write_failed(struct gw_conn *conn, int os_errno)
{
    set(conn, WRITE_DEAD);
    unset(conn, BLOCKED);
    conn->os_errno = os_errno;
    drop_output(conn);
    if (has(conn, CLOSING)) {
        end_with(conn, GW_CONN_END_ERROR, os_errno);
        return;
    }
    end_our_side(conn);
    gw_wheel_arm(&conn->loop->wheel, &conn->timer, conn->loop->turn.now + UNREAD_NS);
}

/* A transport gave up. What it told the peer of it must not be lost to a reset: our side ends, the
 * peer has a moment to end its own, then on_closed tells. */
static void transport_failed(struct gw_conn *conn)
{
    drop_stash(conn);
    drop_output(conn);
    set(conn, CLOSING | SHUT);
    unset(conn, PAUSED | HUNG | BLOCKED | WANT_DRAINED);
    conn->end = GW_CONN_END_TRANSPORT;
    note_pending(conn);
    make_dirty(conn);
    end_our_side(conn);
    gw_wheel_arm(&conn->loop->wheel, &conn->timer, conn->loop->turn.now + LINGER_NS);
}

/* The end of a connection that is SHUT. */
static void end_shut(struct gw_conn *conn)
{
    end_with(conn, conn->end == GW_CONN_END_TRANSPORT ? GW_CONN_END_TRANSPORT : GW_CONN_END_LOCAL,
             0);
}

/* True if the write has to wait for the poller. */
static bool write_hindered(const struct gw_conn *conn, size_t sent, size_t offered)
{
    return conn->transport == NULL ? sent < offered : gw_transport_wants(conn->transport) != 0;
}

static enum gw_status send_parts(struct gw_conn *conn, const struct iovec *parts, int count,
                                 size_t *ret_sent, int *ret_errno)
{
    enum gw_status status;
    *ret_sent = 0;
    *ret_errno = 0;
    if (conn->transport != NULL) {
        status = conn->transport->ops->sendv(conn->transport, parts, count, ret_sent, ret_errno);
        count_wire(conn);
        return status;
    }
    status = conn->sockets->ops->sendv(conn->sockets->ctx, conn->socket, parts, count, ret_sent,
                                       ret_errno);
    conn->bytes_out += *ret_sent;
    conn->loop->counters.bytes_out += *ret_sent;
    return status;
}

static void write_once(struct gw_conn *conn)
{
    struct iovec parts[PARTS_MAX];
    size_t offered = 0;
    size_t sent;
    int os_errno;
    int count = has(conn, CORKED) ? 0 : gw_output_gather(&conn->output, parts, PARTS_MAX, &offered);
    conn->loop->counters.writes++;
    enum gw_status status = send_parts(conn, parts, count, &sent, &os_errno);
    if (status == GW_PROTOCOL) {
        transport_failed(conn);
        return;
    }
    if (status != GW_OK && status != GW_AGAIN) {
        write_failed(conn, status == GW_CLOSED ? EPIPE : os_errno);
        return;
    }
    conn->loop->counters.output_bytes -= sent;
    if (write_hindered(conn, sent, offered))
        set(conn, BLOCKED);
    gw_output_consume(&conn->output, cache_of(conn), sent);
}

/* True if there is anything to write now. */
static bool can_write(const struct gw_conn *conn)
{
    if (has(conn, BLOCKED))
        return false;
    if (conn->output.size > 0 && !has(conn, CORKED))
        return true;
    return conn->transport != NULL && !has(conn, WRITE_DEAD | SHUT) &&
           (gw_transport_wants(conn->transport) & GW_POLL_WRITE) != 0;
}

/* The transports' good-bye; false: it waits for the poller. */
static bool said_goodbye(struct gw_conn *conn)
{
    if (conn->transport == NULL)
        return true;
    enum gw_status status = conn->transport->ops->shut(conn->transport);
    count_wire(conn);
    if (status != GW_AGAIN)
        return true;
    set(conn, BLOCKED);
    return false;
}

/* Closing, and the last byte went out: ends our side and gives the peer a moment to end its own. */
static void output_gone(struct gw_conn *conn, gw_mono_ns now)
{
    if (!said_goodbye(conn))
        return;
    if (conn->timer.deadline <= now || has(conn, READ_EOF)) {
        end_with(conn, GW_CONN_END_LOCAL, 0);
        return;
    }
    set(conn, SHUT);
    note_pending(conn);
    end_our_side(conn);
    if (conn->timer.deadline - now > LINGER_NS)
        gw_wheel_arm(&conn->loop->wheel, &conn->timer, now + LINGER_NS);
}

static uint32_t wanted_bits(const struct gw_conn *conn)
{
    uint32_t bits = 0;
    if (!has(conn, PAUSED | READ_EOF))
        bits |= GW_POLL_READ;
    if (has(conn, PAUSED) && !has(conn, HUNG))
        bits |= GW_POLL_HANGUP;
    /* A transport may be held up by what the peer has to say first. */
    if (has(conn, BLOCKED) &&
        (conn->transport == NULL || (gw_transport_wants(conn->transport) & GW_POLL_WRITE) != 0))
        bits |= GW_POLL_WRITE;
    return bits;
}

/* Tells the poller what we wait for, if that changed. */
static enum gw_status update_poller(struct gw_conn *conn)
{
    const struct gw_socket_ops *ops = conn->sockets->ops;
    uint32_t bits = wanted_bits(conn);
    if (!has(conn, POLLED)) {
        if (!(bits & ~(uint32_t)GW_POLL_WRITE)) /* parked after a hang-up, see paused_ready */
            return GW_OK;
        GW_TRY(ops->add(conn->sockets->ctx, conn->loop->poller, conn->socket, bits, false,
                        &conn->source));
        set(conn, POLLED);
    } else if (bits != conn->armed) {
        ops->set(conn->sockets->ctx, conn->loop->poller, conn->socket, bits, &conn->source);
    }
    conn->armed = (uint8_t)bits;
    return GW_OK;
}

static void leave_poller(struct gw_conn *conn)
{
    if (has(conn, POLLED))
        conn->sockets->ops->remove(conn->sockets->ctx, conn->loop->poller, conn->socket);
    unset(conn, POLLED);
    conn->armed = 0;
}

bool gw_conn_flush(struct gw_conn *conn, gw_mono_ns now)
{
    if (can_write(conn))
        write_once(conn);
    if (has(conn, CLOSING) && !has(conn, ENDED | SHUT | BLOCKED) && conn->output.size == 0)
        output_gone(conn, now);
    if (!has(conn, ENDED) && update_poller(conn) != GW_OK)
        end_with(conn, GW_CONN_END_ERROR, ENOMEM);
    if (has(conn, ENDED))
        return false;
    if (has(conn, WANT_DRAINED) && conn->output.size <= conn->low_mark)
        return true;
    if (conn->output.size > 0 && !has(conn, BLOCKED | CORKED))
        make_dirty(conn); /* more parts than one write takes: go on in the next turn */
    return false;
}

void gw_conn_tell_drained(struct gw_conn *conn, gw_mono_ns now)
{
    make_dirty(conn); /* whatever is left, or is written now, goes with the second flush */
    if (!has(conn, WANT_DRAINED)) /* another callback closed it */
        return;
    unset(conn, WANT_DRAINED);
    conn->events->on_drained(conn->user, now);
}

void gw_conn_finish(struct gw_conn *conn, gw_mono_ns now)
{
    drop_stash(conn);
    drop_output(conn);
    leave_poller(conn);
    gw_wheel_cancel(&conn->loop->wheel, &conn->timer);
    if (gw_conn_is_opening(conn))
        conn->loop->counters.handshakes_failed++;
    if (conn->transport != NULL && !has(conn, SHUT | WRITE_DEAD) && conn->end == GW_CONN_END_PEER)
        (void)said_goodbye(conn); /* some peers call a stream without one cut short */
    conn->sockets->ops->close(conn->sockets->ctx, conn->socket);
    conn->loop->counters.connections--;
    conn->events->on_closed(conn->user, (enum gw_conn_end)conn->end, conn->os_errno, now);
}

void gw_conn_free(struct gw_conn *conn)
{
    gw_transport_free(conn->transport);
    free(conn);
}

static void on_timer(struct gw_timer *timer, GW_UNUSED gw_mono_ns now)
{
    struct gw_conn *conn = GW_CONTAINER(timer, struct gw_conn, timer);
    /* A short patience may end before the turn's flush: at least one try is owed. What is corked
     * was never to be said. */
    if (conn->output.size > 0 && !has(conn, BLOCKED | CORKED))
        write_once(conn);
    if (has(conn, WRITE_DEAD))
        end_with(conn, GW_CONN_END_ERROR, conn->os_errno);
    else if (conn->output.size == 0)
        end_shut(conn);
    else
        end_with(conn, GW_CONN_END_TIMEOUT, 0);
}

static void read_ended(struct gw_conn *conn)
{
    if (has(conn, WRITE_DEAD))
        end_with(conn, GW_CONN_END_ERROR, conn->os_errno);
    else
        end_with(conn, GW_CONN_END_PEER, 0);
}

/* Hands over bytes, after the mail that their sender may have caused (see net/mailbox). The mail
 * may pause, close or detach this connection; a detached one may run on another thread already. */
static void hand_over(struct gw_conn *conn, struct gw_span bytes, gw_mono_ns now)
{
    struct gw_loop *loop = conn->loop;
    loop->turn.reading = conn;
    loop->turn.unread = bytes;
    gw_loop_read_mail(loop);
    bool here = loop->turn.reading == conn;
    loop->turn.reading = NULL;
    loop->turn.unread = GW_SPAN_NONE;
    if (!here || has(conn, CLOSING))
        return;
    if (!has(conn, PAUSED))
        conn->events->on_bytes(conn->user, bytes, now); /* conn may be gone now */
    else if (!keep_bytes(conn, bytes))
        end_with(conn, GW_CONN_END_ERROR, ENOMEM);
}

void gw_conn_deliver(struct gw_conn *conn, gw_mono_ns now)
{
    if (conn->stash == NULL || has(conn, PAUSED | CLOSING))
        return;
    struct gw_stash *stash = conn->stash;
    gw_list_remove(&stash->link);
    conn->stash = NULL;
    hand_over(conn, gw_span_of(stash->bytes, stash->size), now);
    free(stash);
}

static enum gw_status receive_raw(struct gw_conn *conn, size_t *ret_size, int *ret_errno)
{
    struct gw_loop *loop = conn->loop;
    loop->counters.reads++;
    enum gw_status status =
        conn->sockets->ops->recv(conn->sockets->ctx, conn->socket, loop->read_buffer,
                                 GW_LOOP_READ_SIZE, ret_size, ret_errno);
    conn->bytes_in += *ret_size;
    loop->counters.bytes_in += *ret_size;
    return status;
}

/* Through the transports, one read buffer a turn at most. Few heavy ones a turn: GW_LIMIT then, and
 * the poller, which is level-triggered, tells of them again. */
static enum gw_status receive_decoded(struct gw_conn *conn, size_t *ret_size, int *ret_errno)
{
    struct gw_loop *loop = conn->loop;
    struct gw_transport *transport = conn->transport;
    bool heavy = gw_transport_heavy(transport);
    if (heavy && loop->turn.heavy_ns >= GW_LOOP_HEAVY_NS) {
        note_pending(conn);
        return GW_LIMIT;
    }
    gw_mono_ns began = heavy ? gw_clock_mono(loop->clock) : 0;
    loop->counters.reads++;
    enum gw_status status =
        transport->ops->recv(transport, loop->read_buffer, GW_LOOP_READ_SIZE, ret_size, ret_errno);
    if (heavy)
        loop->turn.heavy_ns += gw_clock_mono(loop->clock) - began;
    if (heavy && !gw_transport_heavy(transport))
        loop->counters.handshakes++;
    count_wire(conn);
    note_pending(conn);
    /* What came may be what a write waited for, or ask for an answer of the transport's own. */
    uint8_t wants = gw_transport_wants(transport);
    if (has(conn, BLOCKED) && (wants & GW_POLL_WRITE) == 0)
        unset(conn, BLOCKED);
    make_dirty(conn);
    return status;
}

static enum gw_status receive(struct gw_conn *conn, size_t *ret_size, int *ret_errno)
{
    *ret_size = 0;
    *ret_errno = 0;
    /* A connection that is SHUT only looks for the peer's end. */
    if (conn->transport == NULL || has(conn, SHUT))
        return receive_raw(conn, ret_size, ret_errno);
    return receive_decoded(conn, ret_size, ret_errno);
}

static void open_ready(struct gw_conn *conn, uint32_t bits, gw_mono_ns now)
{
    if (!(bits & (GW_POLL_READ | GW_POLL_HANGUP)))
        return;
    if (conn->stash != NULL) { /* it is on the loop's list, and comes first */
        note_pending(conn);
        return;
    }
    size_t size;
    int os_errno;
    uint64_t before = conn->bytes_in;
    switch (receive(conn, &size, &os_errno)) {
    case GW_OK: hand_over(conn, gw_span_of(conn->loop->read_buffer, size), now); break;
    case GW_LIMIT: break;
    case GW_AGAIN:
        /* A hang-up without bytes, end or error would come again for ever. */
        if ((bits & GW_POLL_HANGUP) && conn->bytes_in == before)
            end_with(conn, GW_CONN_END_ERROR,
                     conn->sockets->ops->error(conn->sockets->ctx, conn->socket));
        break;
    case GW_CLOSED: read_ended(conn); break;
    case GW_PROTOCOL: transport_failed(conn); break;
    default: end_with(conn, GW_CONN_END_ERROR, os_errno); break;
    }
}

/* While paused, a hang-up is only noted: what came before it is read after resume. Asking no more
 * for it silences the end of the peer's side; if it comes again it is one that cannot be silenced
 * (both sides are gone), and the socket is parked outside the poller. */
static void paused_ready(struct gw_conn *conn, uint32_t bits)
{
    if (!(bits & GW_POLL_HANGUP))
        return;
    bool again = has(conn, HUNG);
    set(conn, HUNG);
    make_dirty(conn);
    if (!again)
        return;
    leave_poller(conn);
    unset(conn, BLOCKED); /* the writing side is gone too: the next write says so */
    if (conn->output.size > 0 && !has(conn, WRITE_DEAD))
        write_once(conn);
    if (has(conn, BLOCKED))
        write_failed(conn, EPIPE); /* nothing would ever wake us to write */
}

/* While closing, bytes are read into nothing so that the peer's end is seen. */
static void closing_ready(struct gw_conn *conn, uint32_t bits)
{
    size_t size;
    int os_errno;
    if (!(bits & (GW_POLL_READ | GW_POLL_HANGUP)))
        return;
    enum gw_status status = has(conn, READ_EOF) ? GW_CLOSED : receive(conn, &size, &os_errno);
    if (status == GW_OK || status == GW_LIMIT || (status == GW_AGAIN && !(bits & GW_POLL_HANGUP)))
        return;
    if (has(conn, SHUT)) {
        end_shut(conn);
        return;
    }
    if (status == GW_PROTOCOL) {
        transport_failed(conn);
        return;
    }
    /* The peer will send no more but may still take our output: write as long as that works. */
    bool again = has(conn, READ_EOF);
    set(conn, READ_EOF);
    unset(conn, BLOCKED);
    make_dirty(conn);
    if (again && conn->output.size > 0)
        write_once(conn);
    if (again && has(conn, BLOCKED))
        end_with(conn, GW_CONN_END_ERROR,
                 conn->sockets->ops->error(conn->sockets->ctx, conn->socket));
}

static void on_ready(struct gw_source *source, uint32_t bits, gw_mono_ns now)
{
    struct gw_conn *conn = GW_CONTAINER(source, struct gw_conn, source);
    if (has(conn, ENDED))
        return;
    if (bits & GW_POLL_WRITE) {
        unset(conn, BLOCKED);
        make_dirty(conn);
    }
    if (has(conn, CLOSING))
        closing_ready(conn, bits);
    else if (has(conn, PAUSED))
        paused_ready(conn, bits);
    else
        open_ready(conn, bits, now);
}

void gw_conn_read_on(struct gw_conn *conn, gw_mono_ns now)
{
    if (has(conn, CLOSING))
        closing_ready(conn, GW_POLL_READ);
    else
        open_ready(conn, GW_POLL_READ, now);
}

struct gw_conn *gw_conn_new(const struct gw_sockets *sockets, gw_socket socket,
                            const struct gw_address *peer)
{
    size_t size = offsetof(struct gw_conn, peer) + gw_address_stored_size(peer);
    struct gw_conn *conn = malloc(size);
    if (conn == NULL)
        return NULL;
    memset(conn, 0, offsetof(struct gw_conn, peer));
    conn->source.on_ready = on_ready;
    conn->sockets = sockets;
    conn->socket = socket;
    gw_list_init(&conn->link);
    gw_output_init(&conn->output);
    gw_timer_init(&conn->timer, on_timer);
    memcpy(&conn->peer, peer, gw_address_stored_size(peer));
    return conn;
}

void gw_conn_push(struct gw_conn *conn, struct gw_transport *transport)
{
    GW_ASSERT(conn->loop == NULL);
    transport->below = conn->transport;
    transport->sockets = conn->sockets;
    transport->socket = conn->socket;
    transport->conn = conn;
    conn->transport = transport;
}

void gw_conn_set_events(struct gw_conn *conn, const struct gw_conn_events *events, void *user)
{
    conn->events = events;
    conn->user = user;
}

enum gw_status gw_conn_attach(struct gw_conn *conn, struct gw_loop *loop)
{
    GW_ASSERT(conn->loop == NULL && conn->events != NULL && loop->sockets == conn->sockets);
    conn->loop = loop;
    loop->counters.connections++;
    loop->counters.output_bytes += conn->output.size;
    if (conn->stash != NULL && !has(conn, PAUSED))
        gw_list_push_back(&loop->stashes, &conn->stash->link);
    if (has(conn, WRITE_DEAD))
        gw_wheel_arm(&loop->wheel, &conn->timer, loop->turn.now + UNREAD_NS);
    note_pending(conn);
    if (conn->output.size > 0 || has(conn, WANT_DRAINED) || conn->transport != NULL)
        make_dirty(conn);
    if (update_poller(conn) != GW_OK || has(conn, BYTES_LOST))
        end_with(conn, GW_CONN_END_ERROR, ENOMEM);
    return GW_OK;
}

void gw_conn_detach(struct gw_conn *conn)
{
    struct gw_loop *loop = conn->loop;
    GW_ASSERT(loop != NULL && !(has(conn, CLOSING) && conn->end == GW_CONN_END_LOCAL));
    if (loop->turn.reading == conn) {
        if (!keep_bytes(conn, loop->turn.unread))
            set(conn, BYTES_LOST);
        loop->turn.reading = NULL;
    }
    if (conn->stash != NULL)
        gw_list_remove(&conn->stash->link);
    gw_list_remove(&conn->link);
    gw_wheel_cancel(&loop->wheel, &conn->timer);
    gw_loop_forget(loop, &conn->source);
    leave_poller(conn);
    loop->counters.connections--;
    loop->counters.output_bytes -= conn->output.size;
    /* An end that was decided but not told is found again by the other loop: it reads the socket
     * anew and gets the same answer. */
    if (conn->end == GW_CONN_END_TRANSPORT)
        unset(conn, SHUT);
    unset(conn, BLOCKED | HUNG | CLOSING | ENDED);
    conn->end = GW_CONN_END_LOCAL;
    conn->loop = NULL;
    note_pending(conn);
}

static bool takes_output(const struct gw_conn *conn)
{
    return !has(conn, CLOSING | WRITE_DEAD);
}

static void output_grew(struct gw_conn *conn, size_t size_before)
{
    if (conn->loop == NULL)
        return;
    conn->loop->counters.output_bytes += conn->output.size - size_before;
    if (!has(conn, BLOCKED))
        make_dirty(conn);
}

enum gw_status gw_conn_write(struct gw_conn *conn, struct gw_span bytes)
{
    if (!takes_output(conn))
        return GW_OK;
    size_t size_before = conn->output.size;
    enum gw_status status = gw_output_append(&conn->output, cache_of(conn), bytes);
    output_grew(conn, size_before);
    return status;
}

uint8_t *gw_conn_reserve(struct gw_conn *conn, size_t size)
{
    return gw_output_reserve(&conn->output, cache_of(conn), size);
}

void gw_conn_commit(struct gw_conn *conn, size_t size)
{
    size_t size_before = conn->output.size;
    gw_output_commit(&conn->output, cache_of(conn), takes_output(conn) ? size : 0);
    output_grew(conn, size_before);
}

enum gw_status gw_conn_write_blob(struct gw_conn *conn, struct gw_blob *blob, struct gw_span bytes)
{
    if (!takes_output(conn))
        return GW_OK;
    size_t size_before = conn->output.size;
    enum gw_status status = gw_output_append_blob(&conn->output, cache_of(conn), blob, bytes);
    output_grew(conn, size_before);
    return status;
}

size_t gw_conn_output_size(const struct gw_conn *conn)
{
    return conn->output.size;
}

void gw_conn_want_drained(struct gw_conn *conn, size_t low_mark)
{
    if (has(conn, CLOSING))
        return;
    set(conn, WANT_DRAINED);
    conn->low_mark = low_mark;
    make_dirty(conn);
}

enum gw_status gw_conn_unread(struct gw_conn *conn, struct gw_span bytes)
{
    GW_ASSERT(conn->loop != NULL && conn->stash == NULL);
    if (has(conn, CLOSING) || bytes.size == 0)
        return GW_OK;
    if (!keep_bytes(conn, bytes))
        return GW_NO_MEMORY;
    if (!has(conn, PAUSED))
        gw_list_push_back(&conn->loop->stashes, &conn->stash->link);
    return GW_OK;
}

void gw_conn_cork(struct gw_conn *conn, bool corked)
{
    if (!corked)
        unset(conn, CORKED);
    else if (!has(conn, CLOSING)) /* its last words may be on their way */
        set(conn, CORKED);
    make_dirty(conn);
}

void gw_conn_pause(struct gw_conn *conn)
{
    if (has(conn, PAUSED | CLOSING))
        return;
    set(conn, PAUSED);
    if (conn->stash != NULL)
        gw_list_remove(&conn->stash->link);
    note_pending(conn);
    make_dirty(conn);
}

void gw_conn_resume(struct gw_conn *conn)
{
    if (!has(conn, PAUSED))
        return;
    unset(conn, PAUSED | HUNG);
    if (conn->stash != NULL && conn->loop != NULL)
        gw_list_push_back(&conn->loop->stashes, &conn->stash->link);
    note_pending(conn);
    make_dirty(conn);
}

/* One try to send what is queued, and the transports' good-bye. */
static void send_unattached(struct gw_conn *conn)
{
    struct iovec parts[PARTS_MAX];
    size_t offered;
    size_t sent = 0;
    int os_errno;
    int count = gw_output_gather(&conn->output, parts, PARTS_MAX, &offered);
    struct gw_transport *transport = conn->transport;
    if (count > 0 && transport == NULL)
        (void)conn->sockets->ops->sendv(conn->sockets->ctx, conn->socket, parts, count, &sent,
                                        &os_errno);
    else if (count > 0)
        (void)transport->ops->sendv(transport, parts, count, &sent, &os_errno);
    if (transport != NULL && sent == offered)
        (void)transport->ops->shut(transport);
}

/* No loop would tell the end: it is silent and at once. */
static void close_unattached(struct gw_conn *conn, bool flush)
{
    if (flush)
        send_unattached(conn);
    conn->sockets->ops->close(conn->sockets->ctx, conn->socket);
    drop_stash(conn);
    drop_output(conn);
    gw_conn_free(conn);
}

void gw_conn_close(struct gw_conn *conn, bool flush, uint64_t flush_time)
{
    if (conn == NULL || has(conn, ENDED) || (has(conn, CLOSING) && flush))
        return;
    if (conn->loop == NULL) {
        close_unattached(conn, flush);
        return;
    }
    set(conn, CLOSING);
    unset(conn, PAUSED | HUNG | WANT_DRAINED);
    drop_stash(conn);
    if (!flush || has(conn, WRITE_DEAD)) {
        end_shut(conn);
        return;
    }
    gw_mono_ns now = conn->loop->turn.now;
    gw_mono_ns deadline = flush_time < GW_NEVER - now ? now + flush_time : GW_NEVER - 1;
    gw_wheel_arm(&conn->loop->wheel, &conn->timer, deadline);
    make_dirty(conn);
}

void *gw_conn_user(const struct gw_conn *conn)
{
    return conn->user;
}

bool gw_conn_closing(const struct gw_conn *conn)
{
    return has(conn, CLOSING);
}

bool gw_conn_hung_up(const struct gw_conn *conn)
{
    return has(conn, HUNG | WRITE_DEAD | READ_EOF);
}

const struct gw_address *gw_conn_peer(const struct gw_conn *conn)
{
    return gw_transport_peer(conn->transport, &conn->peer);
}

void gw_conn_describe(const struct gw_conn *conn, struct gw_transport_story *ret_story)
{
    gw_transport_describe(conn->transport, ret_story);
}

const char *gw_conn_peer_name(const struct gw_conn *conn)
{
    struct gw_transport_story story;
    gw_conn_describe(conn, &story);
    return story.peer_name;
}

enum gw_status gw_conn_attest(const struct gw_conn *conn, gw_transport_attest_fn *fn, void *user)
{
    return gw_transport_attest(conn->transport, fn, user);
}

bool gw_conn_is_opening(const struct gw_conn *conn)
{
    return gw_transport_heavy(conn->transport);
}

const char *gw_conn_trouble(const struct gw_conn *conn)
{
    return gw_transport_trouble(conn->transport);
}

uint64_t gw_conn_bytes_in(const struct gw_conn *conn)
{
    return conn->bytes_in;
}

uint64_t gw_conn_bytes_out(const struct gw_conn *conn)
{
    return conn->bytes_out;
}

struct gw_loop *gw_conn_loop(const struct gw_conn *conn)
{
    return conn->loop;
}
