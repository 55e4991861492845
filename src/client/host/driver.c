#include "client/host/driver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "net/ws.h"
#include "os/clock.h"
#include "wire/reason.h"

#define SCRATCH_SIZE ((size_t)4 * 1024 * 1024) /* touched only as far as a head is long */
#define READ_SIZE    ((size_t)64 * 1024)
#define PACKET_MAX   ((size_t)GW_VARINT_MAX + GW_HEADER_SIZE_MAX)

gw_mono_ns gw_driver_now(void)
{
    return gw_clock_mono(gw_clock_system());
}

size_t gw_driver_unsent(const struct gw_driver *driver)
{
    return driver->out.size - driver->out_at;
}

static enum gw_status io_write(void *user, const struct gw_span *parts, size_t part_count)
{
    struct gw_driver *driver = user;
    size_t size = 0;
    for (size_t i = 0; i < part_count; i++)
        size += parts[i].size;
    if (gw_driver_unsent(driver) > 0 && gw_driver_unsent(driver) + size > GW_DRIVER_OUT_HIGH)
        return GW_AGAIN;
    if (driver->out_at > 0) {
        gw_buf_consume(&driver->out, driver->out_at);
        driver->out_at = 0;
    }
    GW_TRY(gw_buf_reserve(&driver->out, size));
    for (size_t i = 0; i < part_count; i++)
        GW_TRY(gw_buf_append(&driver->out, parts[i]));
    return GW_OK;
}

static enum gw_status alias_set(void *user, uint16_t alias, struct gw_span topic_name)
{
    struct gw_driver *driver = user;
    return gw_alias_set(&driver->aliases, alias, topic_name);
}

static enum gw_status alias_get(void *user, uint16_t alias, struct gw_span *ret_topic_name)
{
    const struct gw_driver *driver = user;
    return gw_alias_get(&driver->aliases, alias, ret_topic_name);
}

/* Aliases live as long as a connection (MQTT-3.3.2-7). */
static void forget_aliases(struct gw_driver *driver)
{
    const struct gw_props *offered = &driver->options->connect.props;
    bool any = gw_props_has(offered, TOPIC_ALIAS_MAXIMUM);
    gw_alias_fini(&driver->aliases);
    gw_alias_init(&driver->aliases, any ? offered->topic_alias_maximum : 0);
}

enum gw_status gw_driver_init(struct gw_driver *driver, const struct gw_driver_target *target,
                              struct gw_client_options *options,
                              const struct gw_client_events *events, void *user)
{
    *driver = (struct gw_driver){.target = target, .options = options, .socket = -1};
    driver->io = (struct gw_client_io){io_write, alias_set, alias_get, driver};
    gw_buf_init(&driver->in, PACKET_MAX + READ_SIZE);
    gw_buf_init(&driver->out, PACKET_MAX + GW_DRIVER_OUT_HIGH);
    options->incoming_max = UINT16_MAX;
    options->incoming = calloc(options->incoming_max, sizeof *options->incoming);
    options->scratch_size = SCRATCH_SIZE;
    options->scratch = malloc(SCRATCH_SIZE);
    driver->tls_fault = calloc(1, sizeof *driver->tls_fault);
    gw_alias_init(&driver->aliases, 0);
    gw_client_init(&driver->client, options, &driver->io, events, user);
    return options->incoming && options->scratch && driver->tls_fault ? GW_OK : GW_NO_MEMORY;
}

/* -- the socket, or what stands on it -- */

static void push(struct gw_driver *driver, struct gw_transport *transport)
{
    transport->below = driver->transport;
    transport->sockets = gw_socket_system();
    transport->socket = driver->socket;
    driver->transport = transport;
}

/* Says to the server of a WebSocket how it was called. */
static size_t authority(const struct gw_driver_target *target, char *text, size_t size)
{
    const char *host = target->unix_path ? "localhost" : target->host;
    bool is_ipv6 = strchr(host, ':') != NULL;
    int written = snprintf(text, size, is_ipv6 ? "[%s]:%u" : "%s:%u", host, target->port);
    return written > 0 && (size_t)written < size ? (size_t)written : 0;
}

