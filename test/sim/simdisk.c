#include "sim/simdisk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "os/thread.h"
#include "sim/simnames.h"

#define ROOT         0
#define FIRST_HANDLE 3
#define OP_KINDS     15

/* A file or a directory. */
struct node {
    bool used, directory;
    gw_file_handle locked_by; /* 0: nobody */
    struct simfile file;
    struct simnames names;
};

/* Numbers of handles are never used twice, so that a dead process's are known. */
struct handle {
    gw_file_handle number;
    size_t node;
    bool writable;
};

struct rule {
    unsigned ops;
    uint64_t left; /* 1: the next one; 0: no rule */
    int os_errno;
    bool forever;
};

struct gw_simdisk {
    struct gw_disk disk;
    struct gw_mutex mutex;
    struct gw_random random;
    struct node *nodes;
    size_t node_count;
    struct handle *handles;
    size_t handle_count, handle_capacity;
    gw_file_handle next_handle;
    struct rule rules[GW_SIMDISK_RULES_MAX];
    uint64_t counts[OP_KINDS];
    uint64_t fired, cut_in, budget;
    bool stopped;
    void (*watcher)(void *user);
    void *watcher_user;
};

/* -- nodes -- */

static size_t new_node(struct gw_simdisk *disk, bool directory)
{
    size_t i = 0;
    while (i < disk->node_count && disk->nodes[i].used)
        i++;
    if (i == disk->node_count) {
        disk->nodes = realloc(disk->nodes, ++disk->node_count * sizeof *disk->nodes);
        GW_ASSERT(disk->nodes != NULL);
    }
    disk->nodes[i] = (struct node){.used = true, .directory = directory};
    return i;
}

static bool is_open(const struct gw_simdisk *disk, size_t node)
{
    for (size_t i = 0; i < disk->handle_count; i++)
        if (disk->handles[i].node == node)
            return true;
    return false;
}

static bool is_mentioned(const struct gw_simdisk *disk, size_t node)
{
    for (size_t i = 0; i < disk->node_count; i++)
        if (disk->nodes[i].used && simnames_mention(&disk->nodes[i].names, node))
            return true;
    return false;
}

static bool is_visible(const struct gw_simdisk *disk, size_t node)
{
    for (size_t i = 0; i < disk->node_count; i++) {
        const struct simnames_list *list = &disk->nodes[i].names.now;
        for (size_t k = 0; k < list->count; k++)
            if (list->at[k].node == node)
                return true;
    }
    return false;
}

/* Frees what no name can lead to any more; a lost directory takes its files with it. */
static void collect(struct gw_simdisk *disk)
{
    bool again = true;
    while (again) {
        again = false;
        for (size_t i = ROOT + 1; i < disk->node_count; i++) {
            struct node *node = &disk->nodes[i];
            if (!node->used || is_open(disk, i) || is_mentioned(disk, i))
                continue;
            simfile_fini(&node->file);
            simnames_fini(&node->names);
            node->used = false;
            again = true;
        }
    }
}

/* Bytes that may still be allocated. */
static uint64_t room_left(const struct gw_simdisk *disk)
{
    uint64_t used = 0;
    for (size_t i = 0; i < disk->node_count; i++)
        if (disk->nodes[i].used && (is_visible(disk, i) || is_open(disk, i)))
            used += disk->nodes[i].file.now.size;
    return disk->budget > used ? disk->budget - used : 0;
}

/* -- paths -- */

/* A name in a directory; entry NULL: there is none. */
struct place {
    size_t directory;
    char name[SIMNAMES_MAX];
    const struct simnames_entry *entry;
};

/* Takes the next component; false: it is too long. */
static bool next_name(const char **path, char name[SIMNAMES_MAX])
{
    while (**path == '/' || (**path == '.' && ((*path)[1] == '/' || (*path)[1] == 0)))
        ++*path;
    size_t size = strcspn(*path, "/");
    if (size >= SIMNAMES_MAX)
        return false;
    memcpy(name, *path, size);
    name[size] = 0;
    *path += size;
    return true;
}

