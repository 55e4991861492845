#include "auth/userfile.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/utf8.h"

#define PROOF_SEED UINT64_C(0x70726F6F66) /* not secret: it only tells one hash from another */

struct gw_userfile {
    uint8_t *text;                  /* what names and groups point into */
    struct gw_userfile_user *users; /* by name */
    size_t count;
    size_t capacity;
};

/* Where a user stands, for what is said about two of one name. */
struct reader {
    struct gw_userfile *file;
    struct gw_userfile_error *error;
    struct gw_span line; /* without its end */
    uint32_t number;
};

static size_t characters(const uint8_t *from, const uint8_t *to)
{
    size_t count = 0;
    for (; from < to; from++)
        count += (*from & 0xC0) != 0x80;
    return count;
}

/* Says what is wrong with a part of the current line. */
static enum gw_status fail(const struct reader *reader, struct gw_span part, const char *what,
                           const char *why)
{
    const uint8_t *begin = reader->line.data;
    size_t width = characters(part.data, part.data + part.size);
    *reader->error = (struct gw_userfile_error){
        .line = reader->number,
        .column = 1 + (uint32_t)characters(begin, part.data),
        .width = width > 0 ? (uint32_t)width : 1,
        .what = what,
        .why = why,
    };
    return GW_INVALID;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct gw_span trim(struct gw_span text)
{
    while (text.size > 0 && is_blank(text.data[0]))
        text = gw_span_from(text, 1);
    while (text.size > 0 && is_blank(text.data[text.size - 1]))
        text.size--;
    return text;
}

/* Takes the next line, without its end, off the text. */
static struct gw_span take_line(struct gw_span *text)
{
    const uint8_t *end = text->size > 0 ? memchr(text->data, '\n', text->size) : NULL;
    size_t size = end ? (size_t)(end - text->data) : text->size;
    struct gw_span line = gw_span_of(text->data, size);
    *text = gw_span_from(*text, size + (end ? 1 : 0));
    return line;
}

/* Splits at the first colon; without one all is the first part and *ret_rest has no data. */
static struct gw_span split(struct gw_span text, struct gw_span *ret_rest)
{
    const uint8_t *colon = text.size > 0 ? memchr(text.data, ':', text.size) : NULL;
    *ret_rest = GW_SPAN_NONE;
    if (!colon)
        return text;
    size_t size = (size_t)(colon - text.data);
    *ret_rest = gw_span_from(text, size + 1);
    return gw_span_of(text.data, size);
}

static bool has_controls(struct gw_span text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] < 0x20 || text.data[i] == 0x7F)
            return true;
    return false;
}

const char *gw_userfile_judge_name(struct gw_span name)
{
    if (name.size == 0)
        return "the user name is empty";
    if (name.size > GW_USERFILE_NAME_MAX)
        return "the user name is longer than 1024 bytes";
    if (gw_utf8_check(name) != GW_UTF8_VALID)
        return "the user name is not UTF-8 without U+0000";
    if (memchr(name.data, ':', name.size))
        return "a user name in a user file has no colon";
    if (has_controls(name))
        return "the user name has control characters";
    if (name.data[0] == '#')
        return "a user name in a user file does not begin with #";
    if (trim(name).size != name.size)
        return "a user name in a user file does not begin or end with a blank";
    return NULL;
}

const char *gw_userfile_judge_groups(struct gw_span groups)
{
    if (groups.size > GW_USERFILE_GROUPS_MAX)
        return "the groups are longer than 1024 bytes";
    if (gw_utf8_check(groups) != GW_UTF8_VALID || has_controls(groups))
        return "the groups are not UTF-8 without control characters";
    size_t begin = 0;
    for (size_t i = 0; i <= groups.size && groups.size > 0; i++) {
        if (i < groups.size && groups.data[i] == ':')
            return "a group has no colon";
        if (i < groups.size && groups.data[i] != ',')
            continue;
        struct gw_span group = gw_span_of(groups.data + begin, i - begin);
        if (group.size == 0)
            return "a group is empty";
        if (trim(group).size != group.size)
            return "a group does not begin or end with a blank: write a,b";
        begin = i + 1;
    }
    return NULL;
}

static enum gw_status append(struct gw_userfile *file, const struct gw_userfile_user *user)
{
    if (file->count == file->capacity) {
        size_t capacity = file->capacity ? file->capacity * 2 : 16;
        struct gw_userfile_user *users = realloc(file->users, capacity * sizeof(*users));
        if (!users)
            return GW_NO_MEMORY;
        file->users = users;
        file->capacity = capacity;
    }
    file->users[file->count++] = *user;
    return GW_OK;
}

