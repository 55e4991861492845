#include "keep/swap.h"

#include <errno.h>
#include <stdio.h>

#include "os/child.h"
#include "os/folder.h"

static enum gw_status clear_left_over(const struct gw_swap *swap, struct gw_trouble *trouble)
{
    if (!gw_child_path_exists(swap->fresh))
        return GW_OK;
    if (gw_child_clear(swap->fresh) == GW_OK)
        return GW_OK;
    gw_trouble_system(trouble, errno, "cannot remove what is left of an earlier try, %s",
                      swap->fresh);
    return GW_OS_ERROR;
}

enum gw_status gw_swap_prepare(struct gw_swap *swap, const char *path, bool discard,
                               struct gw_trouble *trouble)
{
    enum gw_folder_kind kind;
    int error = 0;
    *swap = (struct gw_swap){.discard = discard};
    if (strlen(path) + 1 >= sizeof swap->path)
        return gw_trouble_say(trouble, GW_INVALID, "the path is too long: %s", path);
    gw_folder_trim(path, swap->path, sizeof swap->path);
    gw_folder_parent(path, swap->parent, sizeof swap->parent);
    const char *slash = strrchr(swap->path, '/');
    const char *name = slash ? slash + 1 : swap->path;
    if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return gw_trouble_say(trouble, GW_INVALID, "name the directory of the store, not %s", path);
    snprintf(swap->fresh, sizeof swap->fresh, "%.*s.%s.godwit-new", (int)(name - swap->path),
             swap->path, name);
    if (gw_folder_look(swap->path, &kind, &error) != GW_OK)
        return gw_trouble_system(trouble, error, "cannot read %s", swap->path);
    if (kind == GW_FOLDER_OTHER)
        return gw_trouble_say(trouble, GW_INVALID, "%s is not a directory", swap->path);
    if (kind == GW_FOLDER_FULL)
        snprintf(swap->old, sizeof swap->old, "%s.old", swap->path);
    if (swap->old[0] != '\0' && !discard && gw_child_path_exists(swap->old)) {
        gw_trouble_say(trouble, GW_EXISTS, "%s is still there from an earlier time", swap->old);
        gw_trouble_hint(trouble, "rm -r %s, or --discard to keep no old store this time",
                        swap->old);
        return GW_EXISTS;
    }
    return clear_left_over(swap, trouble);
}

static enum gw_status sync_parent(const struct gw_swap *swap, struct gw_trouble *trouble)
{
    const struct gw_disk *disk = gw_disk_system();
    int error = 0;
    if (disk->ops->sync_directory(disk->ctx, swap->parent, &error) != GW_OK)
        return gw_trouble_system(trouble, error, "cannot sync %s", swap->parent);
    return GW_OK;
}

static enum gw_status exchange(const struct gw_swap *swap, struct gw_trouble *trouble)
{
    int error = 0;
    if (gw_folder_exchange(swap->fresh, swap->path, &error) == GW_OK)
        return GW_OK;
    gw_trouble_system(trouble, error, "cannot put the new store in the place of %s", swap->path);
    if (error == EBUSY || error == EXDEV)
        gw_trouble_hint(trouble, "it is a mount point: let store.path name a directory inside it");
    if (error == EINVAL || error == ENOSYS)
        gw_trouble_hint(trouble, "this file system cannot: godwit export, then godwit import "
                                 "--to another directory");
    return GW_OS_ERROR;
}

/* The old store has the new one's name now: it gets its own, or goes. */
static enum gw_status put_away(const struct gw_swap *swap, struct gw_trouble *trouble)
{
    const struct gw_disk *disk = gw_disk_system();
    int error = 0;
    if (swap->discard) {
        if (gw_child_clear(swap->fresh) != GW_OK)
            return gw_trouble_system(trouble, errno,
                                     "the new store is in place, but the old one cannot be "
                                     "removed, %s",
                                     swap->fresh);
        return GW_OK;
    }
    if (disk->ops->rename(disk->ctx, swap->fresh, swap->old, &error) != GW_OK)
        return gw_trouble_system(trouble, error,
                                 "the new store is in place, but the old one cannot be renamed "
                                 "from %s to %s",
                                 swap->fresh, swap->old);
    return sync_parent(swap, trouble);
}

enum gw_status gw_swap_commit(struct gw_swap *swap, struct gw_trouble *trouble)
{
    const struct gw_disk *disk = gw_disk_system();
    bool there = gw_child_path_exists(swap->path);
    int error = 0;
    if (gw_folder_take_after(swap->fresh, there ? swap->path : swap->fresh, &error) != GW_OK)
        return gw_trouble_system(trouble, error, "cannot give %s the owner of %s", swap->fresh,
                                 swap->path);
    GW_TRY(sync_parent(swap, trouble));
    if (swap->old[0] != '\0') {
        GW_TRY(exchange(swap, trouble));
        GW_TRY(sync_parent(swap, trouble));
        return put_away(swap, trouble);
    }
    if (disk->ops->rename(disk->ctx, swap->fresh, swap->path, &error) != GW_OK)
        return gw_trouble_system(trouble, error, "cannot rename %s to %s", swap->fresh, swap->path);
    return sync_parent(swap, trouble);
}

void gw_swap_abandon(const struct gw_swap *swap)
{
    if (gw_child_path_exists(swap->fresh))
        (void)!gw_child_clear(swap->fresh);
}