/* Finds where a path leads; the root has no name and no entry. Returns an errno, 0 for none. */
static int resolve(const struct gw_simdisk *disk, const char *path, struct place *ret_place)
{
    *ret_place = (struct place){.directory = ROOT};
    for (;;) {
        char name[SIMNAMES_MAX];
        if (!next_name(&path, name))
            return ENAMETOOLONG;
        if (!name[0])
            return 0;
        if (ret_place->name[0]) { /* something follows: it must be a directory */
            if (!ret_place->entry)
                return ENOENT;
            ret_place->directory = ret_place->entry->node;
            if (!disk->nodes[ret_place->directory].directory)
                return ENOTDIR;
        }
        memcpy(ret_place->name, name, sizeof name);
        ret_place->entry = simnames_find(&disk->nodes[ret_place->directory].names.now, name);
    }
}

/* Finds what a path leads to. */
static int resolve_node(struct gw_simdisk *disk, const char *path, bool directory,
                        struct node **ret_node)
{
    struct place place;
    int os_errno = resolve(disk, path, &place);
    if (os_errno != 0)
        return os_errno;
    if (place.name[0] && !place.entry)
        return ENOENT;
    *ret_node = &disk->nodes[place.entry ? place.entry->node : ROOT];
    if ((*ret_node)->directory != directory)
        return directory ? ENOTDIR : EISDIR;
    return 0;
}

/* -- calls -- */

static enum gw_status status_of(int os_errno)
{
    switch (os_errno) {
    case 0: return GW_OK;
    case ENOENT: return GW_NOT_FOUND;
    case EEXIST: return GW_EXISTS;
    case ENOSPC:
    case EDQUOT: return GW_NO_SPACE;
    case EWOULDBLOCK: return GW_LIMIT;
    default: return GW_OS_ERROR;
    }
}

/* A call that was begun: what it is to fail with, and whether it may do a part of its work. */
struct call {
    struct gw_simdisk *disk;
    int os_errno;
    bool partly;
};

static int fault_of(struct gw_simdisk *disk, unsigned op)
{
    int os_errno = 0;
    for (int i = 0; i < GW_SIMDISK_RULES_MAX; i++) {
        struct rule *rule = &disk->rules[i];
        if ((rule->ops & op) == 0 || rule->left == 0)
            continue;
        if (rule->left > 1) {
            rule->left--;
            continue;
        }
        os_errno = rule->os_errno;
        rule->left = rule->forever;
    }
    disk->fired += os_errno != 0;
    return os_errno;
}

static struct call begin(void *ctx, enum gw_simdisk_op op)
{
    struct call call = {.disk = ctx};
    struct gw_simdisk *disk = ctx;
    gw_mutex_lock(&disk->mutex);
    disk->counts[__builtin_ctz((unsigned)op)]++;
    if (disk->stopped) {
        call.os_errno = EIO;
    } else if ((op & GW_SIMDISK_CHANGES) != 0 && disk->cut_in > 0 && --disk->cut_in == 0) {
        disk->stopped = true;
        call.os_errno = EIO;
        call.partly = op == GW_SIMDISK_WRITE;
    } else {
        call.os_errno = fault_of(disk, op);
        call.partly = call.os_errno != 0;
    }
    return call;
}

static enum gw_status end(const struct call *call, int *ret_errno)
{
    gw_mutex_unlock(&call->disk->mutex);
    if (call->os_errno != 0 && ret_errno)
        *ret_errno = call->os_errno;
    return status_of(call->os_errno);
}

static struct handle *find_handle(const struct gw_simdisk *disk, gw_file_handle file)
{
    for (size_t i = 0; i < disk->handle_count; i++)
        if (disk->handles[i].number == file)
            return &disk->handles[i];
    return NULL;
}

