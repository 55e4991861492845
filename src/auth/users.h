/*
 * auth/users: all users that a configuration names: its user files, asked in order.
 *
 * Layer   auth (may include topic, base, os). Reads files through os/file.
 * Owner   immutable, counted; any thread.
 * Life    load gives one reference; the last unref frees.
 * Limits  GW_USERS_FILES_MAX files of GW_USERFILE_SIZE_MAX.
 */
#ifndef GW_AUTH_USERS_H
#define GW_AUTH_USERS_H

#include "auth/userfile.h"

#define GW_USERS_FILES_MAX 16u

struct gw_users;

/* Why a file could not be taken. */
struct gw_users_error {
    const char *path;
    struct gw_buf text;              /* of the file, for the line to show; gw_users_error_fini */
    struct gw_userfile_error detail; /* line 0: the file as a whole */
    int os_errno;                    /* if the file cannot be read; else 0 */
};

/* Reads all files. GW_INVALID (with the error), GW_OS_ERROR (the same, os_errno), GW_LIMIT (a file
 * is too large), GW_NO_MEMORY: nobody is let in by half a list, so *ret_users is NULL then. */
GW_MUST_USE enum gw_status gw_users_load(const char *const *paths, size_t path_count,
                                         struct gw_users **ret_users,
                                         struct gw_users_error *ret_error);
void gw_users_error_fini(struct gw_users_error *error);

/* Makes them of texts instead of files, for tests; as gw_users_load. */
GW_MUST_USE enum gw_status gw_users_of(const struct gw_span *texts, size_t text_count,
                                       struct gw_users **ret_users,
                                       struct gw_users_error *ret_error);

struct gw_users *gw_users_ref(struct gw_users *users);
/* NULL is fine. */
void gw_users_unref(struct gw_users *users);

/* The first user of this name in the order of the files, or NULL; lives as long as the users. */
const struct gw_userfile_user *gw_users_find(const struct gw_users *users, struct gw_span name);
/* The same in one of the files, by its number in their order; beyond the last there is nobody. */
const struct gw_userfile_user *gw_users_find_in(const struct gw_users *users, size_t file,
                                                struct gw_span name);
/* What to hold the password of somebody unknown against: costs what the dearest of them costs. */
const struct gw_hashtext *gw_users_dummy(const struct gw_users *users);

/* What the exchanges of SCRAM need to know about all of them; by kind: first SHA-256, then -512. */
struct gw_users_scram {
    bool some[2];       /* there is a user with such a credential */
    uint32_t rounds[2]; /* what one who is not there is said to have */
    uint8_t key[32];    /* what made-up salts are made of: the same after a restart on this machine,
                           and after a change of the users */
};
const struct gw_users_scram *gw_users_scram(const struct gw_users *users);

/* How many there are; one of a name in two files counts twice. */
size_t gw_users_count(const struct gw_users *users);

#endif
