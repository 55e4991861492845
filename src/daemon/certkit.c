#include "daemon/certkit.h"

#include <stdio.h>

#include "base/utf8.h"
#include "daemon/command.h"
#include "keep/tarball.h"
#include "os/folder.h"

#define PARTS_MAX  5
#define STEM_MAX   (GW_ISSUER_NAME_MAX + 1)
#define FOLDER_MAX 24 /* in an archive, where a path has less than 100 characters */
#define PORT       8883
#define SYMBOL_MAX (GW_ISSUER_NAME_MAX + 1)

/* A file of the kit. */
struct part {
    char name[STEM_MAX + 8];
    struct gw_span content;
};

struct kit {
    const struct gw_certwords *words;
    struct gw_cabinet_client client;
    struct gw_buf header;
    struct gw_buf page;
    char stem[STEM_MAX]; /* the name, as a file may be called */
    char host[GW_CERTNAMES_TEXT_MAX];
    struct part parts[PARTS_MAX];
};

/* What a name of a client must be: it becomes a user name, and stands in topics. */
static const char *judge(const char *name)
{
    if (name[0] == '\0')
        return "it is empty";
    if (strlen(name) > GW_ISSUER_NAME_MAX)
        return "it has more than 64 bytes";
    if (gw_utf8_check(gw_span_str(name)) != GW_UTF8_VALID)
        return "it is not valid UTF-8";
    for (const char *c = name; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7F)
            return "it holds a control character";
        if (strchr("+#/:", *c) != NULL)
            return "it is to be a user name, which has no +, #, / and :";
    }
    return NULL;
}

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

static void fill_stem(char *stem, const char *name)
{
    size_t size = 0;
    for (; name[size] != '\0' && size + 1 < STEM_MAX; size++)
        stem[size] = is_plain(name[size]) || (name[size] == '.' && size > 0) ? name[size] : '_';
    stem[size] = '\0';
}

static enum gw_status put(struct gw_buf *buf, const char *text)
{
    return gw_buf_append(buf, gw_span_str(text));
}

/* A PEM text as a constant: each line a string of C. */
static enum gw_status put_constant(struct gw_buf *buf, const char *symbol, struct gw_span pem)
{
    GW_TRY(gw_buf_printf(buf, "\nstatic const char %s[] =\n", symbol));
    while (pem.size > 0) {
        const uint8_t *end = memchr(pem.data, '\n', pem.size);
        size_t size = end != NULL ? (size_t)(end - pem.data) : pem.size;
        GW_TRY(put(buf, "    \""));
        GW_TRY(gw_buf_append(buf, gw_span_of(pem.data, size)));
        GW_TRY(put(buf, "\\n\""));
        pem = gw_span_from(pem, end != NULL ? size + 1 : size);
        GW_TRY(put(buf, pem.size > 0 ? "\n" : ";\n"));
    }
    return GW_OK;
}

/* A name in a string of C. */
static enum gw_status put_quoted(struct gw_buf *buf, const char *name)
{
    for (const char *c = name; *c != '\0'; c++) {
        char text[3] = {'\\', *c, '\0'};
        GW_TRY(put(buf, *c == '"' || *c == '\\' || *c == '?' ? text : text + 1));
    }
    return GW_OK;
}

static enum gw_status write_header(struct kit *kit)
{
    struct gw_buf *out = &kit->header;
    char symbol[SYMBOL_MAX];
    size_t size = 0;
    for (; kit->stem[size] != '\0' && size + 1 < sizeof symbol; size++) {
        char c = kit->stem[size];
        symbol[size] = (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : is_plain(c) ? c : '_');
        if (symbol[size] == '-')
            symbol[size] = '_';
    }
    symbol[size] = '\0';
    GW_TRY(gw_buf_printf(
        out,
        "/* What this device needs to reach its broker. The key is a secret: keep this\n"
        " * file out of public repositories. Made by godwit cert client. */\n"
        "#ifndef GODWIT_CLIENT_%s_H\n#define GODWIT_CLIENT_%s_H\n\n"
        "#define GODWIT_BROKER_HOST \"%s\"\n#define GODWIT_BROKER_PORT %d\n"
        "#define GODWIT_CLIENT_ID   \"",
        symbol, symbol, kit->host, PORT));
    GW_TRY(put_quoted(out, kit->words->name));
    GW_TRY(put(out, "\"\n"));
    GW_TRY(put_constant(out, "godwit_ca_pem", gw_buf_span(&kit->client.ca)));
    GW_TRY(
        put_constant(out, "godwit_client_certificate_pem", gw_buf_span(&kit->client.certificate)));
    GW_TRY(put_constant(out, "godwit_client_key_pem", gw_buf_span(&kit->client.key)));
    return put(out, "\n#endif\n");
}

