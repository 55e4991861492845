#include "keep/rescue.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "keep/swap.h"
#include "keep/tarball.h"
#include "keep/vault.h"
#include "os/child.h"
#include "os/folder.h"
#include "store/layout.h"

#define STEP ((size_t)1 << 20)

static bool is_tar(const char *name)
{
    size_t size = strlen(name);
    size_t end = strlen(GW_SINK_TAR);
    return size > end && strcmp(name + size - end, GW_SINK_TAR) == 0;
}

/* -- backup -- */

static enum gw_status judge_target(const struct gw_swap *swap, struct gw_trouble *trouble)
{
    if (swap->old[0] == '\0')
        return GW_OK;
    gw_trouble_say(trouble, GW_EXISTS, "%s is there already, and not empty", swap->path);
    gw_trouble_hint(trouble, "give each backup a name of its own, as %s-$(date +%%F)", swap->path);
    return GW_EXISTS;
}

static enum gw_status commit_file(const struct gw_swap *swap, struct gw_trouble *trouble)
{
    const struct gw_disk *disk = gw_disk_system();
    int error = 0;
    if (disk->ops->rename(disk->ctx, swap->fresh, swap->path, &error) != GW_OK)
        return gw_trouble_system(trouble, error, "cannot rename %s to %s", swap->fresh, swap->path);
    if (disk->ops->sync_directory(disk->ctx, swap->parent, &error) != GW_OK)
        return gw_trouble_system(trouble, error, "cannot sync %s", swap->parent);
    return GW_OK;
}

static enum gw_status prepare_backup(struct gw_swap *swap, const char *to,
                                     struct gw_trouble *trouble)
{
    if (is_tar(to) && gw_child_path_exists(to))
        return gw_trouble_say(trouble, GW_EXISTS, "%s is there already", to);
    GW_TRY(gw_swap_prepare(swap, to, true, trouble));
    return judge_target(swap, trouble);
}

enum gw_status gw_rescue_backup(const char *path, const char *to,
                                struct gw_duplicate_result *ret_result, struct gw_trouble *trouble)
{
    struct gw_vault_numbers numbers;
    struct gw_sink sink;
    struct gw_swap swap;
    enum gw_status status = gw_vault_list(path, &numbers, trouble);
    free(numbers.list);
    GW_TRY(status);
    GW_TRY(prepare_backup(&swap, to, trouble));
    status = gw_sink_open(&sink, swap.fresh, is_tar(to), trouble);
    if (status == GW_OK)
        status = gw_duplicate_store(path, &sink, ret_result, trouble);
    if (status == GW_OK)
        status = gw_sink_close(&sink, trouble);
    gw_sink_abandon(&sink);
    if (status == GW_OK)
        status = is_tar(to) ? commit_file(&swap, trouble) : gw_swap_commit(&swap, trouble);
    if (status != GW_OK)
        gw_swap_abandon(&swap);
    return status;
}

/* -- what an archive holds -- */

struct unpacking {
    const char *from;
    gw_file_handle file;
    struct gw_sink *sink;
    struct gw_trouble *trouble;
    uint8_t *memory;
    uint64_t segments;
};

static enum gw_status read_archive(const struct unpacking *unpacking, uint64_t offset, size_t want)
{
    const struct gw_disk *disk = gw_disk_system();
    size_t got = 0;
    int error = 0;
    if (disk->ops->read(disk->ctx, unpacking->file, offset, (struct iovec){unpacking->memory, want},
                        &got, &error) != GW_OK)
        return gw_trouble_system(unpacking->trouble, error, "cannot read %s", unpacking->from);
    if (got == want)
        return GW_OK;
    if (offset == 0)
        return gw_trouble_say(unpacking->trouble, GW_MALFORMED, "%s is no backup: it is too short",
                              unpacking->from);
    return gw_trouble_say(unpacking->trouble, GW_MALFORMED, "%s is cut off", unpacking->from);
}

/* How long the segment's file has to be: its head knows. */
static enum gw_status full_size(const struct unpacking *unpacking, uint64_t offset, uint64_t size,
                                uint64_t *ret_size)
{
    struct gw_layout_segment head;
    size_t want = size < GW_LAYOUT_SEGMENT_AREA ? (size_t)size : GW_LAYOUT_SEGMENT_AREA;
    *ret_size = size;
    GW_TRY(read_archive(unpacking, offset, want));
    if (gw_layout_get_segment(gw_span_of(unpacking->memory, want), &head) == GW_OK &&
        head.size > size && head.size <= UINT32_MAX)
        *ret_size = head.size;
    return GW_OK;
}

static enum gw_status unpack_segment(struct unpacking *unpacking, uint32_t number, uint64_t offset,
                                     uint64_t size)
{
    uint64_t full;
    GW_TRY(full_size(unpacking, offset, size, &full));
    GW_TRY(gw_sink_begin(unpacking->sink, number, size, full, unpacking->trouble));
    for (uint64_t at = 0; at < size;) {
        size_t want = size - at < STEP ? (size_t)(size - at) : STEP;
        GW_TRY(read_archive(unpacking, offset + at, want));
        GW_TRY(
            gw_sink_put(unpacking->sink, gw_span_of(unpacking->memory, want), unpacking->trouble));
        at += want;
    }
    unpacking->segments++;
    return gw_sink_end(unpacking->sink, unpacking->trouble);
}

