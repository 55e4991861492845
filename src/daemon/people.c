#include "daemon/people.h"

#include <errno.h>
#include <stdio.h>

#include "config/confauth.h"
#include "daemon/command.h"

static const char *reason_of(int number)
{
    return number == ENOENT   ? "it does not exist"
           : number == EACCES ? "permission denied"
           : number == EISDIR ? "it is a directory"
                              : strerror(number);
}

/* The line of an error with everything that is secret in it starred out, at its own line number, so
 * that the mark below it still fits. */
static enum gw_status blank_out(const struct gw_users_error *wrong, struct gw_buf *out)
{
    struct gw_span text = gw_buf_span(&wrong->text);
    bool secret = false;

    for (uint32_t line = 1; line < wrong->detail.line; line++) {
        const uint8_t *end = memchr(text.data, '\n', text.size);

        if (end == NULL)
            break;
        text = gw_span_from(text, (size_t)(end - text.data) + 1);
        GW_TRY(gw_buf_append(out, GW_SPAN_LIT("\n")));
    }
    for (size_t i = 0; i < text.size && text.data[i] != '\n'; i++) {
        bool inside = (text.data[i] & 0xC0) == 0x80;

        if (!secret)
            GW_TRY(gw_buf_append(out, gw_span_of(&text.data[i], 1)));
        else if (!inside)
            GW_TRY(gw_buf_append(out, GW_SPAN_LIT("*")));
        secret = secret || text.data[i] == ':';
    }
    return GW_OK;
}

static enum gw_status refuse(const struct gw_users_error *wrong, struct gw_confreport *report)
{
    struct gw_confreport_place place = {wrong->path, GW_SPAN_NONE, wrong->detail.line,
                                        wrong->detail.column, wrong->detail.width};
    struct gw_confreport_error error;
    struct gw_buf shown;

    gw_buf_init(&shown, GW_USERFILE_SIZE_MAX);
    if (wrong->os_errno != 0) {
        gw_confreport_set(&error, GW_CONFREPORT_UNREADABLE, "cannot read the user file: %s",
                          reason_of(wrong->os_errno));
        if (wrong->os_errno == ENOENT)
            gw_confreport_set_hint(&error, "godwit passwd -c %s NAME makes one", wrong->path);
        else if (wrong->os_errno == EACCES)
            gw_confreport_set_hint(&error, "ls -l %s shows who may read it", wrong->path);
    } else {
        gw_confreport_set(&error, GW_CONFREPORT_USERS, "%s", wrong->detail.what);
        if (wrong->detail.why != NULL)
            gw_confreport_set_why(&error, "%s", wrong->detail.why);
        if (wrong->detail.line > 0 && blank_out(wrong, &shown) != GW_OK)
            place.line = 0;
        place.text = gw_buf_span(&shown);
    }
    gw_confreport_add(report, &place, &error);
    gw_buf_fini(&shown);
    return GW_INVALID;
}

static enum gw_status note_files(struct gw_people *people, const char *const *paths, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        GW_TRY(gw_watched_init(&people->files[i], paths[i]));
        people->file_count = i + 1;
    }
    return GW_OK;
}

static enum gw_status read_files(const char *const *paths, size_t count,
                                 struct gw_users **ret_users, struct gw_confreport *report)
{
    struct gw_users_error wrong;
    enum gw_status status = gw_users_load(paths, count, ret_users, &wrong);

    if (status != GW_OK && status != GW_NO_MEMORY)
        status = refuse(&wrong, report);
    gw_users_error_fini(&wrong);
    return status;
}

static enum gw_status load_users(struct gw_people *people, const struct gw_config *config,
                                 struct gw_confreport *report)
{
    const char *paths[GW_CONFIG_AUTH_MAX];
    size_t count = 0;

    for (size_t i = 0; i < config->auth.count; i++)
        if (gw_confauth_is_file(&config->auth.items[i]))
            paths[count++] = gw_confauth_value(&config->auth.items[i], GW_AUTHKINDS_FILE);
    if (count == 0)
        return GW_OK;
    GW_TRY(note_files(people, paths, count));
    return read_files(paths, count, &people->users, report);
}

enum gw_status gw_people_load(struct gw_people *people, const struct gw_config *config,
                              struct gw_loader *loader, const struct gw_people *before,
                              struct gw_confreport *report)
{
    enum gw_status status;

    *people = (struct gw_people){.loader = loader};
    status = load_users(people, config, report);
    if (status == GW_OK)
        status = gw_backing_load(&people->backing, config, loader,
                                 before != NULL ? &before->backing : NULL, report);
    if (status != GW_OK)
        gw_people_fini(people);
    return status;
}

int gw_people_open(struct gw_people *people, const struct gw_config *config,
                   struct gw_loader *loader)
{
    struct gw_confreport report;
    enum gw_status status;

