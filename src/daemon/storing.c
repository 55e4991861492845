#include "daemon/storing.h"

#include <inttypes.h>
#include <stdio.h>

#include "daemon/command.h"
#include "daemon/storewords.h"
#include "keep/audit.h"
#include "keep/survey.h"
#include "keep/transfer.h"
#include "os/console.h"

#define TEXT_MAX ((size_t)64 * 1024 * 1024)

static const char usage[] =
    "godwit store info -c godwit.yaml       what is in a store\n"
    "godwit store info /var/lib/godwit      the same, by its directory\n"
    "godwit store verify /var/lib/godwit    reads all of it; ends with 1 if something is damaged\n"
    "godwit store compact /var/lib/godwit   writes it anew, as small as can be\n"
    "\n"
    "  -c, --config FILE     take store.path of this configuration (without: the usual one)\n"
    "      --set KEY=VALUE   as godwit serve takes it\n"
    "      --json            info, verify: as JSON\n"
    "      --discard         compact: do not keep the store as it was (DIRECTORY.old)\n"
    "  -h, --help            this text\n"
    "\n"
    "info and verify change nothing and may run beside a broker; compact wants it stopped.\n";

static int info(struct gw_storewords *words)
{
    struct gw_trouble trouble = {0};
    struct gw_survey survey;
    struct gw_vault vault;
    struct gw_buf text;
    const char *path;
    int result = gw_storewords_store(words, words->place, &path);
    if (result != GW_COMMAND_OK)
        return result;
    enum gw_status status = gw_vault_open(&vault, path, true, &trouble);
    if (status != GW_OK)
        return gw_storewords_fail(words, status, &trouble);
    gw_buf_init(&text, TEXT_MAX);
    status = gw_survey_take(&vault, &survey, &trouble);
    if (status == GW_OK)
        status = gw_survey_print(&survey, path, words->json, &text);
    result = status == GW_OK ? GW_COMMAND_OK : gw_storewords_fail(words, status, &trouble);
    if (status == GW_OK && gw_console_write(GW_CONSOLE_OUT, gw_buf_span(&text)) != GW_OK)
        result = 1;
    gw_buf_fini(&text);
    gw_vault_close(&vault);
    return result;
}

static int verify(struct gw_storewords *words)
{
    struct gw_trouble trouble = {0};
    struct gw_audit audit;
    struct gw_buf text;
    const char *path;
    int result = gw_storewords_store(words, words->place, &path);
    if (result != GW_COMMAND_OK)
        return result;
    gw_buf_init(&text, TEXT_MAX);
    enum gw_status status = gw_audit_run(path, &audit, &trouble);
    if (status == GW_OK)
        status = gw_audit_print(&audit, path, words->json, &text);
    if (status != GW_OK)
        result = gw_storewords_fail(words, status, &trouble);
    else if (gw_console_write(GW_CONSOLE_OUT, gw_buf_span(&text)) != GW_OK || audit.damaged > 0)
        result = 1;
    gw_buf_fini(&text);
    gw_audit_fini(&audit);
    return result;
}

static int compact(struct gw_storewords *words)
{
    struct gw_trouble trouble = {0};
    struct gw_transfer_result done;
    struct gw_transfer_import import = {.discard = words->discard};
    int result = gw_storewords_store(words, words->place, &import.path);
    if (result != GW_COMMAND_OK)
        return result;
    enum gw_status status = gw_transfer_run(&import, &done, &trouble);
    if (status != GW_OK)
        return gw_storewords_fail(words, status, &trouble);
    printf("%s is written anew: %" PRIu64 " sessions, %" PRIu64 " queued, %" PRIu64 " retained\n",
           import.path, done.counts.items[GW_ITEM_SESSION],
           done.counts.items[GW_ITEM_QUEUED] + done.counts.items[GW_ITEM_GROUP_QUEUED],
           done.counts.items[GW_ITEM_RETAINED]);
    if (done.old[0] != '\0')
        printf("the store as it was: %s\n", done.old);
    if (done.counts.lost == 0)
        return GW_COMMAND_OK;
    fprintf(stderr,
            "godwit store compact: %" PRIu64 " messages could not be read and are left "
            "out; they may still be in %s\n",
            done.counts.lost, done.old);
    return 1;
}

static const struct {
    struct gw_storewords_command command;
    int (*run)(struct gw_storewords *words);
} commands[] = {
    {{"godwit store info", usage, GW_STOREWORDS_JSON}, info},
    {{"godwit store verify", usage, GW_STOREWORDS_JSON}, verify},
    {{"godwit store compact", usage, GW_STOREWORDS_DISCARD}, compact},
};

int gw_storing_run(const char *program, int argc, char **argv)
{
    static const char *const names[] = {"info", "verify", "compact", "--help"};
    struct gw_arguments arguments = {"godwit store", argc, argv, 1};
    struct gw_storewords words;
    int result;
    (void)program;
    if (argc == 1 || gw_arguments_take_flag(&arguments, "-h", "--help")) {
        fputs(usage, argc == 1 ? stderr : stdout);
        return argc == 1 ? GW_COMMAND_USAGE : GW_COMMAND_OK;
    }
    for (size_t i = 0; i < GW_COUNT_OF(commands); i++) {
        const char *word = strrchr(commands[i].command.name, ' ') + 1;
        if (!gw_arguments_take_flag(&arguments, word, NULL))
            continue;
        if (!gw_storewords_read(&words, &commands[i].command, argc - 1, argv + 1, &result))
            result = commands[i].run(&words);
        gw_storewords_fini(&words);
        return result;
    }
    return gw_arguments_refuse(&arguments, names, GW_COUNT_OF(names));
}
