#include "module/kerberos/ticket.h"

#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <stdio.h>
#include <stdlib.h>

#include "auth/scramtext.h"

#define TOKEN_MAX  ((size_t)1024 * 1024)
#define HEADER_MAX 2048u
#define USER_MAX   1024u

struct ticket {
    struct gw_backend_host host;
    gss_cred_id_t key; /* of the service */
    char *realm;       /* empty: users are called by their whole principal */
};

struct state {
    gss_ctx_id_t context;
    struct gw_buf header; /* what both sides bind the exchange to */
    struct gw_buf as;     /* who the client wants to be; empty: whose ticket it is */
    bool begun;
};

/* The first line of what the library says. */
static void explain(OM_uint32 major, OM_uint32 minor, char *words)
{
    gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
    OM_uint32 ignored, more = 0;
    bool of_mech = minor != 0;
    OM_uint32 status =
        gss_display_status(&ignored, of_mech ? minor : major,
                           of_mech ? GSS_C_MECH_CODE : GSS_C_GSS_CODE, gss_mech_krb5, &more, &text);
    if (status == GSS_S_COMPLETE && text.length > 0)
        snprintf(words, GW_BACKEND_WORDS_MAX, "%.*s", (int)text.length, (const char *)text.value);
    else
        snprintf(words, GW_BACKEND_WORDS_MAX, "GSSAPI fails with %u", major);
    gss_release_buffer(&ignored, &text);
}

/* -- the backend -- */

static void ticket_close(void *backend)
{
    struct ticket *ticket = backend;
    OM_uint32 minor;
    if (ticket->key)
        gss_release_cred(&minor, &ticket->key);
    free(ticket->realm);
    free(ticket);
}

/* Takes the service's key out of the keytab. */
static enum gw_status take_key(struct ticket *ticket, const struct gw_backend_settings *settings,
                               char words[GW_BACKEND_WORDS_MAX])
{
    char name[512];
    gss_key_value_element_desc place = {"keytab", gw_backend_setting(settings, "keytab", "")};
    gss_key_value_set_desc store = {1, &place};
    gss_OID_set_desc mechs = {1, (gss_OID)gss_mech_krb5};
    gss_name_t service = GSS_C_NO_NAME;
    OM_uint32 minor, ignored;
    int size =
        snprintf(name, sizeof(name), "%s@%s", gw_backend_setting(settings, "service", "mqtt"),
                 gw_backend_setting(settings, "hostname", ""));
    if (size < 0 || (size_t)size >= sizeof(name)) {
        snprintf(words, GW_BACKEND_WORDS_MAX, "service and hostname are too long");
        return GW_INVALID;
    }
    gss_buffer_desc text = {(size_t)size, name};
    OM_uint32 major = gss_import_name(&minor, &text, GSS_C_NT_HOSTBASED_SERVICE, &service);
    if (major == GSS_S_COMPLETE)
        major = gss_acquire_cred_from(&minor, service, GSS_C_INDEFINITE, &mechs, GSS_C_ACCEPT,
                                      &store, &ticket->key, NULL, NULL);
    gss_release_name(&ignored, &service);
    if (major == GSS_S_COMPLETE)
        return GW_OK;
    explain(major, minor, words);
    return GW_INVALID;
}

static enum gw_status ticket_open(const struct gw_backend_settings *settings,
                                  const struct gw_backend_host *host, void **ret_backend,
                                  char ret_words[GW_BACKEND_WORDS_MAX])
{
    struct ticket *ticket = calloc(1, sizeof(*ticket));
    if (!ticket)
        return GW_NO_MEMORY;
    ticket->host = *host;
    ticket->key = GSS_C_NO_CREDENTIAL;
    ticket->realm = strdup(gw_backend_setting(settings, "realm", ""));
    enum gw_status status = ticket->realm ? take_key(ticket, settings, ret_words) : GW_NO_MEMORY;
    if (status == GW_OK)
        *ret_backend = ticket;
    else
        ticket_close(ticket);
    return status;
}

static void *ticket_enter(void *backend)
{
    return backend; /* a worker has nothing for itself */
}

static void ticket_leave(void *worker)
{
    (void)worker;
}

static enum gw_backend_answer ticket_ask(void *worker, const struct gw_backend_login *login,
                                         struct gw_backend_reply *reply)
{
    (void)worker;
    (void)login;
    snprintf(reply->words, sizeof(reply->words), "Kerberos knows tickets, no passwords");
    return GW_BACKEND_UNKNOWN;
}