/* The file of a handle; NULL and an error in the call if there is none. */
static struct node *file_of(struct call *call, gw_file_handle file, bool writable)
{
    const struct handle *handle = find_handle(call->disk, file);
    if (!handle || (writable && !handle->writable)) {
        call->os_errno = EBADF;
        return NULL;
    }
    return &call->disk->nodes[handle->node];
}

/* -- files -- */

static gw_file_handle new_handle(struct gw_simdisk *disk, size_t node, bool writable)
{
    if (disk->handle_count == disk->handle_capacity) {
        disk->handle_capacity = disk->handle_capacity ? 2 * disk->handle_capacity : 8;
        disk->handles = realloc(disk->handles, disk->handle_capacity * sizeof *disk->handles);
        GW_ASSERT(disk->handles != NULL);
    }
    disk->handles[disk->handle_count++] = (struct handle){disk->next_handle, node, writable};
    return disk->next_handle++;
}

static int open_place(struct gw_simdisk *disk, const struct place *place, enum gw_disk_open how,
                      gw_file_handle *ret_file)
{
    size_t node;
    if (how == GW_DISK_CREATE) {
        if (place->entry || !place->name[0])
            return EEXIST;
        node = new_node(disk, false);
        simnames_change(&disk->nodes[place->directory].names, NULL, place->name, node);
    } else {
        if (!place->entry)
            return place->name[0] ? ENOENT : EISDIR;
        node = place->entry->node;
        if (disk->nodes[node].directory)
            return EISDIR;
    }
    *ret_file = new_handle(disk, node, how != GW_DISK_READ);
    return 0;
}

static enum gw_status op_open(void *ctx, const char *path, enum gw_disk_open how,
                              gw_file_handle *ret_file, int *ret_errno)
{
    struct call call = begin(ctx, how == GW_DISK_CREATE ? GW_SIMDISK_CREATE : GW_SIMDISK_OPEN);
    struct place place;
    *ret_file = -1;
    if (call.os_errno == 0)
        call.os_errno = resolve(call.disk, path, &place);
    if (call.os_errno == 0)
        call.os_errno = open_place(call.disk, &place, how, ret_file);
    return end(&call, ret_errno);
}

static void op_close(void *ctx, gw_file_handle file)
{
    struct gw_simdisk *disk = ctx;
    gw_mutex_lock(&disk->mutex);
    struct handle *handle = find_handle(disk, file);
    if (handle) {
        struct node *node = &disk->nodes[handle->node];
        if (node->locked_by == file)
            node->locked_by = 0;
        *handle = disk->handles[--disk->handle_count];
        collect(disk);
    }
    gw_mutex_unlock(&disk->mutex);
}

static enum gw_status op_read(void *ctx, gw_file_handle file, uint64_t offset, struct iovec into,
                              size_t *ret_size, int *ret_errno)
{
    struct call call = begin(ctx, GW_SIMDISK_READ);
    *ret_size = 0;
    const struct node *node = call.os_errno == 0 ? file_of(&call, file, false) : NULL;
    if (node)
        *ret_size = simfile_read(&node->file, offset, into.iov_base, into.iov_len);
    return end(&call, ret_errno);
}

/* One write is one piece, however many parts it has: *ret_size bytes that the caller frees. */
static uint8_t *gather(const struct iovec *parts, int part_count, size_t *ret_size)
{
    size_t size = 0;
    for (int i = 0; i < part_count; i++)
        size += parts[i].iov_len;
    uint8_t *bytes = malloc(size + 1);
    GW_ASSERT(bytes != NULL);
    *ret_size = 0;
    for (int i = 0; i < part_count; i++) {
        if (parts[i].iov_len > 0)
            memcpy(bytes + *ret_size, parts[i].iov_base, parts[i].iov_len);
        *ret_size += parts[i].iov_len;
    }
    return bytes;
}

