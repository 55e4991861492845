#include "cli/prove.h"

#include <stdio.h>

#include "auth/password.h"
#include "auth/scramtext.h"
#include "os/entropy.h"
#include "os/file.h"

#define NONCE_SIZE 18u

enum kind { NONE, SCRAM, BEARER };

static const struct {
    const char *name;
    enum kind kind;
    enum gw_hashtext_kind hash;
} methods[] = {
    {"SCRAM-SHA-256", SCRAM, GW_HASHTEXT_SCRAM256},
    {"SCRAM-SHA-512", SCRAM, GW_HASHTEXT_SCRAM512},
    {"OAUTHBEARER", BEARER, GW_HASHTEXT_KIND_COUNT},
};

static enum kind kind_of(const struct gw_options_session *session, enum gw_hashtext_kind *ret_hash)
{
    for (size_t i = 0; session->auth_method && i < GW_COUNT_OF(methods); i++)
        if (strcmp(methods[i].name, session->auth_method) == 0) {
            *ret_hash = methods[i].hash;
            return methods[i].kind;
        }
    return NONE;
}

const char *gw_prove_judge(const struct gw_options_session *session)
{
    enum gw_hashtext_kind hash;
    enum kind kind = kind_of(session, &hash);
    if (!session->auth_method)
        return session->token_file ? "--token-file needs --auth-method OAUTHBEARER" : NULL;
    if (kind == NONE)
        return "--auth-method is SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER";
    if (session->version != GW_VERSION_5)
        return "--auth-method needs MQTT 5: -V 5";
    if (kind == SCRAM && (!session->user_name || !session->password))
        return "SCRAM needs -u NAME and -P PASSWORD";
    if (kind == SCRAM && session->token_file)
        return "--token-file goes with --auth-method OAUTHBEARER";
    if (kind == BEARER && !session->token_file)
        return "OAUTHBEARER needs --token-file FILE";
    return NULL;
}

void gw_prove_init(struct gw_prove *prove, const struct gw_options_session *session)
{
    *prove = (struct gw_prove){.session = session};
    gw_buf_init(&prove->data, UINT16_MAX);
    gw_scramclient_init(&prove->scram, GW_HASHTEXT_SCRAM256, GW_SPAN_NONE, GW_SPAN_NONE);
}

static void forget(struct gw_prove *prove)
{
    gw_password_wipe(prove->data.data, prove->data.size);
    gw_buf_clear(&prove->data);
}

void gw_prove_fini(struct gw_prove *prove)
{
    forget(prove);
    gw_buf_fini(&prove->data);
    gw_scramclient_fini(&prove->scram);
}

static enum gw_status begin_scram(struct gw_prove *prove, enum gw_hashtext_kind kind)
{
    uint8_t random[NONCE_SIZE];
    struct gw_buf nonce;
    gw_scramclient_fini(&prove->scram);
    gw_scramclient_init(&prove->scram, kind, gw_span_str(prove->session->user_name),
                        gw_span_str(prove->session->password));
    gw_buf_init(&nonce, 2 * sizeof(random));
    gw_entropy_fill(random, sizeof(random));
    enum gw_status status = gw_scramtext_add_base64(&nonce, gw_span_of(random, sizeof(random)));
    if (status == GW_OK)
        status = gw_scramclient_first(&prove->scram, gw_buf_span(&nonce), &prove->data);
    gw_buf_fini(&nonce);
    if (status == GW_INVALID)
        snprintf(prove->why, sizeof(prove->why),
                 "user name or password have characters that SCRAM does not take as they are");
    return status;
}

