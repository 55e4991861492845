#include "daemon/contexting.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/contextdir.h"
#include "cli/contextopt.h"
#include "daemon/arguments.h"
#include "daemon/command.h"

static const char usage[] =
    "godwit context ls                      the brokers that the tools know; * is in use\n"
    "godwit context add lab --url mqtt://lab.lan -u bob --password-file /etc/lab.pw\n"
    "godwit context use lab                 pub, sub and rr talk to this one if none is named\n"
    "godwit context use --none              to localhost again\n"
    "godwit context rm lab\n"
    "\n"
    "  --url URL              add: the broker, as mqtt://HOST[:PORT]\n"
    "  -u, --username NAME    add: user name\n"
    "  -P, --pw PASSWORD      add: password (others see it in the list of processes)\n"
    "  --password-file FILE   add: its first line is the password\n"
    "  --ca FILE              add: the CA by which the broker is known\n"
    "  --cert FILE            add: certificate of the client\n"
    "  --key FILE             add: its key\n"
    "  --force                add: replace the one of this name\n"
    "  --none                 use: none\n"
    "  -h, --help             this text\n"
    "\n"
    "One command: godwit pub --context lab ..., or GODWIT_CONTEXT=lab in the environment.\n";

static int ask(const char *what)
{
    fprintf(stderr, "godwit context: %s\n   hint: godwit context --help\n", what);
    return GW_COMMAND_USAGE;
}

static int fail(enum gw_status status, const struct gw_contextdir_error *error)
{
    fprintf(stderr, "godwit context: %s\n",
            error->what[0] != '\0' ? error->what : gw_status_name(status));
    if (error->hint[0] != '\0')
        fprintf(stderr, "   hint: %s\n", error->hint);
    if (status == GW_EXISTS)
        return GW_COMMAND_EXISTS;
    return status == GW_NO_MEMORY ? GW_COMMAND_SYSTEM : GW_COMMAND_CONFIG;
}

/* The names, gathered to be sorted. */
struct names {
    char (*items)[GW_CONTEXTDIR_NAME_MAX];
    size_t count;
};

static void gather(void *user, const char *name)
{
    struct names *names = user;
    if (names->count < GW_CONTEXTING_MAX)
        snprintf(names->items[names->count++], GW_CONTEXTDIR_NAME_MAX, "%s", name);
}

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

static int list(const struct gw_contextdir *dir)
{
    char active[GW_CONTEXTDIR_NAME_MAX] = "";
    struct names names = {calloc(GW_CONTEXTING_MAX, GW_CONTEXTDIR_NAME_MAX), 0};
    if (names.items == NULL)
        return GW_COMMAND_SYSTEM;
    if (!gw_contextdir_active(dir, active))
        active[0] = '\0';
    gw_contextdir_each(dir, gather, &names);
    qsort(names.items, names.count, sizeof *names.items, compare);
    for (size_t i = 0; i < names.count; i++) {
        struct gw_context context;
        struct gw_contextdir_error error;
        bool good = gw_contextdir_read(dir, names.items[i], &context, &error) == GW_OK;
        printf("%c %-16s %s%s%s\n", strcmp(names.items[i], active) == 0 ? '*' : ' ', names.items[i],
               good ? context.url : error.what, good && context.user != NULL ? "  user " : "",
               good && context.user != NULL ? context.user : "");
        if (good)
            gw_context_fini(&context);
    }
    if (names.count == 0)
        fputs("godwit context: there is none\n   hint: godwit init, or godwit context add\n",
              stderr);
    free(names.items);
    return GW_COMMAND_OK;
}

static const struct {
    const char *letter, *word, *field;
    bool path;
} options[] = {
    {NULL, "--url", "url", false},     {"-u", "--username", "user", false},
    {"-P", "--pw", "password", false}, {NULL, "--password-file", "password_file", true},
    {NULL, "--ca", "ca", true},        {NULL, "--cert", "cert", true},
    {NULL, "--key", "key", true},
};

/* A path that means the same from every directory. */
static enum gw_status set_path(struct gw_context *context, const char *field, const char *value)
{
    char *whole = realpath(value, NULL);
    enum gw_status status = gw_context_set(context, field, whole != NULL ? whole : value);
    free(whole);
    return status;
}

/* Takes an option with its value; the exit code, or -1: it is none of them. */
static int take_option(struct gw_arguments *arguments, struct gw_context *context)
{
    const char *value;
    for (size_t i = 0; i < GW_COUNT_OF(options); i++) {
        if (!gw_arguments_take_value(arguments, options[i].letter, options[i].word, &value))
            continue;
        if (value == NULL || value[0] == '\0')
            return ask("an option lacks its value");
        enum gw_status status = options[i].path ? set_path(context, options[i].field, value)
                                                : gw_context_set(context, options[i].field, value);
        return status == GW_OK ? GW_COMMAND_OK : GW_COMMAND_SYSTEM;
    }
    return -1;
}

