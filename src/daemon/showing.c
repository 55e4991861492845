#include "daemon/showing.h"

#include <stdio.h>

#include "config/confname.h"
#include "config/confprint.h"
#include "config/confvalue.h"
#include "daemon/arguments.h"
#include "daemon/command.h"
#include "daemon/people.h"
#include "os/console.h"

#define TEXT_MAX      ((size_t)4 * 1024 * 1024)
#define SECTION_WIDTH 32 /* of a key's name in a list */

static const char config_usage[] =
    "godwit config show -c godwit.yaml      every key with its value and where it came from\n"
    "godwit config show --diff              only what is not the default\n"
    "godwit config show --defaults > godwit.yaml   a file to begin with, with comments\n"
    "godwit config reference                the page of all keys (Markdown)\n"
    "\n"
    "  -c, --config FILE     the configuration (YAML; \"-\" is standard input)\n"
    "      --set KEY=VALUE   as godwit serve takes it\n"
    "      --effective       every key (the usual)\n"
    "      --diff            only what is not the default\n"
    "      --defaults        the defaults, with help\n"
    "  -h, --help            this text\n";

static const char check_usage[] = "godwit check config godwit.yaml        tells all errors; ends "
                                  "with 0 if there is none, else 78\n"
                                  "\n"
                                  "      --set KEY=VALUE   as godwit serve takes it\n"
                                  "  -h, --help            this text\n";

enum view { VIEW_EFFECTIVE, VIEW_DIFF, VIEW_DEFAULTS };

static int print(enum gw_status status, struct gw_buf *text)
{
    if (status == GW_OK && gw_console_write(GW_CONSOLE_OUT, gw_buf_span(text)) != GW_OK)
        status = GW_CLOSED;
    gw_buf_fini(text);
    if (status != GW_OK && status != GW_CLOSED) {
        fprintf(stderr, "godwit config: %s\n", gw_status_name(status));
        return GW_COMMAND_SYSTEM;
    }
    return status == GW_OK ? GW_COMMAND_OK : 1;
}

static int print_reference(void)
{
    struct gw_buf text;

    gw_buf_init(&text, TEXT_MAX);
    return print(gw_confprint_reference(&text), &text);
}

static int print_view(struct gw_arguments_config *options, enum view view)
{
    struct gw_config config;
    struct gw_buf text;
    int result;

    gw_buf_init(&text, TEXT_MAX);
    if (view == VIEW_DEFAULTS)
        return print(gw_confprint_defaults(&text), &text);
    result = gw_arguments_config_load(options, &config);
    if (result != GW_COMMAND_OK)
        return result;
    result = print(view == VIEW_DIFF ? gw_confprint_changed(&config, &text)
                                     : gw_confprint_effective(&config, &text),
                   &text);
    gw_config_fini(&config);
    return result;
}

static int show(struct gw_arguments *words, struct gw_arguments_config *options)
{
    static const char *const names[] = {"--config", "--set",      "--port", "--effective",
                                        "--diff",   "--defaults", "--help"};
    enum view view = VIEW_EFFECTIVE;

    while (words->index < words->argc) {
        enum gw_arguments_outcome outcome = gw_arguments_config_take(options, words);

        if (outcome == GW_ARGUMENTS_TAKEN)
            continue;
        if (outcome == GW_ARGUMENTS_BAD)
            return GW_COMMAND_USAGE;
        if (gw_arguments_take_flag(words, NULL, "--effective")) {
            view = VIEW_EFFECTIVE;
        } else if (gw_arguments_take_flag(words, NULL, "--diff")) {
            view = VIEW_DIFF;
        } else if (gw_arguments_take_flag(words, NULL, "--defaults")) {
            view = VIEW_DEFAULTS;
        } else if (gw_arguments_take_flag(words, "-h", "--help")) {
            fputs(config_usage, stdout);
            return GW_COMMAND_OK;
        } else {
            return gw_arguments_refuse(words, names, GW_COUNT_OF(names));
        }
    }
    return print_view(options, view);
}

int gw_showing_config(const char *program, int argc, char **argv)
{
    static const char *const names[] = {"show", "reference", "--help"};
    struct gw_arguments words = {"godwit config", argc, argv, 1};
    struct gw_arguments_config options;
    int result;

    (void)program;
    if (argc == 1 || gw_arguments_take_flag(&words, "-h", "--help")) {
        fputs(config_usage, argc == 1 ? stderr : stdout);
        return argc == 1 ? GW_COMMAND_USAGE : GW_COMMAND_OK;
    }
    if (gw_arguments_take_flag(&words, "reference", NULL)) {
        if (words.index < argc)
            return gw_arguments_refuse(&words, NULL, 0);
        return print_reference();
    }
    if (!gw_arguments_take_flag(&words, "show", NULL))
        return gw_arguments_refuse(&words, names, GW_COUNT_OF(names));
    if (!gw_arguments_config_init(&options, argc))
        return GW_COMMAND_SYSTEM;
    result = show(&words, &options);
    gw_arguments_config_fini(&options);
    return result;
}