/* Builds what the target asks for on the new socket. */
static enum gw_status build_stack(struct gw_driver *driver)
{
    const struct gw_driver_target *target = driver->target;
    char text[GW_DRIVER_WORDS_MAX];
    if (target->tls) {
        struct gw_transport *tls = gw_tls_client(driver->tls, target->host);
        if (!tls)
            return GW_NO_MEMORY;
        push(driver, tls);
    }
    if (!target->ws_path)
        return GW_OK;
    size_t size = authority(target, text, sizeof text);
    struct gw_transport *ws = gw_ws_dial(gw_span_of(text, size), gw_span_str(target->ws_path));
    if (!ws) {
        driver->fault = (struct gw_dial_fault){0, "the host or the path cannot stand in a request"};
        return GW_OS_ERROR;
    }
    push(driver, ws);
    return GW_OK;
}

/* True if it was TLS, the lowest transport, that ended the connection; it has said why. */
static bool judge_tls(struct gw_driver *driver, enum gw_status status, int error)
{
    const struct gw_transport *tls = driver->transport;
    while (tls && tls->below)
        tls = tls->below;
    bool gone = status == GW_CLOSED || (status == GW_OS_ERROR && error == ECONNRESET);
    if (!tls || (status == GW_PROTOCOL && !tls->trouble) || (gone && !tls->heavy))
        return false;
    if (status == GW_PROTOCOL) {
        gw_tls_explain(tls, driver->tls_fault);
        return true;
    }
    if (!gone)
        return false;
    gw_tlsfault_failed(driver->tls_fault, "it ended the connection within the handshake",
                       driver->target->host);
    gw_tlsfault_hint(driver->tls_fault, "is TLS spoken on this port? --no-tls if not");
    return true;
}

/* A transport that gave up has words of its own, which go with it. */
static enum gw_status judge(struct gw_driver *driver, enum gw_status status, int error)
{
    if (driver->target->tls && judge_tls(driver, status, error))
        return GW_INVALID;
    if (status != GW_PROTOCOL && status != GW_OS_ERROR)
        return status;
    const char *trouble = driver->transport ? gw_transport_trouble(driver->transport) : NULL;
    snprintf(driver->words, sizeof driver->words, "%s", trouble ? trouble : strerror(error));
    driver->fault = (struct gw_dial_fault){trouble ? 0 : error, driver->words};
    return GW_OS_ERROR;
}

/* GW_OK, GW_AGAIN, GW_CLOSED, GW_OS_ERROR with driver->fault; so receive. */
static enum gw_status send_part(struct gw_driver *driver, const struct iovec *part, int count,
                                size_t *ret_size)
{
    const struct gw_sockets *sockets = gw_socket_system();
    int error = 0;
    *ret_size = 0;
    enum gw_status status =
        driver->transport
            ? driver->transport->ops->sendv(driver->transport, part, count, ret_size, &error)
            : sockets->ops->sendv(sockets->ctx, driver->socket, part, count, ret_size, &error);
    return judge(driver, status, error);
}

static enum gw_status receive(struct gw_driver *driver, void *memory, size_t size, size_t *ret_size)
{
    const struct gw_sockets *sockets = gw_socket_system();
    int error = 0;
    *ret_size = 0;
    enum gw_status status =
        driver->transport
            ? driver->transport->ops->recv(driver->transport, memory, size, ret_size, &error)
            : sockets->ops->recv(sockets->ctx, driver->socket, memory, size, ret_size, &error);
    return judge(driver, status, error);
}

/* Whether to wait until the socket takes something. */
static bool wants_write(const struct gw_driver *driver)
{
    uint8_t wants = gw_transport_wants(driver->transport);
    return wants ? (wants & GW_POLL_WRITE) != 0 : gw_driver_unsent(driver) > 0;
}

/* Ends the connection as far as this side goes; buffers are empty afterwards. */
static void drop(struct gw_driver *driver)
{
    const struct gw_sockets *sockets = gw_socket_system();
    gw_transport_free(driver->transport);
    driver->transport = NULL;
    if (driver->socket >= 0)
        sockets->ops->close(sockets->ctx, driver->socket);
    driver->socket = -1;
    driver->linger_end = GW_NEVER;
    driver->in_at = driver->out_at = 0;
    driver->blocked = false;
    gw_buf_clear(&driver->in);
    gw_buf_clear(&driver->out);
    forget_aliases(driver);
    gw_client_on_closed(&driver->client);
}

void gw_driver_fini(struct gw_driver *driver)
{
    drop(driver);
    gw_alias_fini(&driver->aliases);
    gw_buf_fini(&driver->in);
    gw_buf_fini(&driver->out);
    gw_tlscontext_unref(driver->tls);
    driver->tls = NULL;
    free(driver->tls_fault);
    driver->tls_fault = NULL;
    free(driver->options->incoming);
    free(driver->options->scratch);
    driver->options->incoming = NULL;
    driver->options->scratch = NULL;
}

