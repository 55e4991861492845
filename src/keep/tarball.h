/*
 * keep/tarball: the heads of a tar archive (ustar), as far as a backup needs them.
 *
 * Layer   keep (may include cli, session, store, proto, topic, wire, os, base). Pure.
 * Owner   values.
 * Life    none.
 * Limits  regular files of less than 8 GiB, names of less than 100 bytes.
 */
#ifndef GW_KEEP_TARBALL_H
#define GW_KEEP_TARBALL_H

#include "base/span.h"
#include "base/status.h"

#define GW_TARBALL_BLOCK ((size_t)512)
#define GW_TARBALL_END   (2 * GW_TARBALL_BLOCK) /* so many zero bytes end an archive */

struct gw_tarball_member {
    char name[101];
    uint64_t size;
    bool regular;
};

/* Fills a block with the head of a regular file. */
void gw_tarball_put(uint8_t block[GW_TARBALL_BLOCK], const char *name, uint64_t size,
                    uint64_t seconds);
/* GW_END: the end of the archive; GW_MALFORMED: this is no head. */
GW_MUST_USE enum gw_status gw_tarball_get(const uint8_t block[GW_TARBALL_BLOCK],
                                          struct gw_tarball_member *ret_member);
/* Bytes that a member's content takes. */
static inline uint64_t gw_tarball_padded(uint64_t size)
{
    return (size + GW_TARBALL_BLOCK - 1) / GW_TARBALL_BLOCK * GW_TARBALL_BLOCK;
}

#endif