static size_t count_set(const struct gw_config *config)
{
    size_t count = 0;

    for (size_t i = 0; i < GW_CONFIG_KEY_COUNT; i++)
        count += config->origins[i].source != GW_CONFIG_FROM_DEFAULT;
    return count;
}

static int check_config(struct gw_arguments *words, struct gw_arguments_config *options)
{
    struct gw_config config;
    struct gw_loader loader;
    struct gw_people people;
    int result;

    while (words->index < words->argc) {
        const char *word = words->argv[words->index];
        enum gw_arguments_outcome outcome = gw_arguments_config_take(options, words);

        if (outcome == GW_ARGUMENTS_TAKEN)
            continue;
        if (outcome == GW_ARGUMENTS_BAD)
            return GW_COMMAND_USAGE;
        if (options->path != NULL || (word[0] == '-' && word[1] != '\0'))
            return gw_arguments_refuse(words, NULL, 0);
        options->path = word;
        words->index++;
    }
    if (options->path == NULL) {
        fputs("godwit check config: which file?\n   hint: godwit check config godwit.yaml\n",
              stderr);
        return GW_COMMAND_USAGE;
    }
    result = gw_arguments_config_load(options, &config);
    if (result != GW_COMMAND_OK)
        return result;
    gw_loader_init(&loader);
    result = gw_people_open(&people, &config, &loader);
    gw_people_fini(&people);
    if (result != GW_COMMAND_OK) {
        gw_config_fini(&config);
        return result;
    }
    size_t count = count_set(&config);
    printf("%s: no errors, %zu key%s set\n", options->path, count, count == 1 ? " is" : "s are");
    gw_config_fini(&config);
    return GW_COMMAND_OK;
}

int gw_showing_check(const char *program, int argc, char **argv)
{
    static const char *const names[] = {"config", "--help"};
    struct gw_arguments words = {"godwit check", argc, argv, 1};
    struct gw_arguments_config options;
    int result;

    (void)program;
    if (argc == 1) {
        fputs(check_usage, stderr);
        return GW_COMMAND_USAGE;
    }
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0) {
            fputs(check_usage, stdout);
            return GW_COMMAND_OK;
        }
    }
    if (!gw_arguments_take_flag(&words, "config", NULL))
        return gw_arguments_refuse(&words, names, GW_COUNT_OF(names));
    if (!gw_arguments_config_init(&options, argc))
        return GW_COMMAND_SYSTEM;
    result = check_config(&words, &options);
    gw_arguments_config_fini(&options);
    return result;
}

bool gw_showing_key(const char *name)
{
    const struct gw_config_key *key = gw_config_find(gw_span_str(name));
    size_t count;
    const char *const *words;

    if (key == NULL)
        return false;
    words = gw_confvalue_words(key->kind, &count);
    printf("%s: %s\n", key->name, key->help);
    printf("  default   %s\n", key->value[0] != '\0' ? key->value : "(empty)");
    printf("  takes     %s", count == 0 ? gw_confvalue_kind_text(key->kind) : "");
    for (size_t i = 0; i < count; i++)
        printf("%s%s", i == 0 ? "" : i + 1 == count ? " or " : ", ", words[i]);
    if (key->min[0] != '\0')
        printf("; %s to %s", key->min, key->max);
    printf("\n  a reload takes effect %s\n", key->reload == GW_CONFIG_LIVE  ? "at once"
                                             : key->reload == GW_CONFIG_NEW ? "for new connections"
                                                                            : "after a restart");
    return true;
}

bool gw_showing_section(const char *name)
{
    size_t size = strlen(name);
    size_t count = 0;

    for (size_t i = 0; i < GW_CONFIG_KEY_COUNT; i++) {
        const struct gw_config_key *key = &gw_config_keys[i];

        if (strncmp(key->name, name, size) != 0 || key->name[size] != '.')
            continue;
        printf("%-*s %s\n", SECTION_WIDTH, key->name, key->help);
        count++;
    }
    if (count > 0)
        puts("\ngodwit help KEY tells its default, what it takes and when a reload takes effect.");
    return count > 0;
}

int gw_showing_refuse_key(const char *name)
{
    struct gw_confreport_error error;

    gw_confname_unknown(GW_SPAN_NONE, gw_span_str(name), &error);
    fprintf(stderr, "godwit help: %s\n", error.what);
    if (error.why[0] != '\0')
        fprintf(stderr, "   %s\n", error.why);
    if (error.hint[0] != '\0')
        fprintf(stderr, "   hint: %s\n", error.hint);
    return GW_COMMAND_USAGE;
}
