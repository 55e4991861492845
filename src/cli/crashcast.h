/*
 * cli/crashcast: the clients of `selftest --crash`: who publishes, who listens, what changes.
 *
 * Layer   cli (may include client, proto, topic, wire, net, os, base).
 * Owner   the main thread.
 * Life    new, free.
 * Limits  GW_CRASHCAST_WINDOW messages of a writer in flight, GW_CRASHCAST_LIFE of them in one
 *         life of the broker; GW_CRASHCAST_TOPICS retained topics
 *         and GW_CRASHCAST_SLOTS subscriptions that come and go, one change of each at a time.
 *
 * Two writers (MQTT 5 and 3.1.1) publish with QoS 1 and 2 to two readers, one of which is away most
 * of the time; a keeper sets, replaces and deletes retained messages; a changer subscribes and
 * unsubscribes; a looker without a session asks what is retained.
 */
#ifndef GW_CLI_CRASHCAST_H
#define GW_CLI_CRASHCAST_H

#include "base/random.h"
#include "cli/crashbook.h"
#include "client/host/driver.h"

#define GW_CRASHCAST_WINDOW  24u
#define GW_CRASHCAST_LIFE    5000u
#define GW_CRASHCAST_TOPICS  16u
#define GW_CRASHCAST_SLOTS   8u
#define GW_CRASHCAST_PAYLOAD 512u
#define GW_CRASHCAST_TOPIC   40u

enum gw_crashcast_role {
    GW_CRASHCAST_WRITER, /* and the one after it: as many as the book has */
    GW_CRASHCAST_READER = GW_CRASHCAST_WRITER + GW_CRASHBOOK_WRITERS,
    GW_CRASHCAST_AWAY,
    GW_CRASHCAST_KEEPER,
    GW_CRASHCAST_CHANGER,
    GW_CRASHCAST_LOOKER,
    GW_CRASHCAST_ROLES
};
_Static_assert(GW_CRASHCAST_ROLES <= GW_POLLSET_MAX, "all are waited for at once");

#define GW_CRASHCAST_BIT(role) (1u << (role))
#define GW_CRASHCAST_ALL       (GW_CRASHCAST_BIT(GW_CRASHCAST_ROLES) - 1)

struct gw_crashcast;

/* The clients of a broker on this port of 127.0.0.1; NULL without memory. */
struct gw_crashcast *gw_crashcast_new(struct gw_crashbook *book, struct gw_random *random,
                                      uint16_t port);
void gw_crashcast_free(struct gw_crashcast *cast);

/* Connects these roles (bits); GW_OK once all are, GW_AGAIN: call again. Waits a few ms. Sessions
 * that should be there and are not are booked. GW_REFUSED: the broker says no. */
GW_MUST_USE enum gw_status gw_crashcast_join(struct gw_crashcast *cast, unsigned roles);
/* The readers subscribe, once; GW_OK when that is acknowledged, GW_AGAIN. */
GW_MUST_USE enum gw_status gw_crashcast_subscribe(struct gw_crashcast *cast);
/* Lets a role go, without DISCONNECT. */
void gw_crashcast_part(struct gw_crashcast *cast, enum gw_crashcast_role role);

/* Publishes and changes what there is room for, then waits up to some ms for answers.
 * GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_crashcast_load(struct gw_crashcast *cast, gw_mono_ns until);
/* A turn without new load; true if nothing that was begun is unfinished. */
bool gw_crashcast_drain(struct gw_crashcast *cast, gw_mono_ns until);
/* The broker is dead: takes what it had said before. */
void gw_crashcast_bury(struct gw_crashcast *cast);

/* Asks what is retained: GW_AGAIN until everything that must come came, and for a while after it;
 * then GW_OK, and the result is booked. Begins anew after that. */
GW_MUST_USE enum gw_status gw_crashcast_look(struct gw_crashcast *cast, gw_mono_ns patience_end);
/* Publishes to each subscription that comes and goes; the same way. */
GW_MUST_USE enum gw_status gw_crashcast_probe(struct gw_crashcast *cast, gw_mono_ns patience_end);

/* Publishes that an acknowledgement refused, since the beginning. */
uint64_t gw_crashcast_refused(const struct gw_crashcast *cast);

#endif