/* Cuts a write down to what there is room for. */
static int fit(const struct gw_simdisk *disk, const struct simfile *file, uint64_t offset,
               size_t *size)
{
    uint64_t end = offset + *size;
    if (*size == 0 || end <= file->now.size)
        return 0;
    uint64_t room = room_left(disk);
    if (end - file->now.size <= room)
        return 0;
    uint64_t fits = file->now.size + room;
    *size = fits > offset ? (size_t)(fits - offset) : 0;
    return ENOSPC;
}

static void tell_watcher(const struct gw_simdisk *disk)
{
    if (disk->watcher)
        disk->watcher(disk->watcher_user);
}

static enum gw_status op_write(void *ctx, gw_file_handle file, uint64_t offset,
                               const struct iovec *parts, int part_count, int *ret_errno)
{
    tell_watcher(ctx);
    struct call call = begin(ctx, GW_SIMDISK_WRITE);
    int fault = call.os_errno;
    struct node *node = file_of(&call, file, true);
    if (node && (fault == 0 || call.partly)) {
        size_t size;
        uint8_t *bytes = gather(parts, part_count, &size);
        if (fault != 0)
            size = (size_t)gw_random_below(&call.disk->random, size + 1);
        int full = fit(call.disk, &node->file, offset, &size);
        call.os_errno = fault != 0 ? fault : full;
        simfile_write(&node->file, offset, bytes, size);
        free(bytes);
    }
    return end(&call, ret_errno);
}

static enum gw_status op_sync(void *ctx, gw_file_handle file, int *ret_errno)
{
    tell_watcher(ctx);
    struct call call = begin(ctx, GW_SIMDISK_SYNC);
    int fault = call.os_errno;
    struct node *node = file_of(&call, file, false);
    if (node && fault == 0)
        simfile_sync(&node->file);
    else if (node && call.partly)
        simfile_sync_failed(&node->file, &call.disk->random);
    enum gw_status status = end(&call, ret_errno);
    return status == GW_OK ? GW_OK : GW_OS_ERROR; /* never GW_NO_SPACE: see os/disk */
}

static enum gw_status op_allocate(void *ctx, gw_file_handle file, uint64_t size, int *ret_errno)
{
    struct call call = begin(ctx, GW_SIMDISK_ALLOCATE);
    struct node *node = call.os_errno == 0 ? file_of(&call, file, true) : NULL;
    if (node && size > node->file.now.size) {
        if (size - node->file.now.size > room_left(call.disk))
            call.os_errno = ENOSPC;
        else
            simfile_resize(&node->file, size);
    }
    return end(&call, ret_errno);
}

static enum gw_status op_size(void *ctx, gw_file_handle file, uint64_t *ret_size, int *ret_errno)
{
    struct call call = begin(ctx, GW_SIMDISK_SIZE);
    const struct node *node = call.os_errno == 0 ? file_of(&call, file, false) : NULL;
    if (node)
        *ret_size = node->file.now.size;
    return end(&call, ret_errno);
}

static enum gw_status op_truncate(void *ctx, gw_file_handle file, uint64_t size, int *ret_errno)
{
    struct call call = begin(ctx, GW_SIMDISK_TRUNCATE);
    struct node *node = call.os_errno == 0 ? file_of(&call, file, true) : NULL;
    if (node)
        simfile_resize(&node->file, size);
    return end(&call, ret_errno);
}

static enum gw_status op_lock(void *ctx, gw_file_handle file, int *ret_errno)
{
    struct call call = begin(ctx, GW_SIMDISK_LOCK);
    struct node *node = call.os_errno == 0 ? file_of(&call, file, false) : NULL;
    if (node && node->locked_by != 0 && node->locked_by != file)
        call.os_errno = EWOULDBLOCK;
    else if (node)
        node->locked_by = file;
    return end(&call, ret_errno);
}

/* -- names -- */

