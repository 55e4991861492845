/*
 * session/pending: the part of an image that says which messages have not reached all they are for,
 *                  and who has them already.
 *
 * Layer   session (may include proto, topic, wire, base). Pure; allocates as it grows.
 * Owner   session/image.
 * Life    its image's; gw_image_free releases it.
 * Limits  8 bytes for each session or group that a message has reached.
 */
#ifndef GW_SESSION_PENDING_H
#define GW_SESSION_PENDING_H

#include "session/image.h"

/* A message that other shards have to take up, unless COMPLETE said already that they have;
 * GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_pending_add(struct gw_image *image, gw_position position,
                                          uint8_t origin);
/* The message at a position if it is one of these, or NULL. */
struct gw_image_unfinished *gw_pending_find(const struct gw_image *image, gw_position position);
/* A session or group has been given the message at a position; nothing happens if it is none of
 * these. To be told even of serials that nobody knows: the session may be written anew (a slice)
 * only after the delivery was settled. GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_pending_note(struct gw_image *image, gw_position position,
                                           uint64_t serial);
/* Drops what COMPLETE covers and sorts who has what. */
void gw_pending_finish(struct gw_image *image);

#endif
