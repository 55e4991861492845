#include "module/ldap/ldapplan.h"

#include <ldap.h>
#include <openssl/ssl.h>
#include <stdlib.h>

#include "auth/insert.h"
#include "auth/password.h"
#include "module/secure/securelink.h"

#define TIMEOUT_MS 5000u

static enum gw_status bad(char *words, const char *what)
{
    gw_backend_say(words, "%s", what);
    return GW_INVALID;
}

static enum gw_status copy(const char *text, char **ret_text)
{
    *ret_text = text ? gw_span_dup(gw_span_str(text)) : NULL;
    return *ret_text || !text ? GW_OK : GW_NO_MEMORY;
}

static bool is_near(const char *host)
{
    return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
           strcmp(host, "[::1]") == 0 ||
           (strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == strlen(host));
}

/* Where the directory is; ldapi:// names its socket in place of a host. */
static enum gw_status read_place(struct gw_ldapplan *plan, const LDAPURLDesc *parts, char *words)
{
    bool more = (parts->lud_dn && parts->lud_dn[0]) || parts->lud_attrs || parts->lud_filter;
    bool local = strcmp(parts->lud_scheme, "ldapi") == 0;
    bool known =
        local || strcmp(parts->lud_scheme, "ldap") == 0 || strcmp(parts->lud_scheme, "ldaps") == 0;
    if (!known || !parts->lud_host || !parts->lud_host[0])
        return bad(words, "url: must be like ldaps://ldap.example.org, ldap://localhost or "
                          "ldapi://%2Frun%2Fslapd%2Fldapi");
    if (more)
        return bad(words, "url: ends behind the host: what to look for is said by base and filter");
    plan->port = (uint16_t)(parts->lud_port > 0                       ? parts->lud_port
                            : strcmp(parts->lud_scheme, "ldaps") == 0 ? LDAPS_PORT
                                                                      : LDAP_PORT);
    return copy(parts->lud_host, local ? &plan->path : &plan->host);
}

/* Passwords go over this connection: without TLS only within this machine, unless it is said. */
static enum gw_status read_tls(struct gw_ldapplan *plan, const struct gw_backend_settings *settings,
                               char *words)
{
    const char *start_tls = gw_backend_setting(settings, "start_tls", NULL);
    const char *ca_file = gw_backend_setting(settings, "ca_file", NULL);
    const char *url = gw_backend_setting(settings, "url", "");
    bool plain = strncmp(url, "ldap:", 5) == 0;
    bool at_once = strncmp(url, "ldaps:", 6) == 0;
    plan->start_tls =
        start_tls ? strcmp(start_tls, "true") == 0 : plain && plan->host && !is_near(plan->host);
    if (plan->start_tls && !plain)
        return bad(words, "start_tls: is for a url that begins with ldap://");
    if (plan->start_tls || at_once)
        return gw_securelink_context(ca_file, &plan->tls, words);
    return ca_file ? bad(words, "ca_file: is for ldaps:// and start_tls") : GW_OK;
}

static enum gw_status read_url(struct gw_ldapplan *plan, const struct gw_backend_settings *settings,
                               char *words)
{
    const char *url = gw_backend_setting(settings, "url", "");
    LDAPURLDesc *parts = NULL;
    if (ldap_url_parse(url, &parts) != LDAP_URL_SUCCESS)
        return bad(words, "url: must be like ldaps://ldap.example.org");
    enum gw_status status = read_place(plan, parts, words);
    ldap_free_urldesc(parts);
    GW_TRY(status);
    GW_TRY(copy(url, &plan->url));
    return read_tls(plan, settings, words);
}

/* "uid" of "uid=%u,ou=people" or of "(&(objectClass=person)(uid=%u))"; NULL: cannot be told. */
static enum gw_status derive_name(const char *pattern, char **ret_name)
{
    const char *end = strstr(pattern, "=%u");
    const char *begin = end;
    while (begin && begin > pattern && strchr("(),+=<>~:*%&|! ", begin[-1]) == NULL)
        begin--;
    *ret_name = NULL;
    if (!begin || begin == end || (end[3] != '\0' && strchr("),+", end[3]) == NULL))
        return GW_OK;
    *ret_name = gw_span_dup(gw_span_of(begin, (size_t)(end - begin)));
    return *ret_name ? GW_OK : GW_NO_MEMORY;
}

static enum gw_status judge_pattern(const char *name, const char *pattern, const char *letters,
                                    char *words)
{
    const char *fault = gw_insert_judge(pattern, letters);
    if (!fault)
        return GW_OK;
    gw_backend_say(words, "%s: %s", name, fault);
    return GW_INVALID;
}

static bool is_dn(const char *text)
{
    LDAPDN dn = NULL;
    bool good = ldap_str2dn(text, &dn, LDAP_DN_FORMAT_LDAPV3) == LDAP_SUCCESS && dn != NULL;
    ldap_dnfree(dn);
    return good;
}

/* Whether a name put into a pattern gives a DN. */
static enum gw_status judge_dn(const char *pattern, char *words)
{
    const struct gw_insert_text texts[] = {{'u', GW_SPAN_LIT("a")}, {0, GW_SPAN_NONE}};
    struct gw_buf dn;
    gw_buf_init(&dn, 2 * strlen(pattern) + 2);
    enum gw_status status = gw_insert(pattern, GW_INSERT_LDAP_DN, texts, &dn);
    if (status == GW_OK)
        status = gw_buf_append(&dn, gw_span_of("", 1));
    if (status == GW_OK && !is_dn((const char *)dn.data))
        status = bad(words, "user_dn: is no DN such as uid=%u,ou=people,dc=example,dc=org; where "
                            "users have no such names, use base and filter");
    gw_buf_fini(&dn);
    return status;
}