static int rename_place(struct gw_simdisk *disk, const char *from, const char *to)
{
    struct place a, b;
    int os_errno = resolve(disk, from, &a);
    if (os_errno == 0)
        os_errno = resolve(disk, to, &b);
    if (os_errno != 0)
        return os_errno;
    if (!a.entry)
        return ENOENT;
    if (a.directory != b.directory || !b.name[0])
        return EXDEV;
    if (b.entry && disk->nodes[b.entry->node].directory)
        return EISDIR;
    simnames_change(&disk->nodes[a.directory].names, a.name, b.name, a.entry->node);
    return 0;
}

static enum gw_status op_rename(void *ctx, const char *from, const char *to, int *ret_errno)
{
    struct call call = begin(ctx, GW_SIMDISK_RENAME);
    if (call.os_errno == 0)
        call.os_errno = rename_place(call.disk, from, to);
    return end(&call, ret_errno);
}

static enum gw_status op_remove(void *ctx, const char *path, int *ret_errno)
{
    struct call call = begin(ctx, GW_SIMDISK_REMOVE);
    struct place place;
    if (call.os_errno == 0)
        call.os_errno = resolve(call.disk, path, &place);
    if (call.os_errno == 0) {
        if (!place.entry)
            call.os_errno = ENOENT;
        else if (call.disk->nodes[place.entry->node].directory)
            call.os_errno = EISDIR;
        else
            simnames_change(&call.disk->nodes[place.directory].names, place.name, NULL,
                            place.entry->node);
    }
    return end(&call, ret_errno);
}

static enum gw_status op_make_directory(void *ctx, const char *path, int *ret_errno)
{
    struct call call = begin(ctx, GW_SIMDISK_MAKE_DIRECTORY);
    struct place place;
    if (call.os_errno == 0)
        call.os_errno = resolve(call.disk, path, &place);
    if (call.os_errno == 0) {
        if (place.entry || !place.name[0]) {
            call.os_errno = EEXIST;
        } else {
            size_t node = new_node(call.disk, true);
            simnames_change(&call.disk->nodes[place.directory].names, NULL, place.name, node);
        }
    }
    return end(&call, ret_errno);
}

static enum gw_status op_sync_directory(void *ctx, const char *path, int *ret_errno)
{
    struct call call = begin(ctx, GW_SIMDISK_SYNC_DIRECTORY);
    struct node *node;
    if (call.os_errno == 0)
        call.os_errno = resolve_node(call.disk, path, true, &node);
    if (call.os_errno == 0) {
        simnames_sync(&node->names);
        collect(call.disk);
    }
    return end(&call, ret_errno);
}

/* Calls fn without the lock: it may use the disk. */
static enum gw_status op_list(void *ctx, const char *path, gw_disk_name_fn *fn, void *user,
                              int *ret_errno)
{
    struct call call = begin(ctx, GW_SIMDISK_LIST);
    struct node *node;
    struct simnames seen = {0};
    size_t first = 0;
    if (call.os_errno == 0)
        call.os_errno = resolve_node(call.disk, path, true, &node);
    if (call.os_errno == 0) {
        simnames_copy(&seen, &node->names);
        if (seen.now.count > 0)
            first = (size_t)gw_random_below(&call.disk->random, seen.now.count);
    }
    enum gw_status status = end(&call, ret_errno);
    for (size_t i = 0; i < seen.now.count; i++)
        fn(user, seen.now.at[(first + i) % seen.now.count].name);
    simnames_fini(&seen);
    return status;
}

static enum gw_status op_room(void *ctx, const char *path, uint64_t *ret_bytes, int *ret_errno)
{
    struct call call = begin(ctx, GW_SIMDISK_ROOM);
    struct place place;
    if (call.os_errno == 0)
        call.os_errno = resolve(call.disk, path, &place);
    if (call.os_errno == 0 && place.name[0] && !place.entry)
        call.os_errno = ENOENT;
    if (call.os_errno == 0)
        *ret_bytes = room_left(call.disk);
    return end(&call, ret_errno);
}

