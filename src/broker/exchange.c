#include "broker/exchange.h"

#include <stdlib.h>

#include "auth/method.h"
#include "auth/password.h"
#include "broker/admission.h"
#include "broker/connector.h"
#include "broker/penalty.h"
#include "broker/rights.h"
#include "wire/disconnect.h"

#define NAME_MAX_SIZE 32u
#define RENEWALS_TIME (60 * GW_NS_PER_S) /* in which limits.login.renewals are counted */

/* A run of the method, from its first step to its last. */
struct run {
    const struct gw_method *method;
    void *state;
    struct gw_method_exchange exchange;
    struct gw_users *users; /* a reference; NULL: none */
    struct gw_buf answer;
    char address[GW_ADDRESS_TEXT_MAX];
    unsigned steps;
};

struct gw_guest_auth {
    struct gw_guest *client;
    char name[NAME_MAX_SIZE]; /* of the method in CONNECT: no other will do later */
    struct gw_buf connect;    /* its body, until the client is let in */
    struct run *run;          /* NULL: no exchange is going on */
    struct gw_timer timer;    /* by when a re-authentication is to be over */
    gw_mono_ns tell_at;       /* its CONNECT has failed and it is told then; 0: it has not */
    gw_mono_ns renewals_since;
    uint32_t renewals;
};

static const struct gw_config_limits *limits_of(const struct gw_guest *client)
{
    return &gw_shard_settings(client->shard)->limits;
}

/* -- life -- */

static const struct gw_method *find(const struct gw_guest *client, struct gw_span name)
{
    const struct gw_method_set offered = {
        .echo = gw_shard_settings(client->shard)->debug.auth_echo,
        .users = client->shard->config->users,
    };
    return name.size < NAME_MAX_SIZE ? gw_method_find(&offered, name) : NULL;
}

static void run_free(struct run *run)
{
    if (!run)
        return;
    if (run->method->end && run->steps > 0)
        run->method->end(run->state);
    gw_password_wipe(run->state, run->method->state_size);
    free(run->state);
    gw_users_unref(run->users);
    gw_method_exchange_fini(&run->exchange);
    gw_password_wipe(run->answer.data, run->answer.size);
    gw_buf_fini(&run->answer);
    free(run);
}

static struct run *run_new(const struct gw_guest *client, const struct gw_method *method)
{
    struct run *run = calloc(1, sizeof(*run));
    if (!run)
        return NULL;
    struct gw_users *users = client->shard->config->users;
    run->method = method;
    gw_method_exchange_init(&run->exchange);
    gw_buf_init(&run->answer, GW_METHOD_DATA_MAX);
    run->users = users ? gw_users_ref(users) : NULL;
    run->exchange.users = users;
    run->exchange.who.address =
        gw_span_str(gw_address_text(gw_conn_peer(client->conn), run->address));
    run->exchange.who.user = gw_guest_user_name(client);
    run->state = calloc(1, method->state_size);
    if (run->state)
        return run;
    run_free(run);
    return NULL;
}

static void forget_connect(struct gw_guest_auth *auth)
{
    gw_password_wipe(auth->connect.data, auth->connect.size);
    gw_buf_fini(&auth->connect);
}

static void end_run(struct gw_guest_auth *auth)
{
    run_free(auth->run);
    auth->run = NULL;
    gw_wheel_cancel(gw_loop_wheel(auth->client->shard->loop), &auth->timer);
}

void gw_exchange_drop(struct gw_guest *client)
{
    struct gw_guest_auth *auth = client->auth;
    if (!auth)
        return;
    end_run(auth);
    forget_connect(auth);
    free(auth);
    client->auth = NULL;
}

size_t gw_exchange_bytes(const struct gw_guest *client)
{
    const struct gw_guest_auth *auth = client->auth;
    if (!auth)
        return 0;
    return sizeof(*auth) + auth->connect.capacity +
           (auth->run ? sizeof(*auth->run) + auth->run->method->state_size : 0);
}

