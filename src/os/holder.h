/*
 * os/holder: who already listens on a port, as far as /proc tells.
 *
 * Layer   os (may include base).
 * Owner   any thread.
 * Life    none.
 * Limits  GW_HOLDER_TEXT_MAX characters with the end mark.
 */
#ifndef GW_OS_HOLDER_H
#define GW_OS_HOLDER_H

#include <stdbool.h>
#include <stdint.h>

#define GW_HOLDER_TEXT_MAX 128

struct gw_holder {
    char name[GW_HOLDER_TEXT_MAX]; /* of the program; empty if only the user is known */
    char user[GW_HOLDER_TEXT_MAX]; /* that the socket belongs to */
    int64_t pid;                   /* 0 if not known */
};

/* Finds who listens on a TCP port of any local address; false if nobody seems to. */
bool gw_holder_find(uint16_t port, struct gw_holder *ret_holder);

#endif
