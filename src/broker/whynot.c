#include "broker/whynot.h"

#include <stdio.h>

#define TOPIC_MAX 120u
#define LABEL_MAX 60u

static bool wants_words(const struct gw_guest *client)
{
    return client->peer.version == GW_VERSION_5 && client->peer.request_problem;
}

struct gw_span gw_whynot_words(const struct gw_guest *client, const char *words)
{
    return wants_words(client) ? gw_span_str(words) : GW_SPAN_NONE;
}

/* It can stand between quotes in a sentence and in a command. */
static bool is_plain(struct gw_span text, size_t size_max)
{
    if (text.size == 0 || text.size > size_max || text.data[0] == '-')
        return false;
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] < ' ' || text.data[i] == 0x7F || strchr("'\"\\`", text.data[i]) != NULL)
            return false;
    return true;
}

struct gw_span gw_whynot_access(const struct gw_guest *client, bool publish, struct gw_span topic,
                                char text[GW_WHYNOT_MAX])
{
    struct gw_identity who = gw_guest_identity(client);
    const char *wanted = publish ? "publish to" : "subscribe to";
    bool id = is_plain(who.client_id, LABEL_MAX);
    int size;
    if (!wants_words(client))
        return GW_SPAN_NONE;
    if (!is_plain(topic, TOPIC_MAX) || (!who.anonymous && !is_plain(who.user, LABEL_MAX)))
        size = snprintf(text, GW_WHYNOT_MAX, "no access rule lets this client %s that", wanted);
    else if (gw_span_starts_with(topic, GW_SPAN_LIT("$SYS")) && publish)
        size = snprintf(text, GW_WHYNOT_MAX, "$SYS is the broker's: nobody may publish there");
    else
        size = snprintf(text, GW_WHYNOT_MAX,
                        "no access rule lets %s%.*s%s %s \"%.*s\"; test it where the broker runs: "
                        "godwit acl test '%.*s' %s '%.*s'%s%.*s%s",
                        who.anonymous ? "a client without a user" : "user \"",
                        GW_SPAN_FMT(who.user), who.anonymous ? "" : "\"", wanted,
                        GW_SPAN_FMT(topic), who.anonymous ? 1 : (int)who.user.size,
                        who.anonymous ? "-" : (const char *)who.user.data, publish ? "pub" : "sub",
                        GW_SPAN_FMT(topic), id ? " --id '" : "", id ? (int)who.client_id.size : 0,
                        id ? (const char *)who.client_id.data : "", id ? "'" : "");
    return gw_span_of(text, (size_t)size);
}
