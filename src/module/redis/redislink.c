#include "module/redis/redislink.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>

#include "base/assert.h"
#include "module/secure/securelink.h"
#include "os/clock.h"
#include "os/dial.h"

#define COMMAND_WORDS_MAX 4u
#define SAYS              "Redis says: "

void gw_redislink_init(struct gw_redislink *link, const struct gw_redisplan *plan)
{
    *link = (struct gw_redislink){.plan = plan, .fd = -1};
}

void gw_redislink_fini(struct gw_redislink *link)
{
    const struct gw_sockets *sockets = gw_socket_system();
    SSL_free(link->ssl);
    if (link->reader)
        redisReaderFree(link->reader);
    if (link->fd >= 0)
        sockets->ops->close(sockets->ctx, link->fd);
    gw_redislink_init(link, link->plan);
}

bool gw_redislink_is_open(struct gw_redislink *link)
{
    gw_mono_ns now = gw_clock_mono(gw_clock_system());
    if (link->fd >= 0 && now - link->used_at > GW_REDISLINK_IDLE_MAX)
        gw_redislink_fini(link);
    return link->fd >= 0;
}

/* Says what failed and gives the connection up. */
static enum gw_status fail(struct gw_redislink *link, enum gw_status status, const char *what,
                           char *words)
{
    const char *why = status == GW_TIMEOUT     ? "no answer within `timeout`"
                      : status == GW_NO_MEMORY ? "out of memory"
                      : status == GW_LIMIT     ? "its reply is too long"
                      : status == GW_PROTOCOL  ? "its reply is none of Redis"
                                               : "the connection broke";
    gw_backend_say(words, "%s: %s", what, why);
    gw_redislink_fini(link);
    return status;
}

/* -- bytes -- */

static enum gw_status try_send(const struct gw_redislink *link, struct gw_span bytes,
                               size_t *ret_size, bool *ret_to_write)
{
    if (link->ssl) {
        ERR_clear_error();
        int result = SSL_write_ex(link->ssl, bytes.data, bytes.size, ret_size);
        return result == 1 ? GW_OK : gw_securelink_outcome(link->ssl, result, ret_to_write);
    }
    const struct gw_sockets *sockets = gw_socket_system();
    const struct iovec part = {(void *)(uintptr_t)bytes.data, bytes.size};
    int os_errno;
    *ret_to_write = true;
    return sockets->ops->sendv(sockets->ctx, link->fd, &part, 1, ret_size, &os_errno);
}

static enum gw_status try_recv(const struct gw_redislink *link, char *memory, size_t size,
                               size_t *ret_size, bool *ret_to_write)
{
    if (link->ssl) {
        ERR_clear_error();
        int result = SSL_read_ex(link->ssl, memory, size, ret_size);
        return result == 1 ? GW_OK : gw_securelink_outcome(link->ssl, result, ret_to_write);
    }
    const struct gw_sockets *sockets = gw_socket_system();
    int os_errno;
    *ret_to_write = false;
    return sockets->ops->recv(sockets->ctx, link->fd, memory, size, ret_size, &os_errno);
}

static enum gw_status send_all(const struct gw_redislink *link, struct gw_span bytes,
                               const struct gw_patience *patience)
{
    while (bytes.size > 0) {
        size_t sent = 0;
        bool to_write = true;
        enum gw_status status = try_send(link, bytes, &sent, &to_write);
        if (status == GW_OK)
            bytes = gw_span_from(bytes, sent);
        else if (status == GW_AGAIN)
            GW_TRY(gw_patience_wait(patience, link->fd, !to_write, to_write));
        else
            return status;
    }
    return GW_OK;
}

static enum gw_status await_reply(const struct gw_redislink *link,
                                  const struct gw_patience *patience, void **ret_reply)
{
    char memory[4096];
    size_t total = 0;
    *ret_reply = NULL;
    while (!*ret_reply) {
        size_t size = 0;
        bool to_write = false;
        enum gw_status status = try_recv(link, memory, sizeof(memory), &size, &to_write);
        if (status == GW_AGAIN) {
            GW_TRY(gw_patience_wait(patience, link->fd, !to_write, to_write));
            continue;
        }
        GW_TRY(status);
        total += size;
        if (total > GW_REDISLINK_REPLY_MAX)
            return GW_LIMIT;
        if (redisReaderFeed(link->reader, memory, size) != REDIS_OK)
            return GW_NO_MEMORY;
        if (redisReaderGetReply(link->reader, ret_reply) != REDIS_OK)
            return link->reader->err == REDIS_ERR_OOM ? GW_NO_MEMORY : GW_PROTOCOL;
    }
    return GW_OK;
}

/* -- commands -- */

