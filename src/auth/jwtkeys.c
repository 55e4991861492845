#include "auth/jwtkeys.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "auth/password.h"
#include "os/file.h"
#include "os/thread.h"

struct gw_jwtkeys_set {
    struct gw_jwks jwks;
    unsigned refs; /* under the mutex */
};

struct gw_jwtkeys {
    struct gw_backend_host host;
    char *url; /* NULL: nothing is fetched */
    char *ca_file;
    uint64_t refresh;
    uint32_t timeout_ms;

    struct gw_mutex mutex; /* guards all that follows */
    struct gw_signal done; /* a fetch has ended */
    bool busy;             /* a fetch is under way, without the mutex */
    bool tried;            /* `tried_at` and `failed` say something */
    bool failed;           /* the last fetch */
    uint64_t tried_at;
    uint64_t fetched_at; /* `current`; seconds since 1970 */
    struct gw_jwtkeys_set *current;
    char words[GW_BACKEND_WORDS_MAX]; /* why the last one failed */
};

static enum gw_status GW_PRINTF(3, 4)
    say(enum gw_status status, char *ret_words, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(ret_words, GW_BACKEND_WORDS_MAX, format, args);
    va_end(args);
    return status;
}

/* -- sets -- */

/* Takes the keys over. */
static struct gw_jwtkeys_set *set_new(struct gw_jwks *jwks)
{
    struct gw_jwtkeys_set *set = calloc(1, sizeof(*set));
    if (!set) {
        gw_jwks_fini(jwks);
        return NULL;
    }
    set->jwks = *jwks;
    set->refs = 1;
    return set;
}

/* Under the mutex. */
static void set_unref(struct gw_jwtkeys_set *set)
{
    if (!set || --set->refs > 0)
        return;
    gw_jwks_fini(&set->jwks);
    free(set);
}

const struct gw_jwks *gw_jwtkeys_jwks(const struct gw_jwtkeys_set *set)
{
    return &set->jwks;
}

void gw_jwtkeys_give(struct gw_jwtkeys *keys, struct gw_jwtkeys_set *set)
{
    gw_mutex_lock(&keys->mutex);
    set_unref(set);
    gw_mutex_unlock(&keys->mutex);
}

/* -- what is on this machine -- */

static enum gw_status read_file(const char *path, bool pem, struct gw_jwks *ret_jwks,
                                char *ret_words)
{
    struct gw_buf text;
    int number = 0;
    const char *why = "out of memory";
    gw_buf_init(&text, GW_JWKS_SIZE_MAX);
    enum gw_status status = gw_file_read(path, &text, &number);
    if (status == GW_OS_ERROR)
        (void)say(status, ret_words, "%.120s: %s", path, strerror(number));
    else if (status == GW_LIMIT)
        (void)say(status, ret_words, "%.120s: it is too large", path);
    if (status == GW_OK) {
        status = pem ? gw_jwks_of_pem(gw_buf_span(&text), ret_jwks, &why)
                     : gw_jwks_parse(gw_buf_span(&text), ret_jwks, &why);
        if (status != GW_OK)
            (void)say(status, ret_words, "%.120s: %s", path, why);
    }
    gw_password_drop(&text);
    return status == GW_OK || status == GW_NO_MEMORY ? status : GW_INVALID;
}

static enum gw_status read_here(const struct gw_jwtkeys_source *source, struct gw_jwks *ret_jwks,
                                char *ret_words)
{
    const char *why = "out of memory";
    if (source->secret) {
        enum gw_status status = gw_jwks_of_secret(gw_span_str(source->secret), ret_jwks, &why);
        return status == GW_OK ? status : say(status, ret_words, "secret_file: %s", why);
    }
    const char *path = source->public_key ? source->public_key : source->jwks;
    GW_TRY(read_file(path, source->public_key != NULL, ret_jwks, ret_words));
    if (ret_jwks->count > 0)
        return GW_OK;
    return say(GW_INVALID, ret_words, "%.120s: there is no key in it that signs tokens%s%s", path,
               ret_jwks->why ? ": of the first " : "", ret_jwks->why ? ret_jwks->why : "");
}