static void on_late(struct gw_timer *timer, gw_mono_ns now)
{
    struct gw_guest_auth *auth = GW_CONTAINER(timer, struct gw_guest_auth, timer);
    (void)now;
    end_run(auth);
    gw_guest_end(auth->client, GW_REASON_NOT_AUTHORIZED,
                 "the re-authentication was not done within limits.connect_time", NULL);
}

static struct gw_guest_auth *auth_new(struct gw_guest *client, const struct gw_method *method,
                                      struct gw_span body)
{
    struct gw_guest_auth *auth = calloc(1, sizeof(*auth));
    if (!auth)
        return NULL;
    auth->client = client;
    memcpy(auth->name, method->name, strlen(method->name) + 1);
    gw_timer_init(&auth->timer, on_late);
    gw_buf_init(&auth->connect, body.size);
    client->auth = auth;
    auth->run = run_new(client, method);
    if (auth->run && gw_buf_append(&auth->connect, body) == GW_OK)
        return auth;
    gw_exchange_drop(client);
    return NULL;
}

/* -- words -- */

static void send_auth(struct gw_guest *client, uint8_t reason, struct gw_span data)
{
    struct gw_disconnect packet = {.type = GW_PACKET_AUTH, .reason = reason};
    packet.props.present = GW_PROP_BIT(AUTH_METHOD);
    packet.props.auth_method = gw_span_str(client->auth->name);
    if (data.size > 0) {
        packet.props.present |= GW_PROP_BIT(AUTH_DATA);
        packet.props.auth_data = data;
    }
    size_t room = 64 + packet.props.auth_method.size + data.size;
    uint8_t *memory = gw_guest_reserve(client, room);
    if (!memory)
        return;
    struct gw_writer w = gw_writer_of(memory, room);
    size_t size = gw_disconnect_encode(&w, GW_VERSION_5, &packet);
    if (size > client->peer.packet_max) {
        gw_conn_commit(client->conn, 0);
        gw_guest_end(client, GW_REASON_PACKET_TOO_LARGE,
                     "AUTH does not fit the client's maximum packet size", "MQTT-3.1.2-24");
        return;
    }
    gw_guest_commit(client, size);
}

static void note_failure(struct gw_guest *client, struct gw_span id, const char *why,
                         gw_mono_ns now)
{
    const struct gw_guest_auth *auth = client->auth;
    struct gw_span user = gw_buf_span(&auth->run->exchange.warrant.user);
    if (auth->run->method->proves_nobody)
        return;
    gw_penalty_note(
        client,
        &(struct gw_penalty_case){.client_id = id,
                                  .user = user.size > 0 ? user : gw_guest_user_name(client),
                                  .method = auth->name,
                                  .why = why},
        now);
}

/* -- who it is -- */

/* Why what was proved does not count after all; NULL if it does. The users may have changed while
 * the exchange went on, and a certificate or CONNECT may have given another name. */
static const char *judge(const struct gw_guest *client, const struct gw_warrant *warrant)
{
    const struct gw_users *users = client->shard->config->users;
    const struct gw_userfile_user *user =
        users ? gw_users_find(users, gw_buf_span(&warrant->user)) : NULL;
    if (client->user.name &&
        !gw_span_equal(gw_guest_user_name(client), gw_buf_span(&warrant->user)))
        return client->state == GW_GUEST_CONNECTED
                   ? "a re-authentication as another user"
                   : "the user name beside the exchange is another one";
    if (!user || user->proof != warrant->proof)
        return "its user was removed or changed meanwhile";
    return NULL;
}

