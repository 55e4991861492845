#include "auth/method.h"

#include <stdio.h>

#include "auth/scram.h"
#include "auth/scramtext.h"
#include "os/entropy.h"

#define NONCE_SIZE 18u /* bytes; 24 characters */

void gw_method_exchange_init(struct gw_method_exchange *exchange)
{
    *exchange = (struct gw_method_exchange){.users = NULL};
    gw_warrant_init(&exchange->warrant);
}

void gw_method_exchange_fini(struct gw_method_exchange *exchange)
{
    gw_warrant_fini(&exchange->warrant);
}

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

/* -- ECHO: sends the peer's data back once and is content with whatever comes then. It proves
 * nothing about the peer; it is there so that client authors can try their AUTH code
 * (debug.auth_echo). -- */

struct echo_state {
    bool asked;
};

static enum gw_method_outcome echo_step(void *state, struct gw_method_exchange *exchange,
                                        struct gw_span data, struct gw_buf *ret_data)
{
    struct echo_state *echo = state;
    if (gw_buf_append(ret_data, data) != GW_OK)
        return no_memory(exchange);
    if (echo->asked && gw_span_equal(data, GW_SPAN_LIT("fail")))
        return fail(exchange, "the client said \"fail\"");
    if (echo->asked)
        return GW_METHOD_DONE;
    echo->asked = true;
    return GW_METHOD_CONTINUE;
}

/* -- SCRAM -- */

struct scram_state {
    struct gw_scram scram;
    bool begun;
};

static const struct gw_hashtext *find_credential(const void *ctx, struct gw_span user)
{
    const struct gw_userfile_user *found = gw_users_find(ctx, user);
    return found ? &found->hash : NULL;
}

static enum gw_scram_outcome scram_first(struct gw_scram *scram,
                                         const struct gw_method_exchange *exchange,
                                         struct gw_span data, struct gw_buf *ret_data,
                                         const char **ret_why)
{
    const struct gw_users_scram *known = gw_users_scram(exchange->users);
    struct gw_scram_directory directory = {
        .ctx = exchange->users,
        .find = find_credential,
        .rounds = known->rounds[scram->kind == GW_HASHTEXT_SCRAM512],
    };
    memcpy(directory.key, known->key, sizeof(directory.key));
    uint8_t random[NONCE_SIZE];
    struct gw_buf nonce;
    gw_buf_init(&nonce, 2 * sizeof(random));
    gw_entropy_fill(random, sizeof(random));
    enum gw_scram_outcome outcome = GW_SCRAM_NO_MEMORY;
    if (gw_scramtext_add_base64(&nonce, gw_span_of(random, sizeof(random))) == GW_OK)
        outcome = gw_scram_first(scram, data, &directory, gw_buf_span(&nonce), ret_data, ret_why);
    gw_buf_fini(&nonce);
    return outcome;
}

/* As whom the client has come in: what the user file says. */
static enum gw_status grant(struct gw_method_exchange *exchange)
{
    struct gw_warrant *warrant = &exchange->warrant;
    const struct gw_userfile_user *user =
        gw_users_find(exchange->users, gw_buf_span(&warrant->user));
    warrant->proof = user->proof;
    return gw_buf_append(&warrant->groups, user->groups);
}

static enum gw_method_outcome scram_step(struct scram_state *state, enum gw_hashtext_kind kind,
                                         struct gw_method_exchange *exchange, struct gw_span data,
                                         struct gw_buf *ret_data)
{
    const char *why = NULL;
    bool begins = !state->begun;
    enum gw_scram_outcome outcome;
    if (begins) {
        state->begun = true;
        gw_scram_init(&state->scram, kind);
        outcome = scram_first(&state->scram, exchange, data, ret_data, &why);
    } else {
        outcome = gw_scram_last(&state->scram, data, ret_data, &why);
    }
    if (begins && gw_buf_append(&exchange->warrant.user, gw_buf_span(&state->scram.user)) != GW_OK)
        return no_memory(exchange);
    switch (outcome) {
    case GW_SCRAM_MORE: return GW_METHOD_CONTINUE;
    case GW_SCRAM_DONE: return grant(exchange) == GW_OK ? GW_METHOD_DONE : no_memory(exchange);
    case GW_SCRAM_WRONG:
    case GW_SCRAM_BAD: return fail(exchange, why);
    case GW_SCRAM_NO_MEMORY: break;
    }
    return no_memory(exchange);
}

static enum gw_method_outcome scram256_step(void *state, struct gw_method_exchange *exchange,
                                            struct gw_span data, struct gw_buf *ret_data)
{
    return scram_step(state, GW_HASHTEXT_SCRAM256, exchange, data, ret_data);
}

static enum gw_method_outcome scram512_step(void *state, struct gw_method_exchange *exchange,
                                            struct gw_span data, struct gw_buf *ret_data)
{
    return scram_step(state, GW_HASHTEXT_SCRAM512, exchange, data, ret_data);
}

static void scram_end(void *state)
{
    gw_scram_fini(&((struct scram_state *)state)->scram);
}

/* -- which there are -- */

static const struct gw_method echo = {
    .name = "ECHO",
    .state_size = sizeof(struct echo_state),
    .proves_nobody = true,
    .step = echo_step,
};

/* In the order of gw_users_scram. */
static const struct gw_method scrams[] = {
    {
        .name = "SCRAM-SHA-256",
        .state_size = sizeof(struct scram_state),
        .step = scram256_step,
        .end = scram_end,
    },
    {
        .name = "SCRAM-SHA-512",
        .state_size = sizeof(struct scram_state),
        .step = scram512_step,
        .end = scram_end,
    },
};

const struct gw_method *gw_method_find(const struct gw_method_set *set, struct gw_span name)
{
    if (set->echo && gw_span_equal(name, gw_span_str(echo.name)))
        return &echo;
    for (size_t i = 0; i < GW_COUNT_OF(scrams); i++)
        if (set->users && gw_users_scram(set->users)->some[i] &&
            gw_span_equal(name, gw_span_str(scrams[i].name)))
            return &scrams[i];
    return NULL;
}
