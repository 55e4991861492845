/*
 * cli/optset: the table of options: letter, long name, for which tools, what it takes, what it sets
 * and its line of help.
 *
 * Layer   cli (may include client, proto, topic, wire, net, os, base).
 * Owner   immutable.
 * Life    none.
 * Limits  none.
 */
#ifndef GW_CLI_OPTSET_H
#define GW_CLI_OPTSET_H

#include "cli/options.h"

typedef enum gw_status gw_optset_fn(struct gw_options *options, const char *value);

struct gw_optset_row {
    const char *letter; /* "-t", or NULL */
    const char *word;   /* "--topic", or NULL */
    unsigned tools;     /* enum gw_tool bits */
    const char *takes;  /* what the value is, for help and complaints; NULL: no value */
    gw_optset_fn *set;  /* NULL: -D, whose values cli/propopt takes, and -o */
    const char *help;   /* NULL: known, but not built in yet */
};

/* The row of an option as it is written ("-t", "--topic") for a tool, or NULL. */
const struct gw_optset_row *gw_optset_find(enum gw_tool tool, const char *text);

/* Prints the help page of a tool to stdout. */
void gw_optset_help(const struct gw_options *options);

#endif
