#include "module/ldap/ldapusers.h"

#include <stdlib.h>
#include <strings.h>

#include "auth/insert.h"
#include "auth/stored.h"
#include "module/ldap/ldaplink.h"

#define TEXT_MAX ((size_t)64 * 1024) /* of a DN or a filter with its names in it */

struct backend {
    struct gw_ldapplan plan;
    struct gw_backend_host host;
};

/* Two connections: whoever binds on one is somebody else there from then on. */
struct worker {
    const struct backend *backend;
    struct gw_ldaplink finder; /* as bind_dn; only for searching */
    struct gw_ldaplink prover; /* as whoever was here last */
};

/* One login on its way. */
struct errand {
    struct worker *worker;
    const struct gw_ldapplan *plan;
    const struct gw_backend_login *login;
    struct gw_backend_reply *reply;
    struct gw_patience patience;
    struct gw_buf dn; /* with its end mark */
};

/* -- life -- */

static void close_backend(void *ctx)
{
    struct backend *backend = ctx;
    if (backend)
        gw_ldapplan_fini(&backend->plan);
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
    enum gw_status status = gw_ldapplan_init(&backend->plan, settings, ret_words);
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
    gw_ldaplink_init(&worker->finder, &worker->backend->plan);
    gw_ldaplink_init(&worker->prover, &worker->backend->plan);
    return worker;
}

static void leave(void *ctx)
{
    struct worker *worker = ctx;
    if (worker) {
        gw_ldaplink_fini(&worker->finder);
        gw_ldaplink_fini(&worker->prover);
    }
    free(worker);
}

/* -- names -- */

static const char *text_of(const struct gw_buf *buf)
{
    return (const char *)buf->data;
}

/* Fills a pattern in and ends it. */
static enum gw_status fill(const struct errand *errand, const char *pattern,
                           enum gw_insert_place place, struct gw_span user, struct gw_buf *out)
{
    size_t dn_size = errand->dn.size > 0 ? errand->dn.size - 1 : 0;
    const struct gw_insert_text texts[] = {
        {'u', user}, {'d', gw_span_of(errand->dn.data, dn_size)}, {0, GW_SPAN_NONE}};
    enum gw_status status = gw_insert(pattern, place, texts, out);
    if (status == GW_OK)
        status = gw_buf_append(out, gw_span_of("", 1));
    if (status != GW_OK)
        gw_backend_say(errand->reply->words, "a name is too long for the directory");
    return status;
}

/* Which of the values he is called by: the one that he gave, or gave in other letters, or the
 * first. */
static struct gw_span choose(struct berval *const *values, struct gw_span given)
{
    const struct berval *best = NULL;
    for (size_t i = 0; values && values[i]; i++) {
        bool same = values[i]->bv_len == given.size;
        if (same && memcmp(values[i]->bv_val, given.data, given.size) == 0)
            return given;
        if (same && strncasecmp(values[i]->bv_val, (const char *)given.data, given.size) == 0)
            best = values[i];
    }
    if (!best && values)
        best = values[0];
    return best ? gw_span_of(best->bv_val, best->bv_len) : GW_SPAN_NONE;
}

/* Takes the user's name as his entry has it. */
static enum gw_status take_name(const struct errand *errand, LDAP *ld, LDAPMessage *entry)
{
    struct gw_backend_reply *reply = errand->reply;
    struct berval **values = ldap_get_values_len(ld, entry, errand->plan->name_attribute);
    struct gw_span name = choose(values, errand->login->user);
    enum gw_status status = GW_INVALID;
    if (!gw_stored_may_be(name))
        gw_backend_say(reply->words, "the user's entry shows no %s: see name_attribute",
                       errand->plan->name_attribute);
    else if ((status = gw_buf_append(&reply->warrant.user, name)) != GW_OK)
        gw_backend_say(reply->words, "out of memory");
    ldap_value_free_len(values);
    return status;
}

/* -- groups -- */

/* A group's name in a value: of a DN the first part's, else all of it. One with a comma in it is
 * left out, for no rule could name it. */
static enum gw_status add_group(struct gw_warrant *warrant, const struct berval *value)
{
    LDAPDN dn = NULL;
    struct gw_span name = gw_span_of(value->bv_val, value->bv_len);
    if (memchr(value->bv_val, '=', value->bv_len) &&
        ldap_bv2dn((struct berval *)(uintptr_t)value, &dn, LDAP_DN_FORMAT_LDAPV3) == LDAP_SUCCESS &&
        dn && dn[0] && dn[0][0])
        name = gw_span_of(dn[0][0]->la_value.bv_val, dn[0][0]->la_value.bv_len);
    enum gw_status status = gw_warrant_add_group(warrant, name);
    ldap_dnfree(dn);
    return status == GW_INVALID ? GW_OK : status;
}

