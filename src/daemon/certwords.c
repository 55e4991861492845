#include "daemon/certwords.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "daemon/command.h"
#include "os/clock.h"
#include "os/folder.h"

/* Where a CA is looked for: here, and where `godwit init` puts it. */
static const char *const places[] = {".", "tls", "godwit/tls"};

int gw_certwords_ask(const struct gw_certwords *words, const char *format, ...)
{
    va_list args;
    fprintf(stderr, "%s: ", words->command->name);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\n   hint: %s --help\n", words->command->name);
    return GW_COMMAND_USAGE;
}

static int add_name(struct gw_certwords *words, const char *name)
{
    const char *why;
    words->name = name;
    if (gw_certnames_add(&words->names, gw_span_str(name), &why) == GW_OK)
        return GW_COMMAND_OK;
    return gw_certwords_ask(words, "\"%.80s\" cannot stand in a certificate: %s", name, why);
}

static int set_days(struct gw_certwords *words, const char *text)
{
    char *end;
    errno = 0;
    unsigned long days = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || days == 0 ||
        days > GW_ISSUER_DAYS_MAX)
        return gw_certwords_ask(words, "--days is 1 to %d, not \"%.40s\"", GW_ISSUER_DAYS_MAX,
                                text);
    words->days = (uint32_t)days;
    return GW_COMMAND_OK;
}

static int set_name(struct gw_certwords *words, const char *value)
{
    if (words->command->takes & GW_CERTWORDS_ADD) /* a list of names */
        return add_name(words, value);
    words->name = value;
    return GW_COMMAND_OK;
}

static int set_add(struct gw_certwords *words, const char *value)
{
    words->add = true;
    return add_name(words, value);
}

static int set_directory(struct gw_certwords *words, const char *value)
{
    words->directory = value;
    return GW_COMMAND_OK;
}

static int set_out(struct gw_certwords *words, const char *value)
{
    words->out = value;
    return GW_COMMAND_OK;
}

static int set_host(struct gw_certwords *words, const char *value)
{
    words->host = value;
    return GW_COMMAND_OK;
}

static const struct {
    const char *word;
    unsigned needs; /* enum gw_certwords_takes; 0: all take it */
    int (*set)(struct gw_certwords *words, const char *value);
} options[] = {
    {"--dir", 0, set_directory},
    {"--days", 0, set_days},
    {"--name", GW_CERTWORDS_NAME, set_name},
    {"--add", GW_CERTWORDS_ADD, set_add},
    {"--out", GW_CERTWORDS_OUT, set_out},
    {"--host", GW_CERTWORDS_HOST, set_host},
};

/* Takes the next word; the exit code if it is wrong. */
static int read_word(struct gw_certwords *words, struct gw_arguments *arguments)
{
    static const char *const names[] = {"--dir", "--days", "--name",  "--add",
                                        "--out", "--host", "--force", "--help"};
    unsigned takes = words->command->takes;
    const char *word = arguments->argv[arguments->index];
    const char *value;
    for (size_t i = 0; i < GW_COUNT_OF(options); i++) {
        if ((options[i].needs & takes) != options[i].needs ||
            !gw_arguments_take_value(arguments, NULL, options[i].word, &value))
            continue;
        if (value == NULL || value[0] == '\0')
            return gw_certwords_ask(words, "%s wants a value", options[i].word);
        return options[i].set(words, value);
    }
    if ((takes & GW_CERTWORDS_FORCE) && gw_arguments_take_flag(arguments, NULL, "--force")) {
        words->force = true;
        return GW_COMMAND_OK;
    }
    if ((takes & GW_CERTWORDS_WORD) && word[0] != '-' && words->name == NULL) {
        words->name = word;
        arguments->index++;
        return GW_COMMAND_OK;
    }
    return gw_arguments_refuse(arguments, names, GW_COUNT_OF(names));
}

bool gw_certwords_read(struct gw_certwords *words, const struct gw_certwords_command *command,
                       int argc, char **argv, int *ret_exit)
{
    struct gw_arguments arguments = {command->name, argc, argv, 1};
    *words = (struct gw_certwords){.command = command, .days = command->days};
    words->now_s = (int64_t)(gw_clock_wall(gw_clock_system()) / (int64_t)GW_NS_PER_S);
    *ret_exit = GW_COMMAND_OK;
    while (arguments.index < argc) {
        if (gw_arguments_take_flag(&arguments, "-h", "--help")) {
            fputs(command->usage, stdout);
            return true;
        }
        *ret_exit = read_word(words, &arguments);
        if (*ret_exit != GW_COMMAND_OK)
            return true;
    }
    return false;
}

int gw_certwords_fail(const struct gw_certwords *words, enum gw_status status,
                      const struct gw_cabinet_error *error, const char *hint)
{
    fprintf(stderr, "%s: %s\n", words->command->name,
            error->what[0] != '\0' ? error->what : gw_status_name(status));
    if (hint != NULL)
        fprintf(stderr, "   hint: %s\n", hint);
    if (error->os_errno == EACCES || error->os_errno == EPERM || error->os_errno == EROFS)
        return GW_COMMAND_PERMISSION;
    if (status == GW_EXISTS)
        return GW_COMMAND_EXISTS;
    return status == GW_NO_MEMORY ? GW_COMMAND_SYSTEM : GW_COMMAND_STORE;
}

int gw_certwords_open(const struct gw_certwords *words, struct gw_cabinet *ret_cabinet)
{
    struct gw_cabinet_error error;
    enum gw_status status = GW_NOT_FOUND;
    if (words->directory != NULL) {
        status = gw_cabinet_open(words->directory, ret_cabinet, &error);
        if (status == GW_OK)
            return GW_COMMAND_OK;
        return gw_certwords_fail(words, status, &error,
                                 status == GW_NOT_FOUND ? "godwit cert ca --dir DIR makes one"
                                                        : NULL);
    }
    for (size_t i = 0; i < GW_COUNT_OF(places) && status == GW_NOT_FOUND; i++)
        status = gw_cabinet_open(places[i], ret_cabinet, &error);
    if (status == GW_OK)
        return GW_COMMAND_OK;
    if (status != GW_NOT_FOUND)
        return gw_certwords_fail(words, status, &error, NULL);
    fprintf(stderr,
            "%s: there is no CA here: no ca.pem with its ca.key in ., tls or godwit/tls\n"
            "   hint: godwit init makes all that a broker needs; --dir DIR takes another place\n",
            words->command->name);
    return GW_COMMAND_STORE;
}

const char *gw_certwords_date(int64_t seconds, char text[GW_CERTWORDS_DATE_MAX])
{
    time_t time = (time_t)seconds;
    struct tm parts;
    if (gmtime_r(&time, &parts) == NULL ||
        strftime(text, GW_CERTWORDS_DATE_MAX, "%Y-%m-%d", &parts) == 0)
        snprintf(text, GW_CERTWORDS_DATE_MAX, "?");
    return text;
}
