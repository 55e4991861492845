#include "module/ldap/ldaplink.h"

#include <errno.h>
#include <openldap.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/time.h>

#include "base/assert.h"
#include "module/secure/securelink.h"
#include "os/clock.h"
#include "os/dial.h"

#define NOWHERE "ldapi://%2Fnonexistent"

void gw_ldaplink_init(struct gw_ldaplink *link, const struct gw_ldapplan *plan)
{
    *link = (struct gw_ldaplink){.plan = plan, .fd = -1};
}

void gw_ldaplink_fini(struct gw_ldaplink *link)
{
    const struct gw_sockets *sockets = gw_socket_system();
    if (link->ld)
        (void)ldap_unbind_ext(link->ld, NULL, NULL);
    SSL_free(link->ssl);
    if (link->fd >= 0)
        sockets->ops->close(sockets->ctx, link->fd);
    gw_ldaplink_init(link, link->plan);
}

bool gw_ldaplink_is_open(struct gw_ldaplink *link)
{
    gw_mono_ns now = gw_clock_mono(gw_clock_system());
    if (link->ld && now - link->used_at > GW_LDAPLINK_IDLE_MAX)
        gw_ldaplink_fini(link);
    return link->ld != NULL;
}

static struct timeval time_of(uint32_t ms)
{
    return (struct timeval){.tv_sec = (time_t)(ms / 1000),
                            .tv_usec = (suseconds_t)(ms % 1000) * 1000};
}

/* -- what went wrong -- */

static bool is_broken(int code)
{
    return code == LDAP_SERVER_DOWN || code == LDAP_CONNECT_ERROR || code == LDAP_UNAVAILABLE;
}

static enum gw_status status_of(int code)
{
    if (is_broken(code))
        return GW_CLOSED;
    return code == LDAP_TIMEOUT ? GW_TIMEOUT : code == LDAP_NO_MEMORY ? GW_NO_MEMORY : GW_PROTOCOL;
}

/* Says what failed and gives the connection up. */
static enum gw_status fail(struct gw_ldaplink *link, int code, const char *what, char *words)
{
    char *more = NULL;
    if (link->ld)
        (void)ldap_get_option(link->ld, LDAP_OPT_DIAGNOSTIC_MESSAGE, &more);
    bool detailed = more && more[0];
    if (code == LDAP_TIMEOUT)
        gw_backend_say(words, "%s: no answer within `timeout`", what);
    else
        gw_backend_say(words, "%s: %s%s%s", what, ldap_err2string(code), detailed ? ": " : "",
                       detailed ? more : "");
    ldap_memfree(more);
    gw_ldaplink_fini(link);
    return status_of(code);
}

/* -- bytes for libldap -- */

static ber_slen_t done(enum gw_status status, size_t size)
{
    if (status == GW_OK)
        return (ber_slen_t)size;
    if (status == GW_CLOSED)
        return 0;
    errno = status == GW_AGAIN ? EAGAIN : ECONNRESET;
    return -1;
}

static int io_setup(Sockbuf_IO_Desc *desc, void *link)
{
    desc->sbiod_pvt = link;
    return 0;
}

/* The socket is its link's, which outlives this. */
static int io_end(Sockbuf_IO_Desc *desc)
{
    (void)desc;
    return 0;
}

/* Whether there is something to read that no poll would tell. */
static int io_ctrl(Sockbuf_IO_Desc *desc, int option, void *arg)
{
    const struct gw_ldaplink *link = desc->sbiod_pvt;
    (void)arg;
    return option == LBER_SB_OPT_DATA_READY && link->ssl && SSL_pending(link->ssl) > 0;
}

static ber_slen_t io_read(Sockbuf_IO_Desc *desc, void *memory, ber_len_t size)
{
    const struct gw_ldaplink *link = desc->sbiod_pvt;
    const struct gw_sockets *sockets = gw_socket_system();
    size_t got = 0;
    bool to_write;
    int os_errno;
    if (!link->ssl) {
        enum gw_status status =
            sockets->ops->recv(sockets->ctx, link->fd, memory, size, &got, &os_errno);
        return done(status, got);
    }
    ERR_clear_error();
    int result = SSL_read_ex(link->ssl, memory, size, &got);
    return done(result == 1 ? GW_OK : gw_securelink_outcome(link->ssl, result, &to_write), got);
}

