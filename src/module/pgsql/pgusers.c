#include "module/pgsql/pgusers.h"

#include <libpq-fe.h>
#include <stdlib.h>

#include "auth/stored.h"
#include "module/pgsql/pglink.h"

enum column { COLUMN_HASH, COLUMN_GROUPS, COLUMN_NAME, COLUMN_COUNT };

struct backend {
    struct gw_pgplan plan;
    struct gw_backend_host host;
};

struct worker {
    const struct backend *backend;
    struct gw_pglink link;
    struct gw_stored stored;
};

static void close_backend(void *ctx)
{
    struct backend *backend = ctx;
    if (backend)
        gw_pgplan_fini(&backend->plan);
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
    enum gw_status status = gw_pgplan_init(&backend->plan, settings, ret_words);
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
    gw_pglink_init(&worker->link, &worker->backend->plan);
    gw_stored_init(&worker->stored);
    return worker;
}

static void leave(void *ctx)
{
    struct worker *worker = ctx;
    if (worker)
        gw_pglink_fini(&worker->link);
    free(worker);
}

/* Asks over the connection that stands; if that one has broken meanwhile, once more over a new. */
static enum gw_status fetch(struct worker *worker, const char *name, PGresult **ret_row,
                            char *words)
{
    const struct gw_patience patience = gw_patience_for(worker->backend->plan.timeout_ms);
    if (gw_pglink_is_open(&worker->link)) {
        enum gw_status status = gw_pglink_ask(&worker->link, name, &patience, ret_row, words);
        if (status != GW_CLOSED)
            return status;
    }
    GW_TRY(gw_pglink_open(&worker->link, &patience, words));
    return gw_pglink_ask(&worker->link, name, &patience, ret_row, words);
}

/* Text of any kind; an array or a number would be taken for something that it is not. */
static bool is_text(Oid type)
{
    static const Oid kinds[] = {18 /* char */,     19 /* name */,     25 /* text */,
                                705 /* unknown */, 1042 /* bpchar */, 1043 /* varchar */};
    for (size_t i = 0; i < GW_COUNT_OF(kinds); i++)
        if (type == kinds[i])
            return true;
    return type >= 16384; /* an extension's, such as citext */
}

static const char *judge_columns(const PGresult *row)
{
    static const char *const faults[COLUMN_COUNT] = {
        "the query's first column, the hash, must be text",
        "the query's second column, the groups, must be text: array_to_string(groups, ',')",
        "the query's third column, the name, must be text"};
    for (int i = 0; i < PQnfields(row) && i < COLUMN_COUNT; i++)
        if (!is_text(PQftype(row, i)))
            return faults[i];
    return PQnfields(row) < 1 || PQnfields(row) > COLUMN_COUNT
               ? "the query must give a hash, then (if wanted) groups, then a name"
               : NULL;
}

static struct gw_span column(const PGresult *row, enum column index)
{
    if ((int)index >= PQnfields(row))
        return GW_SPAN_NONE;
    return gw_span_of(PQgetvalue(row, 0, (int)index), (size_t)PQgetlength(row, 0, (int)index));
}

static enum gw_backend_answer judge(struct worker *worker, const PGresult *row,
                                    const struct gw_backend_login *login,
                                    struct gw_backend_reply *reply)
{
    const char *fault = judge_columns(row);
    struct gw_span name = column(row, COLUMN_NAME);
    if (!fault && PQnfields(row) > COLUMN_NAME && !gw_stored_may_be(name))
        fault = "the query's third column, the name, is empty or too long";
    if (fault) {
        gw_backend_say(reply->words, "%s", fault);
        return GW_BACKEND_TROUBLE;
    }
    enum gw_backend_answer answer = gw_stored_check(&worker->stored, column(row, COLUMN_HASH),
                                                    column(row, COLUMN_GROUPS), login, reply);
    if (answer != GW_BACKEND_YES)
        return answer;
    gw_backend_limit(&worker->backend->host, worker->backend->plan.valid_ms, &reply->warrant);
    if (gw_buf_append(&reply->warrant.user, name) == GW_OK)
        return GW_BACKEND_YES;
    gw_backend_say(reply->words, "out of memory");
    return GW_BACKEND_TROUBLE;
}

static enum gw_backend_answer ask(void *ctx, const struct gw_backend_login *login,
                                  struct gw_backend_reply *reply)
{
    struct worker *worker = ctx;
    PGresult *row = NULL;
    if (!gw_stored_may_be(login->user))
        return gw_stored_unknown(&worker->stored, login, reply);
    char *name = gw_span_dup(login->user);
    enum gw_status status = GW_NO_MEMORY;
    if (name)
        status = fetch(worker, name, &row, reply->words);
    else
        gw_backend_say(reply->words, "out of memory");
    free(name);
    if (status == GW_NOT_FOUND)
        return gw_stored_unknown(&worker->stored, login, reply);
    if (status != GW_OK)
        return GW_BACKEND_TROUBLE;
    enum gw_backend_answer answer = judge(worker, row, login, reply);
    PQclear(row);
    return answer;
}

const struct gw_backend_ops gw_pgusers_ops = {
    .kind = "postgres",
    .open = open_backend,
    .close = close_backend,
    .enter = enter,
    .leave = leave,
    .ask = ask,
};
