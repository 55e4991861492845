#include "daemon/moving.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "daemon/command.h"
#include "daemon/storewords.h"
#include "keep/rescue.h"
#include "keep/transfer.h"
#include "os/console.h"

#define TEXT_MAX ((size_t)64 * 1024 * 1024)

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

static const char backup_usage[] =
    "godwit backup -c godwit.yaml --to /backup/godwit-$(date +%F)      copies the store to a "
    "directory\n"
    "godwit backup /var/lib/godwit --to /backup/godwit.tar              or to one file\n"
    "\n"
    "  -c, --config FILE     take store.path of this configuration (without: the usual one)\n"
    "      --set KEY=VALUE   as godwit serve takes it\n"
    "      --to NAME         a new directory; with .tar at its end, a new file\n"
    "  -h, --help            this text\n"
    "\n"
    "The broker goes on meanwhile. The copy is the store of one moment.\n";

static const char restore_usage[] =
    "godwit restore /backup/godwit-2026-11-22 -c godwit.yaml\n"
    "godwit restore /backup/godwit.tar --to /var/lib/godwit\n"
    "\n"
    "  -c, --config FILE     to store.path of this configuration (without: the usual one)\n"
    "      --set KEY=VALUE   as godwit serve takes it\n"
    "      --to DIRECTORY    to this one; made if its parent exists\n"
    "      --force           even if the directory is not empty (what is there becomes "
    "DIRECTORY.old),\n"
    "                        even if the backup is damaged\n"
    "  -h, --help            this text\n"
    "\n"
    "No broker may run on the store. All of it is read again before it says that it is done.\n";

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
    printf("%s: imported, lines %" PRIu64 "\n", import.path, done.lines);
    if (done.old[0] != '\0')
        printf("the store as it was: %s\n", done.old);
    return GW_COMMAND_OK;
}

static int backup(struct gw_storewords *words)
{
    struct gw_trouble trouble = {0};
    struct gw_duplicate_result done;
    const char *path;
    if (!words->to)
        return gw_storewords_ask(words, "where to? --to DIRECTORY, or --to FILE.tar");
    int result = gw_storewords_store(words, words->place, &path);
    if (result != GW_COMMAND_OK)
        return result;
    enum gw_status status = gw_rescue_backup(path, words->to, &done, &trouble);
    if (status != GW_OK)
        return gw_storewords_fail(words, status, &trouble);
    printf("%s: %" PRIu64 " segments of %s, %" PRIu64 " bytes\n", words->to, done.segments, path,
           done.bytes);
    return GW_COMMAND_OK;
}

/* Says what is damaged in a backup. */
static void tell_damage(const struct gw_audit *audit, const char *path)
{
    struct gw_buf text;
    gw_buf_init(&text, TEXT_MAX);
    if (audit->damaged > 0 && gw_audit_print(audit, path, false, &text) == GW_OK)
        (void)!gw_console_write(GW_CONSOLE_ERR, gw_buf_span(&text));
    gw_buf_fini(&text);
}

static int restore(struct gw_storewords *words)
{
    struct gw_trouble trouble = {0};
    struct gw_rescue_result done;
    const char *path;
    if (!words->place)
        return gw_storewords_ask(words, "which backup?");
    int result = gw_storewords_store(words, words->to, &path);
    if (result != GW_COMMAND_OK)
        return result;
    enum gw_status status = gw_rescue_restore(words->place, path, words->force, &done, &trouble);
    tell_damage(&done.audit, words->place);
    if (status != GW_OK) {
        result = gw_storewords_fail(words, status, &trouble);
    } else {
        printf("%s: restored, %" PRIu64 " segments, %" PRIu64 " records and %" PRIu64
               " messages read again\n",
               path, done.audit.segments, done.audit.records, done.audit.messages);
        if (done.old[0] != '\0')
            printf("the store as it was: %s\n", done.old);
        result = done.audit.damaged > 0 ? 1 : GW_COMMAND_OK;
    }
    gw_audit_fini(&done.audit);
    return result;
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

int gw_moving_backup(const char *program, int argc, char **argv)
{
    static const struct gw_storewords_command command = {"godwit backup", backup_usage,
                                                         GW_STOREWORDS_TO};
    (void)program;
    return run(&command, backup, argc, argv);
}

int gw_moving_restore(const char *program, int argc, char **argv)
{
    static const struct gw_storewords_command command = {"godwit restore", restore_usage,
                                                         GW_STOREWORDS_TO | GW_STOREWORDS_FORCE};
    (void)program;
    return run(&command, restore, argc, argv);
}
