/*
 * keep/swap: puts a directory that was made beside another one into its place, in one step.
 *
 * Layer   keep (may include cli, session, store, proto, topic, wire, os, base).
 * Owner   the main thread.
 * Life    prepare, make what belongs into `fresh`, then commit or abandon.
 * Limits  paths of GW_SWAP_PATH_SIZE.
 *
 * Whatever stops the program, the path stands for the whole of the old directory or the whole of
 * the new one. A directory named .NAME.godwit-new that is left over is removed by the next prepare.
 */
#ifndef GW_KEEP_SWAP_H
#define GW_KEEP_SWAP_H

#include "keep/trouble.h"

#define GW_SWAP_PATH_SIZE 480u

struct gw_swap {
    char path[GW_SWAP_PATH_SIZE];
    char parent[GW_SWAP_PATH_SIZE];
    char fresh[GW_SWAP_PATH_SIZE + 32]; /* to be made by the caller */
    char old[GW_SWAP_PATH_SIZE + 32];   /* where the old directory goes; "" if there was none */
    bool discard;                       /* the old one is removed */
};

GW_MUST_USE enum gw_status gw_swap_prepare(struct gw_swap *swap, const char *path, bool discard,
                                           struct gw_trouble *trouble);
/* Takes the new one's place in. */
GW_MUST_USE enum gw_status gw_swap_commit(struct gw_swap *swap, struct gw_trouble *trouble);
/* Removes what was made. */
void gw_swap_abandon(const struct gw_swap *swap);

#endif
