#include "daemon/reload.h"

#include <stdio.h>

#include "config/confreport.h"
#include "config/confvalue.h"
#include "os/console.h"

#define VALUE_MAX ((size_t)64 * 1024) /* of a value as text: listeners are the longest */

/* Logs the first line of each error; `godwit check config` shows the rest. */
static void log_errors(const struct gw_log *log, const struct gw_confreport *report)
{
    struct gw_span text = gw_buf_span(&report->text);

    while (text.size > 0) {
        const uint8_t *end = memchr(text.data, '\n', text.size);
        size_t size = end != NULL ? (size_t)(end - text.data) : text.size;
        struct gw_log_field field = gw_log_text("error", gw_span_of(text.data, size));

        if (size > 0 && text.data[0] != ' ')
            gw_log_event(log, GW_LOG_ERROR, "config.error", "configuration error", &field, 1);
        text = gw_span_from(text, size + (end != NULL));
    }
}

/* The changes of one reload, as they are logged. */
struct changes {
    const struct gw_log *log;
    int64_t restart_count;
};

static void log_change(void *user, const struct gw_config_key *key, const struct gw_config *before,
                       const struct gw_config *after)
{
    struct changes *changes = user;
    bool restart = key->reload == GW_CONFIG_RESTART;
    struct gw_buf from;
    struct gw_buf to;

    gw_buf_init(&from, VALUE_MAX);
    gw_buf_init(&to, VALUE_MAX);
    if (gw_confvalue_print(before, key, &from) == GW_OK &&
        gw_confvalue_print(after, key, &to) == GW_OK) {
        struct gw_log_field fields[] = {
            gw_log_str("key", key->name),
            gw_log_text("from", gw_buf_span(&from)),
            gw_log_text("to", gw_buf_span(&to)),
            gw_log_str("takes_effect", restart                         ? "after a restart"
                                       : key->reload == GW_CONFIG_LIVE ? "now"
                                                                       : "for new connections"),
        };

        gw_log_event(changes->log, restart ? GW_LOG_WARN : GW_LOG_INFO, "config.changed", "changed",
                     fields, GW_COUNT_OF(fields));
    }
    changes->restart_count += restart;
    gw_buf_fini(&from);
    gw_buf_fini(&to);
}

static void refuse(const struct gw_log *log, const char *why)
{
    struct gw_log_field field = gw_log_str("why", why);

    gw_log_event(log, GW_LOG_ERROR, "config.refused",
                 "reload refused, the old configuration stays in force", &field, 1);
}

static void refuse_faulty(const struct gw_log *log, const char *path)
{
    char why[1024] = "it has errors";

    if (path != NULL)
        snprintf(why, sizeof why, "it has errors, see: godwit check config %s", path);
    refuse(log, why);
}

/* Takes over what a reload can; *next becomes what is in force then. */
static enum gw_status apply(struct gw_broker *broker, struct gw_logger *logger,
                            struct gw_config *next, const struct gw_config *running,
                            const struct gw_people *people)
{
    struct changes changes = {gw_logger_log(logger), 0};
    size_t count = gw_config_diff(running, next, log_change, &changes);
    struct gw_log_field fields[] = {
        gw_log_number("changed", (int64_t)count),
        gw_log_number("need_restart", changes.restart_count),
    };

    GW_TRY(gw_config_carry(next, running));
    enum gw_status status = gw_broker_reload(broker, next);
    if (status == GW_INVALID)
        refuse(changes.log, "certificates cannot be used, see cert.refused");
    GW_TRY(status);
    GW_TRY(gw_broker_set_auth(broker, people->users, people->backing.chain));
    gw_logger_reload(logger, &next->log);
    gw_log_event(changes.log, GW_LOG_INFO, "config.reloaded", "configuration reloaded", fields,
                 GW_COUNT_OF(fields));
    return GW_OK;
}

/* The configuration and the users that it names, or neither. */
static enum gw_status load(const struct gw_config_input *input, const struct gw_people *before,
                           struct gw_config *next, struct gw_people *people,
                           struct gw_confreport *report)
{
    enum gw_status status;

    GW_TRY(gw_config_load(input, next, report));
    status = gw_people_load(people, next, before->loader, before, report);
    if (status != GW_OK)
        gw_config_fini(next);
    return status;
}

void gw_reload_run(struct gw_broker *broker, struct gw_logger *logger,
                   const struct gw_arguments_config *options, struct gw_config *running,
                   struct gw_people *people)
{
    const struct gw_log *log = gw_logger_log(logger);
    struct gw_config_input input = {options->path, NULL, gw_console_environment(), options->sets,
                                    options->set_count};
    struct gw_confreport report;
    struct gw_people after = {0};
    struct gw_config next;
    enum gw_status status;

    if (options->path != NULL && strcmp(options->path, "-") == 0) {
        refuse(log, "the configuration came from standard input");
        return;
    }
    gw_confreport_init(&report);
    status = load(&input, people, &next, &after, &report);
    if (status == GW_INVALID) {
        log_errors(log, &report);
        refuse_faulty(log, options->path);
    } else if (status == GW_OK) {
        status = apply(broker, logger, &next, running, &after);
        if (status == GW_OK) {
            gw_people_replace(people, &after, log);
            gw_config_fini(running);
            *running = next;
        } else {
            gw_config_fini(&next);
        }
    }
    if (status != GW_OK && status != GW_INVALID)
        refuse(log, gw_status_name(status));
    gw_people_fini(&after);
    gw_confreport_fini(&report);
}
