/*
 * daemon/people: the user files of a configuration and who else knows users: read and opened before
 *                anything starts, watched while the broker runs.
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
#include "daemon/backing.h"

struct gw_people {
    struct gw_loader *loader;
    struct gw_users *users; /* NULL: the configuration names none */
    struct gw_watched files[GW_CONFIG_AUTH_MAX];
    size_t file_count;
    struct gw_backing backing;
};

/* Reads and opens what a configuration names; what is open in `before` (may be NULL) and has not
 * changed is taken from there. GW_INVALID with the report, GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_people_load(struct gw_people *people, const struct gw_config *config,
                                          struct gw_loader *loader, const struct gw_people *before,
                                          struct gw_confreport *report);
/* The same for a start: says what is wrong on standard error; returns the exit code. */
int gw_people_open(struct gw_people *people, const struct gw_config *config,
                   struct gw_loader *loader);
/* Releases all of it. */
void gw_people_fini(struct gw_people *people);

/* Moves what was loaded into the place of what was, and tells the log. */
void gw_people_replace(struct gw_people *people, struct gw_people *next, const struct gw_log *log);

/* Looks whether a file has changed; if so reads all of them and puts the users in force, and opens
 * those anew who were given it. A file that is being written in place is left alone until it has
 * not changed for one look. */
void gw_people_look(struct gw_people *people, const struct gw_config *config,
                    struct gw_broker *broker, const struct gw_log *log);

/* Tells the log who may come; nothing without users. */
void gw_people_say(const struct gw_people *people, const struct gw_log *log);

/* True if nobody can prove who he is: there are no users, and nobody else to ask. */
static inline bool gw_people_are_none(const struct gw_people *people)
{
    return people->users == NULL && people->backing.chain == NULL;
}

#endif