/* -- life -- */

/* Whoever stands between us and a service could give us keys of his own; not on this machine. */
static enum gw_status judge_url(const char *url, const struct gw_backend_host *host,
                                char *ret_words)
{
    bool near = strncmp(url, "http://", 7) == 0 && gw_backend_is_near(url);
    if (strncmp(url, "https://", 8) != 0 && !near)
        return say(GW_INVALID, ret_words,
                   "jwks: keys are fetched by https:// only, not from %.120s", url);
    if (!host->fetch)
        return say(GW_INVALID, ret_words, "jwks: what fetches documents is not here");
    return GW_OK;
}

static char *copy_of(const char *text, bool *ret_failed)
{
    char *copy = text ? strdup(text) : NULL;
    *ret_failed |= text && !copy;
    return copy;
}

static struct gw_jwtkeys *keys_new(const struct gw_jwtkeys_source *source,
                                   const struct gw_backend_host *host, bool remote)
{
    bool failed = false;
    struct gw_jwtkeys *keys = calloc(1, sizeof(*keys));
    if (!keys)
        return NULL;
    keys->host = *host;
    keys->refresh = source->refresh;
    keys->timeout_ms = source->timeout_ms;
    gw_mutex_init(&keys->mutex);
    gw_signal_init(&keys->done);
    keys->url = remote ? copy_of(source->jwks, &failed) : NULL;
    keys->ca_file = copy_of(source->ca_file, &failed);
    if (failed) {
        gw_jwtkeys_free(keys);
        return NULL;
    }
    return keys;
}

void gw_jwtkeys_free(struct gw_jwtkeys *keys)
{
    if (!keys)
        return;
    set_unref(keys->current);
    gw_signal_fini(&keys->done);
    gw_mutex_fini(&keys->mutex);
    free(keys->url);
    free(keys->ca_file);
    free(keys);
}

enum gw_status gw_jwtkeys_new(const struct gw_jwtkeys_source *source,
                              const struct gw_backend_host *host, struct gw_jwtkeys **ret_keys,
                              char ret_words[GW_BACKEND_WORDS_MAX])
{
    struct gw_jwks jwks = {.keys = NULL};
    bool remote = source->jwks && strstr(source->jwks, "://");
    *ret_keys = NULL;
    GW_TRY(remote ? judge_url(source->jwks, host, ret_words) : read_here(source, &jwks, ret_words));
    struct gw_jwtkeys *keys = keys_new(source, host, remote);
    if (!keys) {
        gw_jwks_fini(&jwks);
        return GW_NO_MEMORY;
    }
    if (!remote)
        keys->current = set_new(&jwks);
    if (!remote && !keys->current) {
        gw_jwtkeys_free(keys);
        return GW_NO_MEMORY;
    }
    *ret_keys = keys;
    return GW_OK;
}

/* -- fetching -- */

/* Seconds since then; a clock that was set back says that it is long ago. */
static uint64_t since(const struct gw_jwtkeys *keys, uint64_t then)
{
    uint64_t now = keys->host.now(keys->host.ctx);
    return now >= then ? now - then : UINT64_MAX;
}

static bool may_try(const struct gw_jwtkeys *keys)
{
    return keys->url && (!keys->tried || since(keys, keys->tried_at) >= GW_JWTKEYS_RETRY);
}

static bool is_old(const struct gw_jwtkeys *keys)
{
    return !keys->current || since(keys, keys->fetched_at) >= keys->refresh;
}

