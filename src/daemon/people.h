/*
 * daemon/people: the user files of a configuration: read before anything starts, watched while the
 *                broker runs.
 *
 * Layer   daemon.
 * Owner   the main thread.
 * Life    zeroed, then open or load; fini releases, and zeroed again is fine.
 * Limits  GW_CONFIG_AUTH_MAX files (auth/users).
 *
 * Whatever is wrong with a file, nobody is let in by it: the broker does not start, or the users
 * from before stay.
 */
#ifndef GW_DAEMON_PEOPLE_H
#define GW_DAEMON_PEOPLE_H

#include "auth/users.h"
#include "broker/broker.h"
#include "config/confreport.h"
#include "os/file.h"

struct gw_people_file {
    char *path;
    struct gw_file_stamp stamp; /* as it was when it was read, or seen to be bad */
    struct gw_file_stamp seen;  /* when it was looked at last */
};

struct gw_people {
    struct gw_users *users; /* NULL: the configuration names none */
    struct gw_people_file files[GW_CONFIG_AUTH_MAX];
    size_t file_count;
};

/* Reads the files of a configuration. GW_INVALID with the report, GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_people_load(struct gw_people *people, const struct gw_config *config,
                                          struct gw_confreport *report);
/* The same for a start: says what is wrong on standard error; returns the exit code. */
int gw_people_open(struct gw_people *people, const struct gw_config *config);
/* Releases all of it. */
void gw_people_fini(struct gw_people *people);

/* Moves what was loaded into the place of what was, and tells the log. */
void gw_people_replace(struct gw_people *people, struct gw_people *next, const struct gw_log *log);

/* Looks whether a file has changed; if so reads all of them and puts the users in force. A file
 * that is being written in place is left alone until it has not changed for one look. */
void gw_people_look(struct gw_people *people, struct gw_broker *broker, const struct gw_log *log);

/* Tells the log who may come; nothing without users. */
void gw_people_say(const struct gw_people *people, const struct gw_log *log);

#endif
