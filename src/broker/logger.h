/*
 * broker/logger: the sink of base/log: writes events as lines, folds repeats, never waits.
 *
 * Layer   broker. Writes through os/console.
 * Owner   any thread; one mutex guards the counts and keeps lines apart.
 * Life    new/free; free writes the counts that are left. The clock must outlive it.
 * Limits  GW_LOGGER_EVENTS_MAX event names are folded, others are written as they come; a line has
 *         GW_LOGLINE_SIZE_MAX bytes. A reader that is too slow loses lines, and is told how many.
 */
#ifndef GW_BROKER_LOGGER_H
#define GW_BROKER_LOGGER_H

#include "config/config.h"
#include "os/clock.h"

#define GW_LOGGER_EVENTS_MAX 96
#define GW_LOGGER_WINDOW_S   10

struct gw_logger;

struct gw_logger_options {
    struct gw_config_log config;
    const struct gw_clock *clock;
    int fd;
    /* Takes a line instead of fd, for tests: GW_OK, or GW_AGAIN if it is lost. */
    enum gw_status (*write)(void *user, struct gw_span line);
    void *user;
};

/* Makes a logger; GW_CONFIG_FORMAT_AUTO is settled by what is behind fd. NULL: out of memory. */
struct gw_logger *gw_logger_new(const struct gw_logger_options *options);
/* NULL is fine. */
void gw_logger_free(struct gw_logger *logger);

/* What the rest of the program writes to. */
const struct gw_log *gw_logger_log(const struct gw_logger *logger);

/* Takes over level, format and repeats, at any time. */
void gw_logger_reload(struct gw_logger *logger, const struct gw_config_log *config);

/* Writes "341 more in 10 s" for events that stopped coming; call every few seconds. */
void gw_logger_tick(struct gw_logger *logger);

#endif