static const char *text_of(const char *text)
{
    return text ? text : "";
}

static enum gw_status make_context(struct gw_driver *driver)
{
    const struct gw_driver_tls *tls = driver->target->tls;
    if (driver->tls)
        return GW_OK;
    const struct gw_tls_pair pair = {text_of(tls->cert), text_of(tls->key), NULL};
    const struct gw_tls_options options = {
        .pairs = &pair,
        .pair_count = 1,
        .ca_file = text_of(tls->ca_file),
        .ca_path = text_of(tls->ca_path),
        .system_cas = tls->system_cas,
        .crl = "",
        .psk_file = "",
        .psk_identity = text_of(tls->psk_identity),
        .psk_hex = text_of(tls->psk_key),
        .version_min = tls->version_min,
        .ciphers = text_of(tls->ciphers),
        .ciphersuites = "",
        .curves = "",
        .alpn = text_of(tls->alpn),
        .insecure_name = tls->insecure_name,
    };
    return gw_tlscontext_new(&options, &driver->tls, driver->tls_fault);
}

enum gw_status gw_driver_open(struct gw_driver *driver)
{
    const struct gw_driver_target *target = driver->target;
    drop(driver);
    if (target->tls)
        GW_TRY(make_context(driver));
    if (target->unix_path)
        GW_TRY(gw_dial_unix(target->unix_path, &driver->socket, &driver->fault));
    else
        GW_TRY(gw_dial_tcp(target->host, target->port, target->bind_host, &driver->socket,
                           &driver->fault));
    enum gw_status status = build_stack(driver);
    if (status == GW_OK)
        status = gw_client_connect(&driver->client, gw_driver_now());
    if (status != GW_OK)
        drop(driver);
    return status;
}

/* Writes as much as the socket takes. */
static enum gw_status flush(struct gw_driver *driver)
{
    bool wrote = false;
    while (gw_driver_unsent(driver) > 0) {
        struct iovec part = {driver->out.data + driver->out_at, gw_driver_unsent(driver)};
        size_t size;
        enum gw_status status = send_part(driver, &part, 1, &size);
        driver->out_at += size;
        wrote |= size > 0;
        if (status == GW_AGAIN)
            break;
        GW_TRY(status);
        if (gw_transport_wants(driver->transport) != 0)
            break;
    }
    if (gw_driver_unsent(driver) == 0 && driver->transport && wants_write(driver)) {
        size_t none;
        enum gw_status status = send_part(driver, NULL, 0, &none); /* what is the transport's own */
        if (status != GW_AGAIN)
            GW_TRY(status);
    }
    if (wrote && driver->client.state == GW_CLIENT_CONNECTED)
        return gw_client_on_time(&driver->client, gw_driver_now());
    return GW_OK;
}

/* Gives what was read to the client; keeps what is incomplete. */
static enum gw_status digest(struct gw_driver *driver)
{
    struct gw_span bytes = gw_span_from(gw_buf_span(&driver->in), driver->in_at);
    size_t used = 0;
    enum gw_status status = gw_client_on_bytes(&driver->client, bytes, gw_driver_now(), &used);
    driver->in_at += used;
    driver->blocked = status == GW_AGAIN;
    if (driver->blocked || driver->client.state == GW_CLIENT_DISCONNECTING)
        return GW_OK;
    if (status != GW_MORE)
        return status;
    size_t wanted = gw_client_wanted(&driver->client, gw_span_from(bytes, used));
    gw_buf_consume(&driver->in, driver->in_at);
    driver->in_at = 0;
    if (wanted > driver->in.size)
        GW_TRY(gw_buf_reserve(&driver->in, wanted - driver->in.size));
    return GW_OK;
}

/* Reads once. */
static enum gw_status take(struct gw_driver *driver)
{
    GW_TRY(gw_buf_reserve(&driver->in, READ_SIZE));
    size_t size;
    enum gw_status status = receive(driver, driver->in.data + driver->in.size,
                                    driver->in.capacity - driver->in.size, &size);
    if (status == GW_AGAIN)
        return GW_OK;
    GW_TRY(status);
    driver->in.size += size;
    return digest(driver);
}

