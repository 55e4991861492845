#include "auth/oauthbearer.h"

#include <stdio.h>
#include <strings.h>

#include "auth/scramtext.h"

#define SCHEME     "Bearer "
#define END        1 /* of each of the message's parts */
#define USER_MAX   1024u
#define NOT_IN_ONE "the message is not that of OAUTHBEARER"

/* Takes what stands before a byte off the text, and the byte; false if there is none. */
static bool take_to(struct gw_span *text, uint8_t end, struct gw_span *ret_part)
{
    const uint8_t *stop = text->size > 0 ? memchr(text->data, end, text->size) : NULL;
    if (!stop)
        return false;
    *ret_part = gw_span_of(text->data, (size_t)(stop - text->data));
    *text = gw_span_from(*text, ret_part->size + 1);
    return true;
}

static const char *read_header(struct gw_span *rest, struct gw_span *ret_as)
{
    struct gw_span flag, nothing;
    if (!take_to(rest, ',', &flag) || !take_to(rest, ',', ret_as))
        return NOT_IN_ONE;
    if (gw_span_starts_with(flag, GW_SPAN_LIT("p=")))
        return "channel binding is not offered";
    if (!gw_span_equal(flag, GW_SPAN_LIT("n")) && !gw_span_equal(flag, GW_SPAN_LIT("y")))
        return NOT_IN_ONE;
    if (ret_as->size > 0) {
        if (!gw_span_starts_with(*ret_as, GW_SPAN_LIT("a=")) || ret_as->size == 2)
            return NOT_IN_ONE;
        *ret_as = gw_span_from(*ret_as, 2);
    }
    return take_to(rest, END, &nothing) && nothing.size == 0 ? NULL : NOT_IN_ONE;
}

static bool is_token(struct gw_span text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] <= ' ' || text.data[i] > '~')
            return false;
    return text.size > 0;
}

const char *gw_oauthbearer_read(struct gw_span message, struct gw_span *ret_as,
                                struct gw_span *ret_token)
{
    const size_t scheme = sizeof(SCHEME) - 1;
    struct gw_span pair;
    *ret_token = GW_SPAN_NONE;
    const char *why = read_header(&message, ret_as);
    if (why)
        return why;
    for (;;) {
        if (!take_to(&message, END, &pair))
            return NOT_IN_ONE;
        if (pair.size == 0)
            break;
        if (!gw_span_starts_with(pair, GW_SPAN_LIT("auth=")))
            continue; /* host, port and whatever comes to be */
        struct gw_span value = gw_span_from(pair, 5);
        if (ret_token->size > 0 || value.size <= scheme ||
            strncasecmp((const char *)value.data, SCHEME, scheme) != 0)
            return "the message has no bearer token";
        *ret_token = gw_span_from(value, scheme);
    }
    if (message.size > 0)
        return NOT_IN_ONE;
    return is_token(*ret_token) ? NULL : "the message has no bearer token";
}

static enum gw_method_outcome say(struct gw_method_exchange *exchange, const char *why,
                                  enum gw_method_outcome outcome)
{
    snprintf(exchange->words, sizeof(exchange->words), "%s", why);
    return outcome;
}

/* The backend has said yes: as whom? */
static enum gw_method_outcome pass(struct gw_method_exchange *exchange,
                                   struct gw_backend_reply *reply, struct gw_span user)
{
    struct gw_warrant *warrant = &exchange->warrant;
    gw_warrant_fini(warrant);
    *warrant = reply->warrant;
    gw_warrant_init(&reply->warrant);
    if (warrant->user.size == 0 && gw_buf_append(&warrant->user, user) != GW_OK)
        return say(exchange, "out of memory", GW_METHOD_TROUBLE);
    if (user.size > 0 && !gw_span_equal(user, gw_buf_span(&warrant->user)))
        return say(exchange, "the token is another user's", GW_METHOD_FAILED);
    return GW_METHOD_DONE;
}

static enum gw_method_outcome ask(struct gw_method_exchange *exchange, struct gw_span user,
                                  struct gw_span token)
{
    struct gw_backend_reply reply = {.words = ""};
    struct gw_backend_login login = exchange->who;
    enum gw_method_outcome outcome;
    login.user = user;
    login.password = token;
    gw_warrant_init(&reply.warrant);
    switch (exchange->backend->ask(exchange->worker, &login, &reply)) {
    case GW_BACKEND_YES: outcome = pass(exchange, &reply, user); break;
    case GW_BACKEND_TROUBLE: outcome = say(exchange, reply.words, GW_METHOD_TROUBLE); break;
    case GW_BACKEND_NO:
    case GW_BACKEND_UNKNOWN:
    default:
        outcome = say(exchange, reply.words[0] ? reply.words : "the token is not taken here",
                      GW_METHOD_FAILED);
        break;
    }
    gw_warrant_fini(&reply.warrant);
    return outcome;
}

static enum gw_method_outcome step(void *state, struct gw_method_exchange *exchange,
                                   struct gw_span data, struct gw_buf *ret_data)
{
    struct gw_span as, token;
    struct gw_buf user;
    const char *why = gw_oauthbearer_read(data, &as, &token);
    enum gw_method_outcome outcome = GW_METHOD_FAILED;
    (void)state;
    (void)ret_data;
    if (why)
        return say(exchange, why, GW_METHOD_FAILED);
    gw_buf_init(&user, USER_MAX);
    if (gw_scramtext_read_name(as, &user) != GW_OK)
        outcome = say(exchange, "the name to act under is not one", GW_METHOD_FAILED);
    else
        outcome = ask(exchange, as.size > 0 ? gw_buf_span(&user) : exchange->who.user, token);
    gw_buf_fini(&user);
    return outcome;
}

const struct gw_method gw_oauthbearer_method = {
    .name = "OAUTHBEARER",
    .state_size = 1, /* there is none: it is over in a step */
    .step = step,
};