/* -- the method -- */

static enum gw_method_outcome fail(struct gw_method_exchange *exchange, const char *why)
{
    snprintf(exchange->words, sizeof(exchange->words), "%s", why);
    return GW_METHOD_FAILED;
}

static enum gw_method_outcome no_memory(struct gw_method_exchange *exchange)
{
    snprintf(exchange->words, sizeof(exchange->words), "out of memory");
    return GW_METHOD_TROUBLE;
}

static bool take_to_comma(struct gw_span *text, struct gw_span *ret_part)
{
    const uint8_t *comma = text->size > 0 ? memchr(text->data, ',', text->size) : NULL;
    if (!comma)
        return false;
    *ret_part = gw_span_of(text->data, (size_t)(comma - text->data));
    *text = gw_span_from(*text, ret_part->size + 1);
    return true;
}

/* Reads the GS2 header off the first message. *ret_bare: the token has its GSSAPI head no more. */
static const char *read_header(struct state *state, struct gw_span *message, bool *ret_bare)
{
    struct gw_span flag, as;
    *ret_bare = !gw_span_starts_with(*message, GW_SPAN_LIT("F,"));
    if (!*ret_bare)
        *message = gw_span_from(*message, 2);
    struct gw_span header = *message;
    if (!take_to_comma(message, &flag) || !take_to_comma(message, &as))
        return "the message has no header";
    if (gw_span_starts_with(flag, GW_SPAN_LIT("p=")))
        return "channel binding is not offered";
    if (!gw_span_equal(flag, GW_SPAN_LIT("n")) && !gw_span_equal(flag, GW_SPAN_LIT("y")))
        return "the message has no header";
    header.size -= message->size;
    if (as.size > 0 && !gw_span_starts_with(as, GW_SPAN_LIT("a=")))
        return "the message has no header";
    if (gw_buf_append(&state->header, header) != GW_OK ||
        (as.size > 0 && gw_scramtext_read_name(gw_span_from(as, 2), &state->as) != GW_OK))
        return "the header is too long, or names nobody";
    return message->size > 0 ? NULL : "the message has no ticket";
}

static enum gw_status add_length(struct gw_buf *out, size_t size)
{
    uint8_t bytes[5];
    size_t count = 0;
    if (size >= 0x80) {
        size_t digits = 1;
        for (size_t rest = size >> 8; rest > 0; rest >>= 8)
            digits++;
        bytes[count++] = (uint8_t)(0x80u | digits);
        for (; digits > 1; digits--)
            bytes[count++] = (uint8_t)(size >> (8 * (digits - 1)));
    }
    bytes[count++] = (uint8_t)size;
    return gw_buf_append(out, gw_span_of(bytes, count));
}

/* Puts back the head that clients leave out: [APPLICATION 0] with the mechanism (RFC 2743, 3.1). */
static enum gw_status add_head(struct gw_buf *out, struct gw_span token)
{
    const uint8_t oid_tag = 0x06, tag = 0x60;
    const uint8_t oid_size = (uint8_t)gss_mech_krb5->length;
    GW_TRY(gw_buf_append(out, gw_span_of(&tag, 1)));
    GW_TRY(add_length(out, (size_t)2 + oid_size + token.size));
    GW_TRY(gw_buf_append(out, gw_span_of(&oid_tag, 1)));
    GW_TRY(gw_buf_append(out, gw_span_of(&oid_size, 1)));
    GW_TRY(gw_buf_append(out, gw_span_of(gss_mech_krb5->elements, oid_size)));
    return gw_buf_append(out, token);
}

/* Who a principal is here; false if it is of another realm. */
static bool name_of(const struct ticket *ticket, struct gw_span principal, struct gw_span *ret_name)
{
    size_t realm = strlen(ticket->realm);
    *ret_name = principal;
    if (realm == 0)
        return principal.size > 0;
    if (principal.size <= realm + 1)
        return false;
    ret_name->size -= realm + 1;
    struct gw_span end = gw_span_from(principal, ret_name->size);
    return end.data[0] == '@' && gw_span_equal(gw_span_from(end, 1), gw_span_str(ticket->realm)) &&
           !memchr(ret_name->data, '@', ret_name->size);
}

