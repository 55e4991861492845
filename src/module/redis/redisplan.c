#include "module/redis/redisplan.h"

#include <openssl/ssl.h>
#include <stdlib.h>

#include "auth/insert.h"
#include "auth/password.h"
#include "module/secure/securelink.h"

#define PORT         6379
#define DATABASE_MAX 1000000u
#define TIMEOUT_MS   5000u

static enum gw_status bad(char *words, const char *what)
{
    gw_backend_say(words, "%s", what);
    return GW_INVALID;
}

static enum gw_status copy(struct gw_span text, char **ret_text)
{
    *ret_text = gw_span_dup(text);
    return *ret_text ? GW_OK : GW_NO_MEMORY;
}

static bool take_number(struct gw_span text, uint32_t most, uint32_t *ret_number)
{
    uint32_t number = 0;
    if (text.size == 0 || text.size > 7)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        number = number * 10 + (uint32_t)(text.data[i] - '0');
    }
    *ret_number = number;
    return number <= most;
}

/* Takes what stands before a mark; false: it is not there, and nothing was taken. */
static bool take_until(struct gw_span *rest, char mark, struct gw_span *ret_part)
{
    const uint8_t *at = rest->size > 0 ? memchr(rest->data, mark, rest->size) : NULL;
    if (!at)
        return false;
    *ret_part = gw_span_of(rest->data, (size_t)(at - rest->data));
    *rest = gw_span_from(*rest, ret_part->size + 1);
    return true;
}

/* HOST, HOST:PORT, [ADDRESS]:PORT */
static enum gw_status read_place(struct gw_redisplan *plan, struct gw_span place, char *words)
{
    struct gw_span host = place;
    struct gw_span port = GW_SPAN_NONE;
    uint32_t number = PORT;
    bool good = true;
    if (place.size > 0 && place.data[0] == '[') {
        place = gw_span_from(place, 1);
        good = take_until(&place, ']', &host) && (place.size == 0 || place.data[0] == ':');
        if (good && place.size > 0)
            port = gw_span_from(place, 1);
    } else if (take_until(&place, ':', &host)) {
        port = place;
    }
    if (port.size > 0)
        good = good && take_number(port, UINT16_MAX, &number) && number > 0;
    if (!good || host.size == 0)
        return bad(words, "url: its host or port is not in order, as in redis://localhost:6379");
    plan->port = (uint16_t)number;
    return copy(host, &plan->host);
}

static enum gw_status read_url(struct gw_redisplan *plan, struct gw_span url, bool *ret_tls,
                               char *words)
{
    struct gw_span place, user;
    *ret_tls = gw_span_starts_with(url, GW_SPAN_LIT("rediss://"));
    if (gw_span_starts_with(url, GW_SPAN_LIT("unix:/")))
        return copy(gw_span_from(url, strlen("unix:")), &plan->path);
    if (!*ret_tls && !gw_span_starts_with(url, GW_SPAN_LIT("redis://")))
        return bad(words, "url: must begin with redis://, rediss:// or unix:/");
    url = gw_span_from(url, *ret_tls ? strlen("rediss://") : strlen("redis://"));
    if (!take_until(&url, '/', &place)) {
        place = url;
        url = GW_SPAN_NONE;
    }
    if (url.size > 0 && !take_number(url, DATABASE_MAX, &plan->database))
        return bad(words, "url: behind the host stands the number of a data base, as in /0");
    if (take_until(&place, '@', &user)) {
        if (user.size == 0 || memchr(user.data, ':', user.size))
            return bad(words, "url: a password does not belong here but into password_file");
        GW_TRY(copy(user, &plan->user));
    }
    return read_place(plan, place, words);
}

static enum gw_status read_users(struct gw_redisplan *plan,
                                 const struct gw_backend_settings *settings, char *words)
{
    const char *key = gw_backend_setting(settings, "key", "mqtt:user:%u");
    const char *fault = gw_insert_judge(key, "u");
    if (fault || strlen(key) > GW_REDISPLAN_KEY_MAX) {
        gw_backend_say(words, "key: %s", fault ? fault : "is too long");
        return GW_INVALID;
    }
    GW_TRY(copy(gw_span_str(key), &plan->key));
    GW_TRY(
        copy(gw_span_str(gw_backend_setting(settings, "field_hash", "hash")), &plan->field_hash));
    GW_TRY(copy(gw_span_str(gw_backend_setting(settings, "field_groups", "groups")),
                &plan->field_groups));
    plan->timeout_ms = gw_backend_setting_ms(settings, "timeout", TIMEOUT_MS);
    plan->valid_ms = gw_backend_setting_ms(settings, "valid_for", 0);
    return GW_OK;
}

enum gw_status gw_redisplan_init(struct gw_redisplan *plan,
                                 const struct gw_backend_settings *settings,
                                 char ret_words[GW_BACKEND_WORDS_MAX])
{
    const char *password = gw_backend_setting(settings, "password_file", NULL);
    const char *ca_file = gw_backend_setting(settings, "ca_file", NULL);
    bool tls = false;
    *plan = (struct gw_redisplan){.port = PORT};
    GW_TRY(read_url(plan, gw_span_str(gw_backend_setting(settings, "url", "")), &tls, ret_words));
    if (!tls && plan->host && !gw_backend_is_near(gw_backend_setting(settings, "url", "")))
        return bad(ret_words, "url: must begin with rediss://: whoever is on the way could say who "
                              "comes in; redis:// is for this machine");
    if (plan->user && !password)
        return bad(ret_words, "url: names a user of Redis, so password_file must be there");
    if (password && !password[0])
        return bad(ret_words, "password_file: is empty");
    if (password)
        GW_TRY(copy(gw_span_str(password), &plan->password));
    if (ca_file && !tls)
        return bad(ret_words, "ca_file: is for a url that begins with rediss://");
    if (tls)
        GW_TRY(gw_securelink_context(ca_file, &plan->tls, ret_words));
    return read_users(plan, settings, ret_words);
}

void gw_redisplan_fini(struct gw_redisplan *plan)
{
    if (plan->password)
        gw_password_wipe(plan->password, strlen(plan->password));
    char *texts[] = {plan->host, plan->path,       plan->user,        plan->password,
                     plan->key,  plan->field_hash, plan->field_groups};
    for (size_t i = 0; i < GW_COUNT_OF(texts); i++)
        free(texts[i]);
    SSL_CTX_free(plan->tls);
    *plan = (struct gw_redisplan){.port = 0};
}