static const struct gw_disk_ops ops = {
    .open = op_open,
    .close = op_close,
    .read = op_read,
    .write = op_write,
    .sync = op_sync,
    .allocate = op_allocate,
    .size = op_size,
    .truncate = op_truncate,
    .lock = op_lock,
    .rename = op_rename,
    .remove = op_remove,
    .make_directory = op_make_directory,
    .sync_directory = op_sync_directory,
    .list = op_list,
    .room = op_room,
};

/* -- for tests -- */

struct gw_simdisk *gw_simdisk_new(uint64_t seed)
{
    struct gw_simdisk *disk = calloc(1, sizeof *disk);
    GW_ASSERT(disk != NULL);
    disk->disk = (struct gw_disk){&ops, disk};
    gw_mutex_init(&disk->mutex);
    gw_random_init(&disk->random, seed);
    disk->next_handle = FIRST_HANDLE;
    disk->budget = UINT64_MAX / 2;
    (void)new_node(disk, true);
    return disk;
}

void gw_simdisk_free(struct gw_simdisk *disk)
{
    if (!disk)
        return;
    for (size_t i = 0; i < disk->node_count; i++) {
        simfile_fini(&disk->nodes[i].file);
        simnames_fini(&disk->nodes[i].names);
    }
    gw_mutex_fini(&disk->mutex);
    free(disk->nodes);
    free(disk->handles);
    free(disk);
}

struct gw_simdisk *gw_simdisk_copy(struct gw_simdisk *disk, uint64_t seed)
{
    struct gw_simdisk *copy = gw_simdisk_new(seed);
    gw_mutex_lock(&disk->mutex);
    copy->nodes = realloc(copy->nodes, disk->node_count * sizeof *copy->nodes);
    GW_ASSERT(copy->nodes != NULL);
    copy->node_count = disk->node_count;
    for (size_t i = 0; i < disk->node_count; i++) {
        const struct node *from = &disk->nodes[i];
        copy->nodes[i] = (struct node){.used = from->used, .directory = from->directory};
        simfile_copy(&copy->nodes[i].file, &from->file);
        simnames_copy(&copy->nodes[i].names, &from->names);
    }
    copy->budget = disk->budget;
    gw_mutex_unlock(&disk->mutex);
    collect(copy);
    return copy;
}

const struct gw_disk *gw_simdisk_disk(struct gw_simdisk *disk)
{
    return &disk->disk;
}

/* Under the lock. */
static void end_process(struct gw_simdisk *disk)
{
    disk->handle_count = 0;
    for (size_t i = 0; i < disk->node_count; i++)
        disk->nodes[i].locked_by = 0;
    disk->stopped = false;
    disk->cut_in = 0;
    collect(disk);
}

void gw_simdisk_crash(struct gw_simdisk *disk, enum gw_simdisk_crash how)
{
    gw_mutex_lock(&disk->mutex);
    for (size_t i = 0; i < disk->node_count; i++) {
        struct node *node = &disk->nodes[i];
        if (!node->used)
            continue;
        simfile_crash(&node->file, (enum simfile_fate)how, &disk->random);
        simnames_crash(&node->names, (enum simfile_fate)how, &disk->random);
    }
    end_process(disk);
    gw_mutex_unlock(&disk->mutex);
}

void gw_simdisk_kill(struct gw_simdisk *disk)
{
    gw_mutex_lock(&disk->mutex);
    end_process(disk);
    gw_mutex_unlock(&disk->mutex);
}

void gw_simdisk_cut_at(struct gw_simdisk *disk, uint64_t n)
{
    gw_mutex_lock(&disk->mutex);
    disk->cut_in = n;
    gw_mutex_unlock(&disk->mutex);
}

void gw_simdisk_stop(struct gw_simdisk *disk)
{
    gw_mutex_lock(&disk->mutex);
    disk->stopped = true;
    gw_mutex_unlock(&disk->mutex);
}