enum gw_status gw_redislink_ask(struct gw_redislink *link, const struct gw_span *words,
                                size_t count, const struct gw_patience *patience,
                                struct redisReply **ret_reply, char ret_words[GW_BACKEND_WORDS_MAX])
{
    const char *texts[COMMAND_WORDS_MAX];
    size_t sizes[COMMAND_WORDS_MAX];
    char *command = NULL;
    void *reply = NULL;
    GW_ASSERT(count <= COMMAND_WORDS_MAX);
    for (size_t i = 0; i < count; i++) {
        texts[i] = (const char *)words[i].data;
        sizes[i] = words[i].size;
    }
    int size = redisFormatCommandArgv(&command, (int)count, texts, sizes);
    if (size < 0)
        return fail(link, GW_NO_MEMORY, "asking Redis failed", ret_words);
    enum gw_status status = send_all(link, gw_span_of(command, (size_t)size), patience);
    OPENSSL_cleanse(command, (size_t)size);
    redisFreeCommand(command);
    if (status == GW_OK)
        status = await_reply(link, patience, &reply);
    if (status != GW_OK)
        return fail(link, status, "asking Redis failed", ret_words);
    link->used_at = gw_clock_mono(gw_clock_system());
    *ret_reply = reply;
    if ((*ret_reply)->type != REDIS_REPLY_ERROR)
        return GW_OK;
    gw_backend_say(ret_words, SAYS "%s", (*ret_reply)->str);
    freeReplyObject(reply);
    *ret_reply = NULL;
    return GW_REFUSED;
}

/* A command whose reply is of no interest beyond being no error. */
static enum gw_status order(struct gw_redislink *link, const struct gw_span *words, size_t count,
                            const struct gw_patience *patience,
                            char ret_words[GW_BACKEND_WORDS_MAX])
{
    struct redisReply *reply = NULL;
    enum gw_status status = gw_redislink_ask(link, words, count, patience, &reply, ret_words);
    if (reply)
        freeReplyObject(reply);
    if (status != GW_OK)
        gw_redislink_fini(link);
    return status;
}

static enum gw_status introduce(struct gw_redislink *link, const struct gw_patience *patience,
                                char *words)
{
    const struct gw_redisplan *plan = link->plan;
    char number[16];
    (void)snprintf(number, sizeof(number), "%u", (unsigned)plan->database);
    const struct gw_span full[] = {GW_SPAN_LIT("AUTH"), gw_span_str(plan->user),
                                   gw_span_str(plan->password)};
    const struct gw_span plain[] = {GW_SPAN_LIT("AUTH"), gw_span_str(plan->password)};
    const struct gw_span choice[] = {GW_SPAN_LIT("SELECT"), gw_span_str(number)};
    enum gw_status status = GW_OK;
    if (plan->user)
        status = order(link, full, GW_COUNT_OF(full), patience, words);
    else if (plan->password)
        status = order(link, plain, GW_COUNT_OF(plain), patience, words);
    if (status == GW_REFUSED) /* only its code: a server that has no AUTH repeats the password */
        words[strlen(SAYS) + strcspn(words + strlen(SAYS), " ")] = '\0';
    GW_TRY(status);
    if (plan->database > 0)
        GW_TRY(order(link, choice, GW_COUNT_OF(choice), patience, words));
    return GW_OK;
}

/* -- connecting -- */

static enum gw_status dial(struct gw_redislink *link, const struct gw_patience *patience,
                           char *words)
{
    const struct gw_redisplan *plan = link->plan;
    struct gw_dial_fault fault;
    enum gw_status status =
        plan->host ? gw_dial_tcp_by(plan->host, plan->port, patience->until, &link->fd, &fault)
                   : gw_dial_unix(plan->path, &link->fd, &fault);
    if (status == GW_OK)
        return GW_OK;
    if (plan->host)
        gw_backend_say(words, "cannot connect to %s:%u: %s", plan->host, (unsigned)plan->port,
                       fault.text);
    else
        gw_backend_say(words, "cannot connect to %s: %s", plan->path, fault.text);
    link->fd = -1;
    return status;
}

enum gw_status gw_redislink_open(struct gw_redislink *link, const struct gw_patience *patience,
                                 char ret_words[GW_BACKEND_WORDS_MAX])
{
    GW_TRY(dial(link, patience, ret_words));
    link->reader = redisReaderCreate();
    if (!link->reader)
        return fail(link, GW_NO_MEMORY, "cannot connect", ret_words);
    enum gw_status status = GW_OK;
    if (link->plan->tls)
        status = gw_securelink_begin(link->plan->tls, link->fd, link->plan->host, patience,
                                     &link->ssl, ret_words);
    if (status != GW_OK) {
        gw_redislink_fini(link);
        return status;
    }
    return introduce(link, patience, ret_words);
}
