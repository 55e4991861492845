#include "broker/login.h"

#include <stdlib.h>

#include "auth/password.h"
#include "auth/users.h"
#include "broker/admission.h"
#include "broker/chain.h"
#include "broker/connector.h"
#include "broker/inquiry.h"
#include "broker/penalty.h"
#include "broker/rights.h"
#include "broker/tenure.h"

struct gw_login {
    struct gw_guest *client;
    struct gw_inquiry *inquiry; /* NULL: answered with a no that is told at `tell_at` */
    struct gw_buf connect;      /* the body of the CONNECT that waits */
    gw_mono_ns tell_at;
};

static enum gw_login_outcome refuse(struct gw_guest *client, enum gw_reason reason,
                                    const char *what)
{
    gw_admission_refuse(client, (uint8_t)reason, what, NULL);
    return GW_LOGIN_REFUSED;
}

/* -- life -- */

static struct gw_login *login_new(struct gw_guest *client, struct gw_span body)
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
    client->login = login;
    return login;
}

void gw_login_drop(struct gw_guest *client)
{
    struct gw_login *login = client->login;
    if (!login)
        return;
    gw_inquiry_drop(login->inquiry);
    gw_password_drop(&login->connect);
    free(login);
    client->login = NULL;
}

size_t gw_login_bytes(const struct gw_guest *client)
{
    const struct gw_login *login = client->login;
    if (!login)
        return 0;
    return sizeof(*login) + login->connect.capacity + gw_inquiry_bytes(login->inquiry);
}

/* -- the answer is no -- */

static struct gw_span client_id(const struct gw_login *login)
{
    struct gw_connect connect;
    struct gw_fault fault;
    enum gw_status status =
        gw_connect_decode(gw_buf_span(&login->connect), UINT16_MAX, &connect, &fault);
    return status == GW_OK ? connect.client_id : GW_SPAN_NONE;
}