/* The transports' good-bye; waits for the socket to take it, but not long. */
static void say_goodbye(struct gw_driver *driver)
{
    struct gw_transport *transport = driver->transport;
    while (transport && transport->ops->shut(transport) == GW_AGAIN) {
        uint8_t wants = gw_transport_wants(transport);
        struct gw_pollset_item item = {.descriptor = driver->socket,
                                       .want_read = (wants & GW_POLL_READ) != 0,
                                       .want_write = (wants & GW_POLL_WRITE) != 0};
        if (wants == 0 || gw_pollset_wait(&item, 1, driver->linger_end, gw_driver_now()) != GW_OK)
            break;
    }
}

/* Our DISCONNECT is written: the server closes; what it still sends is thrown away, for closing
 * with unread bytes would cut off our own last ones (a reset overtakes them). */
static enum gw_status linger(struct gw_driver *driver)
{
    const struct gw_sockets *sockets = gw_socket_system();
    gw_mono_ns now = gw_driver_now();
    if (driver->linger_end == GW_NEVER) {
        driver->linger_end = gw_time_add_s(now, GW_DRIVER_LINGER_S);
        say_goodbye(driver);
        sockets->ops->shutdown(sockets->ctx, driver->socket);
    }
    while (now < driver->linger_end) {
        uint8_t waste[4096];
        size_t size = 0;
        int error = 0;
        enum gw_status status =
            sockets->ops->recv(sockets->ctx, driver->socket, waste, sizeof waste, &size, &error);
        if (status == GW_CLOSED || status == GW_OS_ERROR)
            break;
        struct gw_pollset_item item = {.descriptor = driver->socket, .want_read = true};
        if (status == GW_AGAIN && gw_pollset_wait(&item, 1, driver->linger_end, now) == GW_TIMEOUT)
            break;
        now = gw_driver_now();
    }
    return GW_END;
}

static bool has_pending(const struct gw_driver *driver)
{
    return driver->transport && gw_transport_pending(driver->transport);
}

static enum gw_status work(struct gw_driver *driver, bool ready)
{
    GW_TRY(flush(driver));
    if (driver->blocked && driver->client.state == GW_CLIENT_CONNECTED)
        GW_TRY(digest(driver));
    if ((ready || has_pending(driver)) && !driver->blocked &&
        driver->client.state != GW_CLIENT_DISCONNECTING)
        GW_TRY(take(driver));
    if (driver->client.state == GW_CLIENT_CONNECTED || driver->client.state == GW_CLIENT_CONNECTING)
        GW_TRY(gw_client_on_time(&driver->client, gw_driver_now()));
    GW_TRY(flush(driver));
    if (driver->client.state == GW_CLIENT_DISCONNECTING && gw_driver_unsent(driver) == 0)
        return linger(driver);
    return GW_OK;
}

/* After an end by a fault the reason is on its way to the server: one try to get it out. */
static void farewell(struct gw_driver *driver, enum gw_status status)
{
    if (status != GW_MALFORMED && status != GW_PROTOCOL)
        return;
    enum gw_status best_effort = flush(driver);
    (void)best_effort;
}

enum gw_status gw_driver_turn(struct gw_driver *driver, struct gw_pollset_item *items,
                              size_t item_count, gw_mono_ns deadline)
{
    struct gw_pollset_item all[GW_POLLSET_MAX];
    enum gw_status status = flush(driver);
    gw_mono_ns due = gw_client_next_deadline(&driver->client);
    if (due < deadline)
        deadline = due;
    if (has_pending(driver) && !driver->blocked)
        deadline = 0; /* no poller tells of it */
    bool disconnecting = driver->client.state == GW_CLIENT_DISCONNECTING;
    all[0] = (struct gw_pollset_item){.descriptor = driver->socket,
                                      .want_read = !driver->blocked && !disconnecting,
                                      .want_write = wants_write(driver)};
    for (size_t i = 0; i < item_count; i++)
        all[i + 1] = items[i];
    if (status == GW_OK && !(disconnecting && gw_driver_unsent(driver) == 0)) {
        enum gw_status waited = gw_pollset_wait(all, item_count + 1, deadline, gw_driver_now());
        if (waited == GW_OS_ERROR)
            status = judge(driver, GW_OS_ERROR, errno);
        for (size_t i = 0; i < item_count; i++)
            items[i].ready = all[i + 1].ready;
    }
    if (status == GW_OK)
        status = work(driver, all[0].ready && all[0].want_read);
    if (status == GW_OK)
        return GW_OK;
    farewell(driver, status);
    /* A server that closes in answer to our DISCONNECT is an end in order. */
    if (disconnecting && (status == GW_CLOSED || status == GW_OS_ERROR))
        status = GW_END;
    drop(driver);
    return status;
}