/* Holds it against what the tools will make of it. */
static int judge(const struct gw_context *context)
{
    if (context->url == NULL)
        return ask("add wants --url, as mqtt://lab.lan:1883");
    if (context->password != NULL && context->password_file != NULL)
        return ask("--pw and --password-file exclude each other");
    if ((context->password != NULL || context->password_file != NULL) && context->user == NULL)
        return ask("a password wants a user name (-u)");
    struct gw_options tool;
    gw_options_init(&tool, GW_TOOL_PUB);
    enum gw_status status = gw_contextopt_judge(&tool, context->url);
    int result = status == GW_OK ? GW_COMMAND_OK : ask(tool.problem);
    gw_options_fini(&tool);
    return result;
}

static int add(const struct gw_contextdir *dir, struct gw_arguments *arguments)
{
    static const char *const names[] = {"--url",           "--username", "--pw",
                                        "--password-file", "--ca",       "--cert",
                                        "--key",           "--force",    "--help"};
    struct gw_context context = {0};
    struct gw_contextdir_error error;
    const char *name = NULL;
    bool force = false;
    int result = GW_COMMAND_OK;
    while (result == GW_COMMAND_OK && arguments->index < arguments->argc) {
        const char *word = arguments->argv[arguments->index];
        result = take_option(arguments, &context);
        if (result >= 0)
            continue;
        result = GW_COMMAND_OK;
        if (gw_arguments_take_flag(arguments, NULL, "--force")) {
            force = true;
        } else if (word[0] != '-' && name == NULL) {
            name = word;
            arguments->index++;
        } else {
            result = gw_arguments_refuse(arguments, names, GW_COUNT_OF(names));
        }
    }
    if (result == GW_COMMAND_OK && name == NULL)
        result = ask("add wants a name");
    if (result == GW_COMMAND_OK)
        result = judge(&context);
    if (result == GW_COMMAND_OK) {
        enum gw_status status = gw_contextdir_write(dir, name, &context, force, &error);
        if (status == GW_EXISTS)
            snprintf(error.hint, sizeof error.hint, "--force replaces it");
        result = status == GW_OK ? GW_COMMAND_OK : fail(status, &error);
    }
    gw_context_fini(&context);
    return result;
}

/* The one word behind use and rm; NULL and said why, if it is missing or not the last. */
static const char *only_word(struct gw_arguments *arguments, const char *what)
{
    if (arguments->index + 1 == arguments->argc)
        return arguments->argv[arguments->index];
    ask(what);
    return NULL;
}

static int use(const struct gw_contextdir *dir, struct gw_arguments *arguments)
{
    struct gw_context context;
    struct gw_contextdir_error error;
    const char *name = only_word(arguments, "use wants a name, or --none");
    if (name == NULL)
        return GW_COMMAND_USAGE;
    if (strcmp(name, "--none") == 0)
        name = NULL;
    enum gw_status status = GW_OK;
    if (name != NULL) {
        status = gw_contextdir_read(dir, name, &context, &error);
        gw_context_fini(&context);
    }
    if (status == GW_OK)
        status = gw_contextdir_use(dir, name, &error);
    return status == GW_OK ? GW_COMMAND_OK : fail(status, &error);
}

static int take_away(const struct gw_contextdir *dir, struct gw_arguments *arguments)
{
    struct gw_contextdir_error error;
    const char *name = only_word(arguments, "rm wants a name");
    if (name == NULL)
        return GW_COMMAND_USAGE;
    enum gw_status status = gw_contextdir_remove(dir, name, &error);
    return status == GW_OK ? GW_COMMAND_OK : fail(status, &error);
}

static int run_words(const struct gw_contextdir *dir, struct gw_arguments *arguments)
{
    static const char *const names[] = {"ls", "add", "use", "rm", "--help"};
    if (gw_arguments_take_flag(arguments, "ls", NULL))
        return arguments->index == arguments->argc ? list(dir)
                                                   : gw_arguments_refuse(arguments, NULL, 0);
    if (gw_arguments_take_flag(arguments, "add", NULL))
        return add(dir, arguments);
    if (gw_arguments_take_flag(arguments, "use", NULL))
        return use(dir, arguments);
    if (gw_arguments_take_flag(arguments, "rm", NULL))
        return take_away(dir, arguments);
    return gw_arguments_refuse(arguments, names, GW_COUNT_OF(names));
}

int gw_contexting_run(const char *program, int argc, char **argv)
{
    struct gw_arguments arguments = {"godwit context", argc, argv, 1};
    struct gw_contextdir dir;
    (void)program;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0) {
            fputs(usage, stdout);
            return GW_COMMAND_OK;
        }
    }
    if (argc == 1) {
        fputs(usage, stderr);
        return GW_COMMAND_USAGE;
    }
    if (!gw_contextdir_find(&dir)) {
        fputs("godwit context: HOME is not set\n", stderr);
        return GW_COMMAND_CONFIG;
    }
    return run_words(&dir, &arguments);
}
