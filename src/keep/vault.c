#include "keep/vault.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "os/child.h"
#include "os/entropy.h"
#include "os/folder.h"
#include "store/layout.h"

#define TRIES 5 /* to read all of it while a broker recycles segments */

/* -- which segments there are -- */

uint32_t gw_vault_number(const char *name)
{
    char *end;
    if (strspn(name, "0123456789abcdef") != 8 || strcmp(name + 8, ".seg") != 0)
        return 0;
    unsigned long number = strtoul(name, &end, 16);
    return number <= INT32_MAX ? (uint32_t)number : 0;
}

static void add_name(void *user, const char *name)
{
    struct gw_vault_numbers *numbers = user;
    uint32_t number = gw_vault_number(name);
    if (strcmp(name, "LOCK") == 0)
        numbers->has_lock = true;
    if (number == 0 || numbers->failed)
        return;
    if (numbers->count == numbers->capacity) {
        size_t capacity = numbers->capacity ? numbers->capacity * 2 : 64;
        uint32_t *larger = realloc(numbers->list, capacity * sizeof *larger);
        if (!larger) {
            numbers->failed = true;
            return;
        }
        numbers->list = larger;
        numbers->capacity = capacity;
    }
    numbers->list[numbers->count++] = number;
}

static int compare_numbers(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

enum gw_status gw_vault_list(const char *path, struct gw_vault_numbers *ret_numbers,
                             struct gw_trouble *trouble)
{
    const struct gw_disk *disk = gw_disk_system();
    enum gw_folder_kind kind;
    int error = 0;
    *ret_numbers = (struct gw_vault_numbers){0};
    if (gw_folder_look(path, &kind, &error) != GW_OK)
        return gw_trouble_system(trouble, error, "cannot read %s", path);
    if (kind == GW_FOLDER_NONE || kind == GW_FOLDER_OTHER) {
        gw_trouble_say(trouble, GW_NOT_FOUND, "there is no store at %s: %s", path,
                       kind == GW_FOLDER_NONE ? "no such directory" : "not a directory");
        gw_trouble_hint(trouble, "godwit config show --effective tells store.path");
        return GW_NOT_FOUND;
    }
    if (disk->ops->list(disk->ctx, path, add_name, ret_numbers, &error) != GW_OK)
        return gw_trouble_system(trouble, error, "cannot list %s", path);
    if (ret_numbers->failed)
        return gw_trouble_say(trouble, GW_NO_MEMORY, "out of memory");
    if (ret_numbers->count == 0 && !ret_numbers->has_lock) {
        gw_trouble_say(trouble, GW_NOT_FOUND, "%s is no store: it holds no segments", path);
        gw_trouble_hint(trouble, "godwit config show --effective tells store.path");
        return GW_NOT_FOUND;
    }
    if (ret_numbers->count > 0)
        qsort(ret_numbers->list, ret_numbers->count, sizeof *ret_numbers->list, compare_numbers);
    return GW_OK;
}

void gw_vault_segment_path(const char *path, uint32_t number, char *ret_text, size_t size)
{
    snprintf(ret_text, size, "%s/%08" PRIx32 ".seg", path, number);
}

bool gw_vault_has(const char *path, uint32_t number)
{
    char text[GW_FOLDER_PATH_MAX];
    gw_vault_segment_path(path, number, text, sizeof text);
    return gw_child_path_exists(text);
}

/* -- open and close -- */

static void apply(void *user, uint8_t kind, gw_position position, struct gw_span body)
{
    gw_image_apply(user, kind, position, body);
}

static enum gw_status open_once(struct gw_vault *vault, struct gw_trouble *trouble)
{
    struct gw_store_error error = {0};
    struct gw_store_options options = {
        .disk = gw_disk_system(),
        .clock = gw_clock_system(),
        .path = vault->path,
        .segment_size = GW_VAULT_SEGMENT_SIZE,
        .stream_count = 1,
        .read_only = vault->read_only,
    };
    uint64_t seed;
    enum gw_status status;
    gw_entropy_fill(&seed, sizeof seed);
    GW_TRY(gw_vault_list(vault->path, &vault->numbers, trouble));
    status = gw_store_open(&options, &vault->store, &error);
    if (status != GW_OK)
        return gw_trouble_store(trouble, status, vault->path, &error);
    vault->image = gw_image_new(seed);
    if (!vault->image)
        return gw_trouble_say(trouble, GW_NO_MEMORY, "out of memory");
    status = gw_store_recover(vault->store, apply, vault->image, &vault->report, &error);
    if (status != GW_OK)
        return gw_trouble_store(trouble, status, vault->path, &error);
    if (gw_image_finish(vault->image) != GW_OK)
        return gw_trouble_say(trouble, GW_NO_MEMORY, "out of memory");
    return GW_OK;
}

/* Beside a broker, what looks like damage may be a segment that was recycled, or written, while it
 * was read: another look tells. */
enum gw_status gw_vault_open(struct gw_vault *vault, const char *path, bool read_only,
                             struct gw_trouble *trouble)
{
    enum gw_status status = GW_OK;
    for (int i = 0; i < TRIES; i++) {
        *vault = (struct gw_vault){.path = path, .read_only = read_only};
        status = open_once(vault, trouble);
        bool doubtful = status == GW_OS_ERROR || (status == GW_OK && vault->report.damaged > 0);
        if (!read_only || !doubtful || i + 1 == TRIES)
            break;
        gw_vault_close(vault);
    }
    if (status != GW_OK)
        gw_vault_close(vault);
    return status;
}

void gw_vault_close(struct gw_vault *vault)
{
    gw_image_free(vault->image);
    gw_store_close(vault->store);
    free(vault->numbers.list);
    *vault = (struct gw_vault){0};
}

/* -- read -- */

static bool was_there(const struct gw_vault *vault, uint32_t number)
{
    return vault->numbers.count > 0 && bsearch(&number, vault->numbers.list, vault->numbers.count,
                                               sizeof number, compare_numbers) != NULL;
}

enum gw_status gw_vault_read(const struct gw_vault *vault, gw_position position,
                             struct gw_blob **ret_body, struct gw_record_message *ret_message)
{
    uint32_t number = gw_position_segment(position);
    enum gw_status status = gw_store_read(vault->store, position, ret_body);
    if (status == GW_OK) {
        struct gw_span body = gw_span_of((*ret_body)->data, (*ret_body)->size);
        status = gw_record_read_message(body, ret_message);
        if (status != GW_OK)
            gw_blob_unref(ret_body);
    }
    /* A file is renamed before it is written anew, so if the name is there the bytes were too. */
    if (vault->read_only && was_there(vault, number) && !gw_vault_has(vault->path, number)) {
        if (status == GW_OK)
            gw_blob_unref(ret_body);
        return GW_END;
    }
    return status;
}

uint64_t gw_vault_segment_size(const struct gw_vault *vault)
{
    const struct gw_disk *disk = gw_disk_system();
    uint64_t size = GW_VAULT_SEGMENT_SIZE;
    char text[GW_FOLDER_PATH_MAX];
    gw_file_handle file;
    int error;
    if (vault->numbers.count == 0)
        return size;
    gw_vault_segment_path(vault->path, vault->numbers.list[vault->numbers.count - 1], text,
                          sizeof text);
    if (disk->ops->open(disk->ctx, text, GW_DISK_READ, &file, &error) != GW_OK)
        return size;
    if (disk->ops->size(disk->ctx, file, &size, &error) != GW_OK || size < ((uint64_t)1 << 20) ||
        size > ((uint64_t)1 << 30))
        size = GW_VAULT_SEGMENT_SIZE;
    disk->ops->close(disk->ctx, file);
    return size;
}
