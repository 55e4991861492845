/*
 * session/tidy: the last step of an image: from what the log said to what is to be restored.
 *
 * Layer   session (may include proto, topic, wire, base). Pure; allocates.
 * Owner   session/image.
 * Life    none.
 * Limits  memory.
 */
#ifndef GW_SESSION_TIDY_H
#define GW_SESSION_TIDY_H

#include "session/image.h"

/* What gw_image_finish promises; GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_tidy_image(struct gw_image *image);

#endif
