#include "module/pgsql/pglink.h"

#include <libpq-fe.h>

#include "os/clock.h"

#define STATEMENT "godwit_user"

void gw_pglink_init(struct gw_pglink *link, const struct gw_pgplan *plan)
{
    *link = (struct gw_pglink){.plan = plan};
}

void gw_pglink_fini(struct gw_pglink *link)
{
    PQfinish(link->conn);
    gw_pglink_init(link, link->plan);
}

bool gw_pglink_is_open(struct gw_pglink *link)
{
    gw_mono_ns now = gw_clock_mono(gw_clock_system());
    if (link->conn && now - link->used_at > GW_PGLINK_IDLE_MAX)
        gw_pglink_fini(link);
    return link->conn != NULL;
}

/* Says what failed and gives the connection up; what the server said goes before our own words. */
static enum gw_status fail(struct gw_pglink *link, enum gw_status status, const char *what,
                           char *words)
{
    const char *told = link->conn ? PQerrorMessage(link->conn) : "";
    const char *why = status == GW_TIMEOUT     ? "no answer within `timeout`"
                      : status == GW_NO_MEMORY ? "out of memory"
                      : told[0]                ? told
                                               : "the connection broke";
    gw_backend_say(words, "%s: %.*s", what, (int)strcspn(why, "\n"), why);
    gw_pglink_fini(link);
    return status;
}

/* A server's notices would go to standard error. */
static void hush(void *ctx, const PGresult *result)
{
    (void)ctx;
    (void)result;
}

static enum gw_status wait_for(const struct gw_pglink *link, const struct gw_patience *patience,
                               bool to_write)
{
    int fd = PQsocket(link->conn);
    return fd < 0 ? GW_CLOSED : gw_patience_wait(patience, fd, true, to_write);
}

/* -- results -- */

/* Sends what libpq still holds. */
static enum gw_status flush(const struct gw_pglink *link, const struct gw_patience *patience)
{
    for (;;) {
        int left = PQflush(link->conn);
        if (left == 0)
            return GW_OK;
        if (left < 0)
            return GW_CLOSED;
        GW_TRY(wait_for(link, patience, true));
        if (PQconsumeInput(link->conn) != 1)
            return GW_CLOSED;
    }
}

/* The next result of the command under way; NULL: there is none any more. */
static enum gw_status next_result(const struct gw_pglink *link, const struct gw_patience *patience,
                                  PGresult **ret_result)
{
    *ret_result = NULL;
    while (PQisBusy(link->conn)) {
        GW_TRY(wait_for(link, patience, false));
        if (PQconsumeInput(link->conn) != 1)
            return GW_CLOSED;
    }
    *ret_result = PQgetResult(link->conn);
    return GW_OK;
}

/* -- connecting -- */

static enum gw_status shake_hands(const struct gw_pglink *link, const struct gw_patience *patience)
{
    PostgresPollingStatusType next = PGRES_POLLING_WRITING;
    while (next != PGRES_POLLING_OK) {
        int fd = PQsocket(link->conn);
        bool to_write = next == PGRES_POLLING_WRITING;
        if (next == PGRES_POLLING_FAILED || fd < 0)
            return GW_REFUSED;
        GW_TRY(gw_patience_wait(patience, fd, !to_write, to_write));
        next = PQconnectPoll(link->conn);
    }
    return GW_OK;
}

static enum gw_status prepare(struct gw_pglink *link, const struct gw_patience *patience)
{
    if (PQsendPrepare(link->conn, STATEMENT, link->plan->query, 1, NULL) != 1)
        return GW_CLOSED;
    GW_TRY(flush(link, patience));
    bool good = false;
    for (;;) {
        PGresult *result;
        GW_TRY(next_result(link, patience, &result));
        if (!result)
            return good ? GW_OK : GW_REFUSED;
        good = PQresultStatus(result) == PGRES_COMMAND_OK;
        PQclear(result);
    }
}

