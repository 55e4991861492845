#include "daemon/moving.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "daemon/command.h"
#include "daemon/storewords.h"
#include "keep/transfer.h"

static const char export_usage[] =
    "godwit export -c godwit.yaml > all.jsonl      all that a store holds, as JSON lines\n"
    "godwit export /var/lib/godwit --to all.jsonl\n"
    "\n"
    "  -c, --config FILE     take store.path of this configuration (without: the usual one)\n"
    "      --set KEY=VALUE   as godwit serve takes it\n"
    "      --to FILE         write to a file\n"
    "  -h, --help            this text\n"
    "\n"
    "It changes nothing and may run beside a broker. Ends with 1 if messages could not be read.\n";

static const char import_usage[] =
    "godwit import all.jsonl --to /srv/new         makes a store of JSON lines\n"
    "godwit export | jq -c 'select(.kind == \"retained\")' | godwit import --to /srv/new\n"
    "\n"
    "  -c, --config FILE     into store.path of this configuration (without: the usual one)\n"
    "      --set KEY=VALUE   as godwit serve takes it\n"
    "      --to DIRECTORY    into this store; made if its parent exists\n"
    "      --discard         do not keep a store that was there as it was (DIRECTORY.old)\n"
    "  -h, --help            this text\n"
    "\n"
    "No broker may run on the store. What is there stays, but for sessions and retained messages "
    "that\n"
    "come anew. All lines or none: a wrong line is told by its number, and nothing is changed.\n";

static int export_store(struct gw_storewords *words)
{
    struct gw_trouble trouble = {0};
    struct gw_walk_counts counts = {0};
    const char *path;
    FILE *out = stdout;
    int result = gw_storewords_store(words, words->place, &path);
    if (result != GW_COMMAND_OK)
        return result;
    if (words->to && strcmp(words->to, "-") != 0)
        out = fopen(words->to, "we");
    if (!out) {
        enum gw_status failed = gw_trouble_system(&trouble, errno, "cannot write %s", words->to);
        return gw_storewords_fail(words, failed, &trouble);
    }
    enum gw_status status = gw_transfer_export(path, out, &counts, &trouble);
    errno = 0;
    if (out != stdout && fclose(out) != 0 && status == GW_OK)
        status = gw_trouble_system(&trouble, errno, "cannot write %s", words->to);
    if (status != GW_OK)
        return gw_storewords_fail(words, status, &trouble);
    if (counts.lost == 0)
        return GW_COMMAND_OK;
    fprintf(stderr,
            "godwit export: %" PRIu64 " places in the store could not be read, what they held is "
            "left out\n   hint: godwit store verify %s\n",
            counts.lost, path);
    return 1;
}

static int import_lines(struct gw_storewords *words)
{
    struct gw_trouble trouble = {0};
    struct gw_transfer_result done;
    struct gw_transfer_import import = {
        .name = words->place ? words->place : "-", .in = stdin, .discard = words->discard};
    int result = gw_storewords_store(words, words->to, &import.path);
    if (result != GW_COMMAND_OK)
        return result;
    import.segment = gw_storewords_segment(words);
    if (strcmp(import.name, "-") != 0)
        import.in = fopen(import.name, "re");
    if (!import.in) {
        enum gw_status failed = gw_trouble_system(&trouble, errno, "cannot read %s", import.name);
        return gw_storewords_fail(words, failed, &trouble);
    }
    enum gw_status status = gw_transfer_run(&import, &done, &trouble);
    if (import.in != stdin)
        fclose(import.in);
    if (status != GW_OK)
        return gw_storewords_fail(words, status, &trouble);
    printf("%" PRIu64 " lines are in %s\n", done.lines, import.path);
    if (done.old[0] != '\0')
        printf("the store as it was: %s\n", done.old);
    return GW_COMMAND_OK;
}

static int run(const struct gw_storewords_command *command,
               int (*work)(struct gw_storewords *words), int argc, char **argv)
{
    struct gw_storewords words;
    int result;
    if (!gw_storewords_read(&words, command, argc, argv, &result))
        result = work(&words);
    gw_storewords_fini(&words);
    return result;
}

int gw_moving_export(const char *program, int argc, char **argv)
{
    static const struct gw_storewords_command command = {"godwit export", export_usage,
                                                         GW_STOREWORDS_TO};
    (void)program;
    return run(&command, export_store, argc, argv);
}

int gw_moving_import(const char *program, int argc, char **argv)
{
    static const struct gw_storewords_command command = {"godwit import", import_usage,
                                                         GW_STOREWORDS_TO | GW_STOREWORDS_DISCARD};
    (void)program;
    return run(&command, import_lines, argc, argv);
}
