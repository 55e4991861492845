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

/* "disk", "os", "memory", as the configuration and acknowledgements write it. */
const char *gw_durability_name(enum gw_durability durability);

#endif
