/*
 * sim/model: the reference: what was published, who was subscribed when, what had to arrive.
 *
 * Layer   test.
 * Owner   the simulation.
 * Life    new/free.
 * Limits  MODEL_MESSAGES_MAX messages a run.
 *
 * Knows nothing of brokers: only what clients did and saw, each with the step at which they did.
 * A message has to reach a session if it was sent after the SUBACK was seen, whatever loops the two
 * are on; it must not if it was sent after the UNSUBACK was seen.
 */
#ifndef GW_SIM_MODEL_H
#define GW_SIM_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "base/time.h"

#define MODEL_CLIENTS      8
#define MODEL_STEADY       2 /* the first clients never lose their sessions nor leave a group */
#define MODEL_FILTERS      12
#define MODEL_TOPICS       16
#define MODEL_MESSAGES_MAX 60000
#define MODEL_PAYLOAD_MAX  1600
/* Steps after which something lazy has certainly been done: read from the network and acted on by
 * a broker, and written by its store. */
#define MODEL_LAZY_STEPS 500u

struct model;

extern const char *const model_filters[MODEL_FILTERS];
extern const char *const model_topics[MODEL_TOPICS];

bool model_filter_shared(unsigned filter);
bool model_topic_retained(unsigned topic);
/* Of class memory: a crash may forget it. */
bool model_topic_volatile(unsigned topic);
#define MODEL_VOLATILE_FILTER "m/#"
/* A group that everybody leaves as he likes, at any QoS: nothing is owed to it. */
#define MODEL_FREE_GROUP 11u

struct model *model_new(uint64_t seed);
void model_free(struct model *model);
bool model_full(const struct model *model);
/* Steps counted by the simulation, and what its clock says. */
void model_set_step(struct model *model, uint32_t step, gw_mono_ns now);
uint32_t model_step(const struct model *model);
/* Whether what was done at a step may not be done by all, or not be written down. */
bool model_is_recent(const struct model *model, uint32_t step);

/* -- publishers -- */

/* A PUBLISH is written for the first time; returns the message's number, which is its payload. */
uint32_t model_on_publish(struct model *model, unsigned client, unsigned topic, uint8_t qos,
                          bool retain, bool deletes);
/* It must not go out for the first time after this (and some seconds, for what is rounded). */
void model_on_expiry(struct model *model, uint32_t message, gw_mono_ns at);
void model_on_resend(struct model *model, uint32_t message);
/* It was acknowledged (PUBACK, PUBCOMP). */
void model_on_acknowledged(struct model *model, uint32_t message);
/* Its publisher lost its session before that: it may or may not have arrived. */
void model_on_given_up(struct model *model, uint32_t message);

/* The broker's process ended before it was acknowledged. */
void model_on_crossed(struct model *model, uint32_t message);

/* -- wills -- */

/* Registers a will before CONNECT; it is expected from the moment that the connection is broken. */
uint32_t model_on_will(struct model *model, unsigned client, uint8_t qos);
/* durable: the broker had it written down before it accepted the connection. */
void model_on_will_due(struct model *model, uint32_t message, bool certain, bool durable);
/* It has a delay: not before `till`, unless its session ends first (model_on_will_freed). */
void model_on_will_waits(struct model *model, uint32_t message, bool durable, gw_mono_ns till);
void model_on_will_freed(struct model *model, uint32_t message);
/* Its time was over before anybody could have called it off. */
void model_on_will_certain(struct model *model, uint32_t message);
void model_on_will_discarded(struct model *model, uint32_t message);

/* -- subscribers -- */

/* CONNECT is written by a client that has no session any more, or wants none. */
void model_on_connect(struct model *model, unsigned client);
void model_on_session_lost(struct model *model, unsigned client);
void model_on_subscribe(struct model *model, unsigned client, unsigned filter, uint8_t qos);
void model_on_suback(struct model *model, unsigned client, unsigned filter);
void model_on_unsubscribe(struct model *model, unsigned client, unsigned filter);
void model_on_unsuback(struct model *model, unsigned client, unsigned filter);
/* A PUBLISH arrived (QoS 2: its first copy under this packet identifier). */
void model_on_delivery(struct model *model, unsigned client, uint32_t message, uint8_t qos,
                       bool dup, bool retain);
/* The payload of a message: its number, and what fills it up to its size. */
size_t model_write_payload(uint32_t message, uint8_t memory[MODEL_PAYLOAD_MAX]);
/* The number in a payload that is what the message has. */
uint32_t model_read_payload(const struct model *model, struct gw_span payload);
/* Under this topic name; a message arrives only under that of its publication. */
void model_check_topic(const struct model *model, unsigned client, uint32_t message,
                       struct gw_span topic_name);
/* The client has written PUBACK for a delivery. */
void model_on_settled(struct model *model, unsigned client, uint32_t message);
/* Its connection ended: what it wrote last may not have arrived. */
void model_on_link_ended(struct model *model, unsigned client);
/* What a fresh subscriber was given as retained for a topic, at the end; false: nothing. */
void model_check_retained(struct model *model, unsigned topic, bool found, uint32_t message);

/* -- the broker's process -- */

/* It may end connections and refuse work, and then wills are due before their clients know. */
void model_set_troubled(struct model *model, bool troubled);
/* It ended without a word; the clients have seen what was left on their links. */
void model_on_crash(struct model *model);
/* What is stored was damaged: much may be missing, nothing may be made up. */
void model_set_damaged(struct model *model);
bool model_damaged(const struct model *model);

/* After everything came to rest with all clients connected: is everything there? */
void model_check_end(struct model *model);

/* The broker may drop what does not fit its queues: nothing is owed then, all else holds. */
void model_set_lossy(struct model *model);

/* Tells what happens, if the run was asked to. */
void model_set_trace(struct model *model, bool trace);
void model_note(const struct model *model, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A breach: prints the seed and what is wrong, and aborts. */
void model_fail(const struct model *model, const char *format, ...)
    __attribute__((format(printf, 2, 3), noreturn));

uint32_t model_message_count(const struct model *model);
/* Deliveries seen so far, by all clients. */
uint64_t model_delivery_count(const struct model *model);

#endif
