#include "daemon/command.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/compiler.h"
#include "base/suggest.h"
#include "cli/selftest.h"
#include "cli/tools.h"
#include "daemon/acl.h"
#include "daemon/benching.h"
#include "daemon/certing.h"
#include "daemon/contexting.h"
#include "daemon/founding.h"
#include "daemon/moving.h"
#include "daemon/passwd.h"
#include "daemon/serve.h"
#include "daemon/showing.h"
#include "daemon/storing.h"
#include "os/process.h"

#define EXTERNAL_NAME_MAX 128

/* A subcommand; argv[0] is its own word. */
struct command {
    const char *name;
    const char *help; /* NULL: not listed */
    int (*run)(const char *program, int argc, char **argv);
};

static int run_version(const char *program, int argc, char **argv);
static int run_help(const char *program, int argc, char **argv);

/* The tools name themselves in what they say. */
static int run_pub(const char *program, int argc, char **argv)
{
    (void)program;
    return gw_tools_pub(argc, argv);
}

static int run_sub(const char *program, int argc, char **argv)
{
    (void)program;
    return gw_tools_sub(argc, argv);
}

static int run_rr(const char *program, int argc, char **argv)
{
    (void)program;
    return gw_tools_rr(argc, argv);
}

static int run_selftest(const char *program, int argc, char **argv)
{
    (void)program;
    return gw_selftest_run(argc, argv);
}

static const struct command commands[] = {
    {"init", "make what a secure broker needs: configuration, certificates, a user",
     gw_founding_run},
    {"serve", "run the broker", gw_serve_run},
    {"check", "check a configuration file, start nothing", gw_showing_check},
    {"config", "show the configuration, its defaults, its reference", gw_showing_config},
    {"acl", "say what access rules allow, and which rule says so", gw_acl_run},
    {"passwd", "users and their passwords, as mosquitto_passwd does", gw_passwd_run},
    {"pub", "send messages, as mosquitto_pub does", run_pub},
    {"sub", "show messages, as mosquitto_sub does", run_sub},
    {"rr", "send a request and show the response, as mosquitto_rr does", run_rr},
    {"bench", "load a broker and say how well it stood it", gw_benching_run},
    {"context", "choose the broker that pub, sub and rr talk to", gw_contexting_run},
    {"cert", "make a CA and certificates, tell what stands in one", gw_certing_run},
    {"store", "look into the durable store, verify it, write it anew", gw_storing_run},
    {"backup", "copy the store of a running broker", gw_moving_backup},
    {"restore", "make a store of a backup", gw_moving_restore},
    {"export", "print all that a store holds as JSON lines", gw_moving_export},
    {"import", "put JSON lines into a store", gw_moving_import},
    {"selftest", "kill a broker again and again and count what it loses", run_selftest},
    {"version", "print the version", run_version},
    {"help", "explain a command or a configuration key", run_help},
    {"--version", NULL, run_version},
    {"--help", NULL, run_help},
    {"-h", NULL, run_help},
};

/* What the program is under other names; the compatibility package links to it so. */
static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} aliases[] = {
    {"mosquitto_pub", gw_tools_pub},
    {"mosquitto_sub", gw_tools_sub},
    {"mosquitto_rr", gw_tools_rr},
};

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < GW_COUNT_OF(commands); i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

static int run_version(const char *program, int argc, char **argv)
{
    (void)program;
    (void)argc;
    (void)argv;
    puts("godwit " GW_VERSION_TEXT " (MQTT 3.1, 3.1.1, 5.0)");
    return GW_COMMAND_OK;
}

static void print_overview(FILE *out)
{
    fputs("godwit: an MQTT broker and its tools\n\n"
          "  godwit serve                          a broker on this machine, to try things\n"
          "  godwit init                           what godwit serve needs for TLS and users\n"
          "  godwit serve -c godwit.yaml           with a configuration\n"
          "  godwit sub -v -t 'test/#'             show what is published\n"
          "  godwit pub -t test/hello -m hi        publish\n\n",
          out);
    for (size_t i = 0; i < GW_COUNT_OF(commands); i++) {
        if (commands[i].help != NULL)
            fprintf(out, "  %-9s %s\n", commands[i].name, commands[i].help);
    }
    fputs("\ngodwit help COMMAND or godwit COMMAND --help says more; godwit help limits.packet "
          "explains a key, godwit help limits a section of them.\n",
          out);
}

/* Says that there is no such word, and which was meant. */
static int refuse_word(const char *what, const char *word)
{
    const char *names[GW_COUNT_OF(commands)];
    const char *meant;

    for (size_t i = 0; i < GW_COUNT_OF(commands); i++)
        names[i] = commands[i].name;
    meant = gw_suggest_word(gw_span_str(word), names, GW_COUNT_OF(names));
    fprintf(stderr, "godwit: there is no %s \"%s\"", what, word);
    if (meant != NULL)
        fprintf(stderr, ": did you mean \"%s\"?", meant);
    fputs("\n   hint: godwit help\n", stderr);
    return GW_COMMAND_USAGE;
}

static int run_help(const char *program, int argc, char **argv)
{
    static char help_flag[] = "--help";
    const struct command *command;

    if (argc < 2) {
        print_overview(stdout);
        return GW_COMMAND_OK;
    }
    command = find_command(argv[1]);
    if (command == NULL && (gw_showing_key(argv[1]) || gw_showing_section(argv[1])))
        return GW_COMMAND_OK;
    if (command == NULL)
        return strchr(argv[1], '.') != NULL ? gw_showing_refuse_key(argv[1])
                                            : refuse_word("command or key", argv[1]);
    if (command->run == run_help || command->run == run_version) {
        print_overview(stdout);
        return GW_COMMAND_OK;
    }
    char *words[] = {argv[1], help_flag, NULL};
    int code = command->run(program, 2, words); /* the tools end --help with 1, as mosquitto's do */
    if (strcmp(argv[1], "store") == 0) {        /* the one word that is a section of keys too */
        puts("");
        gw_showing_section(argv[1]);
    }
    return code == GW_COMMAND_USAGE ? code : GW_COMMAND_OK;
}

/* Becomes godwit-WORD if there is one. */
static void try_external(char **argv)
{
    char name[EXTERNAL_NAME_MAX];
    int size = snprintf(name, sizeof name, "godwit-%s", argv[0]);

    if (argv[0][0] == '-' || strchr(argv[0], '/') != NULL || size < 0 ||
        (size_t)size >= sizeof name)
        return;
    gw_process_become(name, argv);
}

int gw_command_run(int argc, char **argv)
{
    const char *program = argc > 0 ? argv[0] : "godwit";
    const char *slash = strrchr(program, '/');
    const char *name = slash != NULL ? slash + 1 : program;
    const struct command *command;

    for (size_t i = 0; i < GW_COUNT_OF(aliases); i++) {
        if (strcmp(name, aliases[i].name) == 0)
            return aliases[i].run(argc, argv);
    }
    if (argc < 2) {
        print_overview(stderr);
        return GW_COMMAND_USAGE;
    }
    command = find_command(argv[1]);
    if (command != NULL)
        return command->run(program, argc - 1, argv + 1);
    try_external(argv + 1);
    return refuse_word(argv[1][0] == '-' ? "option" : "command", argv[1]);
}