static ber_slen_t io_write(Sockbuf_IO_Desc *desc, void *memory, ber_len_t size)
{
    const struct gw_ldaplink *link = desc->sbiod_pvt;
    const struct gw_sockets *sockets = gw_socket_system();
    const struct iovec part = {memory, size};
    size_t sent = 0;
    bool to_write;
    int os_errno;
    if (!link->ssl) {
        enum gw_status status =
            sockets->ops->sendv(sockets->ctx, link->fd, &part, 1, &sent, &os_errno);
        return done(status, sent);
    }
    ERR_clear_error();
    int result = SSL_write_ex(link->ssl, memory, size, &sent);
    return done(result == 1 ? GW_OK : gw_securelink_outcome(link->ssl, result, &to_write), sent);
}

/* -- connecting -- */

/* libldap would connect anew by itself, in clear: it must not. */
static int refuse_socket(LDAP *ld, Sockbuf *sockbuf, LDAPURLDesc *server, struct sockaddr *address,
                         struct ldap_conncb *ctx)
{
    (void)ld;
    (void)sockbuf;
    (void)server;
    (void)address;
    (void)ctx;
    return -1;
}

static void forget_socket(LDAP *ld, Sockbuf *sockbuf, struct ldap_conncb *ctx)
{
    (void)ld;
    (void)sockbuf;
    (void)ctx;
}

static bool set(LDAP *ld, int option, const void *value)
{
    return ldap_set_option(ld, option, value) == LDAP_OPT_SUCCESS;
}

/* Hands our socket to libldap, and sets every option that ldap.conf could have set otherwise. */
static bool adopt(struct gw_ldaplink *link)
{
    static const Sockbuf_IO io = {io_setup, io_end, io_ctrl, io_read, io_write, io_end};
    const int version = LDAP_VERSION3;
    const int deref = LDAP_DEREF_NEVER;
    Sockbuf *sockbuf = NULL;
    if (ldap_init_fd(link->fd, LDAP_PROTO_EXT, NOWHERE, &link->ld) != LDAP_SUCCESS)
        return false;
    link->on_connect.lc_add = refuse_socket;
    link->on_connect.lc_del = forget_socket;
    return ldap_get_option(link->ld, LDAP_OPT_SOCKBUF, &sockbuf) == LDAP_OPT_SUCCESS &&
           ber_sockbuf_add_io(sockbuf, (Sockbuf_IO *)(uintptr_t)&io, LBER_SBIOD_LEVEL_PROVIDER,
                              link) == 0 &&
           set(link->ld, LDAP_OPT_PROTOCOL_VERSION, &version) &&
           set(link->ld, LDAP_OPT_DEREF, &deref) &&
           set(link->ld, LDAP_OPT_REFERRALS, LDAP_OPT_OFF) &&
           set(link->ld, LDAP_OPT_CONNECT_CB, &link->on_connect);
}

static enum gw_status dial(struct gw_ldaplink *link, const struct gw_patience *patience,
                           char *words)
{
    const struct gw_ldapplan *plan = link->plan;
    struct gw_dial_fault fault;
    enum gw_status status =
        plan->host ? gw_dial_tcp_by(plan->host, plan->port, patience->until, &link->fd, &fault)
                   : gw_dial_unix(plan->path, &link->fd, &fault);
    if (status == GW_OK)
        return GW_OK;
    gw_backend_say(words, "cannot connect to %s: %s", plan->url, fault.text);
    link->fd = -1;
    return status == GW_NOT_FOUND ? GW_OS_ERROR : status;
}

static enum gw_status secure(struct gw_ldaplink *link, const struct gw_patience *patience,
                             char *words)
{
    enum gw_status status = gw_securelink_begin(link->plan->tls, link->fd, link->plan->host,
                                                patience, &link->ssl, words);
    if (status != GW_OK)
        gw_ldaplink_fini(link);
    return status;
}

/* -- requests -- */

/* Waits for all of the answer to a request; LDAP_SUCCESS, or why there is none. */
static int await(const struct gw_ldaplink *link, int id, const struct gw_patience *patience,
                 LDAPMessage **ret_answer)
{
    struct timeval left = time_of(gw_patience_left_ms(patience));
    int code = LDAP_SUCCESS;
    *ret_answer = NULL;
    int kind = ldap_result(link->ld, id, LDAP_MSG_ALL, &left, ret_answer);
    if (kind > 0)
        return LDAP_SUCCESS;
    if (kind == 0) {
        (void)ldap_abandon_ext(link->ld, id, NULL, NULL);
        return LDAP_TIMEOUT;
    }
    (void)ldap_get_option(link->ld, LDAP_OPT_RESULT_CODE, &code);
    return code == LDAP_SUCCESS ? LDAP_SERVER_DOWN : code;
}

/* The result code of an answer. */
static int code_of(const struct gw_ldaplink *link, LDAPMessage *answer)
{
    int code = LDAP_OTHER;
    int parsed = ldap_parse_result(link->ld, answer, &code, NULL, NULL, NULL, NULL, 0);
    return parsed == LDAP_SUCCESS ? code : parsed;
}

