#include "auth/stored.h"

#include "auth/password.h"
#include "base/hash.h"

#define PROOF_SEED 0x6B1D5C0FD5A7E923u

void gw_stored_init(struct gw_stored *stored)
{
    *stored = (struct gw_stored){.seen = false};
}

bool gw_stored_may_be(struct gw_span user)
{
    return user.size > 0 && user.size <= GW_STORED_NAME_MAX &&
           memchr(user.data, '\0', user.size) == NULL;
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static struct gw_span trim(struct gw_span text)
{
    while (text.size > 0 && is_blank(text.data[0]))
        text = gw_span_from(text, 1);
    while (text.size > 0 && is_blank(text.data[text.size - 1]))
        text.size--;
    return text;
}

/* Nothing between two commas is no group. */
static enum gw_status add_groups(struct gw_warrant *warrant, struct gw_span groups)
{
    while (groups.size > 0) {
        const uint8_t *comma = memchr(groups.data, ',', groups.size);
        size_t size = comma ? (size_t)(comma - groups.data) : groups.size;
        struct gw_span group = trim(gw_span_of(groups.data, size));
        if (group.size > 0)
            GW_TRY(gw_warrant_add_group(warrant, group));
        groups = gw_span_from(groups, size + (comma ? 1 : 0));
    }
    return GW_OK;
}

static enum gw_backend_answer trouble(struct gw_backend_reply *reply, const char *what,
                                      const char *why)
{
    gw_backend_say(reply->words, "%s%s%s", what, why ? ": " : "", why ? why : "");
    return GW_BACKEND_TROUBLE;
}

static enum gw_backend_answer let_in(struct gw_span hash, struct gw_span groups,
                                     struct gw_backend_reply *reply)
{
    enum gw_status status = add_groups(&reply->warrant, groups);
    if (status != GW_OK)
        return trouble(reply, "the groups of this user cannot be taken", gw_status_name(status));
    reply->warrant.proof = gw_hash_bytes(hash, PROOF_SEED);
    return GW_BACKEND_YES;
}

enum gw_backend_answer gw_stored_check(struct gw_stored *stored, struct gw_span hash,
                                       struct gw_span groups, const struct gw_backend_login *login,
                                       struct gw_backend_reply *reply)
{
    struct gw_hashtext parsed;
    const char *why = NULL;
    size_t at;
    hash = trim(hash);
    if (hash.size == 0) {
        (void)gw_stored_unknown(stored, login, reply);
        gw_backend_say(reply->words, "no password is stored for this user");
        return GW_BACKEND_NO;
    }
    if (gw_hashtext_parse(hash, &parsed, &why, &at) != GW_OK)
        return trouble(reply, "the stored hash of this user is not in order", why);
    if (!stored->seen || gw_password_costs_more(&parsed, &stored->dearest))
        stored->dearest = parsed;
    stored->seen = true;
    enum gw_status status = gw_password_check(&parsed, login->password);
    if (status == GW_OK)
        return let_in(hash, groups, reply);
    if (status == GW_NO_MEMORY)
        return trouble(reply, "out of memory", NULL);
    gw_backend_say(reply->words, "the password is wrong");
    return GW_BACKEND_NO;
}

enum gw_backend_answer gw_stored_unknown(struct gw_stored *stored,
                                         const struct gw_backend_login *login,
                                         struct gw_backend_reply *reply)
{
    struct gw_hashtext dummy;
    gw_password_dummy(stored->seen ? &stored->dearest : NULL, &dummy);
    enum gw_status status = gw_password_check(&dummy, login->password);
    if (status == GW_NO_MEMORY)
        return trouble(reply, "out of memory", NULL);
    gw_backend_say(reply->words, "there is no such user");
    return GW_BACKEND_UNKNOWN;
}