static enum gw_status grant(struct gw_guest *client, const struct gw_warrant *warrant)
{
    struct gw_blob *groups = NULL;
    if (!client->user.name)
        client->user.name = gw_blob_copy(gw_buf_span(&warrant->user));
    if (warrant->groups.size > 0)
        groups = gw_blob_copy(gw_buf_span(&warrant->groups));
    if (!client->user.name || (!groups && warrant->groups.size > 0)) {
        gw_blob_unref(&groups);
        return GW_NO_MEMORY;
    }
    gw_blob_unref(&client->user.groups);
    client->user.groups = groups;
    client->user.proof = warrant->proof;
    client->user.proved = true;
    if (client->session)
        gw_rights_on_connected(client);
    gw_metrics_add(&client->shard->metrics, GW_METRIC_LOGINS_PASSED, 1);
    return GW_OK;
}

/* -- the exchange that a CONNECT began -- */

static struct gw_span client_id(const struct gw_guest_auth *auth)
{
    struct gw_connect connect;
    struct gw_fault fault;
    enum gw_status status =
        gw_connect_decode(gw_buf_span(&auth->connect), UINT16_MAX, &connect, &fault);
    return status == GW_OK ? connect.client_id : GW_SPAN_NONE;
}

static void tell_no(struct gw_guest *client)
{
    gw_admission_refuse(client, GW_REASON_NOT_AUTHORIZED, "authentication failed", NULL);
}

static void fail(struct gw_guest *client, const char *why, gw_mono_ns now)
{
    struct gw_guest_auth *auth = client->auth;
    bool told_at_once = auth->run->method->proves_nobody;
    note_failure(client, client_id(auth), why, now);
    end_run(auth);
    auth->tell_at = gw_penalty_until(client, now);
    if (told_at_once || auth->tell_at <= now) {
        tell_no(client);
        return;
    }
    client->state = GW_GUEST_AUTHENTICATING;
    gw_conn_pause(client->conn);
    gw_wheel_arm(gw_loop_wheel(client->shard->loop), &client->timer, auth->tell_at);
}

static void pass(struct gw_guest *client, gw_mono_ns now)
{
    struct gw_guest_auth *auth = client->auth;
    struct run *run = auth->run;
    if (!run->method->proves_nobody) {
        const char *why = judge(client, &run->exchange.warrant);
        if (why) {
            fail(client, why, now);
            return;
        }
        if (grant(client, &run->exchange.warrant) != GW_OK) {
            gw_admission_refuse(client, GW_REASON_SERVER_BUSY, "out of memory", NULL);
            return;
        }
    }
    auth->run = NULL;
    gw_connector_admit(client, gw_buf_span(&auth->connect), gw_buf_span(&run->answer), now);
    run_free(run);
    forget_connect(auth);
}

/* -- on a living connection -- */

static void log_renewed(const struct gw_guest *client)
{
    struct gw_log_field fields[] = {
        gw_log_text("id", gw_guest_id(client)),
        gw_log_text("user", gw_guest_user_name(client)),
        gw_log_str("method", client->auth->name),
    };
    gw_log_event(gw_shard_log(client->shard), GW_LOG_DEBUG, "auth.renewed",
                 "a client proved again who it is", fields, GW_COUNT_OF(fields));
}

static void fail_again(struct gw_guest *client, const char *why, gw_mono_ns now)
{
    note_failure(client, gw_guest_id(client), why, now);
    end_run(client->auth);
    gw_guest_end(client, GW_REASON_NOT_AUTHORIZED, "re-authentication failed", "MQTT-4.12.1-2");
}

static void pass_again(struct gw_guest *client, gw_mono_ns now)
{
    struct gw_guest_auth *auth = client->auth;
    if (!auth->run->method->proves_nobody) {
        const char *why = judge(client, &auth->run->exchange.warrant);
        if (why) {
            fail_again(client, why, now);
            return;
        }
        if (grant(client, &auth->run->exchange.warrant) != GW_OK) {
            end_run(auth);
            gw_guest_end(client, GW_REASON_SERVER_BUSY, "out of memory", NULL);
            return;
        }
        log_renewed(client);
    }
    send_auth(client, GW_REASON_SUCCESS, gw_buf_span(&auth->run->answer));
    end_run(auth);
}

