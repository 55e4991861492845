/*
 * cli/context: which broker the tools talk to when none is named, and as whom: a small YAML file.
 *
 * Layer   cli. By libyaml; no I/O.
 * Owner   the main thread.
 * Life    zero is empty; parse fills it, fini releases.
 * Limits  GW_CONTEXT_SIZE_MAX bytes of text.
 *
 *   url: mqtts://broker.lan:8883
 *   ca: /etc/godwit/tls/ca.pem
 *   user: admin
 *   password: pine-otter-43-lamp-moss
 */
#ifndef GW_CLI_CONTEXT_H
#define GW_CLI_CONTEXT_H

#include "base/buf.h"

#define GW_CONTEXT_SIZE_MAX ((size_t)64 * 1024)
#define GW_CONTEXT_WHAT_MAX 160

/* Each is NULL if it does not stand there. */
struct gw_context {
    char *url; /* without a topic; always there after a parse */
    char *ca;
    char *cert;
    char *key;
    char *user;
    char *password;
    char *password_file; /* its first line is the password */
};

struct gw_context_error {
    size_t line; /* from 1; 0: the text as a whole */
    char what[GW_CONTEXT_WHAT_MAX];
};

/* Reads a text; GW_INVALID with the error, GW_NO_MEMORY; then *ret_context is empty. */
GW_MUST_USE enum gw_status gw_context_parse(struct gw_span text, struct gw_context *ret_context,
                                            struct gw_context_error *ret_error);
/* Forgets it, and leaves no password in memory; NULL is fine. */
void gw_context_fini(struct gw_context *context);

/* Appends its text; GW_NO_MEMORY, GW_LIMIT. */
GW_MUST_USE enum gw_status gw_context_print(const struct gw_context *context, struct gw_buf *out);

/* Sets one by its name; NULL takes it away. GW_NOT_FOUND: there is no such name; GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_context_set(struct gw_context *context, const char *name,
                                          const char *value);

#endif
