/*
 * config/confvalue: values of configuration keys as a person writes them ("30s", "2MB", "never"),
 *                   to bytes in struct gw_config and back.
 *
 * Layer   config. No I/O.
 * Owner   whoever owns the configuration.
 * Life    none.
 * Limits  GW_CONFIG_TEXT_MAX bytes a value.
 */
#ifndef GW_CONFIG_CONFVALUE_H
#define GW_CONFIG_CONFVALUE_H

#include "config/config.h"
#include "config/confreport.h"

/* Parses a single value of any kind that is no list (VERSIONS is none here) and puts it into its
 * member. VERSIONS takes
 * "[3.1.1, 5]" and "3.1.1,5". GW_INVALID with the error, GW_NO_MEMORY; then nothing changed. */
GW_MUST_USE enum gw_status gw_confvalue_set(struct gw_config *config,
                                            const struct gw_config_key *key, struct gw_span text,
                                            struct gw_confreport_error *error);

/* Adds one version ("3.1.1") to a set. GW_INVALID with the error. */
GW_MUST_USE enum gw_status gw_confvalue_add_version(struct gw_span text, uint32_t *versions,
                                                    struct gw_confreport_error *error);

/* Appends a value as YAML; a list as one "[a, b]". GW_NO_MEMORY, GW_LIMIT of the buffer. */
GW_MUST_USE enum gw_status gw_confvalue_print(const struct gw_config *config,
                                              const struct gw_config_key *key, struct gw_buf *out);

/* True for kinds whose value is a list of mappings. */
static inline bool gw_confvalue_is_list(enum gw_config_kind kind)
{
    return kind == GW_CONFIG_LISTENERS || kind == GW_CONFIG_RULES || kind == GW_CONFIG_PAIRS ||
           kind == GW_CONFIG_AUTH || kind == GW_CONFIG_ACCESS;
}

/* How many items a list has, and one of them as YAML ("{url: ..., anonymous: true}"). */
size_t gw_confvalue_item_count(const struct gw_config *config, const struct gw_config_key *key);
GW_MUST_USE enum gw_status gw_confvalue_print_item(const struct gw_config *config,
                                                   const struct gw_config_key *key, size_t index,
                                                   struct gw_buf *out);

/* Appends a text as one YAML scalar, quoted where it must be. */
GW_MUST_USE enum gw_status gw_confvalue_print_text(struct gw_span text, struct gw_buf *out);

/* What a value of a kind looks like, for the reference page ("time, as 100ms, 30s, 7d"). */
const char *gw_confvalue_kind_text(enum gw_config_kind kind);

/* Bytes of the member that holds a value of a kind. */
size_t gw_confvalue_size(enum gw_config_kind kind);

/* The words of a kind that is a choice; *ret_count is 0 for other kinds. */
const char *const *gw_confvalue_words(enum gw_config_kind kind, size_t *ret_count);

/* The member of a configuration that a key names. */
static inline void *gw_confvalue_member(struct gw_config *config, const struct gw_config_key *key)
{
    return (char *)config + key->offset;
}

static inline const void *gw_confvalue_member_const(const struct gw_config *config,
                                                    const struct gw_config_key *key)
{
    return (const char *)config + key->offset;
}

#endif
