/*
 * auth/loadable: what a loadable part of the program (godwit-NAME.so) offers.
 *
 * Layer   auth (may include topic, base, os).
 * Owner   immutable; lives until the program ends, for it is never unloaded.
 * Life    none.
 * Limits  none.
 *
 * Each exports one function, gw_loadable, and nothing else. It has its own copy of base and auth.
 */
#ifndef GW_AUTH_LOADABLE_H
#define GW_AUTH_LOADABLE_H

#include "auth/backend.h"

#define GW_LOADABLE_SYMBOL "gw_loadable"
#define GW_LOADABLE_EXPORT __attribute__((visibility("default")))

struct gw_loadable {
    const char *version;                          /* GW_VERSION_TEXT: must be the program's own */
    const struct gw_backend_ops *const *backends; /* ends with NULL */
    /* Gets a document, see gw_backend_host; NULL if it cannot. */
    enum gw_status (*fetch)(void *ctx, const struct gw_backend_fetch *what, struct gw_buf *ret_body,
                            char ret_words[GW_BACKEND_WORDS_MAX]);
};

typedef const struct gw_loadable *gw_loadable_fn(void);

/* What every one exports; called once. NULL: it cannot begin. */
GW_LOADABLE_EXPORT const struct gw_loadable *gw_loadable(void);

#endif
