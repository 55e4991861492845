/*
 * config/authkinds: the kinds of entries in `auth` and their settings: one table (authkinds.def).
 *
 * Layer   config. No I/O.
 * Owner   immutable.
 * Life    none.
 * Limits  GW_AUTHKINDS_SETTINGS_MAX settings of a kind.
 */
#ifndef GW_CONFIG_AUTHKINDS_H
#define GW_CONFIG_AUTHKINDS_H

#include "base/buf.h"

#define GW_AUTHKINDS_SETTINGS_MAX 16
#define GW_AUTHKINDS_FILE         "file" /* the kind that broker/login asks by itself */

enum gw_authkinds_type {
    GW_AUTHKINDS_TEXT,
    GW_AUTHKINDS_LIST,
    GW_AUTHKINDS_URL,
    GW_AUTHKINDS_FILE_NAME,
    GW_AUTHKINDS_SOURCE,
    GW_AUTHKINDS_SECRET,
    GW_AUTHKINDS_TIME,
    GW_AUTHKINDS_COUNT,
    GW_AUTHKINDS_BOOL,
    GW_AUTHKINDS_TYPE_COUNT
};

struct gw_authkinds_setting {
    const char *kind;
    const char *name;
    enum gw_authkinds_type type;
    bool required;
    const char *value;     /* the default; "" if none */
    const char *min, *max; /* of times and counts */
    const char *help;
};

struct gw_authkinds_kind {
    const char *name;
    const char *module; /* "" if the program itself knows it */
    const char *help;
};

size_t gw_authkinds_count(void);
const struct gw_authkinds_kind *gw_authkinds_at(size_t index);
/* NULL if there is no such kind. */
const struct gw_authkinds_kind *gw_authkinds_find(struct gw_span name);

/* The settings of a kind: an array of *ret_count. */
const struct gw_authkinds_setting *gw_authkinds_settings(const struct gw_authkinds_kind *kind,
                                                         size_t *ret_count);

/* What a type takes, for people: "time, as 5s". */
const char *gw_authkinds_type_text(enum gw_authkinds_type type);

/* True if a value of this type is the name of a file that somebody reads. */
bool gw_authkinds_names_file(enum gw_authkinds_type type, const char *value);

#endif