static enum gw_status take_groups(const struct errand *errand, LDAP *ld, LDAPMessage *entry)
{
    struct berval **values = ldap_get_values_len(ld, entry, errand->plan->group_attribute);
    enum gw_status status = GW_OK;
    for (size_t i = 0; values && values[i] && status == GW_OK; i++)
        status = add_group(&errand->reply->warrant, values[i]);
    ldap_value_free_len(values);
    if (status != GW_OK)
        gw_backend_say(errand->reply->words, "the groups of this user cannot be taken: %s",
                       gw_status_name(status));
    return status;
}

/* Searches for the groups that he is in. */
static enum gw_status find_groups(const struct errand *errand, struct gw_ldaplink *link)
{
    const struct gw_ldapplan *plan = errand->plan;
    struct gw_ldaplink_search search = {.base = plan->group_base,
                                        .scope = LDAP_SCOPE_SUBTREE,
                                        .entries_max = GW_LDAPLINK_ENTRIES_MAX,
                                        .attributes = {plan->group_attribute, NULL, NULL}};
    LDAPMessage *found = NULL;
    struct gw_buf filter;
    gw_buf_init(&filter, TEXT_MAX);
    enum gw_status status = fill(errand, plan->group_filter, GW_INSERT_LDAP_FILTER,
                                 gw_buf_span(&errand->reply->warrant.user), &filter);
    if (status == GW_OK) {
        search.filter = text_of(&filter);
        status = gw_ldaplink_search(link, &search, &errand->patience, &found, errand->reply->words);
    }
    LDAPMessage *entry = status == GW_OK ? ldap_first_entry(link->ld, found) : NULL;
    for (; entry && status == GW_OK; entry = ldap_next_entry(link->ld, entry))
        status = take_groups(errand, link->ld, entry);
    (void)ldap_msgfree(found);
    gw_buf_fini(&filter);
    return status;
}

/* -- entries -- */

/* What his entry says of him: his name, and his groups where they stand there. */
static enum gw_status take_entry(const struct errand *errand, LDAP *ld, LDAPMessage *entry)
{
    const struct gw_ldapplan *plan = errand->plan;
    GW_TRY(take_name(errand, ld, entry));
    return plan->group_attribute && !plan->group_base ? take_groups(errand, ld, entry) : GW_OK;
}

static struct gw_ldaplink_search search_for(const struct gw_ldapplan *plan)
{
    return (struct gw_ldaplink_search){
        .entries_max = 1,
        .attributes = {plan->name_attribute, plan->group_base ? NULL : plan->group_attribute,
                       NULL}};
}

static enum gw_status take_dn(struct errand *errand, LDAP *ld, LDAPMessage *entry)
{
    char *dn = ldap_get_dn(ld, entry);
    enum gw_status status = GW_NO_MEMORY;
    if (dn && dn[0]) /* an empty one would be a bind as nobody */
        status = gw_buf_append(&errand->dn, gw_span_of(dn, strlen(dn) + 1));
    ldap_memfree(dn);
    if (status != GW_OK)
        gw_backend_say(errand->reply->words, "the user's entry has no DN that can be used");
    return status;
}

/* Finds the user's entry. */
static enum gw_status find_user(struct errand *errand, struct gw_ldaplink *link)
{
    struct gw_ldaplink_search search = search_for(errand->plan);
    LDAPMessage *found = NULL;
    struct gw_buf filter;
    search.base = errand->plan->base;
    search.scope = LDAP_SCOPE_SUBTREE;
    gw_buf_init(&filter, TEXT_MAX);
    enum gw_status status =
        fill(errand, errand->plan->filter, GW_INSERT_LDAP_FILTER, errand->login->user, &filter);
    if (status == GW_OK) {
        search.filter = text_of(&filter);
        status = gw_ldaplink_search(link, &search, &errand->patience, &found, errand->reply->words);
        if (status == GW_NOT_FOUND) /* of the base, not of the user */
            status = GW_INVALID;
    }
    LDAPMessage *entry = status == GW_OK ? ldap_first_entry(link->ld, found) : NULL;
    if (status == GW_OK && !entry) {
        gw_backend_say(errand->reply->words, "there is no such user");
        status = GW_NOT_FOUND;
    }
    if (status == GW_OK && ldap_next_entry(link->ld, entry)) { /* not all keep to our limit */
        gw_backend_say(errand->reply->words, "more than one entry matches");
        status = GW_LIMIT;
    }
    if (status == GW_OK)
        status = take_dn(errand, link->ld, entry);
    if (status == GW_OK)
        status = take_entry(errand, link->ld, entry);
    (void)ldap_msgfree(found);
    gw_buf_fini(&filter);
    return status;
}

