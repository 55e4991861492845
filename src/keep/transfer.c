#include "keep/transfer.h"

#include <errno.h>
#include <stdlib.h>

#include "keep/itemjson.h"
#include "keep/itemread.h"
#include "keep/rewrite.h"
#include "keep/swap.h"
#include "os/entropy.h"
#include "os/folder.h"

/* -- export -- */

struct printing {
    FILE *out;
    struct gw_buf line;
    struct gw_trouble *trouble;
};

static enum gw_status print_item(void *user, const struct gw_item *item)
{
    struct printing *printing = user;
    gw_buf_clear(&printing->line);
    if (gw_itemjson_write(item, &printing->line) != GW_OK)
        return gw_trouble_say(printing->trouble, GW_NO_MEMORY, "out of memory");
    errno = 0;
    if (fwrite(printing->line.data, 1, printing->line.size, printing->out) != printing->line.size)
        return gw_trouble_system(printing->trouble, errno, "cannot write what is exported");
    return GW_OK;
}

enum gw_status gw_transfer_export(const char *path, FILE *out, struct gw_walk_counts *ret_counts,
                                  struct gw_trouble *trouble)
{
    struct printing printing = {.out = out, .trouble = trouble};
    struct gw_vault vault;
    GW_TRY(gw_vault_open(&vault, path, true, trouble));
    gw_buf_init(&printing.line, GW_TRANSFER_LINE_MAX);
    enum gw_status status = gw_walk_run(&vault, print_item, &printing, ret_counts, trouble);
    errno = 0;
    if (status == GW_OK && fflush(out) != 0)
        status = gw_trouble_system(trouble, errno, "cannot write what is exported");
    ret_counts->lost += vault.report.damaged;
    gw_buf_fini(&printing.line);
    gw_vault_close(&vault);
    return status;
}

/* -- import, compact -- */

struct writing {
    struct gw_rewrite *rewrite;
    struct gw_trouble *trouble;
};

static enum gw_status write_item(void *user, const struct gw_item *item)
{
    struct writing *writing = user;
    return gw_rewrite_item(writing->rewrite, item, writing->trouble);
}

/* Says in which line it was. */
static void add_place(struct gw_trouble *trouble, const char *name, uint64_t line)
{
    struct gw_trouble place = *trouble;
    gw_trouble_say(trouble, GW_INVALID, "%.200s:%llu: %.800s", name, (unsigned long long)line,
                   place.text);
}

static enum gw_status read_lines(struct gw_itemread *reader, struct gw_rewrite *rewrite,
                                 const struct gw_transfer_import *import, uint64_t *ret_lines,
                                 struct gw_trouble *trouble)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t size;
    enum gw_status status = GW_OK;
    errno = 0;
    while (status == GW_OK && (size = getline(&line, &capacity, import->in)) >= 0) {
        struct gw_item item;
        ++*ret_lines;
        if (size > 0 && line[size - 1] == '\n')
            size--;
        if (size == 0)
            continue;
        status = gw_itemread_line(reader, (uint8_t *)line, (size_t)size, &item, trouble);
        if (status == GW_OK)
            status = gw_rewrite_item(rewrite, &item, trouble);
        if (status == GW_MALFORMED || status == GW_INVALID)
            add_place(trouble, import->name, *ret_lines);
    }
    if (status == GW_OK && ferror(import->in))
        status = gw_trouble_system(trouble, errno, "cannot read %s", import->name);
    free(line);
    return status;
}

static enum gw_status add_lines(struct gw_rewrite *rewrite, const struct gw_transfer_import *import,
                                uint64_t *ret_lines, struct gw_trouble *trouble)
{
    struct gw_itemread reader;
    uint64_t seed;
    gw_entropy_fill(&seed, sizeof seed);
    gw_itemread_init(&reader, seed);
    gw_rewrite_begin_source(rewrite);
    enum gw_status status = read_lines(&reader, rewrite, import, ret_lines, trouble);
    gw_itemread_fini(&reader);
    return status;
}

/* Makes the new store: what the old one has, then what the lines say. */
static enum gw_status fill(const struct gw_vault *vault, const struct gw_swap *swap,
                           const struct gw_transfer_import *import,
                           struct gw_transfer_result *result, struct gw_rewrite **ret_rewrite,
                           struct gw_trouble *trouble)
{
    uint64_t segment = vault->store ? gw_vault_segment_size(vault) : import->segment;
    GW_TRY(gw_rewrite_new(swap->fresh, segment, ret_rewrite, trouble));
    struct writing writing = {*ret_rewrite, trouble};
    if (vault->store)
        GW_TRY(gw_walk_run(vault, write_item, &writing, &result->counts, trouble));
    if (import->in)
        GW_TRY(add_lines(*ret_rewrite, import, &result->lines, trouble));
    return gw_rewrite_finish(*ret_rewrite, trouble);
}

/* Opens the store that is there, if one is. */
static enum gw_status open_old(struct gw_vault *vault, const struct gw_transfer_import *import,
                               struct gw_trouble *trouble)
{
    enum gw_folder_kind kind;
    int error = 0;
    *vault = (struct gw_vault){0};
    if (gw_folder_look(import->path, &kind, &error) != GW_OK)
        return gw_trouble_system(trouble, error, "cannot read %s", import->path);
    if (import->in && (kind == GW_FOLDER_NONE || kind == GW_FOLDER_EMPTY))
        return GW_OK;
    return gw_vault_open(vault, import->path, false, trouble);
}

enum gw_status gw_transfer_run(const struct gw_transfer_import *import,
                               struct gw_transfer_result *ret_result, struct gw_trouble *trouble)
{
    struct gw_rewrite *rewrite = NULL;
    struct gw_vault vault;
    struct gw_swap swap;
    *ret_result = (struct gw_transfer_result){0};
    GW_TRY(open_old(&vault, import, trouble));
    enum gw_status status = gw_swap_prepare(&swap, import->path, import->discard, trouble);
    if (status == GW_OK) {
        status = fill(&vault, &swap, import, ret_result, &rewrite, trouble);
        if (ret_result->counts.lost > 0 || vault.report.damaged > 0)
            swap.discard = false; /* what could not be read may be mended by others */
        if (status == GW_OK)
            status = gw_swap_commit(&swap, trouble);
        else
            gw_swap_abandon(&swap);
    }
    if (status == GW_OK && !swap.discard)
        snprintf(ret_result->old, sizeof ret_result->old, "%s", swap.old);
    gw_rewrite_free(rewrite);
    gw_vault_close(&vault);
    return status;
}
