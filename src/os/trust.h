/*
 * os/trust: whether a file is ours, and who else may write or read it.
 *
 * Layer   os (may include base).
 * Owner   any thread.
 * Life    none.
 * Limits  none.
 */
#ifndef GW_OS_TRUST_H
#define GW_OS_TRUST_H

#include <stdbool.h>

enum gw_trust {
    GW_TRUST_OURS,     /* this user's or root's, and only they write it */
    GW_TRUST_NONE,     /* there is no such file */
    GW_TRUST_FOREIGN,  /* it, or the link that leads to it, belongs to somebody else */
    GW_TRUST_WRITABLE, /* others may write it, or put something else in its place */
    GW_TRUST_READABLE, /* others may read it */
};

/* Judges a file or directory; `secret`: nobody else may read it either. What cannot be looked at
 * is GW_TRUST_NONE. Not its path: see gw_trust_place. */
enum gw_trust gw_trust_judge(const char *path, bool secret);

/* Judges a directory for what lies in it: GW_TRUST_WRITABLE if others may put something else in the
 * place of what is ours there. Who it belongs to counts only for that. */
enum gw_trust gw_trust_place(const char *path);

#endif
