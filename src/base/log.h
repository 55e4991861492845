/*
 * base/log: the interface through which an owner reports an event once, with its fields.
 *
 * Layer   base. Pure: the sink is given; daemon or a test provides one (broker/logger.h has ours).
 * Owner   any thread, if the sink says so (ours does).
 * Life    fields are borrowed for the call.
 * Limits  GW_LOG_FIELDS_MAX fields an event.
 */
#ifndef GW_BASE_LOG_H
#define GW_BASE_LOG_H

#include "base/span.h"

#define GW_LOG_FIELDS_MAX 24

enum gw_log_level { GW_LOG_ERROR, GW_LOG_WARN, GW_LOG_INFO, GW_LOG_DEBUG };

enum gw_log_kind { GW_LOG_TEXT, GW_LOG_NUMBER, GW_LOG_BOOL };

struct gw_log_field {
    const char *key; /* stable, lower case, a C string that outlives the call */
    enum gw_log_kind kind;
    struct gw_span text; /* GW_LOG_TEXT; any bytes, the sink escapes them */
    int64_t number;      /* GW_LOG_NUMBER, GW_LOG_BOOL */
};

struct gw_log {
    void (*write)(void *user, enum gw_log_level level, const char *event, const char *message,
                  const struct gw_log_field *fields, size_t field_count);
    void *user;
    enum gw_log_level level; /* the most talkative level that is written */
};

static inline bool gw_log_wants(const struct gw_log *log, enum gw_log_level level)
{
    /* Relaxed and unpaired: a sink may switch its level at run time, and it may be seen late. */
    return log != NULL && level <= __atomic_load_n(&log->level, __ATOMIC_RELAXED);
}

/* Writes an event (`client.connected`) with a sentence for people and its fields. */
void gw_log_event(const struct gw_log *log, enum gw_log_level level, const char *event,
                  const char *message, const struct gw_log_field *fields, size_t field_count);

static inline struct gw_log_field gw_log_text(const char *key, struct gw_span text)
{
    return (struct gw_log_field){key, GW_LOG_TEXT, text, 0};
}

static inline struct gw_log_field gw_log_str(const char *key, const char *text)
{
    return gw_log_text(key, gw_span_str(text));
}

static inline struct gw_log_field gw_log_bool(const char *key, bool value)
{
    return (struct gw_log_field){key, GW_LOG_BOOL, {NULL, 0}, value};
}

static inline struct gw_log_field gw_log_number(const char *key, int64_t number)
{
    return (struct gw_log_field){key, GW_LOG_NUMBER, {NULL, 0}, number};
}

#endif
