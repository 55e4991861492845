/*
 * keep/vault: a store opened by a tool: beside a broker that works on it (nothing is locked or
 *             changed), or alone (locked).
 *
 * Layer   keep (may include cli, session, store, proto, topic, wire, os, base).
 * Owner   the main thread.
 * Life    open, close; close accepts what was never opened (all 0).
 * Limits  memory: that of the image.
 *
 * Beside a broker, segments may be recycled while they are read. Then what they held is needed by
 * nobody any more, and reading it says GW_END.
 */
#ifndef GW_KEEP_VAULT_H
#define GW_KEEP_VAULT_H

#include "keep/trouble.h"
#include "session/image.h"

#define GW_VAULT_SEGMENT_SIZE ((uint64_t)16 * 1024 * 1024) /* where nothing says another */

/* Numbers of segment files, ascending. */
struct gw_vault_numbers {
    uint32_t *list;
    size_t count, capacity;
    bool has_lock; /* there is a LOCK file: it is a store, if an empty one */
    bool failed;   /* out of memory */
};

struct gw_vault {
    const char *path;
    bool read_only;
    struct gw_store *store;
    struct gw_image *image; /* finished */
    struct gw_store_report report;
    struct gw_vault_numbers numbers; /* when it was opened */
};

/* Opens the store of a directory and reads all that it says. */
GW_MUST_USE enum gw_status gw_vault_open(struct gw_vault *vault, const char *path, bool read_only,
                                         struct gw_trouble *trouble);
void gw_vault_close(struct gw_vault *vault);

/* Reads a message; its views point into *ret_body. GW_END: it was recycled meanwhile, nobody needs
 * it; GW_NOT_FOUND, GW_MALFORMED: it is lost; GW_OS_ERROR, GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_vault_read(const struct gw_vault *vault, gw_position position,
                                         struct gw_blob **ret_body,
                                         struct gw_record_message *ret_message);

/* The segments that a directory holds; GW_NOT_FOUND: there is no store. */
GW_MUST_USE enum gw_status gw_vault_list(const char *path, struct gw_vault_numbers *ret_numbers,
                                         struct gw_trouble *trouble);
/* The number in the name of a segment file; 0: it is none. */
uint32_t gw_vault_number(const char *name);
void gw_vault_segment_path(const char *path, uint32_t number, char *ret_text, size_t size);
/* Whether a segment file has this name still. */
bool gw_vault_has(const char *path, uint32_t number);
/* The size of the segments of a store, as the newest one has it. */
uint64_t gw_vault_segment_size(const struct gw_vault *vault);

#endif
