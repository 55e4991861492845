/*
 * module/curl/webhook: a web service that says who may connect: the backend "http".
 *
 * Layer   module/curl (may include auth, topic, os, base).
 * Owner   the backend is immutable; a worker has a handle with its connections.
 * Life    see auth/backend.
 * Limits  GW_WEBHOOK_ANSWER_MAX bytes of an answer, the setting `timeout`.
 *
 * It is sent what a client says of itself as JSON and answers 200 with
 * {"result": "allow"|"deny"|"ignore", "user": "...", "groups": ["..."], "expires": 1700000000}.
 */
#ifndef GW_MODULE_CURL_WEBHOOK_H
#define GW_MODULE_CURL_WEBHOOK_H

#include "auth/backend.h"

#define GW_WEBHOOK_ANSWER_MAX ((size_t)64 * 1024)

extern const struct gw_backend_ops gw_webhook_ops;

/* Appends the question. GW_MALFORMED: the password is no UTF-8 text; GW_NO_MEMORY, GW_LIMIT. */
GW_MUST_USE enum gw_status gw_webhook_question(const struct gw_backend_login *login,
                                               struct gw_buf *out);
/* Reads an answer, which is changed; what is wrong with it is trouble, with words. */
enum gw_backend_answer gw_webhook_answer(uint8_t *text, size_t size,
                                         struct gw_backend_reply *reply);

#endif
