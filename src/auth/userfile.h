/*
 * auth/userfile: the text of a user file: one user a line, as mosquitto_passwd writes it.
 *
 * Layer   auth (may include topic, base, os). No I/O.
 * Owner   immutable after parse; any thread.
 * Life    parse makes one, free releases it.
 * Limits  GW_USERFILE_SIZE_MAX, names of GW_USERFILE_NAME_MAX bytes, hashes as auth/hashtext.
 *
 *   # a comment
 *   NAME:HASH
 *   NAME:HASH:GROUP,GROUP
 */
#ifndef GW_AUTH_USERFILE_H
#define GW_AUTH_USERFILE_H

#include "auth/hashtext.h"

#define GW_USERFILE_SIZE_MAX   ((size_t)64 * 1024 * 1024)
#define GW_USERFILE_NAME_MAX   1024u
#define GW_USERFILE_GROUPS_MAX 1024u /* bytes of all groups of a user, with their commas */

struct gw_userfile_user {
    struct gw_span name;
    struct gw_span groups; /* with a comma between them; empty if none */
    struct gw_hashtext hash;
    uint64_t proof; /* changes with the hash: who was let in by another one has to prove himself */
};

struct gw_userfile;

/* What is wrong and where; line and column from 1, column and width in characters. */
struct gw_userfile_error {
    uint32_t line;
    uint32_t column;
    uint32_t width;
    const char *what; /* in one clause */
    const char *why;  /* behind the caret; may be NULL */
};

/* Reads a whole file; the first error ends it: GW_INVALID, GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_userfile_parse(struct gw_span text, struct gw_userfile **ret_file,
                                             struct gw_userfile_error *ret_error);
/* NULL is fine. */
void gw_userfile_free(struct gw_userfile *file);

size_t gw_userfile_count(const struct gw_userfile *file);
/* A user by name, or NULL; lives as long as the file. */
const struct gw_userfile_user *gw_userfile_find(const struct gw_userfile *file,
                                                struct gw_span name);
/* One after the other, by name. */
const struct gw_userfile_user *gw_userfile_at(const struct gw_userfile *file, size_t index);

/* Why a text cannot be a user's name, or a list of groups, in such a file; NULL if it can. */
const char *gw_userfile_judge_name(struct gw_span name);
const char *gw_userfile_judge_groups(struct gw_span groups);

/* What stands in a user's line already: the whole line and its groups; false if there is none.
 * Works on files with other errors. */
bool gw_userfile_line(struct gw_span text, struct gw_span name, struct gw_span *ret_line,
                      struct gw_span *ret_groups);

#endif
