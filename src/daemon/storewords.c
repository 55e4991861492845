#include "daemon/storewords.h"

#include <errno.h>
#include <stdio.h>

#include "daemon/command.h"

static const char *const names[] = {"--config", "--set",     "--to",  "--json",
                                    "--force",  "--discard", "--help"};

static bool take_flag(struct gw_storewords *words, struct gw_arguments *arguments)
{
    unsigned takes = words->command->takes;
    if ((takes & GW_STOREWORDS_JSON) && gw_arguments_take_flag(arguments, NULL, "--json"))
        return words->json = true;
    if ((takes & GW_STOREWORDS_FORCE) && gw_arguments_take_flag(arguments, NULL, "--force"))
        return words->force = true;
    if ((takes & GW_STOREWORDS_DISCARD) && gw_arguments_take_flag(arguments, NULL, "--discard"))
        return words->discard = true;
    return false;
}

/* True if it was a word that is no option. */
static bool take_place(struct gw_storewords *words, struct gw_arguments *arguments)
{
    const char *word = arguments->argv[arguments->index];
    if ((word[0] == '-' && word[1] != '\0') || word[0] == '\0' || words->place)
        return false;
    words->place = word;
    arguments->index++;
    return true;
}

static int read_word(struct gw_storewords *words, struct gw_arguments *arguments)
{
    enum gw_arguments_outcome outcome = gw_arguments_config_take(&words->choice, arguments);
    const char *value;
    if (outcome != GW_ARGUMENTS_NOT_MINE)
        return outcome == GW_ARGUMENTS_TAKEN ? GW_COMMAND_OK : GW_COMMAND_USAGE;
    if ((words->command->takes & GW_STOREWORDS_TO) &&
        gw_arguments_take_value(arguments, NULL, "--to", &value)) {
        words->to = value;
        return value ? GW_COMMAND_OK : gw_storewords_ask(words, "--to wants a name");
    }
    if (take_flag(words, arguments) || take_place(words, arguments))
        return GW_COMMAND_OK;
    return gw_arguments_refuse(arguments, names, GW_COUNT_OF(names));
}

bool gw_storewords_read(struct gw_storewords *words, const struct gw_storewords_command *command,
                        int argc, char **argv, int *ret_exit)
{
    struct gw_arguments arguments = {command->name, argc, argv, 1};
    *words = (struct gw_storewords){.command = command};
    *ret_exit = GW_COMMAND_OK;
    if (!gw_arguments_config_init(&words->choice, argc)) {
        *ret_exit = GW_COMMAND_SYSTEM;
        return true;
    }
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

void gw_storewords_fini(struct gw_storewords *words)
{
    if (words->loaded)
        gw_config_fini(&words->config);
    gw_arguments_config_fini(&words->choice);
}

int gw_storewords_store(struct gw_storewords *words, const char *named, const char **ret_path)
{
    *ret_path = named;
    if (named && !words->choice.path && words->choice.set_count == 0)
        return GW_COMMAND_OK;
    int result = gw_arguments_config_load(&words->choice, &words->config);
    if (result != GW_COMMAND_OK)
        return result;
    words->loaded = true;
    if (named)
        return GW_COMMAND_OK;
    *ret_path = words->config.store.path[0] != '\0' ? words->config.store.path
                                                    : GW_CONFIG_STORE_PATH_DEFAULT;
    if (strcmp(*ret_path, "none") == 0)
        return gw_storewords_ask(words, "store.path is \"none\": there is no store");
    return GW_COMMAND_OK;
}

uint64_t gw_storewords_segment(const struct gw_storewords *words)
{
    return words->loaded ? words->config.store.segment : (uint64_t)16 * 1024 * 1024;
}

int gw_storewords_fail(const struct gw_storewords *words, enum gw_status status,
                       const struct gw_trouble *trouble)
{
    fprintf(stderr, "%s: %s\n", words->command->name,
            trouble->text[0] != '\0' ? trouble->text : gw_status_name(status));
    if (trouble->hint[0] != '\0')
        fprintf(stderr, "   hint: %s\n", trouble->hint);
    if (trouble->os_errno == EACCES || trouble->os_errno == EPERM)
        return GW_COMMAND_PERMISSION;
    return status == GW_NO_MEMORY ? GW_COMMAND_SYSTEM : GW_COMMAND_STORE;
}

int gw_storewords_ask(const struct gw_storewords *words, const char *what)
{
    fprintf(stderr, "%s: %s\n   hint: %s --help\n", words->command->name, what,
            words->command->name);
    return GW_COMMAND_USAGE;
}
