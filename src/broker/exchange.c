#include "broker/exchange.h"

#include <stdlib.h>

#include "auth/method.h"
#include "auth/password.h"
#include "base/utf8.h"
#include "broker/admission.h"
#include "broker/chain.h"
#include "broker/checker.h"
#include "broker/connector.h"
#include "broker/login.h"
#include "broker/penalty.h"
#include "wire/disconnect.h"

#define NAME_MAX_SIZE 32u
#define CANNOT_ASK    "who knows the users cannot be asked now: try again later"
#define RENEWALS_TIME (60 * GW_NS_PER_S) /* in which limits.login.renewals are counted */

/* A method and who offers it. */
struct offer {
    const struct gw_method *method; /* NULL: nobody offers it */
    struct gw_sponsor *sponsor;     /* borrowed; NULL: the broker itself */
};

/* A run of the method, from its first step to its last. While a worker does a step it is the
 * worker's, and outlives the client if need be. */
struct run {
    struct gw_checker_job job;
    const struct gw_method *method;
    struct gw_sponsor *sponsor; /* a reference; NULL: the broker itself offers the method */
    void *state;
    struct gw_method_exchange exchange;
    struct gw_users *users; /* a reference; NULL: none */
    struct gw_buf data;     /* what the peer said, for the worker */
    struct gw_buf answer;
    struct gw_buf texts; /* what exchange.who views */
    enum gw_method_outcome outcome;
    unsigned steps;
    bool working; /* from the question to a worker until its job is released */
    bool orphan;  /* nobody wants it any more: to be freed with its job */
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

static const struct gw_method *find_among(const struct gw_sponsor *sponsor, struct gw_span name)
{
    const struct gw_method *const *methods = gw_sponsor_ops(sponsor)->methods;
    for (; methods && *methods; methods++)
        if (gw_span_equal(name, gw_span_str((*methods)->name)))
            return *methods;
    return NULL;
}

static struct offer find(const struct gw_guest *client, struct gw_span name)
{
    const struct gw_shard_config *config = client->shard->config;
    const struct gw_method_set own = {
        .echo = config->config.debug.auth_echo,
        .users = config->users,
    };
    struct offer found = {.sponsor = NULL};
    if (name.size >= NAME_MAX_SIZE)
        return found;
    found.method = gw_method_find(&own, name);
    for (size_t i = 0; !found.method && config->chain && i < config->chain->count; i++) {
        found.sponsor = config->chain->links[i].sponsor;
        found.method = found.sponsor ? find_among(found.sponsor, name) : NULL;
    }
    return found;
}

static void run_free(struct run *run)
{
    if (!run)
        return;
    if (run->working) { /* its job frees it */
        run->orphan = true;
        gw_checker_drop(&run->job);
        return;
    }
    if (run->method->end && run->steps > 0)
        run->method->end(run->state);
    if (run->state)
        gw_password_wipe(run->state, run->method->state_size);
    free(run->state);
    gw_users_unref(run->users);
    gw_sponsor_unref(run->sponsor);
    gw_method_exchange_fini(&run->exchange);
    gw_password_drop(&run->data);
    gw_password_drop(&run->answer);
    gw_buf_fini(&run->texts);
    free(run);
}

/* An address without its port: "10.0.0.9", "::1". */
static struct gw_span host_of(const struct gw_address *address, char text[GW_ADDRESS_TEXT_MAX])
{
    struct gw_span host = gw_span_str(gw_address_text(address, text));
    const char *colon = gw_address_port(address) > 0 ? strrchr(text, ':') : NULL;
    if (colon)
        host.size = (size_t)(colon - text);
    if (host.size > 1 && text[0] == '[' && text[host.size - 1] == ']')
        host = gw_span_of(text + 1, host.size - 2);
    return host;
}

/* Copies what is known of the client: a worker may look at it when the client is gone. */
static enum gw_status describe(struct run *run, const struct gw_guest *client, struct gw_span id)
{
    char host[GW_ADDRESS_TEXT_MAX];
    struct gw_span texts[] = {
        gw_guest_user_name(client),
        id,
        host_of(gw_conn_peer(client->conn), host),
        gw_span_str(client->entrance ? client->entrance->url : NULL),
    };
    struct gw_span *places[] = {&run->exchange.who.user, &run->exchange.who.client_id,
                                &run->exchange.who.address, &run->exchange.who.listener};
    size_t size = 0, at = 0;
    for (size_t i = 0; i < GW_COUNT_OF(texts); i++)
        size += texts[i].size;
    gw_buf_init(&run->texts, size);
    for (size_t i = 0; i < GW_COUNT_OF(texts); i++)
        GW_TRY(gw_buf_append(&run->texts, texts[i]));
    for (size_t i = 0; i < GW_COUNT_OF(texts); at += texts[i].size, i++)
        *places[i] =
            texts[i].size > 0 ? gw_span_of(run->texts.data + at, texts[i].size) : GW_SPAN_NONE;
    return GW_OK;
}

static struct run *run_new(const struct gw_guest *client, const struct offer *offer,
                           struct gw_span id)
{
    struct run *run = calloc(1, sizeof(*run));
    if (!run)
        return NULL;
    struct gw_users *users = client->shard->config->users;
    run->method = offer->method;
    run->sponsor = offer->sponsor ? gw_sponsor_ref(offer->sponsor) : NULL;
    gw_method_exchange_init(&run->exchange);
    gw_buf_init(&run->data, client->assembler.packet_max);
    gw_buf_init(&run->answer, GW_METHOD_DATA_MAX);
    run->users = users ? gw_users_ref(users) : NULL;
    run->exchange.users = users;
    run->exchange.backend = offer->sponsor ? gw_sponsor_ops(offer->sponsor) : NULL;
    run->state = calloc(1, offer->method->state_size);
    if (run->state && describe(run, client, id) == GW_OK)
        return run;
    run_free(run);
    return NULL;
}

static void forget_connect(struct gw_guest_auth *auth)
{
    gw_password_drop(&auth->connect);
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
    size_t run = 0;
    if (auth->run && !auth->run->working) /* a worker's is not looked into */
        run = auth->run->data.capacity + auth->run->answer.capacity;
    return sizeof(*auth) + auth->connect.capacity + run +
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

static struct gw_guest_auth *auth_new(struct gw_guest *client, const struct offer *offer,
                                      struct gw_span id, struct gw_span body)
{
    struct gw_guest_auth *auth = calloc(1, sizeof(*auth));
    if (!auth)
        return NULL;
    auth->client = client;
    memcpy(auth->name, offer->method->name, strlen(offer->method->name) + 1);
    gw_timer_init(&auth->timer, on_late);
    gw_buf_init(&auth->connect, body.size);
    client->auth = auth;
    auth->run = run_new(client, offer, id);
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

static struct gw_penalty_case tried(const struct gw_guest *client, struct gw_span id,
                                    const char *why)
{
    struct gw_span user = gw_buf_span(&client->auth->run->exchange.warrant.user);
    return (struct gw_penalty_case){
        .client_id = id,
        .user = user.size > 0 ? user : gw_guest_user_name(client),
        .method = client->auth->name,
        .why = why,
    };
}

static void note_failure(struct gw_guest *client, struct gw_span id, const char *why,
                         gw_mono_ns now)
{
    const struct gw_penalty_case what = tried(client, id, why);
    if (!client->auth->run->method->proves_nobody)
        gw_penalty_note(client, &what, now);
}

/* -- who it is -- */

static uint64_t sponsor_id(const struct run *run)
{
    return run->sponsor ? gw_sponsor_id(run->sponsor) : 0;
}

/* What user files vouched for they must vouch for still, and so must others. */
static bool stands(const struct gw_guest *client, const struct run *run)
{
    const struct gw_shard_config *config = client->shard->config;
    const struct gw_warrant *warrant = &run->exchange.warrant;
    if (run->sponsor) { /* who has its settings today may have other keys */
        const struct gw_sponsor *today = gw_chain_find(config->chain, sponsor_id(run));
        return today && gw_sponsor_stands(today, warrant->proof);
    }
    const struct gw_userfile_user *user =
        config->users ? gw_users_find(config->users, gw_buf_span(&warrant->user)) : NULL;
    return user && user->proof == warrant->proof;
}

/* Why what was proved does not count after all; NULL if it does. The users may have changed while
 * the exchange went on, and a certificate or CONNECT may have given another name. */
static const char *judge(const struct gw_guest *client, const struct run *run)
{
    struct gw_span user = gw_buf_span(&run->exchange.warrant.user);
    if (user.size == 0)
        return "it is not said who it is";
    if (user.size > UINT16_MAX || gw_utf8_check(user) != GW_UTF8_VALID)
        return "its name is no text that MQTT could carry";
    if (client->user.name && !gw_span_equal(gw_guest_user_name(client), user))
        return client->state == GW_GUEST_CONNECTED
                   ? "a re-authentication as another user"
                   : "the user name beside the exchange is another one";
    return stands(client, run) ? NULL : "what it was let in by was removed or changed meanwhile";
}

static enum gw_status grant(struct gw_guest *client, const struct run *run)
{
    GW_TRY(gw_login_grant(client, &run->exchange.warrant, sponsor_id(run)));
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
        const char *why = judge(client, run);
        if (why) {
            fail(client, why, now);
            return;
        }
        if (grant(client, run) != GW_OK) {
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
        const char *why = judge(client, auth->run);
        if (why) {
            fail_again(client, why, now);
            return;
        }
        if (grant(client, auth->run) != GW_OK) {
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

/* There is no outcome that the client could do anything about. */
static void give_up(struct gw_guest *client, enum gw_reason reason, const char *what)
{
    bool again = client->state == GW_GUEST_CONNECTED;
    end_run(client->auth);
    if (!again)
        gw_admission_refuse(client, (uint8_t)reason, what, NULL);
    else if (reason == GW_REASON_SERVER_UNAVAILABLE) /* which DISCONNECT has not */
        gw_guest_end(client, GW_REASON_IMPLEMENTATION_SPECIFIC, what, NULL);
    else
        gw_guest_end(client, (uint8_t)reason, what, NULL);
}

static void note_trouble(struct gw_guest *client, const char *words)
{
    bool again = client->state == GW_GUEST_CONNECTED;
    const struct gw_penalty_case what =
        tried(client, again ? gw_guest_id(client) : client_id(client->auth), words);
    gw_penalty_trouble(client, &what);
}

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
        note_trouble(client, words);
        give_up(client, GW_REASON_SERVER_UNAVAILABLE, CANNOT_ASK);
        break;
    }
}

/* On a worker. */
static enum gw_status work(struct gw_checker_job *job, void *worker)
{
    struct run *run = GW_CONTAINER(job, struct run, job);
    run->exchange.worker = worker;
    run->outcome =
        run->method->step(run->state, &run->exchange, gw_buf_span(&run->data), &run->answer);
    return GW_OK;
}

static void on_done(void *asker, struct gw_checker_job *job, enum gw_status status, gw_mono_ns now)
{
    struct gw_guest_auth *auth = asker;
    struct gw_guest *client = auth->client;
    const struct run *run = GW_CONTAINER(job, struct run, job);
    bool again = client->state == GW_GUEST_CONNECTED;
    if (client->state == GW_GUEST_CLOSING)
        return;
    if (!again && gw_conn_hung_up(client->conn)) {
        if (status == GW_OK && run->outcome == GW_METHOD_FAILED)
            note_failure(client, client_id(auth), run->exchange.words, now);
        gw_guest_end(client, GW_REASON_UNSPECIFIED, "the peer left before its login was answered",
                     NULL);
        return;
    }
    if (!again)
        gw_conn_resume(client->conn);
    if (status == GW_OK)
        on_outcome(client, run->outcome, now);
    else
        give_up(client, GW_REASON_SERVER_BUSY, "out of memory");
}

static void release(struct gw_checker_job *job)
{
    struct run *run = GW_CONTAINER(job, struct run, job);
    run->working = false;
    if (run->orphan)
        run_free(run);
}

/* Has a worker do the step; before CONNACK nothing is read from the client meanwhile. */
static void ask_worker(struct gw_guest *client, struct gw_span data)
{
    struct gw_shard *shard = client->shard;
    struct run *run = client->auth->run;
    struct gw_checker *pool = run->sponsor ? gw_sponsor_pool(run->sponsor) : shard->world->checker;
    gw_password_wipe(run->data.data, run->data.size);
    gw_buf_clear(&run->data);
    if (gw_buf_append(&run->data, data) != GW_OK) {
        give_up(client, GW_REASON_SERVER_BUSY, "out of memory");
        return;
    }
    memset(&run->job, 0, sizeof(run->job));
    gw_checker_job_init(&run->job);
    run->job.loop = shard->loop;
    run->job.work = work;
    run->job.answered = on_done;
    run->job.release = release;
    run->job.asker = client->auth;
    run->working = true;
    if (client->state != GW_GUEST_CONNECTED) {
        client->state = GW_GUEST_AUTHENTICATING;
        gw_conn_pause(client->conn);
    }
    if (gw_checker_ask(pool, &run->job, gw_shard_settings(shard)->limits.login.queue) == GW_OK)
        return;
    gw_metrics_add(&shard->metrics, GW_METRIC_LOGINS_BUSY, 1);
    give_up(client, GW_REASON_SERVER_BUSY, "too many logins wait (limits.login.queue)");
}

static void step(struct gw_guest *client, const struct gw_props *props, gw_mono_ns now)
{
    struct run *run = client->auth->run;
    struct gw_span data = gw_props_has(props, AUTH_DATA) ? props->auth_data : GW_SPAN_NONE;
    gw_buf_clear(&run->answer);
    run->steps++;
    if (run->sponsor)
        ask_worker(client, data);
    else
        on_outcome(client, run->method->step(run->state, &run->exchange, data, &run->answer), now);
}

/* -- beginnings -- */

static bool names_method(const struct gw_connect *connect)
{
    return connect->version == GW_VERSION_5 && gw_props_has(&connect->props, AUTH_METHOD);
}

bool gw_exchange_wants_login(const struct gw_guest *client, const struct gw_connect *connect)
{
    struct offer offer = {.method = NULL};
    if (names_method(connect))
        offer = find(client, connect->props.auth_method);
    return offer.method && offer.method->proves_nobody;
}

bool gw_exchange_begin(struct gw_guest *client, const struct gw_connect *connect,
                       struct gw_span body, gw_mono_ns now)
{
    if (!names_method(connect))
        return false;
    struct offer offer = find(client, connect->props.auth_method);
    if (!offer.method)
        gw_admission_refuse(client, GW_REASON_BAD_AUTHENTICATION_METHOD,
                            "authentication method not offered", NULL);
    else if (!offer.method->proves_nobody && gw_penalty_banned(client, now))
        gw_admission_refuse(client, GW_REASON_BANNED, GW_PENALTY_BANNED, NULL);
    else if (!auth_new(client, &offer, connect->client_id, body))
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
    struct offer offer = find(client, gw_span_str(auth->name));
    if (renews_too_often(auth, now)) {
        gw_guest_end(client, GW_REASON_MESSAGE_RATE_TOO_HIGH,
                     "more re-authentications than limits.login.renewals", NULL);
        return false;
    }
    if (!offer.method) {
        gw_guest_end(client, GW_REASON_BAD_AUTHENTICATION_METHOD,
                     "its authentication method is not offered any more", NULL);
        return false;
    }
    auth->run = run_new(client, &offer, gw_guest_id(client));
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
    if (begins == under_way || (under_way && client->auth->run->working) ||
        (!begins && packet->reason != GW_REASON_CONTINUE_AUTHENTICATION)) {
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
    const struct gw_guest_auth *auth = client->auth;
    bool works = auth && auth->run && auth->run->working;
    return auth && (auth->tell_at > 0 || (works && client->state != GW_GUEST_CONNECTED));
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
