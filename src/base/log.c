#include "base/log.h"

#include "base/assert.h"

void gw_log_event(const struct gw_log *log, enum gw_log_level level, const char *event,
                  const char *message, const struct gw_log_field *fields, size_t field_count)
{
    GW_ASSERT(field_count <= GW_LOG_FIELDS_MAX);
    if (gw_log_wants(log, level))
        log->write(log->user, level, event, message, fields, field_count);
}