/* Reads the entry of the user who has just bound himself. */
static enum gw_status read_user(const struct errand *errand, struct gw_ldaplink *link)
{
    struct gw_ldaplink_search search = search_for(errand->plan);
    LDAPMessage *found = NULL;
    search.base = text_of(&errand->dn);
    search.scope = LDAP_SCOPE_BASE;
    search.filter = "(objectClass=*)";
    enum gw_status status =
        gw_ldaplink_search(link, &search, &errand->patience, &found, errand->reply->words);
    LDAPMessage *entry = status == GW_OK ? ldap_first_entry(link->ld, found) : NULL;
    if (entry)
        status = take_entry(errand, link->ld, entry);
    else if (status == GW_OK || status == GW_NOT_FOUND)
        status = GW_INVALID;
    if (status == GW_INVALID)
        gw_backend_say(errand->reply->words, "the user may not read %s of his own entry",
                       errand->plan->name_attribute);
    (void)ldap_msgfree(found);
    return status;
}

/* -- logins -- */

/* Does something over a connection that stands; if it has broken meanwhile, once more over a new
 * one. */
static enum gw_status over(struct errand *errand, struct gw_ldaplink *link,
                           enum gw_status (*work)(struct errand *errand, struct gw_ldaplink *link))
{
    if (gw_ldaplink_is_open(link)) {
        enum gw_status status = work(errand, link);
        if (status != GW_CLOSED)
            return status;
    }
    GW_TRY(gw_ldaplink_open(link, &errand->patience, errand->reply->words));
    return work(errand, link);
}

static enum gw_status prove(struct errand *errand, struct gw_ldaplink *link)
{
    return gw_ldaplink_bind(link, text_of(&errand->dn), errand->login->password, &errand->patience,
                            errand->reply->words);
}

/* The finder's first bind; its search. */
static enum gw_status bind_and_find(struct errand *errand, struct gw_ldaplink *link)
{
    const struct gw_ldapplan *plan = errand->plan;
    if (plan->bind_dn && !link->bound) {
        enum gw_status status =
            gw_ldaplink_bind(link, plan->bind_dn, gw_span_str(plan->bind_password),
                             &errand->patience, errand->reply->words);
        if (status == GW_REFUSED || status == GW_NOT_FOUND) { /* our fault, not the user's */
            gw_backend_say(errand->reply->words, "the directory refuses bind_dn %s", plan->bind_dn);
            return GW_INVALID;
        }
        GW_TRY(status);
        link->bound = true;
    }
    return find_user(errand, link);
}

static enum gw_status log_in_directly(struct errand *errand)
{
    struct gw_ldaplink *link = &errand->worker->prover;
    GW_TRY(
        fill(errand, errand->plan->user_dn, GW_INSERT_LDAP_DN, errand->login->user, &errand->dn));
    GW_TRY(over(errand, link, prove));
    enum gw_status status = read_user(errand, link);
    if (status == GW_OK && errand->plan->group_base)
        status = find_groups(errand, link);
    return status == GW_NOT_FOUND ? GW_INVALID : status;
}

static enum gw_status log_in_by_search(struct errand *errand)
{
    struct worker *worker = errand->worker;
    GW_TRY(over(errand, &worker->finder, bind_and_find));
    GW_TRY(over(errand, &worker->prover, prove));
    if (!errand->plan->group_base)
        return GW_OK;
    enum gw_status status = find_groups(errand, &worker->finder);
    return status == GW_NOT_FOUND ? GW_INVALID : status;
}

static enum gw_backend_answer answer_of(enum gw_status status)
{
    switch (status) {
    case GW_OK: return GW_BACKEND_YES;
    case GW_REFUSED: return GW_BACKEND_NO;
    case GW_NOT_FOUND: return GW_BACKEND_UNKNOWN;
    default: return GW_BACKEND_TROUBLE;
    }
}

static enum gw_backend_answer ask(void *ctx, const struct gw_backend_login *login,
                                  struct gw_backend_reply *reply)
{
    struct worker *worker = ctx;
    const struct gw_ldapplan *plan = &worker->backend->plan;
    struct errand errand = {.worker = worker,
                            .plan = plan,
                            .login = login,
                            .reply = reply,
                            .patience = gw_patience_for(plan->timeout_ms)};
    if (!gw_stored_may_be(login->user)) {
        gw_backend_say(reply->words, "there is no such user");
        return GW_BACKEND_UNKNOWN;
    }
    /* Neither nothing, nor what a directory written in C takes for nothing. */
    if (login->password.size == 0 || memchr(login->password.data, '\0', login->password.size)) {
        gw_backend_say(reply->words, "the password is empty or has U+0000 in it");
        return GW_BACKEND_NO;
    }
    gw_buf_init(&errand.dn, TEXT_MAX);
    enum gw_status status = plan->user_dn ? log_in_directly(&errand) : log_in_by_search(&errand);
    gw_buf_fini(&errand.dn);
    if (status == GW_OK)
        gw_backend_limit(&worker->backend->host, plan->valid_ms, &reply->warrant);
    else /* what was found of him before he failed to prove himself */
        gw_warrant_fini(&reply->warrant);
    return answer_of(status);
}

const struct gw_backend_ops gw_ldapusers_ops = {
    .kind = "ldap",
    .open = open_backend,
    .close = close_backend,
    .enter = enter,
    .leave = leave,
    .ask = ask,
};