static enum gw_status read_direct(struct gw_ldapplan *plan,
                                  const struct gw_backend_settings *settings, char *words)
{
    if (gw_backend_setting(settings, "base", NULL) ||
        gw_backend_setting(settings, "filter", NULL) ||
        gw_backend_setting(settings, "bind_dn", NULL))
        return bad(words, "user_dn: stands alone; base, filter and bind_dn are for searching");
    GW_TRY(judge_pattern("user_dn", plan->user_dn, "u", words));
    return judge_dn(plan->user_dn, words);
}

static enum gw_status read_search(struct gw_ldapplan *plan,
                                  const struct gw_backend_settings *settings, char *words)
{
    const char *password = gw_backend_setting(settings, "bind_password_file", NULL);
    GW_TRY(copy(gw_backend_setting(settings, "base", NULL), &plan->base));
    GW_TRY(copy(gw_backend_setting(settings, "filter", "(uid=%u)"), &plan->filter));
    GW_TRY(copy(gw_backend_setting(settings, "bind_dn", NULL), &plan->bind_dn));
    GW_TRY(copy(password, &plan->bind_password));
    if (!plan->base || !plan->filter)
        return bad(words, "either user_dn or base (and filter) says where users are");
    if (!plan->bind_dn != !password)
        return bad(words, "bind_dn and bind_password_file go together");
    /* A bind with a name and no password succeeds as nobody in many a directory. */
    if (plan->bind_dn && (!plan->bind_dn[0] || !password[0]))
        return bad(words, "bind_dn and what stands in bind_password_file must not be empty");
    if (!is_dn(plan->base))
        return bad(words, "base: is no DN such as ou=people,dc=example,dc=org");
    GW_TRY(judge_pattern("filter", plan->filter, "u", words));
    if (plan->filter[0] != '(')
        return bad(words, "filter: stands in parentheses, as in (uid=%u)");
    return GW_OK;
}

static enum gw_status read_groups(struct gw_ldapplan *plan,
                                  const struct gw_backend_settings *settings, char *words)
{
    const char *base = gw_backend_setting(settings, "group_base", NULL);
    const char *filter = gw_backend_setting(settings, "group_filter", base ? "(member=%d)" : NULL);
    const char *attribute = gw_backend_setting(settings, "group_attribute", base ? "cn" : NULL);
    GW_TRY(copy(base, &plan->group_base));
    GW_TRY(copy(filter, &plan->group_filter));
    GW_TRY(copy(attribute, &plan->group_attribute));
    if (!base && filter)
        return bad(words, "group_filter: needs group_base, where groups are");
    if (base && !is_dn(base))
        return bad(words, "group_base: is no DN such as ou=groups,dc=example,dc=org");
    if (base && gw_insert_judge(filter, "du") && gw_insert_judge(filter, "ud"))
        return bad(words, "group_filter: must name the user by %d (his DN) or %u");
    if (base && filter[0] != '(')
        return bad(words, "group_filter: stands in parentheses, as in (member=%d)");
    return GW_OK;
}

/* A directory does not tell "Alice " from "alice", access rules do: he is called what it says. */
static enum gw_status read_name(struct gw_ldapplan *plan,
                                const struct gw_backend_settings *settings, char *words)
{
    const char *name = gw_backend_setting(settings, "name_attribute", NULL);
    if (name && name[0])
        return copy(name, &plan->name_attribute);
    GW_TRY(derive_name(plan->user_dn ? plan->user_dn : plan->filter, &plan->name_attribute));
    if (plan->name_attribute)
        return GW_OK;
    return bad(words, "name_attribute: must say which attribute holds a user's name");
}

enum gw_status gw_ldapplan_init(struct gw_ldapplan *plan,
                                const struct gw_backend_settings *settings,
                                char ret_words[GW_BACKEND_WORDS_MAX])
{
    *plan = (struct gw_ldapplan){.url = NULL};
    GW_TRY(read_url(plan, settings, ret_words));
    GW_TRY(copy(gw_backend_setting(settings, "user_dn", NULL), &plan->user_dn));
    GW_TRY(plan->user_dn ? read_direct(plan, settings, ret_words)
                         : read_search(plan, settings, ret_words));
    GW_TRY(read_name(plan, settings, ret_words));
    GW_TRY(read_groups(plan, settings, ret_words));
    plan->timeout_ms = gw_backend_setting_ms(settings, "timeout", TIMEOUT_MS);
    plan->valid_ms = gw_backend_setting_ms(settings, "valid_for", 0);
    return GW_OK;
}

void gw_ldapplan_fini(struct gw_ldapplan *plan)
{
    if (plan->bind_password)
        gw_password_wipe(plan->bind_password, strlen(plan->bind_password));
    char *texts[] = {plan->url,        plan->host,          plan->path,
                     plan->user_dn,    plan->base,          plan->filter,
                     plan->bind_dn,    plan->bind_password, plan->name_attribute,
                     plan->group_base, plan->group_filter,  plan->group_attribute};
    for (size_t i = 0; i < GW_COUNT_OF(texts); i++)
        free(texts[i]);
    SSL_CTX_free(plan->tls);
    *plan = (struct gw_ldapplan){.url = NULL};
}
