/*
 * broker/sysinfo: $SYS/broker/… with the names that monitors of mosquitto 2 know.
 *
 * Layer   broker.
 * Owner   the first shard, which publishes for all.
 * Life    init/fini with the broker.
 * Limits  one publication of each value every sys.interval, only when it changed.
 */
#ifndef GW_BROKER_SYSINFO_H
#define GW_BROKER_SYSINFO_H

#include "broker/shard.h"

struct gw_sysinfo;

/* Makes it and arms its timer on the shard; NULL when memory is out. */
struct gw_sysinfo *gw_sysinfo_new(struct gw_shard *shard);
/* sys.interval may have changed; on the loop of its shard. */
void gw_sysinfo_on_config(struct gw_sysinfo *sysinfo, gw_mono_ns now);
/* NULL is fine. */
void gw_sysinfo_free(struct gw_sysinfo *sysinfo);

/* The version as $SYS/broker/version and the banner give it. */
const char *gw_sysinfo_version(void);

#endif
