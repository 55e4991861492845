#include "module/redis/redisusers.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>

#include "auth/insert.h"
#include "auth/stored.h"
#include "module/redis/redislink.h"

#define KEY_MAX (GW_REDISPLAN_KEY_MAX * (size_t)(3 * GW_STORED_NAME_MAX))

struct backend {
    struct gw_redisplan plan;
    struct gw_backend_host host;
};

struct worker {
    const struct backend *backend;
    struct gw_redislink link;
    struct gw_stored stored;
};

static void close_backend(void *ctx)
{
    struct backend *backend = ctx;
    if (backend)
        gw_redisplan_fini(&backend->plan);
    free(backend);
}

static enum gw_status open_backend(const struct gw_backend_settings *settings,
                                   const struct gw_backend_host *host, void **ret_backend,
                                   char ret_words[GW_BACKEND_WORDS_MAX])
{
    struct backend *backend = calloc(1, sizeof(*backend));
    if (!backend)
        return GW_NO_MEMORY;
    backend->host = *host;
    enum gw_status status = gw_redisplan_init(&backend->plan, settings, ret_words);
    if (status != GW_OK) {
        close_backend(backend);
        return status;
    }
    *ret_backend = backend;
    return GW_OK;
}

static void *enter(void *ctx)
{
    struct worker *worker = calloc(1, sizeof(*worker));
    if (!worker)
        return NULL;
    worker->backend = ctx;
    gw_redislink_init(&worker->link, &worker->backend->plan);
    gw_stored_init(&worker->stored);
    return worker;
}

static void leave(void *ctx)
{
    struct worker *worker = ctx;
    if (worker)
        gw_redislink_fini(&worker->link);
    free(worker);
}

/* Asks over the connection that stands; if that one has broken meanwhile, once more over a new. */
static enum gw_status fetch(struct worker *worker, struct gw_span key, redisReply **ret_reply,
                            char *words)
{
    const struct gw_redisplan *plan = &worker->backend->plan;
    const struct gw_patience patience = gw_patience_for(plan->timeout_ms);
    const struct gw_span command[] = {GW_SPAN_LIT("HMGET"), key, gw_span_str(plan->field_hash),
                                      gw_span_str(plan->field_groups)};
    if (gw_redislink_is_open(&worker->link)) {
        enum gw_status status = gw_redislink_ask(&worker->link, command, GW_COUNT_OF(command),
                                                 &patience, ret_reply, words);
        if (status != GW_CLOSED && status != GW_OS_ERROR)
            return status;
    }
    GW_TRY(gw_redislink_open(&worker->link, &patience, words));
    return gw_redislink_ask(&worker->link, command, GW_COUNT_OF(command), &patience, ret_reply,
                            words);
}

/* False: this is no text and not nothing either. */
static bool text_of(const redisReply *reply, struct gw_span *ret_text)
{
    *ret_text = GW_SPAN_NONE;
    if (reply->type == REDIS_REPLY_STRING)
        *ret_text = gw_span_of(reply->str, reply->len);
    return reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_NIL;
}

static enum gw_backend_answer judge(struct worker *worker, const redisReply *found,
                                    const struct gw_backend_login *login,
                                    struct gw_backend_reply *reply)
{
    struct gw_span hash, groups;
    if (found->type != REDIS_REPLY_ARRAY || found->elements != 2 ||
        !text_of(found->element[0], &hash) || !text_of(found->element[1], &groups)) {
        gw_backend_say(reply->words, "Redis answered HMGET with something else than two texts");
        return GW_BACKEND_TROUBLE;
    }
    if (found->element[0]->type == REDIS_REPLY_NIL)
        return gw_stored_unknown(&worker->stored, login, reply);
    enum gw_backend_answer answer = gw_stored_check(&worker->stored, hash, groups, login, reply);
    if (answer == GW_BACKEND_YES)
        gw_backend_limit(&worker->backend->host, worker->backend->plan.valid_ms, &reply->warrant);
    return answer;
}

static enum gw_backend_answer ask(void *ctx, const struct gw_backend_login *login,
                                  struct gw_backend_reply *reply)
{
    struct worker *worker = ctx;
    const struct gw_insert_text texts[] = {{'u', login->user}, {0, GW_SPAN_NONE}};
    enum gw_backend_answer answer = GW_BACKEND_TROUBLE;
    redisReply *found = NULL;
    struct gw_buf key;
    if (!gw_stored_may_be(login->user))
        return gw_stored_unknown(&worker->stored, login, reply);
    gw_buf_init(&key, KEY_MAX);
    if (gw_insert(worker->backend->plan.key, GW_INSERT_KEY, texts, &key) != GW_OK)
        gw_backend_say(reply->words, "out of memory");
    else if (fetch(worker, gw_buf_span(&key), &found, reply->words) == GW_OK)
        answer = judge(worker, found, login, reply);
    if (found)
        freeReplyObject(found);
    gw_buf_fini(&key);
    return answer;
}

const struct gw_backend_ops gw_redisusers_ops = {
    .kind = "redis",
    .open = open_backend,
    .close = close_backend,
    .enter = enter,
    .leave = leave,
    .ask = ask,
};