static enum gw_status unpack_all(struct unpacking *unpacking)
{
    struct gw_tarball_member member;
    uint64_t offset = 0;
    for (;;) {
        GW_TRY(read_archive(unpacking, offset, GW_TARBALL_BLOCK));
        enum gw_status status = gw_tarball_get(unpacking->memory, &member);
        if (status == GW_END)
            return GW_OK;
        if (status != GW_OK)
            return gw_trouble_say(unpacking->trouble, GW_MALFORMED,
                                  "%s is no backup: at byte %" PRIu64 " stands no head of a file",
                                  unpacking->from, offset);
        const char *slash = strrchr(member.name, '/');
        uint32_t number = gw_vault_number(slash ? slash + 1 : member.name);
        offset += GW_TARBALL_BLOCK;
        if (member.regular && number != 0)
            GW_TRY(unpack_segment(unpacking, number, offset, member.size));
        offset += gw_tarball_padded(member.size);
    }
}

static enum gw_status unpack(const char *from, struct gw_sink *sink, struct gw_trouble *trouble)
{
    const struct gw_disk *disk = gw_disk_system();
    struct unpacking unpacking = {.from = from, .sink = sink, .trouble = trouble};
    int error = 0;
    if (disk->ops->open(disk->ctx, from, GW_DISK_READ, &unpacking.file, &error) != GW_OK)
        return gw_trouble_system(trouble, error, "cannot read %s", from);
    unpacking.memory = malloc(STEP);
    enum gw_status status = unpacking.memory
                                ? unpack_all(&unpacking)
                                : gw_trouble_say(trouble, GW_NO_MEMORY, "out of memory");
    free(unpacking.memory);
    disk->ops->close(disk->ctx, unpacking.file);
    return status;
}

/* -- restore -- */

/* Takes the lock of a store that is to be replaced; none: nobody can be working on it. */
static enum gw_status lock_target(const char *path, gw_file_handle *ret_lock,
                                  struct gw_trouble *trouble)
{
    const struct gw_disk *disk = gw_disk_system();
    char text[GW_FOLDER_PATH_MAX];
    int error = 0;
    *ret_lock = -1;
    snprintf(text, sizeof text, "%s/LOCK", path);
    if (!gw_child_path_exists(text))
        return GW_OK;
    if (disk->ops->open(disk->ctx, text, GW_DISK_WRITE, ret_lock, &error) != GW_OK) {
        *ret_lock = -1;
        return gw_trouble_system(trouble, error, "cannot open %s", text);
    }
    enum gw_status status = disk->ops->lock(disk->ctx, *ret_lock, &error);
    if (status == GW_OK)
        return GW_OK;
    if (status != GW_LIMIT)
        return gw_trouble_system(trouble, error, "cannot lock %s", path);
    gw_trouble_say(trouble, status, "%s is in use: a broker works on it", path);
    gw_trouble_hint(trouble, "stop the broker first, as systemctl stop godwit");
    return status;
}

static enum gw_status fill(const char *from, const struct gw_swap *swap, struct gw_trouble *trouble)
{
    struct gw_duplicate_result copied;
    enum gw_folder_kind kind;
    struct gw_sink sink;
    int error = 0;
    if (gw_folder_look(from, &kind, &error) != GW_OK)
        return gw_trouble_system(trouble, error, "cannot read %s", from);
    if (kind == GW_FOLDER_NONE)
        return gw_trouble_say(trouble, GW_NOT_FOUND, "there is no backup at %s", from);
    enum gw_status status = gw_sink_open(&sink, swap->fresh, false, trouble);
    if (status == GW_OK)
        status = kind == GW_FOLDER_OTHER ? unpack(from, &sink, trouble)
                                         : gw_duplicate_store(from, &sink, &copied, trouble);
    if (status == GW_OK)
        status = gw_sink_close(&sink, trouble);
    gw_sink_abandon(&sink);
    return status;
}

static enum gw_status judge(const char *from, bool force, const struct gw_audit *audit,
                            struct gw_trouble *trouble)
{
    if (audit->damaged == 0 || force)
        return GW_OK;
    gw_trouble_say(trouble, GW_MALFORMED, "the backup %s is damaged (places: %" PRIu64 ")", from,
                   audit->damaged);
    gw_trouble_hint(trouble, "take another backup, or --force for all but what is damaged");
    return GW_MALFORMED;
}

static enum gw_status refuse_full(const struct gw_swap *swap, bool force,
                                  struct gw_trouble *trouble)
{
    if (swap->old[0] == '\0' || force)
        return GW_OK;
    gw_trouble_say(trouble, GW_EXISTS, "%s is not empty", swap->path);
    gw_trouble_hint(trouble, "--force puts what is there aside, to %s", swap->old);
    return GW_EXISTS;
}

enum gw_status gw_rescue_restore(const char *from, const char *path, bool force,
                                 struct gw_rescue_result *ret_result, struct gw_trouble *trouble)
{
    const struct gw_disk *disk = gw_disk_system();
    gw_file_handle lock;
    struct gw_swap swap;
    *ret_result = (struct gw_rescue_result){0};
    GW_TRY(gw_swap_prepare(&swap, path, false, trouble));
    GW_TRY(refuse_full(&swap, force, trouble));
    enum gw_status status = lock_target(path, &lock, trouble);
    if (status == GW_OK) {
        status = fill(from, &swap, trouble);
        if (status == GW_OK)
            status = gw_audit_run(swap.fresh, &ret_result->audit, trouble);
        if (status == GW_OK)
            status = judge(from, force, &ret_result->audit, trouble);
        if (status == GW_OK)
            status = gw_swap_commit(&swap, trouble);
        else
            gw_swap_abandon(&swap);
    }
    if (status == GW_OK)
        snprintf(ret_result->old, sizeof ret_result->old, "%s", swap.old);
    if (lock >= 0)
        disk->ops->close(disk->ctx, lock);
    return status;
}
