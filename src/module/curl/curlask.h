/*
 * module/curl/curlask: one question to a web server and its answer, by libcurl.
 *
 * Layer   module/curl (may include auth, topic, os, base).
 * Owner   a handle belongs to one thread at a time.
 * Life    the handle is curl's; it keeps connections for the next question.
 * Limits  size_max of an answer; timeout_ms for all of it, the name's look-up included.
 *
 * https and http only, no redirects, no proxies whatever the environment says; who the server is is
 * checked for https.
 */
#ifndef GW_MODULE_CURL_CURLASK_H
#define GW_MODULE_CURL_CURLASK_H

#include <curl/curl.h>

#include "auth/backend.h"

struct gw_curlask {
    struct gw_backend_fetch what;
    const struct curl_slist *headers; /* NULL: none of one's own */
    struct gw_span body;              /* to be posted; data NULL: GET */
};

/* Asks; blocks. GW_OK with the HTTP status and what stood below it; GW_NO_MEMORY, GW_LIMIT,
 * GW_TIMEOUT, GW_CLOSED with words. */
GW_MUST_USE enum gw_status gw_curlask_run(CURL *curl, const struct gw_curlask *ask,
                                          long *ret_status, struct gw_buf *ret_body,
                                          char ret_words[GW_BACKEND_WORDS_MAX]);

#endif
