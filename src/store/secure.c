#include "store/secure.h"

#include <stdlib.h>

#include "store/recover.h"

#define WINDOW ((size_t)256 * 1024)

struct rewriting {
    const struct gw_disk *disk;
    gw_file_handle file;
    uint8_t *window;
    int error;
};

/* Writes the same bytes to the same place. */
static enum gw_status rewrite(struct rewriting *job, uint64_t from, uint64_t until)
{
    while (from < until) {
        size_t want = until - from < WINDOW ? (size_t)(until - from) : WINDOW;
        struct iovec part = {job->window, want};
        GW_TRY(job->disk->ops->read(job->disk->ctx, job->file, from, part, &part.iov_len,
                                    &job->error));
        if (part.iov_len == 0)
            break; /* the file is shorter than it was: there is nothing to keep */
        GW_TRY(job->disk->ops->write(job->disk->ctx, job->file, from, &part, 1, &job->error));
        from += part.iov_len;
    }
    return GW_OK;
}

static enum gw_status secure_segment(struct gw_store *store, struct rewriting *job,
                                     const struct gw_segment *segment, gw_position synced,
                                     gw_position end, const char **ret_what)
{
    char path[GW_SEGMENT_PATH_SIZE];
    uint64_t from = segment->number == gw_position_segment(synced) ? gw_position_offset(synced) : 0;
    uint64_t until =
        segment->number == gw_position_segment(end) ? gw_position_offset(end) : segment->limit;
    gw_segment_path(&store->segments, segment->number, path);
    *ret_what = "cannot open to sync";
    GW_TRY(job->disk->ops->open(job->disk->ctx, path, GW_DISK_WRITE, &job->file, &job->error));
    *ret_what = "cannot write to sync";
    enum gw_status status = rewrite(job, from, until);
    /* Where what is there already cannot be written again for want of room, the sync must do. */
    if (status == GW_OK || status == GW_NO_SPACE) {
        *ret_what = "cannot sync";
        status = job->disk->ops->sync(job->disk->ctx, job->file, &job->error);
    }
    job->disk->ops->close(job->disk->ctx, job->file);
    return status;
}

enum gw_status gw_secure_log(struct gw_store *store, gw_position synced, gw_position end,
                             struct gw_store_error *ret_error)
{
    const struct gw_disk *disk = store->options.disk;
    struct gw_segment_table *table = &store->segments;
    struct rewriting job = {.disk = disk, .window = malloc(WINDOW)};
    if (job.window == NULL)
        return gw_recover_error(ret_error, GW_NO_MEMORY, store->path, "out of memory", 0);
    enum gw_status status = GW_OK;
    for (size_t i = 0; i < table->count && status == GW_OK; i++) {
        const struct gw_segment *segment = table->list[i];
        if (!segment->live || segment->number < gw_position_segment(synced))
            continue;
        const char *what = "";
        if (secure_segment(store, &job, segment, synced, end, &what) == GW_OK)
            continue;
        char path[GW_SEGMENT_PATH_SIZE];
        gw_segment_path(table, segment->number, path);
        status = gw_recover_error(ret_error, GW_OS_ERROR, path, what, job.error);
    }
    free(job.window);
    int error = 0;
    if (status == GW_OK && disk->ops->sync_directory(disk->ctx, store->path, &error) != GW_OK)
        status = gw_recover_error(ret_error, GW_OS_ERROR, store->path, "cannot sync", error);
    return status;
}
