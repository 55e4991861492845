/*
 * daemon/storewords: the words of the commands that work on a store, and how their troubles are
 *                    told.
 *
 * Layer   daemon.
 * Owner   the main thread.
 * Life    read, fini; texts are borrowed from argv and the configuration.
 * Limits  none.
 */
#ifndef GW_DAEMON_STOREWORDS_H
#define GW_DAEMON_STOREWORDS_H

#include "daemon/arguments.h"
#include "keep/trouble.h"

/* What a command may be given. */
#define GW_STOREWORDS_TO      0x01u /* --to */
#define GW_STOREWORDS_JSON    0x02u
#define GW_STOREWORDS_FORCE   0x04u
#define GW_STOREWORDS_DISCARD 0x08u

struct gw_storewords_command {
    const char *name; /* "godwit store info" */
    const char *usage;
    unsigned takes;
};

struct gw_storewords {
    const struct gw_storewords_command *command;
    const char *place; /* the word that is no option, NULL if there is none */
    const char *to;
    bool json, force, discard;
    struct gw_arguments_config choice; /* -c, --set */
    struct gw_config config;
    bool loaded;
};

/* Reads the words behind the command's name; true if there is an exit code already. */
bool gw_storewords_read(struct gw_storewords *words, const struct gw_storewords_command *command,
                        int argc, char **argv, int *ret_exit);
void gw_storewords_fini(struct gw_storewords *words);

/* The directory of the store: `named`, or store.path of the configuration. Returns an exit code. */
int gw_storewords_store(struct gw_storewords *words, const char *named, const char **ret_path);
/* store.segment of the configuration; its default if none was loaded. */
uint64_t gw_storewords_segment(const struct gw_storewords *words);

/* Says what went wrong, on standard error; returns the exit code. */
int gw_storewords_fail(const struct gw_storewords *words, enum gw_status status,
                       const struct gw_trouble *trouble);
/* Says that a word is missing. */
int gw_storewords_ask(const struct gw_storewords *words, const char *what);

#endif