static enum gw_status write_page(struct kit *kit)
{
    const char *stem = kit->stem;
    int width = (int)strlen(stem) + 4;
    char day[GW_CERTWORDS_DATE_MAX];
    gw_certwords_date(kit->client.facts.not_after, day);
    GW_TRY(gw_buf_printf(&kit->page, "What the client \"%s\" needs to reach the broker %s.\n\n",
                         kit->words->name, kit->host));
    GW_TRY(gw_buf_printf(&kit->page, "  %s.key  its private key: a secret\n", stem));
    GW_TRY(gw_buf_printf(&kit->page, "  %s.pem  its certificate, until %s\n", stem, day));
    GW_TRY(gw_buf_printf(&kit->page, "  %-*s  the CA by which it knows the broker\n", width,
                         "ca.pem"));
    GW_TRY(gw_buf_printf(&kit->page, "  %s.h    all three for a program in C\n\n", stem));
    GW_TRY(gw_buf_printf(
        &kit->page,
        "To try it, in this directory:\n\n"
        "  mosquitto_pub -h %s -p %d --cafile ca.pem --cert %s.pem --key %s.key -i %s \\\n"
        "      -t devices/%s/hello -m hi\n\n",
        kit->host, PORT, stem, stem, stem, stem));
    return put(&kit->page,
               "The broker takes the certificate for a login if its configuration says\n"
               "client_cert: optional and identity: cn under tls, as that of godwit init does.\n");
}

static void choose_host(struct kit *kit, const struct gw_cabinet *cabinet)
{
    struct gw_certificate_facts facts;
    struct gw_cabinet_error error;
    char path[GW_DEPOSIT_PATH_MAX];
    const struct gw_certnames_item *first = NULL;
    if (kit->words->host == NULL &&
        gw_cabinet_tell(gw_cabinet_path(cabinet->path, GW_CABINET_SERVER, path), &facts, &error) ==
            GW_OK)
        first = gw_certnames_public(&facts.names);
    snprintf(kit->host, sizeof kit->host, "%s",
             kit->words->host != NULL ? kit->words->host
             : first != NULL          ? first->text
                                      : "localhost");
}

static void list_parts(struct kit *kit)
{
    const struct gw_span contents[PARTS_MAX] = {
        gw_buf_span(&kit->client.key), gw_buf_span(&kit->client.certificate),
        gw_buf_span(&kit->client.ca), gw_buf_span(&kit->header), gw_buf_span(&kit->page)};
    static const char *const ends[PARTS_MAX] = {".key", ".pem", NULL, ".h", NULL};
    static const char *const names[PARTS_MAX] = {NULL, NULL, "ca.pem", NULL, "README.txt"};
    for (size_t i = 0; i < PARTS_MAX; i++) {
        kit->parts[i].content = contents[i];
        if (names[i] != NULL)
            snprintf(kit->parts[i].name, sizeof kit->parts[i].name, "%s", names[i]);
        else
            snprintf(kit->parts[i].name, sizeof kit->parts[i].name, "%s%s", kit->stem, ends[i]);
    }
}

static int fail(const struct kit *kit, const char *verb, const char *path, enum gw_status status,
                int os_errno)
{
    struct gw_cabinet_error error = {.os_errno = os_errno};
    if (status == GW_EXISTS)
        snprintf(error.what, sizeof error.what, "%s is there already", path);
    else
        snprintf(error.what, sizeof error.what, "cannot %s %s: %s", verb, path,
                 os_errno != 0 ? strerror(os_errno) : gw_status_name(status));
    return gw_certwords_fail(kit->words, status, &error,
                             status == GW_EXISTS ? "--out PLACE takes another place" : NULL);
}

static int write_directory(const struct kit *kit, const char *place)
{
    enum gw_folder_kind kind;
    int os_errno;
    enum gw_status status = gw_folder_look(place, &kind, &os_errno);
    if (status == GW_OK && kind != GW_FOLDER_NONE && kind != GW_FOLDER_EMPTY)
        return fail(kit, "make", place, GW_EXISTS, 0);
    if (status == GW_OK)
        status = gw_deposit_directory(place, 0700, &os_errno);
    if (status != GW_OK && status != GW_EXISTS)
        return fail(kit, "make", place, status, os_errno);
    for (size_t i = 0; i < PARTS_MAX; i++) {
        char path[GW_DEPOSIT_PATH_MAX];
        struct gw_deposit deposit = {gw_cabinet_path(place, kit->parts[i].name, path),
                                     kit->parts[i].content, GW_CABINET_KEY_MODE, GW_DEPOSIT_NEW};
        status = gw_deposit_write(&deposit, &os_errno);
        if (status != GW_OK)
            return fail(kit, "write", path, status, os_errno);
    }
    return GW_COMMAND_OK;
}

