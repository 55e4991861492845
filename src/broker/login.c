#include "broker/login.h"

#include <stdlib.h>

#include "auth/password.h"
#include "auth/users.h"
#include "broker/admission.h"
#include "broker/checker.h"
#include "broker/connector.h"
#include "broker/registry.h"
#include "broker/rights.h"
#include "broker/watchlist.h"

#define TOO_MANY "too many wrong logins came from this address: try again later"

struct gw_login {
    struct gw_guest *client;
    struct gw_checker_job *job; /* NULL: answered with a no that is told at `tell_at` */
    struct gw_buf connect;      /* the body of the CONNECT that waits */
    gw_mono_ns connect_by;
    gw_mono_ns tell_at;
};

static const struct gw_config_login *limits_of(const struct gw_guest *client)
{
    return &gw_shard_settings(client->shard)->limits.login;
}

static enum gw_login_outcome refuse(struct gw_guest *client, enum gw_reason reason,
                                    const char *what)
{
    gw_admission_refuse(client, (uint8_t)reason, what, NULL);
    return GW_LOGIN_REFUSED;
}

/* -- life -- */

static struct gw_login *login_new(struct gw_guest *client, struct gw_span body, gw_mono_ns now)
{
    struct gw_login *login = calloc(1, sizeof(*login));
    if (!login)
        return NULL;
    gw_buf_init(&login->connect, body.size);
    if (gw_buf_append(&login->connect, body) != GW_OK) {
        free(login);
        return NULL;
    }
    login->client = client;
    login->connect_by = client->since + gw_shard_settings(client->shard)->limits.connect_time;
    if (login->connect_by < now)
        login->connect_by = now;
    client->login = login;
    return login;
}

void gw_login_drop(struct gw_guest *client)
{
    struct gw_login *login = client->login;
    if (!login)
        return;
    if (login->job)
        gw_checker_drop(login->job);
    gw_password_wipe(login->connect.data, login->connect.size);
    gw_buf_fini(&login->connect);
    free(login);
    client->login = NULL;
}

size_t gw_login_bytes(const struct gw_guest *client)
{
    return client->login ? sizeof(*client->login) + client->login->connect.capacity : 0;
}

/* -- the answer is no -- */

static void log_failed(const struct gw_guest *client, struct gw_span id, const char *why)
{
    char from[GW_ADDRESS_TEXT_MAX];
    struct gw_log_field fields[] = {
        gw_log_text("id", id),
        gw_log_text("user", gw_guest_user_name(client)),
        gw_log_str("from", gw_address_text(gw_conn_peer(client->conn), from)),
        gw_log_str("method", "password"),
        gw_log_str("reason", why),
    };
    gw_log_event(gw_shard_log(client->shard), GW_LOG_WARN, "auth.failed", "a login failed", fields,
                 GW_COUNT_OF(fields));
}

/* Notes a wrong login; one too many bans its address. */
static void count_failure(struct gw_guest *client, gw_mono_ns now)
{
    struct gw_shard *shard = client->shard;
    const struct gw_config_login *limits = limits_of(client);
    const struct gw_address *peer = gw_conn_peer(client->conn);
    gw_metrics_add(&shard->metrics, GW_METRIC_LOGINS_FAILED, 1);
    if (!gw_watchlist_fail(shard->world->watchlist, gw_registry_host(peer), limits->failures,
                           limits->ban, now))
        return;
    char from[GW_ADDRESS_TEXT_MAX];
    struct gw_log_field fields[] = {
        gw_log_str("from", gw_address_text(peer, from)),
        gw_log_number("failures", limits->failures),
        gw_log_number("ban_s", (int64_t)(limits->ban / GW_NS_PER_S)),
    };
    gw_log_event(gw_shard_log(shard), GW_LOG_WARN, "auth.banned",
                 "an address is banned for wrong logins", fields, GW_COUNT_OF(fields));
}

static struct gw_span client_id(const struct gw_login *login)
{
    struct gw_connect connect;
    struct gw_fault fault;
    enum gw_status status =
        gw_connect_decode(gw_buf_span(&login->connect), UINT16_MAX, &connect, &fault);
    return status == GW_OK ? connect.client_id : GW_SPAN_NONE;
}

static void note_failure(const struct gw_login *login, const char *why, gw_mono_ns now)
{
    log_failed(login->client, client_id(login), why);
    count_failure(login->client, now);
}

/* One answer for all that is wrong, so that nobody learns which names there are. */
static void tell_no(struct gw_guest *client)
{
    bool old = client->peer.version != GW_VERSION_5; /* return code 5, as mosquitto has it */
    gw_login_drop(client);
    refuse(client, old ? GW_REASON_NOT_AUTHORIZED : GW_REASON_BAD_USER_NAME_OR_PASSWORD,
           "user name or password is wrong");
}

