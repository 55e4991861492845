#include "module/pgsql/pgplan.h"

#include <libpq-fe.h>
#include <stdlib.h>

#include "auth/password.h"

#define TIMEOUT_MS 5000u

static enum gw_status bad(char *words, const char *what)
{
    gw_backend_say(words, "%s", what);
    return GW_INVALID;
}

static const char *option(const PQconninfoOption *options, const char *keyword)
{
    for (; options->keyword; options++)
        if (strcmp(options->keyword, keyword) == 0)
            return options->val && options->val[0] ? options->val : NULL;
    return NULL;
}

/* A socket, or an address that never leaves this machine. */
static bool is_near(struct gw_span host)
{
    return host.size == 0 || host.data[0] == '/' || host.data[0] == '@' ||
           gw_span_equal(host, GW_SPAN_LIT("localhost")) ||
           gw_span_equal(host, GW_SPAN_LIT("::1")) ||
           (gw_span_starts_with(host, GW_SPAN_LIT("127.")) &&
            strspn((const char *)host.data, "0123456789.") >= host.size);
}

/* Several hosts may be named with commas between them. */
static bool all_near(const char *hosts)
{
    struct gw_span rest = gw_span_str(hosts);
    while (rest.size > 0) {
        const uint8_t *comma = memchr(rest.data, ',', rest.size);
        size_t size = comma ? (size_t)(comma - rest.data) : rest.size;
        if (!is_near(gw_span_of(rest.data, size)))
            return false;
        rest = gw_span_from(rest, size + (comma ? 1 : 0));
    }
    return true;
}

/* libpq would go on without TLS, or with anybody's certificate, and say nothing. */
static enum gw_status judge(const PQconninfoOption *options, bool secret, char *words)
{
    bool near = all_near(option(options, "host")) && all_near(option(options, "hostaddr"));
    if (!secret && option(options, "password"))
        return bad(words, "url: a password does not belong here: put all of it into a file and "
                          "name that with conninfo_file");
    if (!near && !option(options, "sslmode"))
        return bad(words, "the server is not on this machine, so say how it proves who it is: "
                          "sslmode=verify-full and sslrootcert=FILE (or sslmode=disable)");
    return GW_OK;
}

static enum gw_status judge_conninfo(const char *conninfo, bool secret, char *words)
{
    char *why = NULL;
    PQconninfoOption *options = PQconninfoParse(conninfo, &why);
    if (!options && !why)
        return GW_NO_MEMORY;
    enum gw_status status = GW_INVALID;
    if (options)
        status = judge(options, secret, words);
    else /* libpq's own words quote what it could not read, which may be a password */
        gw_backend_say(words, "%s: libpq cannot read it: %s", secret ? "conninfo_file" : "url",
                       secret ? "it must be keywords, or a URL postgresql://..." : why);
    PQconninfoFree(options);
    PQfreemem(why);
    return status;
}

enum gw_status gw_pgplan_init(struct gw_pgplan *plan, const struct gw_backend_settings *settings,
                              char ret_words[GW_BACKEND_WORDS_MAX])
{
    const char *secret = gw_backend_setting(settings, "conninfo_file", NULL);
    const char *url = gw_backend_setting(settings, "url", NULL);
    const char *query = gw_backend_setting(settings, "query", "");
    *plan = (struct gw_pgplan){.conninfo = NULL};
    if (!secret == !url)
        return bad(ret_words, "either url or conninfo_file says where the data base is");
    GW_TRY(judge_conninfo(secret ? secret : url, secret != NULL, ret_words));
    if (!strstr(query, "$1"))
        return bad(ret_words, "query: asks for nobody: $1 stands for the user's name");
    plan->conninfo = gw_span_dup(gw_span_str(secret ? secret : url));
    plan->query = gw_span_dup(gw_span_str(query));
    plan->timeout_ms = gw_backend_setting_ms(settings, "timeout", TIMEOUT_MS);
    plan->valid_ms = gw_backend_setting_ms(settings, "valid_for", 0);
    return plan->conninfo && plan->query ? GW_OK : GW_NO_MEMORY;
}

void gw_pgplan_fini(struct gw_pgplan *plan)
{
    if (plan->conninfo)
        gw_password_wipe(plan->conninfo, strlen(plan->conninfo));
    free(plan->conninfo);
    free(plan->query);
    *plan = (struct gw_pgplan){.conninfo = NULL};
}