/* Asks the service; without the mutex. NULL with words. */
static struct gw_jwtkeys_set *ask_service(struct gw_jwtkeys *keys, char *ret_words)
{
    const struct gw_backend_fetch what = {.url = keys->url,
                                          .ca_file = keys->ca_file,
                                          .size_max = GW_JWKS_SIZE_MAX,
                                          .timeout_ms = keys->timeout_ms};
    struct gw_jwtkeys_set *set = NULL;
    struct gw_jwks jwks;
    struct gw_buf body;
    const char *why = "out of memory";
    (void)say(GW_OK, ret_words, "out of memory");
    gw_buf_init(&body, GW_JWKS_SIZE_MAX);
    if (keys->host.fetch(keys->host.ctx, &what, &body, ret_words) == GW_OK) {
        if (gw_jwks_parse(gw_buf_span(&body), &jwks, &why) == GW_OK)
            set = set_new(&jwks);
        else
            (void)say(GW_INVALID, ret_words, "%s", why);
    }
    gw_password_drop(&body);
    return set;
}

static void tell(const struct gw_jwtkeys *keys, const char *what, const char *words)
{
    char text[GW_BACKEND_WORDS_MAX];
    if (!keys->host.tell)
        return;
    (void)snprintf(text, sizeof(text), "%s %.100s%s%s", what, keys->url, words[0] ? ": " : "",
                   words);
    keys->host.tell(keys->host.ctx, text);
}

/* Under the mutex, which is given back meanwhile. */
static void fetch(struct gw_jwtkeys *keys)
{
    char words[GW_BACKEND_WORDS_MAX];
    bool had_failed = keys->failed;
    keys->busy = true;
    gw_mutex_unlock(&keys->mutex);
    struct gw_jwtkeys_set *set = ask_service(keys, words);
    if (!set && !had_failed)
        tell(keys, "keys cannot be fetched from", words);
    else if (set && had_failed)
        tell(keys, "keys are fetched again from", "");
    gw_mutex_lock(&keys->mutex);
    keys->busy = false;
    keys->tried = true;
    keys->failed = !set;
    keys->tried_at = keys->host.now(keys->host.ctx);
    if (set) {
        set_unref(keys->current);
        keys->current = set;
        keys->fetched_at = keys->tried_at;
    } else {
        (void)say(GW_OK, keys->words, "%s", words);
    }
    gw_signal_ring(&keys->done);
}

static void wait_for_fetch(struct gw_jwtkeys *keys)
{
    while (keys->busy)
        gw_signal_wait(&keys->done, &keys->mutex, UINT64_MAX);
}

/* Under the mutex: the current set with a reference; NULL with words. */
static struct gw_jwtkeys_set *take_current(struct gw_jwtkeys *keys, char *ret_words)
{
    struct gw_jwtkeys_set *set = keys->current;
    if (set)
        set->refs++;
    else
        (void)say(GW_OK, ret_words, "there are no keys yet: %s", keys->words);
    return set;
}

struct gw_jwtkeys_set *gw_jwtkeys_take(struct gw_jwtkeys *keys,
                                       char ret_words[GW_BACKEND_WORDS_MAX])
{
    gw_mutex_lock(&keys->mutex);
    if (!keys->current)
        wait_for_fetch(keys);
    if (!keys->busy && keys->url && is_old(keys) && may_try(keys))
        fetch(keys);
    struct gw_jwtkeys_set *set = take_current(keys, ret_words);
    gw_mutex_unlock(&keys->mutex);
    return set;
}

struct gw_jwtkeys_set *gw_jwtkeys_renew(struct gw_jwtkeys *keys, const struct gw_jwtkeys_set *seen,
                                        char ret_words[GW_BACKEND_WORDS_MAX])
{
    gw_mutex_lock(&keys->mutex);
    wait_for_fetch(keys);
    if (keys->current == seen && may_try(keys))
        fetch(keys);
    struct gw_jwtkeys_set *set = NULL;
    if (keys->failed && keys->current == seen)
        (void)say(GW_OK, ret_words, "no key fits, and newer ones cannot be had: %.140s",
                  keys->words);
    else
        set = take_current(keys, ret_words);
    gw_mutex_unlock(&keys->mutex);
    return set;
}

bool gw_jwtkeys_has(struct gw_jwtkeys *keys, uint64_t proof)
{
    gw_mutex_lock(&keys->mutex);
    bool has = !keys->current || gw_jwks_has(&keys->current->jwks, proof);
    gw_mutex_unlock(&keys->mutex);
    return has;
}
