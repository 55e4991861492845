#include "broker/logger.h"

#include <stdio.h>
#include <stdlib.h>

#include "broker/logline.h"
#include "os/console.h"
#include "os/thread.h"

#define WINDOW (GW_LOGGER_WINDOW_S * GW_NS_PER_S)

/* How often an event came in the current window. */
struct repeat {
    const char *event; /* constant, of the caller */
    enum gw_log_level level;
    gw_mono_ns since;
    uint32_t count;
    uint64_t folded;
};

struct gw_logger {
    struct gw_log
        log; /* level: atomic, relaxed, no pairing: a switch may take effect a bit later */
    struct gw_logger_options options;
    bool colour;
    struct gw_mutex mutex;        /* guards what follows, and the order of lines */
    enum gw_config_format format; /* not AUTO */
    uint32_t repeats_max;
    struct repeat repeats[GW_LOGGER_EVENTS_MAX];
    size_t repeat_count;
    uint64_t lost; /* lines that the reader was too slow for */
};

/* Asked anew for each line: windows change their size. */
static size_t width_of(const struct gw_logger *logger)
{
    return logger->options.write == NULL ? gw_console_width(logger->options.fd) : 0;
}

static size_t format_line(const struct gw_logger *logger, const struct gw_logline_event *event,
                          char line[GW_LOGLINE_SIZE_MAX])
{
    if (logger->format == GW_CONFIG_FORMAT_TEXT)
        return gw_logline_text(event, logger->colour, width_of(logger), line);
    if (logger->format == GW_CONFIG_FORMAT_JOURNAL)
        return gw_logline_journal(event, line);
    return gw_logline_json(event, line);
}

static enum gw_status emit(struct gw_logger *logger, const struct gw_logline_event *event)
{
    char line[GW_LOGLINE_SIZE_MAX];
    size_t size = format_line(logger, event, line);

    if (logger->options.write != NULL)
        return logger->options.write(logger->options.user, gw_span_of(line, size));
    return gw_console_try_write(logger->options.fd, gw_span_of(line, size));
}

/* Writes a line, and before it how many were lost. */
static void write_line(struct gw_logger *logger, const struct gw_logline_event *event)
{
    if (logger->lost > 0) {
        struct gw_log_field count = gw_log_number("lines", (int64_t)logger->lost);
        struct gw_logline_event lost = {event->wall, GW_LOG_WARN,
                                        "log.lost",  "log lines lost, their reader was too slow",
                                        &count,      1};

        if (emit(logger, &lost) == GW_OK)
            logger->lost = 0;
    }
    if (emit(logger, event) == GW_AGAIN)
        logger->lost++;
}

/* Begins a new window; what the old one folded becomes a line. */
static void turn_window(struct gw_logger *logger, struct repeat *repeat, gw_mono_ns now)
{
    if (repeat->folded > 0) {
        uint64_t seconds = (now - repeat->since + GW_NS_PER_S / 2) / GW_NS_PER_S;
        char message[64];
        struct gw_log_field fields[] = {
            gw_log_str("repeated", repeat->event),
            gw_log_number("count", (int64_t)repeat->folded),
        };
        struct gw_logline_event event = {gw_clock_wall(logger->options.clock),
                                         repeat->level,
                                         "log.repeated",
                                         message,
                                         fields,
                                         GW_COUNT_OF(fields)};

        snprintf(message, sizeof message, "%llu more in %llu s", (unsigned long long)repeat->folded,
                 (unsigned long long)seconds);
        write_line(logger, &event);
    }
    repeat->since = now;
    repeat->count = 0;
    repeat->folded = 0;
}

static struct repeat *find_repeat(struct gw_logger *logger, const char *event)
{
    size_t i;

    for (i = 0; i < logger->repeat_count; i++) {
        struct repeat *repeat = &logger->repeats[i];

        if (repeat->event == event || strcmp(repeat->event, event) == 0)
            return repeat;
    }
    if (i == GW_LOGGER_EVENTS_MAX)
        return NULL;
    logger->repeats[i] = (struct repeat){.event = event};
    logger->repeat_count++;
    return &logger->repeats[i];
}

/* Counts an event; true if it is one too many in its window. */
static bool fold(struct gw_logger *logger, enum gw_log_level level, const char *event)
{
    gw_mono_ns now = gw_clock_mono(logger->options.clock);
    struct repeat *repeat = find_repeat(logger, event);

    if (logger->repeats_max == 0 || repeat == NULL)
        return false;
    if (repeat->count == 0 || now - repeat->since >= WINDOW)
        turn_window(logger, repeat, now);
    repeat->count++;
    if (repeat->count <= logger->repeats_max)
        return false;
    repeat->count = logger->repeats_max + 1;
    repeat->level = level;
    repeat->folded++;
    return true;
}

static void on_event(void *user, enum gw_log_level level, const char *event, const char *message,
                     const struct gw_log_field *fields, size_t field_count)
{
    struct gw_logger *logger = user;
    struct gw_logline_event line = {0, level, event, message, fields, field_count};

    gw_mutex_lock(&logger->mutex);
    if (!fold(logger, level, event)) {
        line.wall = gw_clock_wall(logger->options.clock);
        write_line(logger, &line);
    }
    gw_mutex_unlock(&logger->mutex);
}

static enum gw_config_format settle(enum gw_config_format format, int fd)
{
    if (format != GW_CONFIG_FORMAT_AUTO)
        return format;
    if (gw_console_is_terminal(fd))
        return GW_CONFIG_FORMAT_TEXT;
    return gw_console_is_journal(fd) ? GW_CONFIG_FORMAT_JOURNAL : GW_CONFIG_FORMAT_JSON;
}

struct gw_logger *gw_logger_new(const struct gw_logger_options *options)
{
    struct gw_logger *logger = calloc(1, sizeof *logger);

    if (logger == NULL)
        return NULL;
    logger->options = *options;
    logger->log = (struct gw_log){on_event, logger, options->config.level};
    logger->format = settle(options->config.format, options->fd);
    logger->colour = options->write == NULL && gw_console_has_colour(options->fd);
    logger->repeats_max = options->config.repeats;
    gw_mutex_init(&logger->mutex);
    return logger;
}

void gw_logger_free(struct gw_logger *logger)
{
    if (logger == NULL)
        return;
    for (size_t i = 0; i < logger->repeat_count; i++)
        turn_window(logger, &logger->repeats[i], gw_clock_mono(logger->options.clock));
    gw_mutex_fini(&logger->mutex);
    free(logger);
}

const struct gw_log *gw_logger_log(const struct gw_logger *logger)
{
    return &logger->log;
}

void gw_logger_reload(struct gw_logger *logger, const struct gw_config_log *config)
{
    __atomic_store_n(&logger->log.level, config->level, __ATOMIC_RELAXED);
    gw_mutex_lock(&logger->mutex);
    logger->format = settle(config->format, logger->options.fd);
    logger->repeats_max = config->repeats;
    gw_mutex_unlock(&logger->mutex);
}

void gw_logger_tick(struct gw_logger *logger)
{
    gw_mono_ns now;

    gw_mutex_lock(&logger->mutex);
    now = gw_clock_mono(logger->options.clock);
    for (size_t i = 0; i < logger->repeat_count; i++) {
        if (logger->repeats[i].folded > 0 && now - logger->repeats[i].since >= WINDOW)
            turn_window(logger, &logger->repeats[i], now);
    }
    gw_mutex_unlock(&logger->mutex);
}