bool gw_simdisk_stopped(struct gw_simdisk *disk)
{
    gw_mutex_lock(&disk->mutex);
    bool stopped = disk->stopped;
    gw_mutex_unlock(&disk->mutex);
    return stopped;
}

void gw_simdisk_fail(struct gw_simdisk *disk, unsigned op_mask, uint64_t nth, int os_errno,
                     bool forever)
{
    GW_ASSERT(nth > 0 && os_errno != 0);
    gw_mutex_lock(&disk->mutex);
    int i = 0;
    while (i < GW_SIMDISK_RULES_MAX && disk->rules[i].left != 0)
        i++;
    GW_ASSERT(i < GW_SIMDISK_RULES_MAX);
    disk->rules[i] = (struct rule){op_mask, nth, os_errno, forever};
    gw_mutex_unlock(&disk->mutex);
}

void gw_simdisk_heal(struct gw_simdisk *disk)
{
    gw_mutex_lock(&disk->mutex);
    memset(disk->rules, 0, sizeof disk->rules);
    gw_mutex_unlock(&disk->mutex);
}

uint64_t gw_simdisk_fired(struct gw_simdisk *disk)
{
    gw_mutex_lock(&disk->mutex);
    uint64_t fired = disk->fired;
    gw_mutex_unlock(&disk->mutex);
    return fired;
}

uint64_t gw_simdisk_count(struct gw_simdisk *disk, unsigned op_mask)
{
    uint64_t count = 0;
    gw_mutex_lock(&disk->mutex);
    for (unsigned i = 0; i < OP_KINDS; i++)
        if ((op_mask >> i & 1) != 0)
            count += disk->counts[i];
    gw_mutex_unlock(&disk->mutex);
    return count;
}

void gw_simdisk_watch(struct gw_simdisk *disk, void (*fn)(void *user), void *user)
{
    disk->watcher = fn;
    disk->watcher_user = user;
}

void gw_simdisk_set_budget(struct gw_simdisk *disk, uint64_t bytes)
{
    gw_mutex_lock(&disk->mutex);
    disk->budget = bytes;
    gw_mutex_unlock(&disk->mutex);
}

bool gw_simdisk_flip(struct gw_simdisk *disk, const char *path, uint64_t offset, unsigned bit)
{
    struct node *node;
    gw_mutex_lock(&disk->mutex);
    bool done =
        resolve_node(disk, path, false, &node) == 0 && simfile_flip(&node->file, offset, bit);
    gw_mutex_unlock(&disk->mutex);
    return done;
}

bool gw_simdisk_truncate(struct gw_simdisk *disk, const char *path, uint64_t size)
{
    struct node *node;
    gw_mutex_lock(&disk->mutex);
    bool done = resolve_node(disk, path, false, &node) == 0 && size <= node->file.now.size;
    if (done)
        simfile_cut(&node->file, size);
    gw_mutex_unlock(&disk->mutex);
    return done;
}

bool gw_simdisk_size(struct gw_simdisk *disk, const char *path, uint64_t *ret_size)
{
    struct node *node;
    gw_mutex_lock(&disk->mutex);
    bool found = resolve_node(disk, path, false, &node) == 0;
    if (found)
        *ret_size = node->file.now.size;
    gw_mutex_unlock(&disk->mutex);
    return found;
}

size_t gw_simdisk_dirty_count(struct gw_simdisk *disk)
{
    size_t count = 0;
    gw_mutex_lock(&disk->mutex);
    for (size_t i = 0; i < disk->node_count; i++)
        if (disk->nodes[i].used)
            count += simfile_dirty(&disk->nodes[i].file) || disk->nodes[i].names.step_count > 0;
    gw_mutex_unlock(&disk->mutex);
    return count;
}

size_t gw_simdisk_open_count(struct gw_simdisk *disk)
{
    gw_mutex_lock(&disk->mutex);
    size_t count = disk->handle_count;
    gw_mutex_unlock(&disk->mutex);
    return count;
}