/* -- steps -- */

static void on_outcome(struct gw_guest *client, enum gw_method_outcome outcome, gw_mono_ns now)
{
    struct gw_guest_auth *auth = client->auth;
    bool again = client->state == GW_GUEST_CONNECTED;
    const char *words = auth->run->exchange.words;
    if (outcome == GW_METHOD_CONTINUE && auth->run->steps >= GW_METHOD_STEPS_MAX) {
        outcome = GW_METHOD_FAILED;
        words = "the exchange has too many steps";
    }
    switch (outcome) {
    case GW_METHOD_CONTINUE:
        if (!again)
            client->state = GW_GUEST_AUTHENTICATING;
        send_auth(client, GW_REASON_CONTINUE_AUTHENTICATION, gw_buf_span(&auth->run->answer));
        break;
    case GW_METHOD_DONE: (again ? pass_again : pass)(client, now); break;
    case GW_METHOD_FAILED: (again ? fail_again : fail)(client, words, now); break;
    case GW_METHOD_TROUBLE:
        gw_penalty_trouble(
            client, &(struct gw_penalty_case){again ? gw_guest_id(client) : client_id(auth),
                                              gw_guest_user_name(client), auth->name, words});
        end_run(auth);
        if (again)
            gw_guest_end(client, GW_REASON_IMPLEMENTATION_SPECIFIC, "the login cannot be judged",
                         NULL);
        else
            gw_admission_refuse(client, GW_REASON_SERVER_UNAVAILABLE, "the login cannot be judged",
                                NULL);
        break;
    }
}

static void step(struct gw_guest *client, const struct gw_props *props, gw_mono_ns now)
{
    struct run *run = client->auth->run;
    struct gw_span data = gw_props_has(props, AUTH_DATA) ? props->auth_data : GW_SPAN_NONE;
    gw_buf_clear(&run->answer);
    run->steps++;
    on_outcome(client, run->method->step(run->state, &run->exchange, data, &run->answer), now);
}

/* -- beginnings -- */

static bool names_method(const struct gw_connect *connect)
{
    return connect->version == GW_VERSION_5 && gw_props_has(&connect->props, AUTH_METHOD);
}

bool gw_exchange_wants_login(const struct gw_guest *client, const struct gw_connect *connect)
{
    const struct gw_method *method =
        names_method(connect) ? find(client, connect->props.auth_method) : NULL;
    return method && method->proves_nobody;
}

bool gw_exchange_begin(struct gw_guest *client, const struct gw_connect *connect,
                       struct gw_span body, gw_mono_ns now)
{
    if (!names_method(connect))
        return false;
    const struct gw_method *method = find(client, connect->props.auth_method);
    if (!method)
        gw_admission_refuse(client, GW_REASON_BAD_AUTHENTICATION_METHOD,
                            "authentication method not offered", NULL);
    else if (!method->proves_nobody && gw_penalty_banned(client, now))
        gw_admission_refuse(client, GW_REASON_BANNED, GW_PENALTY_BANNED, NULL);
    else if (!auth_new(client, method, body))
        gw_admission_refuse(client, GW_REASON_SERVER_BUSY, "out of memory", NULL);
    else
        step(client, &connect->props, now);
    return true;
}

/* One more within the minute than a client may: each costs the broker work. */
static bool renews_too_often(struct gw_guest_auth *auth, gw_mono_ns now)
{
    if (auth->renewals == 0 || now - auth->renewals_since >= RENEWALS_TIME) {
        auth->renewals_since = now;
        auth->renewals = 0;
    }
    auth->renewals++;
    return auth->renewals > limits_of(auth->client)->login.renewals;
}