enum gw_status gw_pglink_open(struct gw_pglink *link, const struct gw_patience *patience,
                              char ret_words[GW_BACKEND_WORDS_MAX])
{
    const char *const keywords[] = {"dbname", "client_encoding", "fallback_application_name", NULL};
    const char *const values[] = {link->plan->conninfo, "UTF8", "godwit", NULL};
    link->conn = PQconnectStartParams(keywords, values, 1);
    if (!link->conn)
        return fail(link, GW_NO_MEMORY, "cannot connect to the data base", ret_words);
    (void)PQsetNoticeReceiver(link->conn, hush, NULL);
    enum gw_status status =
        PQstatus(link->conn) == CONNECTION_BAD ? GW_REFUSED : shake_hands(link, patience);
    if (status == GW_OK && PQsetnonblocking(link->conn, 1) != 0)
        status = GW_CLOSED;
    if (status != GW_OK)
        return fail(link, status, "cannot connect to the data base", ret_words);
    status = prepare(link, patience);
    if (status != GW_OK)
        return fail(link, status, "the query cannot be prepared", ret_words);
    return GW_OK;
}

/* -- asking -- */

/* What an error of the server means; the text is copied, for its result goes. */
static enum gw_status judge(const PGresult *result, char *words)
{
    const char *code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    if (code && strncmp(code, "22", 2) == 0) /* nothing that stands in this data base */
        return GW_NOT_FOUND;
    if (!text) /* libpq's own */
        text = PQresultErrorMessage(result);
    gw_backend_say(words, "the query failed: %.*s%s%s", (int)strcspn(text, "\n"), text,
                   code ? ", SQLSTATE " : "", code ? code : "");
    /* The server goes down, or the statement is gone: a pooler gave us another connection, or the
     * table was changed. */
    bool again = code && (strncmp(code, "57P", 3) == 0 || strncmp(code, "08", 2) == 0 ||
                          strcmp(code, "26000") == 0 || strcmp(code, "0A000") == 0);
    return again || !code ? GW_CLOSED : GW_REFUSED;
}

/* Takes all results of the query: rows come one by one, so a second one is enough to end it. */
static enum gw_status take_row(const struct gw_pglink *link, const struct gw_patience *patience,
                               PGresult **ret_row, char *words)
{
    enum gw_status answer = GW_NOT_FOUND;
    for (;;) {
        PGresult *result;
        GW_TRY(next_result(link, patience, &result));
        if (!result)
            return answer;
        ExecStatusType kind = PQresultStatus(result);
        if (kind == PGRES_SINGLE_TUPLE && !*ret_row) {
            *ret_row = result;
            answer = GW_OK;
            continue;
        }
        if (kind == PGRES_SINGLE_TUPLE)
            answer = GW_LIMIT;
        else if (kind != PGRES_TUPLES_OK)
            answer = judge(result, words);
        PQclear(result);
        if (answer == GW_LIMIT)
            return answer;
    }
}

enum gw_status gw_pglink_ask(struct gw_pglink *link, const char *name,
                             const struct gw_patience *patience, struct pg_result **ret_row,
                             char ret_words[GW_BACKEND_WORDS_MAX])
{
    PGresult *row = NULL;
    enum gw_status status = GW_CLOSED;
    ret_words[0] = '\0';
    if (PQsendQueryPrepared(link->conn, STATEMENT, 1, &name, NULL, NULL, 0) == 1 &&
        PQsetSingleRowMode(link->conn) == 1)
        status = flush(link, patience);
    if (status == GW_OK)
        status = take_row(link, patience, &row, ret_words);
    link->used_at = gw_clock_mono(gw_clock_system());
    if (status == GW_OK) {
        *ret_row = row;
        return GW_OK;
    }
    PQclear(row);
    if (status == GW_LIMIT)
        gw_backend_say(ret_words, "the query gives several rows for one name");
    else if (status != GW_NOT_FOUND && !ret_words[0])
        return fail(link, status, "asking the data base failed", ret_words);
    if (status != GW_NOT_FOUND)
        gw_pglink_fini(link);
    return status;
}
