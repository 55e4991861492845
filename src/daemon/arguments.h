/*
 * daemon/arguments: words of a command line, and the options that choose a configuration.
 *
 * Layer   daemon.
 * Owner   the main thread.
 * Life    init on the caller's memory, fini releases; texts are borrowed from argv.
 * Limits  as many --set as there are words.
 */
#ifndef GW_DAEMON_ARGUMENTS_H
#define GW_DAEMON_ARGUMENTS_H

#include "config/config.h"

#define GW_ARGUMENTS_PORT_SET_MAX 48

/* A walk over the words of a command line. */
struct gw_arguments {
    const char *command; /* "godwit serve", for what is said */
    int argc;
    char **argv;
    int index; /* of the next word */
};

/* Takes the next word if it is this option (short "-c" or NULL, long "--config"), with its value in
 * *ret_value: "-c FILE", "--config FILE", "--config=FILE". *ret_value is NULL if it is missing. */
bool gw_arguments_take_value(struct gw_arguments *options, const char *short_name,
                             const char *long_name, const char **ret_value);
/* Takes the next word if it is this flag. */
bool gw_arguments_take_flag(struct gw_arguments *options, const char *short_name,
                            const char *long_name);

/* Says what is wrong with the next word, and what was meant (of the names, which may be NULL);
 * returns the exit code. */
int gw_arguments_refuse(const struct gw_arguments *options, const char *const *names,
                        size_t name_count);

/* -c, --set, -p: which configuration to load. */
struct gw_arguments_config {
    const char *path;
    const char **sets;
    size_t set_count;
    char port_set[GW_ARGUMENTS_PORT_SET_MAX]; /* "listeners=mqtt://localhost:1884" */
};

/* Prepares for a command line of argc words; false: out of memory. */
bool gw_arguments_config_init(struct gw_arguments_config *config, int argc);
void gw_arguments_config_fini(struct gw_arguments_config *config);

enum gw_arguments_outcome {
    GW_ARGUMENTS_NOT_MINE, /* the next word is no such option */
    GW_ARGUMENTS_TAKEN,
    GW_ARGUMENTS_BAD, /* and it was said why */
};

/* Takes one of the options that choose a configuration. */
enum gw_arguments_outcome gw_arguments_config_take(struct gw_arguments_config *config,
                                                   struct gw_arguments *options);

/* Loads it; without a -c the one of daemon/homefile if it is there, which is in config->path then.
 * Says what is wrong on standard error. Returns the exit code. */
int gw_arguments_config_load(struct gw_arguments_config *config, struct gw_config *ret_config);

#endif