static bool begin_again(struct gw_guest *client, gw_mono_ns now)
{
    struct gw_guest_auth *auth = client->auth;
    const struct gw_method *method = find(client, gw_span_str(auth->name));
    if (renews_too_often(auth, now)) {
        gw_guest_end(client, GW_REASON_MESSAGE_RATE_TOO_HIGH,
                     "more re-authentications than limits.login.renewals", NULL);
        return false;
    }
    if (!method) {
        gw_guest_end(client, GW_REASON_BAD_AUTHENTICATION_METHOD,
                     "its authentication method is not offered any more", NULL);
        return false;
    }
    auth->run = run_new(client, method);
    if (!auth->run) {
        gw_guest_end(client, GW_REASON_SERVER_BUSY, "out of memory", NULL);
        return false;
    }
    gw_wheel_arm(gw_loop_wheel(client->shard->loop), &auth->timer,
                 now + limits_of(client)->connect_time);
    return true;
}

/* -- AUTH -- */

static void end_fault(struct gw_guest *client, const struct gw_fault *fault)
{
    if (client->state == GW_GUEST_AUTHENTICATING)
        gw_admission_refuse(client, fault->reason, fault->what, fault->clause);
    else
        gw_guest_end_fault(client, fault);
}

/* Re-authentication of a connected client (MQTT 5.0 section 4.12.1). */
static void on_auth_again(struct gw_guest *client, const struct gw_disconnect *packet,
                          gw_mono_ns now)
{
    bool begins = packet->reason == GW_REASON_RE_AUTHENTICATE;
    bool under_way = client->auth->run != NULL;
    if (begins == under_way || (!begins && packet->reason != GW_REASON_CONTINUE_AUTHENTICATION)) {
        gw_guest_end(client, GW_REASON_PROTOCOL_ERROR, "AUTH out of order", "4.12.1");
        return;
    }
    if (!begins || begin_again(client, now))
        step(client, &packet->props, now);
}

static bool check(struct gw_guest *client, const struct gw_disconnect *packet,
                  struct gw_fault *fault)
{
    if (!client->auth || !gw_props_has(&packet->props, AUTH_METHOD) ||
        !gw_span_equal(packet->props.auth_method, gw_span_str(client->auth->name))) {
        *fault = (struct gw_fault){GW_REASON_PROTOCOL_ERROR,
                                   "AUTH with another method than CONNECT", "MQTT-4.12.0-5"};
        return false;
    }
    if (client->state != GW_GUEST_CONNECTED &&
        (packet->reason != GW_REASON_CONTINUE_AUTHENTICATION || !client->auth->run)) {
        *fault =
            (struct gw_fault){GW_REASON_PROTOCOL_ERROR, "AUTH does not continue", "MQTT-4.12.0-3"};
        return false;
    }
    return true;
}

void gw_exchange_on_auth(struct gw_guest *client, const struct gw_frame *frame, gw_mono_ns now)
{
    struct gw_disconnect packet;
    struct gw_fault fault;
    if (gw_disconnect_decode(GW_PACKET_AUTH, frame->body, (enum gw_version)client->peer.version,
                             false, &packet, &fault) != GW_OK ||
        !check(client, &packet, &fault))
        end_fault(client, &fault);
    else if (client->state == GW_GUEST_CONNECTED)
        on_auth_again(client, &packet, now);
    else
        step(client, &packet.props, now);
}

/* -- waiting -- */

const char *gw_exchange_method(const struct gw_guest *client)
{
    return client->auth->name;
}

bool gw_exchange_holds(const struct gw_guest *client)
{
    return client->auth && client->auth->tell_at > 0;
}

bool gw_exchange_on_timer(struct gw_guest *client, gw_mono_ns now)
{
    const struct gw_guest_auth *auth = client->auth;
    if (!auth || auth->tell_at == 0)
        return false;
    if (now < auth->tell_at)
        gw_wheel_arm(gw_loop_wheel(client->shard->loop), &client->timer, auth->tell_at);
    else
        tell_no(client);
    return true;
}