static enum gw_status read_line(struct reader *reader)
{
    struct gw_userfile_user user;
    struct gw_span rest, groups;
    struct gw_span name = split(reader->line, &rest);
    user.name = trim(name);
    if (!rest.data)
        return fail(reader, user.name, "there is no colon behind the user name",
                    "a line is NAME:HASH");
    const char *why = gw_userfile_judge_name(user.name);
    if (why)
        return fail(reader, user.name.size > 0 ? user.name : name, why, NULL);
    struct gw_span hash = trim(split(rest, &groups));
    if (hash.size == 0)
        return fail(reader, hash, "there is no password hash",
                    "godwit passwd FILE USER writes one");
    size_t at;
    const char *what;
    if (gw_hashtext_parse(hash, &user.hash, &what, &at) != GW_OK)
        return fail(reader, gw_span_from(hash, at), what,
                    hash.data[0] == '$' ? NULL
                                        : "passwords are not written in clear: godwit passwd");
    user.groups = trim(groups);
    why = gw_userfile_judge_groups(user.groups);
    if (why)
        return fail(reader, user.groups, why, NULL);
    user.proof = gw_hash_bytes(hash, PROOF_SEED);
    return append(reader->file, &user);
}

static int compare_names(struct gw_span a, struct gw_span b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size > 0 ? memcmp(a.data, b.data, size) : 0;
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

/* By name, and of one name as they stand in the file. */
static int compare(const void *a, const void *b)
{
    const struct gw_userfile_user *one = a, *other = b;
    int order = compare_names(one->name, other->name);
    return order != 0 ? order
                      : (one->name.data > other->name.data) - (one->name.data < other->name.data);
}

/* The number of the line that a byte stands in, and the line. */
static uint32_t find_line(struct gw_span text, const uint8_t *at, struct gw_span *ret_line)
{
    uint32_t number = 0;
    do {
        *ret_line = take_line(&text);
        number++;
    } while (text.size > 0 && at >= text.data);
    return number;
}

static enum gw_status find_doubles(struct reader *reader, struct gw_span text)
{
    const struct gw_userfile *file = reader->file;
    for (size_t i = 1; i < file->count; i++) {
        if (!gw_span_equal(file->users[i - 1].name, file->users[i].name))
            continue;
        reader->number = find_line(text, file->users[i].name.data, &reader->line);
        return fail(reader, file->users[i].name, "this user stands twice",
                    "which of the two passwords holds?");
    }
    return GW_OK;
}

static enum gw_status read_text(struct gw_userfile *file, struct gw_span text,
                                struct gw_userfile_error *error)
{
    struct reader reader = {.file = file, .error = error, .line = text};
    if (text.size > GW_USERFILE_SIZE_MAX)
        return fail(&reader, gw_span_of(text.data, 0), "the file is larger than 64 MiB", NULL);
    struct gw_span rest = text;
    if (gw_span_starts_with(rest, GW_SPAN_LIT("\xEF\xBB\xBF"))) /* some editors leave it there */
        rest = gw_span_from(rest, 3);
    while (rest.size > 0) {
        reader.line = take_line(&rest);
        reader.number++;
        struct gw_span content = trim(reader.line);
        if (content.size == 0 || content.data[0] == '#')
            continue;
        GW_TRY(read_line(&reader));
    }
    if (file->count > 1)
        qsort(file->users, file->count, sizeof(*file->users), compare);
    return find_doubles(&reader, text);
}

enum gw_status gw_userfile_parse(struct gw_span text, struct gw_userfile **ret_file,
                                 struct gw_userfile_error *ret_error)
{
    *ret_error = (struct gw_userfile_error){.what = "out of memory"};
    *ret_file = NULL;
    struct gw_userfile *file = calloc(1, sizeof(*file));
    if (!file)
        return GW_NO_MEMORY;
    file->text = malloc(text.size + 1);
    enum gw_status status = file->text ? GW_OK : GW_NO_MEMORY;
    if (status == GW_OK) {
        if (text.size > 0)
            memcpy(file->text, text.data, text.size);
        status = read_text(file, gw_span_of(file->text, text.size), ret_error);
    }
    if (status == GW_OK)
        *ret_file = file;
    else
        gw_userfile_free(file);
    return status;
}

void gw_userfile_free(struct gw_userfile *file)
{
    if (!file)
        return;
    free(file->users);
    free(file->text);
    free(file);
}

size_t gw_userfile_count(const struct gw_userfile *file)
{
    return file->count;
}

const struct gw_userfile_user *gw_userfile_at(const struct gw_userfile *file, size_t index)
{
    return &file->users[index];
}

const struct gw_userfile_user *gw_userfile_find(const struct gw_userfile *file, struct gw_span name)
{
    size_t low = 0, high = file->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_names(name, file->users[middle].name);
        if (order == 0)
            return &file->users[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

bool gw_userfile_line(struct gw_span text, struct gw_span name, struct gw_span *ret_line,
                      struct gw_span *ret_groups)
{
    while (text.size > 0) {
        struct gw_span rest, groups;
        struct gw_span whole = text;
        struct gw_span line = take_line(&text);
        struct gw_span content = trim(line);
        if (content.size == 0 || content.data[0] == '#' ||
            !gw_span_equal(trim(split(line, &rest)), name))
            continue;
        split(rest, &groups);
        *ret_line = gw_span_of(whole.data, whole.size - text.size);
        *ret_groups = trim(groups);
        return true;
    }
    return false;
}