    gw_confreport_init(&report);
    status = gw_people_load(people, config, loader, NULL, &report);
    if (status == GW_INVALID)
        fwrite(report.text.data, 1, report.text.size, stderr);
    else if (status != GW_OK)
        fputs("godwit: out of memory\n", stderr);
    gw_confreport_fini(&report);
    if (status == GW_OK)
        return GW_COMMAND_OK;
    return status == GW_INVALID ? GW_COMMAND_CONFIG : GW_COMMAND_SYSTEM;
}

void gw_people_fini(struct gw_people *people)
{
    for (size_t i = 0; i < people->file_count; i++)
        gw_watched_fini(&people->files[i]);
    gw_users_unref(people->users);
    gw_backing_fini(&people->backing);
    *people = (struct gw_people){0};
}

/* "http, ldap" of who is asked beside user files. */
static void say_others(const struct gw_people *people, const struct gw_log *log)
{
    const struct gw_chain *chain = people->backing.chain;
    char kinds[GW_CONFIG_AUTH_MAX * 16] = "";
    size_t used = 0;

    for (size_t i = 0; chain != NULL && i < chain->count && used < sizeof kinds; i++) {
        if (chain->links[i].sponsor != NULL)
            used +=
                (size_t)snprintf(kinds + used, sizeof kinds - used, "%s%s", used > 0 ? ", " : "",
                                 gw_sponsor_ops(chain->links[i].sponsor)->kind);
    }
    struct gw_log_field field = gw_log_str("kinds", kinds);
    if (used > 0)
        gw_log_event(log, GW_LOG_INFO, "users.asked", "others are asked who a user is", &field, 1);
}

void gw_people_say(const struct gw_people *people, const struct gw_log *log)
{
    say_others(people, log);
    if (people->users == NULL)
        return;
    struct gw_log_field fields[] = {
        gw_log_number("users", (int64_t)gw_users_count(people->users)),
        gw_log_number("files", (int64_t)people->file_count),
        gw_log_str("first", people->files[0].path),
    };

    if (gw_users_count(people->users) == 0 && people->backing.chain == NULL)
        gw_log_event(log, GW_LOG_WARN, "users.none",
                     "the user files name nobody: no user name is let in", fields + 1, 2);
    else
        gw_log_event(log, GW_LOG_INFO, "users.loaded", "who gives a user name must prove it",
                     fields, GW_COUNT_OF(fields));
}

void gw_people_replace(struct gw_people *people, struct gw_people *next, const struct gw_log *log)
{
    struct gw_people before = *people;

    *people = *next;
    *next = (struct gw_people){0};
    gw_people_say(people, log);
    gw_people_fini(&before);
}

static void say_refused(const struct gw_log *log, const struct gw_confreport *report)
{
    struct gw_span text = gw_buf_span(&report->text);
    const uint8_t *end = text.size > 0 ? memchr(text.data, '\n', text.size) : NULL;
    struct gw_log_field field =
        gw_log_text("why", end != NULL ? gw_span_of(text.data, (size_t)(end - text.data)) : text);

    gw_log_event(log, GW_LOG_ERROR, "users.refused",
                 "a file of auth was not taken, the users from before stay", &field, 1);
}

static void read_again(struct gw_people *people, struct gw_broker *broker, const struct gw_log *log)
{
    const char *paths[GW_CONFIG_AUTH_MAX];
    struct gw_confreport report;
    struct gw_users *users = NULL;
    enum gw_status status;

    for (size_t i = 0; i < people->file_count; i++) {
        paths[i] = people->files[i].path;
        gw_watched_take(&people->files[i]);
    }
    gw_confreport_init(&report);
    status = read_files(paths, people->file_count, &users, &report);
    if (status == GW_OK)
        status = gw_broker_set_users(broker, users);
    if (status == GW_OK) {
        gw_users_unref(people->users);
        people->users = users;
        gw_people_say(people, log);
    } else {
        gw_users_unref(users);
        say_refused(log, &report);
    }
    gw_confreport_fini(&report);
}

/* Opens those anew who were given a file that has changed. */
static void open_again(struct gw_people *people, const struct gw_config *config,
                       struct gw_broker *broker, const struct gw_log *log)
{
    struct gw_confreport report;
    struct gw_backing next;

    gw_confreport_init(&report);
    enum gw_status status =
        gw_backing_load(&next, config, people->loader, &people->backing, &report);
    if (status == GW_OK) {
        status = gw_broker_set_auth(broker, people->users, next.chain);
        if (status != GW_OK)
            gw_backing_fini(&next);
    }
    if (status == GW_OK) {
        gw_backing_fini(&people->backing);
        people->backing = next;
        say_others(people, log);
    } else {
        gw_backing_settle(&people->backing);
        say_refused(log, &report);
    }
    gw_confreport_fini(&report);
}

void gw_people_look(struct gw_people *people, const struct gw_config *config,
                    struct gw_broker *broker, const struct gw_log *log)
{
    bool due = false;

    for (size_t i = 0; i < people->file_count; i++)
        due = gw_watched_is_due(&people->files[i]) || due;
    if (due)
        read_again(people, broker, log);
    if (gw_backing_is_due(&people->backing))
        open_again(people, config, broker, log);
}