/* A token of a file, without the end of its line; read each time, for tokens are renewed. */
static enum gw_status add_token(struct gw_prove *prove)
{
    struct gw_buf text;
    int number = 0;
    gw_buf_init(&text, GW_PROVE_TOKEN_MAX);
    enum gw_status status = gw_file_read(prove->session->token_file, &text, &number);
    while (text.size > 0 && text.data[text.size - 1] <= ' ')
        text.size--;
    for (size_t i = 0; i < text.size && status == GW_OK; i++)
        if (text.data[i] <= ' ' || text.data[i] > '~')
            status = GW_INVALID;
    if (status == GW_OK && text.size == 0)
        status = GW_INVALID;
    if (status == GW_OK)
        status = gw_buf_append(&prove->data, gw_buf_span(&text));
    if (status != GW_OK)
        snprintf(prove->why, sizeof(prove->why), "cannot take a token from %.150s: %s",
                 prove->session->token_file,
                 status == GW_OS_ERROR  ? strerror(number)
                 : status == GW_INVALID ? "there is none in it"
                                        : gw_status_name(status));
    gw_password_drop(&text);
    return status == GW_OK || status == GW_NO_MEMORY ? status : GW_INVALID;
}

/* The message of RFC 7628 section 3.1. */
static enum gw_status begin_bearer(struct gw_prove *prove)
{
    struct gw_buf *data = &prove->data;
    GW_TRY(gw_buf_append(data, GW_SPAN_LIT("n,")));
    if (prove->session->user_name) {
        GW_TRY(gw_buf_append(data, GW_SPAN_LIT("a=")));
        GW_TRY(gw_scramtext_add_name(data, gw_span_str(prove->session->user_name)));
    }
    GW_TRY(gw_buf_append(data, GW_SPAN_LIT(",\1auth=Bearer ")));
    GW_TRY(add_token(prove));
    return gw_buf_append(data, GW_SPAN_LIT("\1\1"));
}

static void fill(const struct gw_prove *prove, struct gw_props *props)
{
    props->present |= GW_PROP_BIT(AUTH_METHOD) | GW_PROP_BIT(AUTH_DATA);
    props->auth_method = gw_span_str(prove->session->auth_method);
    props->auth_data = gw_buf_span(&prove->data);
}

enum gw_status gw_prove_begin(struct gw_prove *prove, struct gw_props *props)
{
    enum gw_hashtext_kind hash;
    enum kind kind = kind_of(prove->session, &hash);
    if (kind == NONE)
        return GW_OK;
    forget(prove);
    GW_TRY(kind == SCRAM ? begin_scram(prove, hash) : begin_bearer(prove));
    fill(prove, props);
    return GW_OK;
}

enum gw_status gw_prove_answer(struct gw_prove *prove, const struct gw_props *said,
                               struct gw_props *ret_props)
{
    enum gw_hashtext_kind hash;
    enum gw_status status = GW_OK;
    struct gw_span data = gw_props_has(said, AUTH_DATA) ? said->auth_data : GW_SPAN_NONE;
    const char *why = NULL;
    forget(prove);
    *ret_props = (struct gw_props){.present = 0};
    switch (kind_of(prove->session, &hash)) {
    case SCRAM: status = gw_scramclient_last(&prove->scram, data, &prove->data, &why); break;
    case BEARER: /* what it says is why not; then it wants to hear this */
        status = gw_buf_append(&prove->data, GW_SPAN_LIT("\1"));
        break;
    case NONE: status = GW_PROTOCOL; break;
    }
    if (status == GW_PROTOCOL)
        snprintf(prove->why, sizeof(prove->why), "the broker does not speak %s as it should: %s",
                 prove->session->auth_method ? prove->session->auth_method : "AUTH",
                 why ? why : "nobody asked it to");
    else
        fill(prove, ret_props);
    return status;
}

bool gw_prove_trusts(const struct gw_prove *prove, const struct gw_props *said)
{
    enum gw_hashtext_kind hash;
    struct gw_span data = gw_props_has(said, AUTH_DATA) ? said->auth_data : GW_SPAN_NONE;
    return kind_of(prove->session, &hash) != SCRAM || gw_scramclient_trusts(&prove->scram, data);
}
