/*
 * broker/durability: where the durable store is, and which class of durability a topic has.
 *
 * Layer   broker. Asks the system about one directory.
 * Owner   any thread; the configuration is immutable.
 * Life    none.
 * Limits  GW_CONFIG_RULES_MAX rules, looked at in their order.
 */
#ifndef GW_BROKER_DURABILITY_H
#define GW_BROKER_DURABILITY_H

#include "config/config.h"
#include "wire/property.h"

#define GW_DURABILITY_PROPERTY     "godwit.durability"
#define GW_DURABILITY_PROPERTY_MAX 32u /* with the length and the reason code before it */

/* The directory of the store (store.path); NULL: nothing is kept, and every class is memory. With
 * an empty store.path it is GW_CONFIG_STORE_PATH_DEFAULT if that is a directory that this process
 * may write to. The text lives as long as the configuration. */
const char *gw_durability_path(const struct gw_config *config);

/* The class by the first of config->store.durability_rules that matches. */
enum gw_durability gw_durability_by_rules(const struct gw_config *config,
                                          struct gw_span topic_name);

/* The class that the configuration gives to a topic name. */
static inline enum gw_durability gw_durability_of(const struct gw_config *config,
                                                  struct gw_span topic_name)
{
    return config->store.durability_rules.count == 0 ? config->store.durability
                                                     : gw_durability_by_rules(config, topic_name);
}

/* Whether a CONNECT asks to be told which class was reached: its user property
 * GW_DURABILITY_PROPERTY is "tell". */
bool gw_durability_asked(const struct gw_props *props);

/* The user property that tells it, ready to be the `raw` of an acknowledgement's properties; encode
 * that with gw_ack_encode_within or gw_suback_encode_within, at most GW_DURABILITY_PROPERTY_MAX
 * bytes longer than without. Only for peers with tell_durability. */
struct gw_span gw_durability_property(enum gw_durability reached);

/* "disk", "os", "memory", as the configuration and acknowledgements write it. */
const char *gw_durability_name(enum gw_durability durability);

#endif