/* Tells the client no after a while: whoever tries passwords has to wait for each. */
static void fail(struct gw_login *login, const char *why, gw_mono_ns now)
{
    struct gw_guest *client = login->client;
    gw_mono_ns delay = limits_of(client)->delay;
    note_failure(login, why, now);
    if (delay == 0) {
        tell_no(client);
        return;
    }
    login->tell_at = now + delay < login->connect_by ? now + delay : login->connect_by;
    gw_wheel_arm(gw_loop_wheel(client->shard->loop), &client->timer, login->tell_at);
}

void gw_login_on_timer(struct gw_guest *client, gw_mono_ns now)
{
    struct gw_login *login = client->login;
    if (!login->job && now < login->tell_at) {
        gw_wheel_arm(gw_loop_wheel(client->shard->loop), &client->timer, login->tell_at);
    } else if (!login->job) {
        tell_no(client);
    } else {
        gw_login_drop(client);
        refuse(client, GW_REASON_SERVER_BUSY,
               "the password was not checked within limits.connect_time: too many logins wait");
    }
}

/* -- the answer is yes -- */

static enum gw_status set_groups(struct gw_guest *client, struct gw_span groups)
{
    struct gw_blob *blob = NULL;
    if (groups.size > 0) {
        blob = gw_blob_copy(groups);
        if (!blob)
            return GW_NO_MEMORY;
    }
    gw_blob_unref(&client->user.groups);
    client->user.groups = blob;
    if (client->session) /* rules ask for groups */
        gw_rights_on_connected(client);
    return GW_OK;
}

static void pass(struct gw_login *login, const struct gw_userfile_user *user, gw_mono_ns now)
{
    struct gw_guest *client = login->client;
    if (set_groups(client, user->groups) != GW_OK) {
        gw_login_drop(client);
        refuse(client, GW_REASON_SERVER_BUSY, "out of memory");
        return;
    }
    struct gw_buf connect = login->connect;
    gw_buf_init(&login->connect, 0); /* it is ours now */
    gw_login_drop(client);
    client->user.proved = true;
    client->user.proof = user->proof;
    gw_metrics_add(&client->shard->metrics, GW_METRIC_LOGINS_PASSED, 1);
    gw_conn_resume(client->conn);
    client->state = GW_GUEST_NEW;
    gw_connector_go_on(client, gw_buf_span(&connect), now);
    gw_password_wipe(connect.data, connect.size);
    gw_buf_fini(&connect);
}

/* The workers know whether the password was right; whether the user is still there is looked up
 * now, for the users may have changed meanwhile. */
static void on_answer(void *asker, const struct gw_checker_job *job, enum gw_status answer,
                      gw_mono_ns now)
{
    struct gw_login *login = asker;
    struct gw_guest *client = login->client;
    const struct gw_users *users = client->shard->config->users;
    const struct gw_userfile_user *user =
        users ? gw_users_find(users, gw_guest_user_name(client)) : NULL;
    login->job = NULL;
    if (client->state != GW_GUEST_AUTHENTICATING) {
        gw_login_drop(client);
    } else if (gw_conn_hung_up(client->conn)) {
        if (answer == GW_REFUSED) /* not to wait for the answer spares nobody the ban */
            note_failure(login, user ? "the password is wrong" : "there is no such user", now);
        gw_login_drop(client);
        gw_guest_end(client, GW_REASON_UNSPECIFIED, "the peer left before its login was answered",
                     NULL);
    } else if (answer == GW_NO_MEMORY) {
        gw_login_drop(client);
        refuse(client, GW_REASON_SERVER_BUSY, "out of memory");
    } else if (!user) {
        fail(login, "there is no such user", now);
    } else if (answer != GW_OK || user->proof != job->proof) {
        fail(login, "the password is wrong", now);
    } else {
        pass(login, user, now);
    }
}

/* -- asking -- */

/* Somebody unknown costs as much time as somebody known. */
static struct gw_checker_job *make_job(struct gw_login *login, const struct gw_users *users,
                                       struct gw_span password)
{
    struct gw_guest *client = login->client;
    const struct gw_userfile_user *user = gw_users_find(users, gw_guest_user_name(client));
    struct gw_checker_job *job = gw_checker_job_new(password);
    if (!job)
        return NULL;
    job->loop = client->shard->loop;
    job->answered = on_answer;
    job->asker = login;
    job->hash = user ? user->hash : *gw_users_dummy(users);
    job->proof = user ? user->proof : 0;
    return job;
}

