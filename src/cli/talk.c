#include "cli/talk.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/debugline.h"
#include "cli/exitcode.h"
#include "os/entropy.h"
#include "os/file.h"
#include "os/interrupt.h"
#include "wire/reason.h"

#define PORT_PLAIN  1883
#define PORT_WS     8083
#define PAYLOAD_MAX ((size_t)GW_VARINT_MAX)

void gw_talk_complain(const struct gw_talk *talk, const char *format, ...)
{
    if (talk->options->output.quiet)
        return;
    va_list args;
    va_start(args, format);
    fflush(stdout);
    fprintf(stderr, "godwit %s: ", talk->options->name);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

static const char *shown_id(const struct gw_talk *talk)
{
    if (talk->assigned_id)
        return talk->assigned_id;
    if (talk->options->session.id)
        return talk->options->session.id;
    return talk->own_id;
}

/* The client id: given, made of a prefix, or for MQTT 3.1, which knows no empty one, by chance. */
static struct gw_span choose_id(struct gw_talk *talk)
{
    const struct gw_options_session *session = &talk->options->session;
    if (session->id)
        return gw_span_str(session->id);
    if (session->id_prefix) {
        char pid[24];
        int size = snprintf(pid, sizeof pid, "%ld", (long)getpid());
        size_t prefix_size = strlen(session->id_prefix);
        char *id = malloc(prefix_size + sizeof pid);
        if (id) {
            memcpy(id, session->id_prefix, prefix_size);
            memcpy(id + prefix_size, pid, (size_t)size + 1);
            talk->own_id = id;
        }
    } else if (session->version == GW_VERSION_31) {
        uint64_t chance;
        gw_entropy_fill(&chance, sizeof chance);
        char id[24];
        int size = snprintf(id, sizeof id, "gw-%016llx", (unsigned long long)chance);
        talk->own_id = strndup(id, (size_t)size);
    }
    return gw_span_str(talk->own_id);
}

/* The properties of CONNECT: those given with -D, and how long the session lives. */
static void fill_connect_props(struct gw_talk *talk)
{
    const struct gw_options_session *session = &talk->options->session;
    const struct gw_props *given = gw_options_props(talk->options, GW_COMMAND_CONNECT);
    struct gw_props *props = &talk->connect_props;
    if (given)
        *props = *given;
    uint32_t expiry = session->has_expiry ? session->expiry : session->keep ? UINT32_MAX : 0;
    bool told = !session->has_expiry && gw_props_has(props, SESSION_EXPIRY); /* by -D */
    if (session->version == GW_VERSION_5 && expiry > 0 && !told) {
        props->present |= GW_PROP_BIT(SESSION_EXPIRY);
        props->session_expiry = expiry;
    }
}

static void fill_connect(struct gw_talk *talk)
{
    const struct gw_options_session *session = &talk->options->session;
    const struct gw_options_will *will = &talk->options->will;
    struct gw_connect *connect = &talk->client.connect;
    fill_connect_props(talk);
    *connect = (struct gw_connect){
        .version = session->version,
        .clean_start = !session->keep,
        .has_will = will->topic != NULL,
        .has_user_name = session->user_name != NULL && !session->auth_method,
        .has_password = session->password != NULL && !session->auth_method,
        .keep_alive = session->keep_alive,
        .props = talk->connect_props,
        .client_id = choose_id(talk),
        .user_name = gw_span_str(session->user_name),
        .password = gw_span_str(session->password),
        .will = {.topic_name = gw_span_str(will->topic),
                 .payload = gw_span_str(will->payload),
                 .qos = will->qos,
                 .retain = will->retain},
    };
    const struct gw_props *will_props = gw_options_props(talk->options, GW_COMMAND_WILL);
    if (will_props)
        connect->will.props = *will_props;
    talk->client.inflight_max = session->inflight_max;
}

/* What to try next when it is the login that was refused. MQTT 3.1.1 has no reason string, and its
 * "not authorized" is what a wrong password gets too. */
static void say_of_login(const struct gw_talk *talk, uint8_t reason, bool v5)
{
    const char *name = talk->options->session.user_name;
    bool login =
        v5 ? reason == GW_REASON_BAD_USER_NAME_OR_PASSWORD || reason == GW_REASON_NOT_AUTHORIZED
           : reason == GW_RETURN_BAD_USER_OR_PASSWORD || reason == GW_RETURN_NOT_AUTHORIZED;
    if (!login)
        return;
    if (talk->options->context_login)
        gw_talk_complain(talk,
                         "user and password are those of the context \"%s\"; -u and -P take others",
                         talk->options->context);
    else if (name == NULL)
        gw_talk_complain(talk, "it wants to know who you are: -u NAME -P PASSWORD");
    else
        gw_talk_complain(
            talk, "is the password of user \"%s\" right? The broker's log says what it minds",
            name);
}

/* A broker that does not know our password may be anybody. */
static bool trusts(void *user, const struct gw_connack *connack)
{
    struct gw_talk *talk = user;
    if (gw_prove_trusts(&talk->prove, &connack->props))
        return true;
    gw_talk_complain(talk, "the broker did not prove that it knows the password: it is not the one "
                           "that you mean");
    talk->exit_code = GW_EXIT_PROTOCOL;
    talk->over = true;
    return false;
}

static void on_auth(void *user, const struct gw_disconnect *auth)
{
    struct gw_talk *talk = user;
    struct gw_props props;
    enum gw_status status = gw_prove_answer(&talk->prove, &auth->props, &props);
    if (status == GW_OK)
        status = gw_client_auth(&talk->driver.client, GW_REASON_CONTINUE_AUTHENTICATION, &props,
                                gw_driver_now());
    if (status == GW_OK)
        return;
    gw_talk_complain(talk, "%s", status == GW_PROTOCOL ? talk->prove.why : gw_status_name(status));
    talk->exit_code = GW_EXIT_PROTOCOL;
    talk->over = true;
}

static void on_connack(void *user, const struct gw_connack *connack)
{
    struct gw_talk *talk = user;
    bool v5 = talk->options->session.version == GW_VERSION_5;
    if (connack->reason != GW_REASON_SUCCESS) {
        const char *words = v5 ? gw_reason_name(connack->reason, GW_PACKET_CONNACK)
                               : gw_return_code_name(connack->reason);
        if (gw_props_has(&connack->props, REASON_STRING))
            gw_talk_complain(talk, "refused: %s (%d): %.*s", words, connack->reason,
                             GW_SPAN_FMT(connack->props.reason_string));
        else
            gw_talk_complain(talk, "refused: %s (%d)", words, connack->reason);
        if (connack->reason ==
            (v5 ? (int)GW_REASON_UNSUPPORTED_PROTOCOL_VERSION : (int)GW_RETURN_BAD_PROTOCOL))
            gw_talk_complain(talk, "try another version of the protocol: -V 311 or -V 5");
        say_of_login(talk, connack->reason, v5);
        talk->exit_code = connack->reason;
        talk->over = true;
        return;
    }
    talk->connected_once = true;
    talk->ops->on_connected(talk, connack->session_present);
}

static void on_message(void *user, const struct gw_publish *publish)
{
    struct gw_talk *talk = user;
    if (talk->ops->on_message)
        talk->ops->on_message(talk, publish);
}

static void on_sent(void *user, struct gw_client_send *send, uint8_t reason)
{
    struct gw_talk *talk = user;
    if (reason >= GW_REASON_UNSPECIFIED)
        gw_talk_complain(talk, "publish %d failed: %s (%d)%s%.*s", send->publish.packet_id,
                         gw_reason_name(reason, GW_PACKET_PUBACK), reason,
                         send->words.size > 0 ? ": " : "", GW_SPAN_FMT(send->words));
    if (talk->ops->on_sent)
        talk->ops->on_sent(talk, send, reason);
}

static void on_reply(void *user, struct gw_client_request *request, const struct gw_suback *suback)
{
    struct gw_talk *talk = user;
    if (talk->ops->on_reply)
        talk->ops->on_reply(talk, request, suback);
}

static void on_disconnect(void *user, const struct gw_disconnect *disconnect)
{
    struct gw_talk *talk = user;
    bool told = gw_props_has(&disconnect->props, REASON_STRING);
    struct gw_span words = told ? disconnect->props.reason_string : GW_SPAN_NONE;
    gw_talk_complain(talk, "the broker ended the connection: %s (%d)%s%.*s",
                     gw_reason_name(disconnect->reason, GW_PACKET_DISCONNECT), disconnect->reason,
                     told ? ": " : "", GW_SPAN_FMT(words));
    talk->over = true;
}

/* Learns the id that the server chose before the line that shows it. */
static void learn_id(struct gw_talk *talk, const struct gw_connack *connack)
{
    if (!gw_props_has(&connack->props, ASSIGNED_CLIENT_ID))
        return;
    free(talk->assigned_id);
    talk->assigned_id = strndup((const char *)connack->props.assigned_client_id.data,
                                connack->props.assigned_client_id.size);
}

static void on_trace(void *user, const struct gw_client_trace *trace)
{
    struct gw_talk *talk = user;
    if (trace->connack)
        learn_id(talk, trace->connack);
    if (talk->options->output.debug)
        gw_debugline_print(shown_id(talk), trace);
}

static const struct gw_client_events events = {
    .on_connack = on_connack,
    .trusts = trusts,
    .on_message = on_message,
    .on_sent = on_sent,
    .on_reply = on_reply,
    .on_disconnect = on_disconnect,
    .on_auth = on_auth,
    .on_trace = on_trace,
};

/* TLS failed: what was compared, and the option to use. */
static void complain_of_tls(struct gw_talk *talk)
{
    const struct gw_tlsfault *fault = talk->driver.tls_fault;
    if (fault->detail[0])
        gw_talk_complain(talk, "%s\n   %s", fault->what, fault->detail);
    else
        gw_talk_complain(talk, "%s", fault->what);
    if (!talk->options->output.quiet)
        fprintf(stderr, "   hint: %-62s [%s]\n",
                fault->hint[0] ? fault->hint : "the broker's log may say more", fault->code);
}

/* Connects; complains if that fails and `first`. */
static enum gw_status connect_now(struct gw_talk *talk, bool first)
{
    enum gw_status status = gw_prove_begin(&talk->prove, &talk->client.connect.props);
    bool unproved = status != GW_OK;
    if (status == GW_OK)
        status = gw_driver_open(&talk->driver);
    if (status == GW_OK || !first)
        return status;
    if (unproved) {
        gw_talk_complain(talk, "%s",
                         status == GW_INVALID ? talk->prove.why : gw_status_name(status));
        return GW_NO_MEMORY;
    }
    if (status == GW_INVALID) {
        complain_of_tls(talk);
        return status;
    }
    const char *why = talk->driver.fault.text ? talk->driver.fault.text : gw_status_name(status);
    if (status == GW_NO_SPACE)
        gw_talk_complain(talk, "cannot connect: the CONNECT packet would be too large");
    else if (talk->target.unix_path)
        gw_talk_complain(talk, "cannot connect to %s: %s", talk->target.unix_path, why);
    else
        gw_talk_complain(talk, "cannot connect to %s port %d: %s", talk->target.host,
                         talk->target.port, why);
    return status;
}

void gw_talk_end(struct gw_talk *talk, int exit_code)
{
    if (!talk->ending)
        talk->end_by = gw_time_add_s(gw_driver_now(), GW_TALK_END_S);
    talk->exit_code = exit_code;
    talk->ending = true;
    talk->want_input = false;
    gw_client_drain(&talk->driver.client);
}

/* Writes the DISCONNECT that gw_talk_end asked for, once messages half taken are finished. */
static void end_if_asked(struct gw_talk *talk)
{
    struct gw_client *client = &talk->driver.client;
    if (!talk->ending)
        return;
    gw_mono_ns now = gw_driver_now();
    size_t unsent = gw_driver_unsent(&talk->driver);
    if (unsent < talk->unsent) /* a long message on a slow line is no standstill */
        talk->end_by = gw_time_add_s(now, GW_TALK_END_S);
    talk->unsent = unsent;
    if (now >= talk->end_by) {
        talk->over = true;
        if (unsent > 0 && talk->exit_code == GW_EXIT_OK) {
            gw_talk_complain(talk, "the broker does not take the last %zu bytes", unsent);
            talk->exit_code = GW_EXIT_CONN_LOST;
        }
        return;
    }
    if (client->state == GW_CLIENT_DISCONNECTING)
        return;
    if (client->state != GW_CLIENT_CONNECTED) {
        talk->over = true;
        return;
    }
    bool patient = now + GW_TALK_END_S / 2 * GW_NS_PER_S < talk->end_by;
    if (!gw_client_settled(client) && patient)
        return;
    const struct gw_props *props = gw_options_props(talk->options, GW_COMMAND_DISCONNECT);
    uint8_t reason = talk->interrupted ? GW_REASON_DISCONNECT_WITH_WILL : GW_REASON_SUCCESS;
    enum gw_status status = gw_client_disconnect(client, reason, props, gw_driver_now());
    if (status != GW_OK && status != GW_AGAIN)
        talk->over = true;
}

static void on_signal(struct gw_talk *talk, int signal_number)
{
    int code = talk->ops->signal_is_success ? GW_EXIT_OK : 128 + signal_number;
    if (!talk->connected_once && talk->ops->signal_is_success)
        code = GW_EXIT_INTERRUPTED;
    if (talk->ending) /* asked twice: do not wait for the broker */
        talk->over = true;
    talk->interrupted = true;
    gw_talk_end(talk, code);
}

static void on_time_out(struct gw_talk *talk)
{
    talk->time_end = GW_NEVER;
    talk->interrupted = true;
    gw_talk_complain(talk, "timed out");
    gw_talk_end(talk, talk->connected_once || !talk->ops->signal_is_success ? GW_EXIT_TIMED_OUT
                                                                            : GW_EXIT_INTERRUPTED);
}

/* A connection ended otherwise than we asked; says why and whether to go on. */
static void on_lost(struct gw_talk *talk, enum gw_status status)
{
    if (talk->over)
        return;
    if (status == GW_MALFORMED || status == GW_PROTOCOL)
        gw_talk_complain(talk, "the broker broke the protocol: %s", talk->driver.client.fault.what);
    if (status == GW_INVALID) {
        complain_of_tls(talk);
        talk->exit_code = GW_EXIT_TLS;
        talk->over = !talk->connected_once; /* else the next try would end alike */
    }
    if (talk->ending || talk->over) {
        talk->over = true;
        return;
    }
    /* A server that speaks otherwise below MQTT will do so in a second too. */
    bool foreign = status == GW_OS_ERROR && talk->driver.fault.os_error == 0;
    if (talk->ops->reconnects && (talk->connected_once || !foreign)) {
        talk->wake_at = gw_time_add_s(gw_driver_now(), GW_TALK_RETRY_S);
        return;
    }
    if (status == GW_INVALID) {
        talk->over = true;
        return;
    }
    if (foreign)
        gw_talk_complain(talk, "%s", talk->driver.fault.text);
    else if (status == GW_OS_ERROR)
        gw_talk_complain(talk, "the connection was lost: %s", talk->driver.fault.text);
    else if (status != GW_MALFORMED && status != GW_PROTOCOL)
        gw_talk_complain(talk, "the connection was lost");
    talk->exit_code = status == GW_TIMEOUT ? GW_EXIT_KEEP_ALIVE : GW_EXIT_CONN_LOST;
    talk->over = true;
}

/* One turn without a connection: waits, then tries again. */
static void turn_idle(struct gw_talk *talk, struct gw_pollset_item *items, size_t count)
{
    gw_mono_ns now = gw_driver_now();
    gw_mono_ns until = talk->wake_at < talk->time_end ? talk->wake_at : talk->time_end;
    enum gw_status waited = gw_pollset_wait(items, count, until, now);
    (void)waited; /* whatever it was, the clock decides */
    now = gw_driver_now();
    if (talk->ending || now < talk->wake_at)
        return;
    talk->wake_at = GW_NEVER;
    if (connect_now(talk, false) != GW_OK)
        talk->wake_at = gw_time_add_s(now, GW_TALK_RETRY_S);
}

/* When a turn must end at the latest; one that ends is looked at now and then. */
static gw_mono_ns turn_end(const struct gw_talk *talk)
{
    gw_mono_ns until = talk->wake_at < talk->time_end ? talk->wake_at : talk->time_end;
    gw_mono_ns soon = talk->ending ? gw_time_add_s(gw_driver_now(), 1) : GW_NEVER;
    return soon < until ? soon : until;
}

static void turn(struct gw_talk *talk)
{
    struct gw_pollset_item items[] = {
        {.descriptor = talk->interrupt, .want_read = true},
        {.descriptor = STDIN_FILENO, .want_read = talk->want_input},
    };
    bool connected = talk->driver.socket >= 0;
    if (!connected) {
        items[1].want_read = false;
        turn_idle(talk, items, GW_COUNT_OF(items));
    } else {
        enum gw_status status =
            gw_driver_turn(&talk->driver, items, GW_COUNT_OF(items), turn_end(talk));
        if (status == GW_END)
            talk->over = true;
        else if (status != GW_OK)
            on_lost(talk, status);
    }
    int signal_number = items[0].ready ? gw_interrupt_take(talk->interrupt) : 0;
    if (signal_number > 0)
        on_signal(talk, signal_number);
    if (gw_driver_now() >= talk->time_end)
        on_time_out(talk);
    if (talk->driver.socket >= 0 && !talk->ending && !talk->over && talk->ops->on_turn)
        talk->ops->on_turn(talk, items[1].ready);
    end_if_asked(talk);
}

static enum gw_status prepare(struct gw_talk *talk)
{
    const struct gw_options_net *net = &talk->options->net;
    talk->target = (struct gw_driver_target){.host = net->host ? net->host : "localhost",
                                             .bind_host = net->bind_host,
                                             .unix_path = net->unix_path,
                                             .ws_path = net->ws ? net->ws_path : NULL,
                                             .port = net->port > 0 ? net->port
                                                     : net->ws     ? PORT_WS
                                                                   : PORT_PLAIN,
                                             .tls = net->tls_on ? &net->tls : NULL};
    gw_prove_init(&talk->prove, &talk->options->session);
    fill_connect(talk);
    GW_TRY(gw_driver_init(&talk->driver, &talk->target, &talk->client, &events, talk));
    return gw_interrupt_open(&talk->interrupt);
}

int gw_talk_run(struct gw_talk *talk, struct gw_options *options, const struct gw_talk_ops *ops,
                void *user)
{
    *talk = (struct gw_talk){.options = options, .ops = ops, .user = user, .interrupt = -1};
    talk->time_end = talk->wake_at = GW_NEVER;
    enum gw_status status = prepare(talk);
    if (status == GW_OK)
        status = connect_now(talk, true);
    else
        gw_talk_complain(talk, "cannot start: %s", gw_status_name(status));
    if (status != GW_OK) {
        talk->exit_code = status == GW_INVALID ? GW_EXIT_TLS : GW_EXIT_USAGE;
        talk->over = true;
    }
    if (options->select.timeout_s > 0)
        talk->time_end = gw_time_add_s(gw_driver_now(), options->select.timeout_s);
    while (!talk->over)
        turn(talk);
    fflush(stdout);
    gw_driver_fini(&talk->driver);
    gw_prove_fini(&talk->prove);
    gw_interrupt_close(talk->interrupt);
    free(talk->assigned_id);
    free(talk->own_id);
    return talk->exit_code;
}

enum gw_status gw_talk_publish(struct gw_talk *talk, struct gw_client_send *send)
{
    enum gw_status status = gw_client_publish(&talk->driver.client, send, gw_driver_now());
    if (status == GW_OK || status == GW_AGAIN)
        return status;
    if (status == GW_REFUSED)
        gw_talk_complain(talk, "the broker does not take this QoS or retained messages");
    else if (status == GW_LIMIT || status == GW_NO_SPACE)
        gw_talk_complain(talk, "the message is larger than the broker takes");
    else
        gw_talk_complain(talk, "cannot publish: %s", gw_status_name(status));
    return GW_INVALID;
}

enum gw_status gw_talk_payload(const struct gw_options *options, struct gw_buf *buf)
{
    const struct gw_options_message *message = &options->message;
    int error = 0;
    gw_buf_init(buf, PAYLOAD_MAX);
    enum gw_status status = GW_OK;
    if (message->mode == GW_MODE_TEXT)
        status = gw_buf_append(buf, gw_span_str(message->text));
    else if (message->mode == GW_MODE_FILE)
        status = gw_file_read(message->text, buf, &error);
    else if (message->mode == GW_MODE_STDIN)
        status = gw_file_read("-", buf, &error);
    if (status == GW_OK && message->mode == GW_MODE_STDIN && options->tool == GW_TOOL_PUB &&
        buf->size == 0) {
        fprintf(stderr,
                "godwit pub: nothing came from standard input; -n sends an empty message\n");
        gw_buf_fini(buf);
        return GW_INVALID;
    }
    if (status == GW_OK)
        return GW_OK;
    const char *what = message->mode == GW_MODE_FILE ? message->text : "the message";
    fprintf(stderr, "godwit %s: cannot read %s: %s\n", options->name, what,
            status == GW_OS_ERROR ? strerror(error)
            : status == GW_LIMIT  ? "larger than 268435455 bytes"
                                  : gw_status_name(status));
    gw_buf_fini(buf);
    return GW_INVALID;
}
