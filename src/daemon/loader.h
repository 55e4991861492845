/*
 * daemon/loader: loadable parts of the program (auth/loadable), loaded when they are wanted, and
 *                what the program does for those who vouch for clients.
 *
 * Layer   daemon.
 * Owner   the main thread; must outlive every backend.
 * Life    init on the caller's memory; nothing to release: what is loaded stays.
 * Limits  GW_LOADER_MAX.
 *
 * godwit-NAME.so is looked for in modules/ beside the program, then in ../lib/godwit.
 */
#ifndef GW_DAEMON_LOADER_H
#define GW_DAEMON_LOADER_H

#include "auth/loadable.h"
#include "base/log.h"

#define GW_LOADER_MAX       8
#define GW_LOADER_WORDS_MAX 512

struct gw_loader_part {
    const char *name;
    const struct gw_loadable *loadable;
};

struct gw_loader {
    struct gw_loader_part parts[GW_LOADER_MAX];
    size_t count;
    struct gw_backend_host host; /* for backends; fetch is there once "curl" is loaded */
    const struct gw_log *log;    /* what backends tell goes there; NULL: nowhere */
};

void gw_loader_init(struct gw_loader *loader);

/* Loads a part by its name, which must be a constant ("curl"), unless it is there already.
 * GW_INVALID, GW_LIMIT, with words that say what is missing. */
GW_MUST_USE enum gw_status gw_loader_load(struct gw_loader *loader, const char *name,
                                          char words[GW_LOADER_WORDS_MAX]);

/* The backend of a kind among the program's own and the loaded ones; NULL if there is none. */
const struct gw_backend_ops *gw_loader_find(const struct gw_loader *loader, const char *kind);

#endif
