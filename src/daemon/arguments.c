#include "daemon/arguments.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/suggest.h"
#include "config/confreport.h"
#include "daemon/command.h"
#include "daemon/homefile.h"
#include "os/console.h"

static const char *next_word(const struct gw_arguments *options)
{
    return options->index < options->argc ? options->argv[options->index] : NULL;
}

bool gw_arguments_take_flag(struct gw_arguments *options, const char *short_name,
                            const char *long_name)
{
    const char *word = next_word(options);

    if (word == NULL || ((short_name == NULL || strcmp(word, short_name) != 0) &&
                         (long_name == NULL || strcmp(word, long_name) != 0)))
        return false;
    options->index++;
    return true;
}

bool gw_arguments_take_value(struct gw_arguments *options, const char *short_name,
                             const char *long_name, const char **ret_value)
{
    const char *word = next_word(options);
    size_t size = long_name != NULL ? strlen(long_name) : 0;

    if (word != NULL && size > 0 && strncmp(word, long_name, size) == 0 && word[size] == '=') {
        *ret_value = word + size + 1;
        options->index++;
        return true;
    }
    if (!gw_arguments_take_flag(options, short_name, long_name))
        return false;
    *ret_value = next_word(options);
    options->index += *ret_value != NULL;
    return true;
}

int gw_arguments_refuse(const struct gw_arguments *options, const char *const *names,
                        size_t name_count)
{
    const char *word = next_word(options);
    const char *meant = NULL;

    if (word == NULL) {
        fprintf(stderr, "%s: something is missing\n", options->command);
    } else {
        meant = gw_suggest_word(gw_span_str(word), names, name_count);
        fprintf(stderr, "%s: unknown %s \"%s\"", options->command,
                word[0] == '-' ? "option" : "word", word);
        if (meant != NULL)
            fprintf(stderr, ": did you mean \"%s\"?", meant);
        fputc('\n', stderr);
    }
    fprintf(stderr, "   hint: %s --help\n", options->command);
    return GW_COMMAND_USAGE;
}

bool gw_arguments_config_init(struct gw_arguments_config *config, int argc)
{
    *config = (struct gw_arguments_config){0};
    config->sets = calloc((size_t)argc + 1, sizeof *config->sets);
    return config->sets != NULL;
}

void gw_arguments_config_fini(struct gw_arguments_config *config)
{
    free(config->sets);
    *config = (struct gw_arguments_config){0};
}

static enum gw_arguments_outcome missing(const struct gw_arguments *options, const char *what)
{
    fprintf(stderr, "%s: %s\n   hint: %s --help\n", options->command, what, options->command);
    return GW_ARGUMENTS_BAD;
}

static enum gw_arguments_outcome take_port(struct gw_arguments_config *config,
                                           const struct gw_arguments *options, const char *port)
{
    char *end;
    long number;

    if (port == NULL || port[0] < '0' || port[0] > '9')
        return missing(options, "-p wants a port, 0 to 65535");
    number = strtol(port, &end, 10);
    if (*end != '\0' || number > UINT16_MAX)
        return missing(options, "-p wants a port, 0 to 65535");
    /* A port that the system chooses would not be the same for both IP versions. */
    snprintf(config->port_set, sizeof config->port_set, "listeners=mqtt://%s:%ld",
             number == 0 ? "127.0.0.1" : "localhost", number);
    config->sets[config->set_count++] = config->port_set;
    return GW_ARGUMENTS_TAKEN;
}

enum gw_arguments_outcome gw_arguments_config_take(struct gw_arguments_config *config,
                                                   struct gw_arguments *options)
{
    const char *value;

    if (gw_arguments_take_value(options, "-c", "--config", &value)) {
        if (value == NULL)
            return missing(options, "-c wants a file");
        if (config->path != NULL)
            return missing(options, "there is more than one -c");
        config->path = value;
        return GW_ARGUMENTS_TAKEN;
    }
    if (gw_arguments_take_value(options, NULL, "--set", &value)) {
        if (value == NULL)
            return missing(options, "--set wants KEY=VALUE, as --set limits.packet=4MB");
        config->sets[config->set_count++] = value;
        return GW_ARGUMENTS_TAKEN;
    }
    if (gw_arguments_take_value(options, "-p", "--port", &value))
        return take_port(config, options, value);
    return GW_ARGUMENTS_NOT_MINE;
}

int gw_arguments_config_load(struct gw_arguments_config *config, struct gw_config *ret_config)
{
    struct gw_config_input input = {
        .env = gw_console_environment(), .sets = config->sets, .set_count = config->set_count};
    struct gw_confreport report;
    enum gw_status status;

    /* Kept, so that a reload reads this one or none, whatever comes and goes meanwhile. */
    if (config->path == NULL) {
        int result = gw_homefile_find("godwit", &config->path);

        if (result != GW_COMMAND_OK)
            return result;
    }
    input.path = config->path;
    gw_confreport_init(&report);
    status = gw_config_load(&input, ret_config, &report);
    if (status == GW_INVALID)
        fwrite(report.text.data, 1, report.text.size, stderr);
    else if (status != GW_OK)
        fprintf(stderr, "godwit: out of memory\n");
    gw_confreport_fini(&report);
    if (status == GW_OK)
        return GW_COMMAND_OK;
    return status == GW_INVALID ? GW_COMMAND_CONFIG : GW_COMMAND_SYSTEM;
}