/* The ticket is good: whose is it, and who does he want to be? */
static enum gw_method_outcome pass(const struct ticket *ticket, const struct state *state,
                                   struct gw_method_exchange *exchange, struct gw_span principal,
                                   OM_uint32 seconds)
{
    struct gw_warrant *warrant = &exchange->warrant;
    struct gw_span as = gw_buf_span(&state->as), name;
    bool ours = name_of(ticket, principal, &name);
    if (gw_buf_append(&warrant->user, name) != GW_OK ||
        gw_warrant_add_attribute(warrant, GW_SPAN_LIT("kerberos.principal"), principal) != GW_OK)
        return no_memory(exchange);
    if (gw_span_starts_with(principal, GW_SPAN_LIT("WELLKNOWN/"))) /* anonymous, RFC 8062 */
        return fail(exchange, "the ticket names nobody");
    if (!ours)
        return fail(exchange, "the ticket is of another realm");
    if (as.size > 0 && !gw_span_equal(as, name) && !gw_span_equal(as, principal))
        return fail(exchange, "nobody acts as another user here");
    if (seconds != GSS_C_INDEFINITE && ticket->host.now)
        warrant->expires = ticket->host.now(ticket->host.ctx) + seconds;
    return GW_METHOD_DONE;
}

static enum gw_method_outcome accept_token(struct state *state, struct gw_method_exchange *exchange,
                                           struct gw_span token, struct gw_buf *ret_data)
{
    const struct ticket *ticket = exchange->worker;
    struct gss_channel_bindings_struct bindings = {
        .application_data = {state->header.size, state->header.data},
    };
    gss_buffer_desc in = {token.size, (void *)(uintptr_t)token.data};
    gss_buffer_desc out = GSS_C_EMPTY_BUFFER, principal = GSS_C_EMPTY_BUFFER;
    gss_name_t who = GSS_C_NO_NAME;
    OM_uint32 minor, ignored, seconds = 0;
    OM_uint32 major = gss_accept_sec_context(&minor, &state->context, ticket->key, &in, &bindings,
                                             &who, NULL, &out, NULL, &seconds, NULL);
    enum gw_method_outcome outcome = GW_METHOD_CONTINUE;
    if (GSS_ERROR(major)) {
        explain(major, minor, exchange->words);
        outcome = GW_METHOD_FAILED;
    } else if (gw_buf_append(ret_data, gw_span_of(out.value, out.length)) != GW_OK) {
        outcome = no_memory(exchange);
    } else if (major == GSS_S_COMPLETE) {
        major = gss_display_name(&minor, who, &principal, NULL);
        outcome = major == GSS_S_COMPLETE
                      ? pass(ticket, state, exchange, gw_span_of(principal.value, principal.length),
                             seconds)
                      : fail(exchange, "the ticket names nobody");
    }
    gss_release_buffer(&ignored, &principal);
    gss_release_buffer(&ignored, &out);
    gss_release_name(&ignored, &who);
    return outcome;
}

static enum gw_method_outcome step(void *memory, struct gw_method_exchange *exchange,
                                   struct gw_span data, struct gw_buf *ret_data)
{
    struct state *state = memory;
    struct gw_buf token;
    bool bare = false;
    const char *why = NULL;
    gw_buf_init(&token, TOKEN_MAX);
    if (!state->begun) {
        state->begun = true;
        gw_buf_init(&state->header, HEADER_MAX);
        gw_buf_init(&state->as, USER_MAX);
        why = read_header(state, &data, &bare);
    }
    enum gw_method_outcome outcome;
    if (why)
        outcome = fail(exchange, why);
    else if ((bare ? add_head(&token, data) : gw_buf_append(&token, data)) != GW_OK)
        outcome = no_memory(exchange);
    else
        outcome = accept_token(state, exchange, gw_buf_span(&token), ret_data);
    gw_buf_fini(&token);
    return outcome;
}

static void end(void *memory)
{
    struct state *state = memory;
    OM_uint32 minor;
    if (state->context)
        gss_delete_sec_context(&minor, &state->context, GSS_C_NO_BUFFER);
    gw_buf_fini(&state->header);
    gw_buf_fini(&state->as);
}

static const struct gw_method gs2_krb5 = {
    .name = "GS2-KRB5",
    .state_size = sizeof(struct state),
    .step = step,
    .end = end,
};

static const struct gw_method *const methods[] = {&gs2_krb5, NULL};

const struct gw_backend_ops gw_ticket_ops = {
    .kind = "kerberos",
    .open = ticket_open,
    .close = ticket_close,
    .enter = ticket_enter,
    .leave = ticket_leave,
    .ask = ticket_ask,
    .methods = methods,
};
