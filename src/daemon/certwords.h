/*
 * daemon/certwords: the words of `godwit cert`: options, where the CA is, what is said of a
 *                   certificate, and why something was not done.
 *
 * Layer   daemon.
 * Owner   the main thread.
 * Life    read fills it; texts are borrowed from argv.
 * Limits  GW_CERTNAMES_MAX names.
 */
#ifndef GW_DAEMON_CERTWORDS_H
#define GW_DAEMON_CERTWORDS_H

#include "daemon/arguments.h"
#include "pki/cabinet.h"

#define GW_CERTWORDS_DATE_MAX 16

/* Which options a subcommand takes. */
enum gw_certwords_takes {
    GW_CERTWORDS_NAME = 1, /* --name, more than once for a server */
    GW_CERTWORDS_ADD = 2,
    GW_CERTWORDS_FORCE = 4,
    GW_CERTWORDS_OUT = 8,
    GW_CERTWORDS_HOST = 16,
    GW_CERTWORDS_WORD = 32, /* a word that is no option */
};

struct gw_certwords_command {
    const char *name; /* "godwit cert server" */
    const char *usage;
    unsigned takes;
    uint32_t days;
};

struct gw_certwords {
    const struct gw_certwords_command *command;
    const char *directory; /* --dir; NULL: to be found */
    const char *name;      /* the last --name, or the word */
    const char *out;
    const char *host;
    struct gw_certnames names; /* --name and --add */
    uint32_t days;
    bool add;
    bool force;
    int64_t now_s;
};

/* Reads the command line; argv[0] is the subcommand. True if there is an exit code already. */
bool gw_certwords_read(struct gw_certwords *words, const struct gw_certwords_command *command,
                       int argc, char **argv, int *ret_exit);

/* Opens the CA of --dir, or the one that is found; says what is wrong. Returns the exit code. */
int gw_certwords_open(const struct gw_certwords *words, struct gw_cabinet *ret_cabinet);

/* Says why something was not done, with a cure if hint is not NULL; returns the exit code. */
int gw_certwords_fail(const struct gw_certwords *words, enum gw_status status,
                      const struct gw_cabinet_error *error, const char *hint);
/* Says what is missing on the command line; returns the exit code. */
GW_PRINTF(2, 3) int gw_certwords_ask(const struct gw_certwords *words, const char *format, ...);

/* A day, "2026-11-22", in UTC; returns text. */
const char *gw_certwords_date(int64_t seconds, char text[GW_CERTWORDS_DATE_MAX]);

#endif
