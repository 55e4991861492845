/*
 * module/redis/redisusers: users whose password hashes and groups a Redis keeps.
 *
 * Layer   module/redis (may include auth, os, base).
 * Owner   see auth/backend.
 * Life    see auth/backend.
 * Limits  the settings' `timeout` for connecting and asking together; the hash is computed after.
 *
 * A user is a Redis hash under the setting `key`, with the password hash and the groups in fields.
 */
#ifndef GW_MODULE_REDIS_REDISUSERS_H
#define GW_MODULE_REDIS_REDISUSERS_H

#include "auth/backend.h"

extern const struct gw_backend_ops gw_redisusers_ops;

#endif
