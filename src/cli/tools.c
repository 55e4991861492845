#include "cli/tools.h"

#include <stdio.h>

#include "cli/exitcode.h"
#include "cli/format.h"
#include "cli/options.h"
#include "cli/optset.h"
#include "cli/pub.h"
#include "cli/rr.h"
#include "cli/sub.h"

static int complain(const struct gw_options *options)
{
    fprintf(stderr, "godwit %s: %s\n  hint: godwit %s --help\n", options->name,
            options->problem[0] ? options->problem : "not enough memory", options->name);
    return GW_EXIT_USAGE;
}

static bool is_mosquitto(const char *word)
{
    const char *slash = strrchr(word, '/');
    return strncmp(slash ? slash + 1 : word, "mosquitto_", strlen("mosquitto_")) == 0;
}

/* mosquitto's tools end --help and --version with 1, and so do these. */
static int run(enum gw_tool tool, int (*tool_run)(struct gw_options *), int argc, char **argv)
{
    struct gw_options options;
    int code = GW_EXIT_USAGE;
    gw_options_init(&options, tool);
    options.as_mosquitto = is_mosquitto(argv[0]);
    if (gw_options_read(&options, argc, argv) != GW_OK || gw_format_check(&options) != GW_OK)
        code = complain(&options);
    else if (options.help)
        gw_optset_help(&options);
    else if (options.version)
        printf("godwit %s " GW_VERSION_TEXT "\n", options.name);
    else
        code = tool_run(&options);
    gw_options_fini(&options);
    return code;
}

int gw_tools_pub(int argc, char **argv)
{
    return run(GW_TOOL_PUB, gw_pub_run, argc, argv);
}

int gw_tools_sub(int argc, char **argv)
{
    return run(GW_TOOL_SUB, gw_sub_run, argc, argv);
}

int gw_tools_rr(int argc, char **argv)
{
    return run(GW_TOOL_RR, gw_rr_run, argc, argv);
}