static enum gw_status pack(const struct kit *kit, struct gw_buf *tar)
{
    static const uint8_t zeros[GW_TARBALL_END];
    for (size_t i = 0; i < PARTS_MAX; i++) {
        const struct part *part = &kit->parts[i];
        uint8_t head[GW_TARBALL_BLOCK];
        char name[FOLDER_MAX + sizeof part->name + 2];
        snprintf(name, sizeof name, "%.*s/%s", FOLDER_MAX, kit->stem, part->name);
        gw_tarball_put(head, name, part->content.size, (uint64_t)kit->words->now_s);
        GW_TRY(gw_buf_append(tar, gw_span_of(head, sizeof head)));
        GW_TRY(gw_buf_append(tar, part->content));
        size_t padding = gw_tarball_padded(part->content.size) - part->content.size;
        GW_TRY(gw_buf_append(tar, gw_span_of(zeros, padding)));
    }
    return gw_buf_append(tar, gw_span_of(zeros, sizeof zeros));
}

static int write_archive(const struct kit *kit, const char *place)
{
    struct gw_buf tar;
    int os_errno = 0;
    gw_buf_init(&tar, GW_CERTKIT_SIZE_MAX);
    enum gw_status status = pack(kit, &tar);
    struct gw_deposit deposit = {place, gw_buf_span(&tar), GW_CABINET_KEY_MODE, GW_DEPOSIT_NEW};
    if (status == GW_OK)
        status = gw_deposit_write(&deposit, &os_errno);
    gw_certkey_wipe(&tar);
    return status == GW_OK ? GW_COMMAND_OK : fail(kit, "write", place, status, os_errno);
}

static bool ends_with(const char *text, const char *end)
{
    size_t size = strlen(text);
    size_t end_size = strlen(end);
    return size > end_size && strcmp(text + size - end_size, end) == 0;
}

static int write_kit(const struct kit *kit)
{
    const char *place = kit->words->out != NULL ? kit->words->out : kit->stem;
    char day[GW_CERTWORDS_DATE_MAX];
    if (ends_with(place, ".zip"))
        return gw_certwords_ask(kit->words, "a .zip is not made here, a .tar or a directory is");
    int result = ends_with(place, ".tar") ? write_archive(kit, place) : write_directory(kit, place);
    if (result != GW_COMMAND_OK)
        return result;
    printf("Created %s for %s (until %s): key, certificate, CA, C header; README.txt says how\n",
           place, kit->words->name, gw_certwords_date(kit->client.facts.not_after, day));
    return GW_COMMAND_OK;
}

int gw_certkit_make(const struct gw_certwords *words, const struct gw_cabinet *cabinet)
{
    struct kit kit = {.words = words};
    struct gw_cabinet_order order = {
        .name = words->name, .now_s = words->now_s, .days = words->days};
    struct gw_cabinet_error error;
    struct gw_certnames host = {0};
    const char *why = judge(words->name);
    if (why != NULL)
        return gw_certwords_ask(words, "\"%.80s\" cannot be the name of a client: %s", words->name,
                                why);
    if (words->host != NULL && gw_certnames_add(&host, gw_span_str(words->host), &why) != GW_OK)
        return gw_certwords_ask(words, "\"%.80s\" is no host: %s", words->host, why);
    enum gw_status status = gw_cabinet_client(cabinet, &order, &kit.client, &error);
    if (status != GW_OK)
        return gw_certwords_fail(words, status, &error, NULL);
    fill_stem(kit.stem, words->name);
    choose_host(&kit, cabinet);
    gw_buf_init(&kit.header, GW_CERTKIT_SIZE_MAX);
    gw_buf_init(&kit.page, GW_CERTKIT_SIZE_MAX);
    status = write_header(&kit);
    if (status == GW_OK)
        status = write_page(&kit);
    list_parts(&kit);
    int result = status == GW_OK ? write_kit(&kit) : fail(&kit, "make", words->name, status, 0);
    gw_cabinet_client_fini(&kit.client);
    gw_certkey_wipe(&kit.header);
    gw_buf_fini(&kit.page);
    return result;
}
