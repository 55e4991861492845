#include "pki/certnames.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "base/compiler.h"

#define NAME_SIZE_MAX  253u
#define LABEL_SIZE_MAX 63u

static bool is_letter_or_digit(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* Why a lower-case name cannot be one of DNS; NULL if it can. */
static const char *judge_name(const char *text, size_t size)
{
    size_t label = 0;
    bool digits = true;
    if (size == 0)
        return "it is empty";
    if (size > NAME_SIZE_MAX)
        return "a name has 253 characters at most";
    for (size_t i = 0; i <= size; i++) {
        uint8_t c = i < size ? (uint8_t)text[i] : '.';
        if (c == '.') {
            if (i == label)
                return "there is nothing between two dots";
            if (i - label > LABEL_SIZE_MAX)
                return "there are 63 characters at most between two dots";
            if (text[label] == '-' || text[i - 1] == '-')
                return "a hyphen stands inside only";
            digits = true;
            for (size_t k = label; k < i; k++)
                digits = digits && text[k] >= '0' && text[k] <= '9';
            label = i + 1;
        } else if (c >= 0x80) {
            return "write it with ASCII letters, as DNS has it (xn--...)";
        } else if (!is_letter_or_digit(c) && c != '-') {
            return "a name is made of letters, digits, hyphens and dots";
        }
    }
    return digits ? "it looks like an address, and is none" : NULL;
}

/* Also with the brackets that URLs put around IPv6; the text becomes the usual one. */
static bool parse_address(struct gw_certnames_item *item, size_t size)
{
    char host[GW_CERTNAMES_TEXT_MAX];
    bool bracketed = size > 2 && item->text[0] == '[' && item->text[size - 1] == ']';
    snprintf(host, sizeof host, "%.*s", (int)(bracketed ? size - 2 : size), item->text + bracketed);
    if (!bracketed && inet_pton(AF_INET, host, item->address) == 1)
        item->address_size = 4;
    else if (inet_pton(AF_INET6, host, item->address) == 1)
        item->address_size = 16;
    else
        return false;
    inet_ntop(item->address_size == 4 ? AF_INET : AF_INET6, item->address, item->text,
              sizeof item->text);
    return true;
}

static enum gw_status parse(struct gw_span text, struct gw_certnames_item *item,
                            const char **ret_why)
{
    *item = (struct gw_certnames_item){0};
    *ret_why = "a name has 253 characters at most";
    if (text.size >= sizeof item->text)
        return GW_INVALID;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        item->text[i] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    if (strlen(item->text) == text.size && parse_address(item, text.size))
        return GW_OK;
    size_t skip = strncmp(item->text, "*.", 2) == 0 ? 2 : 0;
    *ret_why = judge_name(item->text + skip, text.size - skip);
    return *ret_why == NULL ? GW_OK : GW_INVALID;
}

static bool is_same(const struct gw_certnames_item *a, const struct gw_certnames_item *b)
{
    if (a->address_size != b->address_size)
        return false;
    return a->address_size > 0 ? memcmp(a->address, b->address, a->address_size) == 0
                               : strcmp(a->text, b->text) == 0;
}

static enum gw_status add(struct gw_certnames *names, const struct gw_certnames_item *item)
{
    for (size_t i = 0; i < names->count; i++) {
        if (is_same(&names->items[i], item))
            return GW_OK;
    }
    if (names->count == GW_CERTNAMES_MAX)
        return GW_LIMIT;
    names->items[names->count++] = *item;
    return GW_OK;
}

enum gw_status gw_certnames_add(struct gw_certnames *names, struct gw_span text,
                                const char **ret_why)
{
    struct gw_certnames_item item;
    GW_TRY(parse(text, &item, ret_why));
    *ret_why = "there are too many names";
    return add(names, &item);
}

enum gw_status gw_certnames_merge(struct gw_certnames *names, const struct gw_certnames *others)
{
    for (size_t i = 0; i < others->count; i++)
        GW_TRY(add(names, &others->items[i]));
    return GW_OK;
}

static bool add_text(struct gw_certnames *names, const char *text)
{
    const char *why;
    return gw_certnames_add(names, gw_span_str(text), &why) == GW_OK;
}

bool gw_certnames_add_host(struct gw_certnames *names, const char *host)
{
    static const char *const loopback[] = {"localhost", "127.0.0.1", "::1"};
    char local[GW_CERTNAMES_TEXT_MAX];
    int label = (int)strcspn(host, ".");
    bool good = true;
    if (host[0] != '\0' && strcmp(host, "localhost") != 0 && strcmp(host, "(none)") != 0) {
        good = add_text(names, host);
        snprintf(local, sizeof local, "%.*s", label, host);
        good = good && add_text(names, local);
        snprintf(local, sizeof local, "%.*s.local", label, host);
        good = good && add_text(names, local);
    }
    for (size_t i = 0; i < GW_COUNT_OF(loopback); i++)
        good = add_text(names, loopback[i]) && good;
    return good;
}

const char *gw_certnames_text(const struct gw_certnames *names, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < names->count; i++) {
        int more =
            snprintf(text + used, size - used, "%s%s", i > 0 ? ", " : "", names->items[i].text);
        if (more < 0 || (size_t)more >= size - used) {
            snprintf(text + (size > 4 ? (used < size - 4 ? used : size - 4) : 0), 4, "...");
            break;
        }
        used += (size_t)more;
    }
    return text;
}

/* Only this machine calls itself so. */
static bool is_private(const struct gw_certnames_item *item)
{
    static const uint8_t loopback[16] = {[15] = 1};
    if (item->address_size == 4)
        return item->address[0] == 127;
    if (item->address_size == 16)
        return memcmp(item->address, loopback, sizeof loopback) == 0;
    return strcmp(item->text, "localhost") == 0;
}

const struct gw_certnames_item *gw_certnames_public(const struct gw_certnames *names)
{
    for (size_t i = 0; i < names->count; i++) {
        if (!is_private(&names->items[i]) && names->items[i].text[0] != '*')
            return &names->items[i];
    }
    return names->count > 0 ? &names->items[0] : NULL;
}
