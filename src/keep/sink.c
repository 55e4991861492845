#include "keep/sink.h"

#include <inttypes.h>
#include <stdio.h>

#include "keep/tarball.h"

#define MEMBER_FOLDER "godwit-store" /* what an archive unpacks to */

static enum gw_status failed(const struct gw_sink *sink, int error, struct gw_trouble *trouble)
{
    enum gw_status status = gw_trouble_system(trouble, error, "cannot write %s",
                                              sink->name[0] != '\0' ? sink->name : sink->path);
    if (status == GW_NO_SPACE)
        gw_trouble_hint(trouble, "make room there, or choose another disk");
    return status;
}

static enum gw_status create(struct gw_sink *sink, const char *path, struct gw_trouble *trouble)
{
    const struct gw_disk *disk = gw_disk_system();
    int error = 0;
    snprintf(sink->name, sizeof sink->name, "%s", path);
    if (disk->ops->open(disk->ctx, path, GW_DISK_CREATE, &sink->file, &error) == GW_OK)
        return GW_OK;
    sink->file = -1;
    return failed(sink, error, trouble);
}

static enum gw_status write_at(const struct gw_sink *sink, uint64_t offset, struct gw_span bytes,
                               struct gw_trouble *trouble)
{
    const struct gw_disk *disk = gw_disk_system();
    struct iovec part = {.iov_len = bytes.size};
    int error = 0;
    memcpy(&part.iov_base, &bytes.data, sizeof bytes.data); /* it is only read */
    if (disk->ops->write(disk->ctx, sink->file, offset, &part, 1, &error) == GW_OK)
        return GW_OK;
    return failed(sink, error, trouble);
}

static enum gw_status sync_and_close(struct gw_sink *sink, struct gw_trouble *trouble)
{
    const struct gw_disk *disk = gw_disk_system();
    int error = 0;
    enum gw_status status = disk->ops->sync(disk->ctx, sink->file, &error);
    disk->ops->close(disk->ctx, sink->file);
    sink->file = -1;
    return status == GW_OK ? GW_OK : failed(sink, error, trouble);
}

/* Makes the name of a directory a store, even if nothing else is in it. */
static enum gw_status make_lock(struct gw_sink *sink, struct gw_trouble *trouble)
{
    char path[GW_SINK_PATH_SIZE];
    snprintf(path, sizeof path, "%s/LOCK", sink->path);
    GW_TRY(create(sink, path, trouble));
    return sync_and_close(sink, trouble);
}

enum gw_status gw_sink_open(struct gw_sink *sink, const char *path, bool tar,
                            struct gw_trouble *trouble)
{
    const struct gw_disk *disk = gw_disk_system();
    int error = 0;
    *sink = (struct gw_sink){.path = path, .tar = tar, .file = -1};
    if (tar)
        return create(sink, path, trouble);
    if (disk->ops->make_directory(disk->ctx, path, &error) != GW_OK)
        return gw_trouble_system(trouble, error, "cannot make the directory %s", path);
    return make_lock(sink, trouble);
}

enum gw_status gw_sink_begin(struct gw_sink *sink, uint32_t number, uint64_t size,
                             uint64_t full_size, struct gw_trouble *trouble)
{
    const struct gw_disk *disk = gw_disk_system();
    const struct gw_clock *clock = gw_clock_system();
    uint8_t block[GW_TARBALL_BLOCK];
    char name[GW_SINK_PATH_SIZE];
    int error = 0;
    sink->size = size;
    if (sink->tar) {
        snprintf(name, sizeof name, MEMBER_FOLDER "/%08" PRIx32 ".seg", number);
        gw_tarball_put(block, name, size, (uint64_t)gw_clock_wall(clock) / GW_NS_PER_S);
        sink->at = sink->member + sizeof block;
        return write_at(sink, sink->member, gw_span_of(block, sizeof block), trouble);
    }
    snprintf(name, sizeof name, "%s/%08" PRIx32 ".seg", sink->path, number);
    sink->at = 0;
    GW_TRY(create(sink, name, trouble));
    if (disk->ops->truncate(disk->ctx, sink->file, full_size, &error) != GW_OK)
        return failed(sink, error, trouble);
    return GW_OK;
}

enum gw_status gw_sink_put(struct gw_sink *sink, struct gw_span bytes, struct gw_trouble *trouble)
{
    GW_TRY(write_at(sink, sink->at, bytes, trouble));
    sink->at += bytes.size;
    return GW_OK;
}

enum gw_status gw_sink_end(struct gw_sink *sink, struct gw_trouble *trouble)
{
    const struct gw_disk *disk = gw_disk_system();
    int error = 0;
    if (!sink->tar)
        return sync_and_close(sink, trouble);
    sink->member += GW_TARBALL_BLOCK + gw_tarball_padded(sink->size);
    if (disk->ops->truncate(disk->ctx, sink->file, sink->member, &error) != GW_OK)
        return failed(sink, error, trouble);
    return GW_OK;
}

enum gw_status gw_sink_drop(struct gw_sink *sink, struct gw_trouble *trouble)
{
    const struct gw_disk *disk = gw_disk_system();
    int error = 0;
    if (sink->tar) {
        if (disk->ops->truncate(disk->ctx, sink->file, sink->member, &error) != GW_OK)
            return failed(sink, error, trouble);
        return GW_OK;
    }
    gw_sink_abandon(sink);
    if (disk->ops->remove(disk->ctx, sink->name, &error) != GW_OK)
        return gw_trouble_system(trouble, error, "cannot remove %s", sink->name);
    return GW_OK;
}

enum gw_status gw_sink_close(struct gw_sink *sink, struct gw_trouble *trouble)
{
    const struct gw_disk *disk = gw_disk_system();
    static const uint8_t zeros[GW_TARBALL_END];
    int error = 0;
    if (sink->tar) {
        GW_TRY(write_at(sink, sink->member, gw_span_of(zeros, sizeof zeros), trouble));
        return sync_and_close(sink, trouble);
    }
    if (disk->ops->sync_directory(disk->ctx, sink->path, &error) != GW_OK)
        return gw_trouble_system(trouble, error, "cannot sync %s", sink->path);
    return GW_OK;
}

void gw_sink_abandon(struct gw_sink *sink)
{
    const struct gw_disk *disk = gw_disk_system();
    if (sink->file >= 0)
        disk->ops->close(disk->ctx, sink->file);
    sink->file = -1;
}
