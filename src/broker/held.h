/*
 * broker/held: acknowledgements that wait for the disk, in the order in which they have to go out.
 *
 * Layer   broker.
 * Owner   the shard of the client.
 * Life    init/fini with the client; memory only while something waits.
 * Limits  GW_HELD_MAX a client: more, and the client is not read from for a while.
 *
 * An acknowledgement that waits for nothing still goes behind those that do: PUBACK and PUBREC keep
 * the order of their PUBLISH (MQTT-4.6.0-2, MQTT-4.6.0-3). Everything else passes by.
 */
#ifndef GW_BROKER_HELD_H
#define GW_BROKER_HELD_H

#include "base/blob.h"
#include "base/list.h"
#include "broker/durability.h"
#include "store/store.h"
#include "wire/packet.h"

#define GW_HELD_MAX 8192u

struct gw_guest;
struct gw_shard;
struct gw_held_item;

struct gw_held {
    struct gw_list link; /* in the shard's list of clients that wait */
    struct gw_held_item *items;
    uint32_t head;
    uint32_t count;
    uint32_t capacity;
};

/* What an acknowledgement says and waits for. */
struct gw_held_ack {
    enum gw_packet_type type;
    gw_packet_id packet_id;
    uint8_t reason;
    enum gw_durability durability; /* that it waits for; GW_DURABILITY_MEMORY: nothing */
};

void gw_held_init(struct gw_held *held);
void gw_held_fini(struct gw_held *held);

/* Sends PUBACK, PUBREC, PUBREL or PUBCOMP once all that was staged so far is as durable as asked.
 */
void gw_held_send(struct gw_guest *client, const struct gw_held_ack *ack);
/* The same for a whole packet that was already written to the end of the connection's output area:
 * `bytes` are copied. */
void gw_held_send_bytes(struct gw_guest *client, struct gw_span bytes,
                        enum gw_durability durability);

/* Nothing at all goes out to the client until everything staged so far is on disk. */
void gw_held_cork(struct gw_guest *client);

/* The log got further: sends what may go now. */
void gw_held_run(struct gw_shard *shard);
/* Nothing will become durable any more: ends every client that waits (0x89). */
void gw_held_fail(struct gw_shard *shard);

/* True while a client has so much waiting that it should not be read from. */
static inline bool gw_held_many(const struct gw_held *held)
{
    return held->count >= GW_HELD_MAX;
}

#endif