static void note_failure(const struct gw_login *login, const char *method, const char *why,
                         gw_mono_ns now)
{
    const struct gw_penalty_case tried = {client_id(login), gw_guest_user_name(login->client),
                                          method, why};
    gw_penalty_note(login->client, &tried, now);
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
static void fail(struct gw_login *login, const char *method, const char *why, gw_mono_ns now)
{
    struct gw_guest *client = login->client;
    note_failure(login, method, why, now);
    login->tell_at = gw_penalty_until(client, now);
    if (login->tell_at <= now) {
        tell_no(client);
        return;
    }
    gw_wheel_arm(gw_loop_wheel(client->shard->loop), &client->timer, login->tell_at);
}

void gw_login_on_timer(struct gw_guest *client, gw_mono_ns now)
{
    struct gw_login *login = client->login;
    if (!login->inquiry && now < login->tell_at) {
        gw_wheel_arm(gw_loop_wheel(client->shard->loop), &client->timer, login->tell_at);
    } else if (!login->inquiry) {
        tell_no(client);
    } else {
        gw_login_drop(client);
        refuse(client, GW_REASON_SERVER_BUSY,
               "who it is was not checked within limits.connect_time: too many logins wait");
    }
}

/* -- the answer is yes -- */

/* A blob of these bytes, NULL if there are none. */
static enum gw_status copy(struct gw_span bytes, struct gw_blob **ret_blob)
{
    *ret_blob = bytes.size > 0 ? gw_blob_copy(bytes) : NULL;
    return bytes.size == 0 || *ret_blob ? GW_OK : GW_NO_MEMORY;
}

static void replace(struct gw_blob **blob, struct gw_blob *by)
{
    gw_blob_unref(blob);
    *blob = by;
}

static enum gw_status set_groups(struct gw_guest *client, struct gw_span groups)
{
    struct gw_blob *blob;
    GW_TRY(copy(groups, &blob));
    replace(&client->user.groups, blob);
    if (client->session) /* rules ask for groups */
        gw_rights_on_connected(client);
    return GW_OK;
}

enum gw_status gw_login_grant(struct gw_guest *client, const struct gw_warrant *warrant,
                              uint64_t by)
{
    struct gw_blob *name = NULL, *groups = NULL;
    enum gw_status status = copy(gw_buf_span(&warrant->user), &name);
    if (status == GW_OK)
        status = copy(gw_buf_span(&warrant->groups), &groups);
    if (status == GW_OK)
        status = gw_rights_set_attributes(client, gw_buf_span(&warrant->attributes));
    if (status != GW_OK) {
        gw_blob_unref(&name);
        gw_blob_unref(&groups);
        return status;
    }
    if (name)
        replace(&client->user.name, name);
    replace(&client->user.groups, groups);
    client->user.proof = warrant->proof;
    client->user.expires = warrant->expires;
    client->user.by = by;
    client->user.proved = true;
    gw_tenure_arm(client);
    if (client->session) /* rules ask for all of this */
        gw_rights_on_connected(client);
    return GW_OK;
}

static void pass(struct gw_login *login, const struct gw_inquiry_answer *answer, gw_mono_ns now)
{
    struct gw_guest *client = login->client;
    enum gw_status status = gw_login_grant(client, &answer->warrant, answer->by);
    if (status != GW_OK) {
        gw_login_drop(client);
        refuse(client, GW_REASON_SERVER_BUSY,
               status == GW_LIMIT ? "more is known about it than can be kept" : "out of memory");
        return;
    }
    struct gw_buf connect = login->connect;
    gw_buf_init(&login->connect, 0); /* it is ours now */
    gw_login_drop(client);
    gw_metrics_add(&client->shard->metrics, GW_METRIC_LOGINS_PASSED, 1);
    gw_conn_resume(client->conn);
    client->state = GW_GUEST_NEW;
    gw_connector_go_on(client, gw_buf_span(&connect), now);
    gw_password_drop(&connect);
}

/* There is no answer that a client could do anything about. */
static enum gw_login_outcome give_up(struct gw_guest *client, enum gw_inquiry_verdict verdict)
{
    gw_login_drop(client);
    if (verdict == GW_INQUIRY_TROUBLE)
        return refuse(client, GW_REASON_SERVER_UNAVAILABLE,
                      "who knows the users cannot be asked now: try again later");
    if (verdict == GW_INQUIRY_BUSY)
        gw_metrics_add(&client->shard->metrics, GW_METRIC_LOGINS_BUSY, 1);
    return refuse(client, GW_REASON_SERVER_BUSY,
                  verdict == GW_INQUIRY_BUSY ? "too many logins wait (limits.login.queue)"
                                             : "out of memory");
}

static void on_answer(void *asker, const struct gw_inquiry_answer *answer, gw_mono_ns now)
{
    struct gw_login *login = asker;
    struct gw_guest *client = login->client;
    login->inquiry = NULL; /* this is its end */
    if (answer->verdict == GW_INQUIRY_TROUBLE)
        gw_penalty_trouble(client,
                           &(struct gw_penalty_case){client_id(login), gw_guest_user_name(client),
                                                     answer->method, answer->words});
    if (client->state != GW_GUEST_AUTHENTICATING) {
        gw_login_drop(client);
    } else if (gw_conn_hung_up(client->conn)) {
        if (answer->verdict == GW_INQUIRY_NO) /* not to wait for the answer spares nobody the ban */
            note_failure(login, answer->method, answer->words, now);
        gw_login_drop(client);
        gw_guest_end(client, GW_REASON_UNSPECIFIED, "the peer left before its login was answered",
                     NULL);
    } else if (answer->verdict == GW_INQUIRY_YES) {
        pass(login, answer, now);
    } else if (answer->verdict == GW_INQUIRY_NO) {
        fail(login, answer->method, answer->words, now);
    } else {
        give_up(client, answer->verdict);
    }
}

/* -- asking -- */

static enum gw_login_outcome ask(struct gw_guest *client, const struct gw_connect *connect,
                                 struct gw_span body, gw_mono_ns now)
{
    struct gw_login *login = login_new(client, body);
    enum gw_inquiry_verdict verdict = GW_INQUIRY_NO;
    if (!login)
        return refuse(client, GW_REASON_SERVER_BUSY, "out of memory");
    client->state = GW_GUEST_AUTHENTICATING;
    gw_conn_pause(client->conn);
    const struct gw_inquiry_subject subject = {
        .user = gw_guest_user_name(client),
        .password = connect->password,
        .client_id = connect->client_id,
        .listener = gw_span_str(client->entrance->url),
        .peer = gw_conn_peer(client->conn),
    };
    if (connect->has_password)
        login->inquiry = gw_inquiry_begin(client->shard, &subject, on_answer, login, &verdict);
    if (login->inquiry)
        return GW_LOGIN_WAITS;
    if (verdict != GW_INQUIRY_NO)
        return give_up(client, verdict);
    fail(login, "password",
         connect->has_password ? "nobody knows this user" : "there is no password", now);
    return client->login ? GW_LOGIN_WAITS : GW_LOGIN_REFUSED;
}

/* True if somebody can be asked for users. */
static bool has_users(const struct gw_shard *shard)
{
    return shard->config->users || shard->config->chain;
}

/* True if it gives something that proves who it is: a token may do without a user name. */
static bool gives_proof(const struct gw_guest *client, const struct gw_connect *connect)
{
    return connect->has_user_name ||
           (connect->has_password && gw_chain_has_sponsors(client->shard->config->chain));
}

static enum gw_login_outcome turn_away(struct gw_guest *client)
{
    return refuse(client, GW_REASON_NOT_AUTHORIZED,
                  has_users(client->shard)
                      ? "a user name and a password are wanted: this listener does not let "
                        "anonymous clients in"
                      : "this listener does not let anonymous clients in and no users are "
                        "configured");
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
    if (!client->user.proved && !client->entrance->anonymous)
        return turn_away(client);
    return GW_LOGIN_PASSED;
}

enum gw_login_outcome gw_login_begin(struct gw_guest *client, const struct gw_connect *connect,
                                     struct gw_span body, gw_mono_ns now)
{
    struct gw_shard *shard = client->shard;
    bool users_wanted = gw_shard_settings(shard)->auth.count > 0;
    if (gw_conn_peer_name(client->conn))
        return pass_certified(client);
    if (!has_users(shard) && users_wanted)
        return refuse(client, GW_REASON_SERVER_UNAVAILABLE, "the users are not read yet");
    if (!has_users(shard) || !gives_proof(client, connect))
        return client->entrance->anonymous ? GW_LOGIN_PASSED : turn_away(client);
    if (gw_penalty_banned(client, now))
        return refuse(client, GW_REASON_BANNED, GW_PENALTY_BANNED);
    return ask(client, connect, body, now);
}

/* -- users have changed -- */

static void send_away(struct gw_guest *client, const char *why)
{
    gw_guest_end(client, GW_REASON_NOT_AUTHORIZED, why, NULL);
    client->cause.clean = true; /* who may not connect leaves no will */
}

/* A user file vouched for it, or its certificate. */
static void review_user(struct gw_guest *client, const struct gw_users *users)
{
    const struct gw_userfile_user *user =
        users ? gw_users_find(users, gw_guest_user_name(client)) : NULL;
    bool certified = gw_conn_peer_name(client->conn) != NULL;
    if (!user && !certified)
        send_away(client, "its user was removed");
    else if (!certified && user->proof != client->user.proof)
        gw_guest_end(client, GW_REASON_NOT_AUTHORIZED, "the password of its user was changed",
                     NULL);
    else if (set_groups(client, user ? user->groups : GW_SPAN_NONE) != GW_OK)
        gw_guest_end(client, GW_REASON_SERVER_BUSY, "out of memory", NULL);
}

/* Somebody else vouched for it, who may be gone now. */
static void review_sponsor(struct gw_guest *client, const struct gw_sponsor *sponsor)
{
    if (!sponsor)
        send_away(client, "nobody who is asked for users vouches for it any more");
    else if (!gw_sponsor_stands(sponsor, client->user.proof))
        send_away(client, "what it was let in by is no longer good: its key was withdrawn");
}

static void review(struct gw_guest *client)
{
    const struct gw_shard *shard = client->shard;
    if (client->state == GW_GUEST_CLOSING || !client->user.name)
        return;
    if (!client->user.proved) {
        if (has_users(shard) && client->state == GW_GUEST_CONNECTED)
            gw_guest_end(client, GW_REASON_NOT_AUTHORIZED,
                         "users are configured now, and its user name was never proved", NULL);
    } else if (client->user.by == 0) {
        review_user(client, shard->config->users);
    } else {
        review_sponsor(client, gw_chain_find(shard->config->chain, client->user.by));
    }
}

void gw_login_review(struct gw_shard *shard)
{
    GW_LIST_FOREACH (link, &shard->clients.all) {
        review(GW_CONTAINER(link, struct gw_guest, link));
    }
}