static enum gw_login_outcome ask(struct gw_guest *client, const struct gw_connect *connect,
                                 struct gw_span body, gw_mono_ns now)
{
    struct gw_shard *shard = client->shard;
    struct gw_login *login = login_new(client, body, now);
    if (!login)
        return refuse(client, GW_REASON_SERVER_BUSY, "out of memory");
    client->state = GW_GUEST_AUTHENTICATING;
    gw_conn_pause(client->conn);
    if (!connect->has_password) {
        fail(login, "there is no password", now);
        return client->login ? GW_LOGIN_WAITS : GW_LOGIN_REFUSED;
    }
    login->job = make_job(login, shard->config->users, connect->password);
    enum gw_status status = GW_NO_MEMORY;
    if (login->job)
        status = gw_checker_ask(shard->world->checker, login->job, limits_of(client)->queue);
    if (status == GW_OK)
        return GW_LOGIN_WAITS;
    login->job = NULL; /* it is gone */
    gw_login_drop(client);
    if (status == GW_LIMIT)
        gw_metrics_add(&shard->metrics, GW_METRIC_LOGINS_BUSY, 1);
    return refuse(client, GW_REASON_SERVER_BUSY,
                  status == GW_LIMIT ? "too many logins wait (limits.login.queue)"
                                     : "out of memory");
}

/* Its certificate has said who it is; a user file may still say which groups that is in. */
static enum gw_login_outcome pass_certified(struct gw_guest *client)
{
    const struct gw_users *users = client->shard->config->users;
    const struct gw_userfile_user *user =
        users ? gw_users_find(users, gw_guest_user_name(client)) : NULL;
    if (set_groups(client, user ? user->groups : GW_SPAN_NONE) != GW_OK)
        return refuse(client, GW_REASON_SERVER_BUSY, "out of memory");
    client->user.proved = gw_guest_user_name(client).size > 0;
    return GW_LOGIN_PASSED;
}

enum gw_login_outcome gw_login_begin(struct gw_guest *client, const struct gw_connect *connect,
                                     struct gw_span body, gw_mono_ns now)
{
    struct gw_shard *shard = client->shard;
    bool users_wanted = gw_shard_settings(shard)->auth.count > 0;
    if (gw_conn_peer_name(client->conn))
        return pass_certified(client);
    if (!shard->config->users && users_wanted)
        return refuse(client, GW_REASON_SERVER_UNAVAILABLE, "the users are not read yet");
    if (!shard->config->users && client->entrance->anonymous)
        return GW_LOGIN_PASSED;
    if (!shard->config->users)
        return refuse(client, GW_REASON_NOT_AUTHORIZED,
                      "this listener does not let anonymous clients in and no users are "
                      "configured");
    if (!connect->has_user_name && client->entrance->anonymous)
        return GW_LOGIN_PASSED;
    if (!connect->has_user_name)
        return refuse(client, GW_REASON_NOT_AUTHORIZED,
                      "a user name and a password are wanted: this listener does not let "
                      "anonymous clients in");
    if (gw_watchlist_banned(shard->world->watchlist, gw_registry_host(gw_conn_peer(client->conn)),
                            now)) {
        gw_metrics_add(&shard->metrics, GW_METRIC_LOGINS_BANNED, 1);
        return refuse(client, GW_REASON_BANNED, TOO_MANY);
    }
    return ask(client, connect, body, now);
}

/* -- users have changed -- */

static void review(struct gw_guest *client, const struct gw_users *users)
{
    const struct gw_userfile_user *user = NULL;
    if (client->state == GW_GUEST_CLOSING || !client->user.name)
        return;
    if (users)
        user = gw_users_find(users, gw_guest_user_name(client));
    if (!client->user.proved) {
        if (users && client->state == GW_GUEST_CONNECTED)
            gw_guest_end(client, GW_REASON_NOT_AUTHORIZED,
                         "users are configured now, and its user name was never proved", NULL);
    } else if (gw_conn_peer_name(client->conn)) {
        if (set_groups(client, user ? user->groups : GW_SPAN_NONE) != GW_OK)
            gw_guest_end(client, GW_REASON_SERVER_BUSY, "out of memory", NULL);
    } else if (!user) {
        gw_guest_end(client, GW_REASON_NOT_AUTHORIZED, "its user was removed", NULL);
        client->cause.clean = true; /* who may not connect leaves no will */
    } else if (user->proof != client->user.proof) {
        gw_guest_end(client, GW_REASON_NOT_AUTHORIZED, "the password of its user was changed",
                     NULL);
    } else if (set_groups(client, user->groups) != GW_OK) {
        gw_guest_end(client, GW_REASON_SERVER_BUSY, "out of memory", NULL);
    }
}

void gw_login_review(struct gw_shard *shard)
{
    GW_LIST_FOREACH (link, &shard->clients.all) {
        review(GW_CONTAINER(link, struct gw_guest, link), shard->config->users);
    }
}
