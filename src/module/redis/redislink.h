/*
 * module/redis/redislink: a connection to a Redis: made when it is needed, given up when it fails.
 *
 * Layer   module/redis (may include auth, os, base). The protocol is hiredis's; sending, TLS and
 *         waiting are done here, because hiredis bounds each call to the system, not their sum.
 * Owner   one worker.
 * Life    init on the caller's memory, fini releases.
 * Limits  the caller's patience; GW_REDISLINK_REPLY_MAX bytes of a reply.
 */
#ifndef GW_MODULE_REDIS_REDISLINK_H
#define GW_MODULE_REDIS_REDISLINK_H

#include "module/redis/redisplan.h"
#include "os/patience.h"

#define GW_REDISLINK_REPLY_MAX ((size_t)64 * 1024)
#define GW_REDISLINK_IDLE_MAX  (60 * GW_NS_PER_S) /* what was idle longer may be dead unnoticed */

struct redisReader;
struct redisReply;

struct gw_redislink {
    const struct gw_redisplan *plan;
    int fd; /* -1: not connected */
    gw_mono_ns used_at;
    SSL *ssl;
    struct redisReader *reader;
};

void gw_redislink_init(struct gw_redislink *link, const struct gw_redisplan *plan);
void gw_redislink_fini(struct gw_redislink *link);
/* True if it is connected; one that was idle for too long is given up. */
bool gw_redislink_is_open(struct gw_redislink *link);

/* Connects and proves who we are. GW_TIMEOUT, GW_REFUSED (it is there and does not want us),
 * GW_CLOSED, GW_NO_MEMORY, with words; the link is shut then. */
GW_MUST_USE enum gw_status gw_redislink_open(struct gw_redislink *link,
                                             const struct gw_patience *patience,
                                             char ret_words[GW_BACKEND_WORDS_MAX]);

/* Sends one command of `count` words (none is ever part of another) and waits for its reply, which
 * freeReplyObject releases. An error that Redis tells is GW_REFUSED with words; the rest as open.
 */
GW_MUST_USE enum gw_status gw_redislink_ask(struct gw_redislink *link, const struct gw_span *words,
                                            size_t count, const struct gw_patience *patience,
                                            struct redisReply **ret_reply,
                                            char ret_words[GW_BACKEND_WORDS_MAX]);

#endif