static enum gw_status start_tls(struct gw_ldaplink *link, const struct gw_patience *patience,
                                char *words)
{
    LDAPMessage *answer = NULL;
    int id = 0;
    int code = ldap_start_tls(link->ld, NULL, NULL, &id);
    if (code == LDAP_SUCCESS)
        code = await(link, id, patience, &answer);
    if (answer)
        code = code_of(link, answer);
    (void)ldap_msgfree(answer);
    if (code != LDAP_SUCCESS)
        return fail(link, code, "StartTLS", words);
    return secure(link, patience, words);
}

enum gw_status gw_ldaplink_open(struct gw_ldaplink *link, const struct gw_patience *patience,
                                char ret_words[GW_BACKEND_WORDS_MAX])
{
    GW_TRY(dial(link, patience, ret_words));
    if (link->plan->tls && !link->plan->start_tls)
        GW_TRY(secure(link, patience, ret_words));
    if (!adopt(link))
        return fail(link, LDAP_NO_MEMORY, "libldap cannot be set up", ret_words);
    if (link->plan->start_tls)
        GW_TRY(start_tls(link, patience, ret_words));
    link->used_at = gw_clock_mono(gw_clock_system());
    return GW_OK;
}

/* What a directory says to somebody who may not come in. */
static bool is_refusal(int code)
{
    return code == LDAP_INVALID_CREDENTIALS || code == LDAP_INAPPROPRIATE_AUTH ||
           code == LDAP_INSUFFICIENT_ACCESS || code == LDAP_UNWILLING_TO_PERFORM;
}

enum gw_status gw_ldaplink_bind(struct gw_ldaplink *link, const char *dn, struct gw_span password,
                                const struct gw_patience *patience,
                                char ret_words[GW_BACKEND_WORDS_MAX])
{
    struct berval proof = {password.size, (char *)(uintptr_t)password.data};
    LDAPMessage *answer = NULL;
    int id = 0;
    GW_ASSERT(dn[0] && password.size > 0);
    int code = ldap_sasl_bind(link->ld, dn, LDAP_SASL_SIMPLE, &proof, NULL, NULL, &id);
    if (code == LDAP_SUCCESS)
        code = await(link, id, patience, &answer);
    bool told = answer != NULL;
    if (told)
        code = code_of(link, answer);
    (void)ldap_msgfree(answer);
    link->used_at = gw_clock_mono(gw_clock_system());
    if (told && code == LDAP_SUCCESS)
        return GW_OK;
    if (told && is_refusal(code)) {
        gw_backend_say(ret_words, "the directory refuses the bind: %s", ldap_err2string(code));
        return GW_REFUSED;
    }
    if (told && (code == LDAP_NO_SUCH_OBJECT || code == LDAP_INVALID_DN_SYNTAX)) {
        gw_backend_say(ret_words, "there is no such user");
        return GW_NOT_FOUND;
    }
    return fail(link, code, "the bind failed", ret_words);
}

enum gw_status gw_ldaplink_search(struct gw_ldaplink *link, const struct gw_ldaplink_search *search,
                                  const struct gw_patience *patience, LDAPMessage **ret_found,
                                  char ret_words[GW_BACKEND_WORDS_MAX])
{
    struct timeval left = time_of(gw_patience_left_ms(patience));
    char *attributes[GW_COUNT_OF(search->attributes)];
    int id = 0;
    *ret_found = NULL;
    for (size_t i = 0; i < GW_COUNT_OF(attributes); i++)
        attributes[i] = (char *)(uintptr_t)search->attributes[i];
    if (left.tv_sec == 0 && left.tv_usec == 0)
        return fail(link, LDAP_TIMEOUT, "the search failed", ret_words);
    int code = ldap_search_ext(link->ld, search->base, search->scope, search->filter, attributes, 0,
                               NULL, NULL, &left, search->entries_max, &id);
    if (code == LDAP_SUCCESS)
        code = await(link, id, patience, ret_found);
    if (*ret_found)
        code = code_of(link, *ret_found);
    link->used_at = gw_clock_mono(gw_clock_system());
    if (code == LDAP_SUCCESS)
        return GW_OK;
    (void)ldap_msgfree(*ret_found);
    *ret_found = NULL;
    if (code == LDAP_NO_SUCH_OBJECT) {
        gw_backend_say(ret_words, "there is no %s in the directory", search->base);
        return GW_NOT_FOUND;
    }
    if (code == LDAP_SIZELIMIT_EXCEEDED) {
        gw_backend_say(ret_words, "more than %d entries match", search->entries_max);
        return GW_LIMIT;
    }
    return fail(link, code, "the search failed", ret_words);
}
