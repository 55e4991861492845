#include "daemon/certshow.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "daemon/arguments.h"
#include "daemon/certwords.h"
#include "daemon/command.h"
#include "os/clock.h"
#include "os/file.h"

#define LIST_MAX 4096

/* How a key that was looked for came out. */
enum keyed { NO_KEY, OWN_KEY, FOREIGN_KEY, CLOSED_KEY };

struct key_found {
    enum keyed keyed;
    char path[GW_DEPOSIT_PATH_MAX];
};

static int fail(const char *path, const char *why, int os_errno)
{
    if (os_errno != 0)
        fprintf(stderr, "godwit cert show: cannot read %s: %s\n", path, why);
    else
        fprintf(stderr, "godwit cert show: %s %s\n", path, why);
    return os_errno == EACCES || os_errno == EPERM ? GW_COMMAND_PERMISSION : GW_COMMAND_STORE;
}

/* Holds the key in a text against a certificate. */
static enum keyed try_key(struct gw_span text, const struct gw_certificate *certificate)
{
    struct gw_certkey key;
    enum gw_status status = gw_certkey_parse(text, &key);
    if (status == GW_REFUSED)
        return CLOSED_KEY;
    if (status != GW_OK)
        return NO_KEY;
    enum keyed keyed = gw_certificate_has_key(certificate, &key) ? OWN_KEY : FOREIGN_KEY;
    gw_certkey_fini(&key);
    return keyed;
}

/* Looks for a key in the file itself, then in the one that ends with ".key" instead. */
static void find_key(const char *path, struct gw_span text,
                     const struct gw_certificate *certificate, struct key_found *found)
{
    const char *slash = strrchr(path, '/');
    const char *dot = strrchr(slash != NULL ? slash : path, '.');
    struct gw_buf other;
    int os_errno;
    snprintf(found->path, sizeof found->path, "%s", path);
    found->keyed = try_key(text, certificate);
    if (found->keyed != NO_KEY || strcmp(path, "-") == 0)
        return;
    snprintf(found->path, sizeof found->path, "%.*s.key",
             (int)(dot != NULL ? (size_t)(dot - path) : strlen(path)), path);
    gw_buf_init(&other, GW_CABINET_FILE_MAX);
    if (gw_file_read(found->path, &other, &os_errno) == GW_OK)
        found->keyed = try_key(gw_buf_span(&other), certificate);
    gw_certkey_wipe(&other);
}

/* Prints the days; false if it is not valid now. */
static bool print_dates(const struct gw_certificate_facts *facts, int64_t now_s)
{
    char from[GW_CERTWORDS_DATE_MAX];
    char until[GW_CERTWORDS_DATE_MAX];
    int64_t left = gw_certificate_days_left(facts, now_s);
    printf("  valid    %s to %s: ", gw_certwords_date(facts->not_before, from),
           gw_certwords_date(facts->not_after, until));
    if (facts->not_after < now_s)
        printf("over since %" PRId64 " days\n", -left);
    else if (facts->not_before > now_s)
        puts("not valid yet");
    else
        printf("%" PRId64 " days left\n", left);
    return facts->not_after >= now_s && facts->not_before <= now_s;
}

static bool print_key(const struct gw_certificate_facts *facts, const struct key_found *found)
{
    printf("  key      %s", facts->key);
    switch (found->keyed) {
    case NO_KEY: putchar('\n'); break;
    case OWN_KEY: printf(", %s belongs to it\n", found->path); break;
    case FOREIGN_KEY: printf(", %s is NOT its key\n", found->path); break;
    case CLOSED_KEY: printf(", %s wants a pass phrase\n", found->path); break;
    }
    return found->keyed != FOREIGN_KEY;
}

static void print_use(const struct gw_certificate_facts *facts)
{
    const char *use = facts->is_ca                             ? "CA"
                      : facts->for_server && facts->for_client ? "server, client"
                      : facts->for_server                      ? "server"
                      : facts->for_client                      ? "client"
                                                               : "neither server nor client";
    printf("  use      %s%s\n", use, facts->self_signed ? ", signed by itself" : "");
}

/* Prints one; false if something is wrong with it. found is NULL behind the first of a chain. */
static bool print_certificate(const struct gw_certificate_facts *facts,
                              const struct key_found *found, int64_t now_s)
{
    char list[LIST_MAX];
    printf("  subject  %s\n", facts->subject);
    if (facts->names.count > 0)
        printf("  names    %s%s\n", gw_certnames_text(&facts->names, list, sizeof list),
               facts->names_left_out ? ", and others" : "");
    printf("  issuer   %s\n", facts->issuer);
    bool good = print_dates(facts, now_s);
    print_use(facts);
    if (found != NULL)
        good = print_key(facts, found) && good;
    printf("  serial   %s\n  sha256   %s\n", facts->serial, facts->fingerprint);
    return good;
}

/* Tells of each certificate of a file; the exit code. */
static int show_text(const char *path, struct gw_span text, int64_t now_s)
{
    struct gw_span rest = text;
    enum gw_status status;
    bool good = true;
    for (size_t count = 0;; count++) {
        struct gw_certificate certificate;
        struct gw_certificate_facts facts;
        struct key_found found;
        status = gw_certificate_parse(&rest, &certificate);
        if (status == GW_NOT_FOUND && count > 0)
            break;
        if (status == GW_OK)
            status = gw_certificate_tell(&certificate, &facts);
        if (status != GW_OK) {
            gw_certificate_fini(&certificate);
            return fail(path,
                        status == GW_NOT_FOUND ? "holds no certificate"
                                               : "holds a certificate that cannot be read",
                        0);
        }
        if (count == 0)
            find_key(path, text, &certificate, &found);
        puts(count == 0 ? path : "and");
        good = print_certificate(&facts, count == 0 ? &found : NULL, now_s) && good;
        gw_certificate_fini(&certificate);
    }
    return good ? GW_COMMAND_OK : 1;
}

static int show_file(const char *path, int64_t now_s)
{
    struct gw_buf text;
    int os_errno;
    int result;
    gw_buf_init(&text, GW_CABINET_FILE_MAX);
    enum gw_status status = gw_file_read(path, &text, &os_errno);
    if (status == GW_OK)
        result = show_text(path, gw_buf_span(&text), now_s);
    else if (status == GW_OS_ERROR)
        result = fail(path, strerror(os_errno), os_errno);
    else
        result = fail(path, "is too large for a certificate", 0);
    gw_certkey_wipe(&text);
    return result;
}

int gw_certshow_run(const char *usage, int argc, char **argv)
{
    static const char *const names[] = {"--help"};
    struct gw_arguments arguments = {"godwit cert show", argc, argv, 1};
    int64_t now_s = (int64_t)(gw_clock_wall(gw_clock_system()) / (int64_t)GW_NS_PER_S);
    int result = GW_COMMAND_OK;
    if (argc == 1) {
        fputs("godwit cert show: which file?\n   hint: godwit cert show server.pem\n", stderr);
        return GW_COMMAND_USAGE;
    }
    while (arguments.index < argc) {
        const char *word = argv[arguments.index];
        if (gw_arguments_take_flag(&arguments, "-h", "--help")) {
            fputs(usage, stdout);
            return GW_COMMAND_OK;
        }
        if (word[0] == '-' && word[1] != '\0')
            return gw_arguments_refuse(&arguments, names, GW_COUNT_OF(names));
        arguments.index++;
    }
    for (int i = 1; i < argc; i++) {
        int code = show_file(argv[i], now_s);
        result = result == GW_COMMAND_OK || code > result ? code : result;
    }
    return result;
}
