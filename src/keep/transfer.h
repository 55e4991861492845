/*
 * keep/transfer: a whole store to JSON lines, from JSON lines, and written anew.
 *
 * Layer   keep (may include cli, session, store, proto, topic, wire, os, base).
 * Owner   the main thread.
 * Life    none.
 * Limits  a line: GW_TRANSFER_LINE_MAX.
 */
#ifndef GW_KEEP_TRANSFER_H
#define GW_KEEP_TRANSFER_H

#include <stdio.h>

#include "keep/walk.h"

#define GW_TRANSFER_LINE_MAX ((size_t)2 * 1024 * 1024 * 1024)

/* Prints a store, beside a broker if need be. What cannot be read is left out and counted. */
GW_MUST_USE enum gw_status gw_transfer_export(const char *path, FILE *out,
                                              struct gw_walk_counts *ret_counts,
                                              struct gw_trouble *trouble);

struct gw_transfer_import {
    const char *path; /* the store; made if it is not there */
    const char *name; /* of the file, for what is said */
    FILE *in;         /* NULL: nothing is added, the store is only written anew */
    bool discard;     /* the store as it was is not kept */
    uint64_t segment; /* size for a new store */
};

struct gw_transfer_result {
    struct gw_walk_counts counts; /* of the store as it was */
    uint64_t lines;
    char old[512]; /* where the store is as it was; "" if there is none */
};

/* Writes a store anew: what is in it, then what the lines say. All or nothing: the new store takes
 * the place of the old one in one step. */
GW_MUST_USE enum gw_status gw_transfer_run(const struct gw_transfer_import *import,
                                           struct gw_transfer_result *ret_result,
                                           struct gw_trouble *trouble);

#endif
