#include "keep/audit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/jsonout.h"
#include "keep/vault.h"
#include "os/folder.h"
#include "store/scan.h"

struct segment {
    uint32_t number;
    uint64_t size;
    uint64_t limit; /* chunks behind it do not count */
    enum gw_status head_is;
    struct gw_layout_segment head;
    bool live;
    bool bounded; /* the segment behind it is there, and says where this one ends */
};

struct work {
    const char *path;
    struct gw_audit *audit;
    struct gw_trouble *trouble;
    struct gw_vault_numbers numbers;
    struct segment *segments; /* as in numbers */
    const struct segment *newest;
    struct gw_scan scan;
    gw_position synced;     /* before it everything was synced once */
    gw_position known;      /* behind the last good chunk of the newest segment */
    gw_position checkpoint; /* in force */
};

static enum gw_status out_of_memory(const struct work *work)
{
    return gw_trouble_say(work->trouble, GW_NO_MEMORY, "out of memory");
}

static void add_place(struct work *work, uint32_t segment, uint64_t offset, uint64_t size,
                      const char *why)
{
    struct gw_audit *audit = work->audit;
    audit->damaged++;
    if (audit->place_count == GW_AUDIT_PLACES_MAX)
        return;
    if (audit->place_count == audit->place_capacity) {
        size_t capacity = audit->place_capacity ? audit->place_capacity * 2 : 16;
        struct gw_audit_place *larger = realloc(audit->places, capacity * sizeof *larger);
        if (!larger)
            return; /* it is counted */
        audit->places = larger;
        audit->place_capacity = capacity;
    }
    audit->places[audit->place_count++] = (struct gw_audit_place){segment, offset, size, why};
}

/* -- which segments are the log -- */

static enum gw_status open_segment(const struct work *work, uint32_t number,
                                   gw_file_handle *ret_file)
{
    const struct gw_disk *disk = gw_disk_system();
    char text[GW_FOLDER_PATH_MAX];
    int error = 0;
    gw_vault_segment_path(work->path, number, text, sizeof text);
    enum gw_status status = disk->ops->open(disk->ctx, text, GW_DISK_READ, ret_file, &error);
    if (status == GW_NOT_FOUND)
        return status; /* recycled meanwhile */
    return status == GW_OK ? GW_OK
                           : gw_trouble_system(work->trouble, error, "cannot open %s", text);
}

static enum gw_status read_head(const struct work *work, struct segment *segment)
{
    const struct gw_disk *disk = gw_disk_system();
    uint8_t area[GW_LAYOUT_SEGMENT_AREA] = {0};
    gw_file_handle file;
    size_t got = 0;
    int error = 0;
    enum gw_status status = open_segment(work, segment->number, &file);
    segment->head_is = GW_NOT_FOUND;
    if (status != GW_OK)
        return status == GW_NOT_FOUND ? GW_OK : status;
    if (disk->ops->size(disk->ctx, file, &segment->size, &error) != GW_OK ||
        disk->ops->read(disk->ctx, file, 0, (struct iovec){area, sizeof area}, &got, &error) !=
            GW_OK)
        status = gw_trouble_system(work->trouble, error, "cannot read segment %08" PRIx32 " of %s",
                                   segment->number, work->path);
    disk->ops->close(disk->ctx, file);
    GW_TRY(status);
    segment->limit = segment->size;
    segment->head_is = gw_layout_get_segment(gw_span_of(area, got), &segment->head);
    if (segment->head_is == GW_LIMIT)
        return gw_trouble_say(work->trouble, GW_INVALID,
                              "a newer godwit made %s: format version %" PRIu32, work->path,
                              segment->head.version);
    if (segment->head_is == GW_OK && segment->head.number != segment->number)
        segment->head_is = GW_NOT_FOUND;
    return GW_OK;
}

static enum gw_status read_heads(struct work *work)
{
    GW_TRY(gw_vault_list(work->path, &work->numbers, work->trouble));
    work->segments = calloc(work->numbers.count + 1, sizeof *work->segments);
    if (!work->segments)
        return out_of_memory(work);
    for (size_t i = 0; i < work->numbers.count; i++) {
        work->segments[i].number = work->numbers.list[i];
        GW_TRY(read_head(work, &work->segments[i]));
    }
    return GW_OK;
}

/* Each segment says where the log before it ended. */
static void follow_chain(struct work *work)
{
    gw_position previous = 0;
    for (size_t i = work->numbers.count; i-- > 0;) {
        struct segment *segment = &work->segments[i];
        bool good = segment->head_is == GW_OK;
        if (!work->newest && !good)
            continue;
        segment->live = !work->newest || segment->number <= gw_position_segment(previous);
        if (!segment->live)
            continue;
        if (work->newest && segment->number == gw_position_segment(previous) &&
            gw_position_offset(previous) != UINT32_MAX) {
            segment->limit = gw_position_offset(previous);
            segment->bounded = true;
        }
        if (!work->newest)
            work->newest = segment;
        previous = good ? segment->head.previous_end : gw_position_of(segment->number, 0) - 1;
    }
}

/* -- chunks -- */

static enum gw_status scan_failed(const struct work *work, uint32_t number)
{
    if (work->scan.error == 0)
        return out_of_memory(work);
    return gw_trouble_system(work->trouble, work->scan.error,
                             "cannot read segment %08" PRIx32 " of %s", number, work->path);
}

/* What the newest segment says of checkpoint and syncs: before its chunks are judged, so that what
 * is written meanwhile is none of our business. */
static enum gw_status look_ahead(struct work *work, uint64_t size)
{
    const struct gw_layout_segment *head = &work->newest->head;
    uint32_t number = work->newest->number;
    uint64_t offset = GW_LAYOUT_SEGMENT_AREA;
    work->synced = head->previous_end;
    work->checkpoint = head->checkpoint;
    work->known = gw_position_of(number, GW_LAYOUT_SEGMENT_AREA);
    while (offset < size) {
        struct gw_scan_chunk chunk;
        if (gw_scan_look(&work->scan, offset, false, &chunk) != GW_OK)
            return scan_failed(work, number);
        if (chunk.found != GW_SCAN_GOOD) {
            if (gw_scan_search(&work->scan, offset + 8, size, false, &offset) != GW_OK)
                return scan_failed(work, number);
            continue;
        }
        if (chunk.head.synced_upto > work->synced)
            work->synced = chunk.head.synced_upto;
        if (chunk.head.checkpoint > work->checkpoint)
            work->checkpoint = chunk.head.checkpoint;
        offset = chunk.next;
        work->known = gw_position_of(number, (uint32_t)offset);
    }
    return GW_OK;
}

static bool record_is_good(const struct gw_layout_record *record, struct gw_span data)
{
    if (!(record->kind & GW_LAYOUT_RECORD_ALONE))
        return true;
    struct gw_span body = gw_span_of(data.data + record->head_size, record->body_size);
    return gw_layout_record_crc(data.data, record->head_size - sizeof(uint32_t), body) ==
           record->crc;
}

static void check_records(struct work *work, uint32_t number, uint64_t offset,
                          const struct gw_scan_chunk *chunk)
{
    struct gw_span data = chunk->data;
    uint32_t count = 0;
    uint64_t at = offset + GW_LAYOUT_CHUNK_HEAD;
    while (data.size > 0) {
        struct gw_layout_record record;
        if (gw_layout_get_record(data, &record) != GW_OK ||
            record.body_size > data.size - record.head_size) {
            add_place(work, number, at, data.size, "no record here");
            return;
        }
        size_t size = record.head_size + record.body_size;
        if (!record_is_good(&record, data))
            add_place(work, number, at, size, "wrong sum over a record");
        data = gw_span_from(data, size);
        at += size;
        count++;
    }
    work->audit->records += count;
    if (count != chunk->head.records)
        add_place(work, number, offset, chunk->next - offset, "a chunk lacks records");
}

/* Judges what is no good chunk; *ret_next is where to go on, the limit at the end of the log. */
static enum gw_status judge_bad(struct work *work, const struct segment *segment,
                                const struct gw_scan_chunk *chunk, uint64_t offset, uint64_t limit,
                                uint64_t *ret_next)
{
    gw_position here = gw_position_of(segment->number, (uint32_t)offset);
    uint64_t until = limit;
    *ret_next = limit;
    if (segment == work->newest) {
        if (here >= work->synced) {
            if (work->known > here) {
                work->audit->torn_at = here;
                work->audit->torn_bytes = work->known - here;
            }
            return GW_OK;
        }
        if (gw_position_segment(work->synced) == segment->number)
            until = gw_position_offset(work->synced);
    }
    bool headed = chunk->found == GW_SCAN_HEAD;
    if (gw_scan_search(&work->scan, headed ? chunk->next : offset + 8, until, true, ret_next) !=
        GW_OK)
        return scan_failed(work, segment->number);
    /* Before the checkpoint segments that nobody needs are gone, and with them the words that said
     * where this one ends: what is no chunk up to the end of the file was never one. */
    if (segment != work->newest && !segment->bounded && !headed && *ret_next == until)
        return GW_OK;
    add_place(work, segment->number, offset, *ret_next - offset,
              headed ? "wrong sum over a chunk" : "no chunk here");
    return GW_OK;
}

static enum gw_status check_chunks(struct work *work, const struct segment *segment)
{
    uint64_t offset = GW_LAYOUT_SEGMENT_AREA;
    uint64_t limit = segment->limit;
    if (segment == work->newest) {
        GW_TRY(look_ahead(work, segment->size));
        if (gw_position_segment(work->synced) == segment->number &&
            gw_position_offset(work->synced) > limit)
            limit = gw_position_offset(work->synced); /* the file lost its end */
    }
    while (offset < limit) {
        struct gw_scan_chunk chunk;
        if (gw_scan_look(&work->scan, offset, true, &chunk) != GW_OK)
            return scan_failed(work, segment->number);
        if (chunk.found != GW_SCAN_GOOD || chunk.next > limit) {
            GW_TRY(judge_bad(work, segment, &chunk, offset, limit, &offset));
            continue;
        }
        check_records(work, segment->number, offset, &chunk);
        work->audit->chunks++;
        offset = chunk.next;
    }
    return GW_OK;
}

/* -- segments -- */

/* Forgets what was found in a segment that was recycled meanwhile. */
static void forget_places(struct work *work, uint32_t number)
{
    struct gw_audit *audit = work->audit;
    while (audit->place_count > 0 && audit->places[audit->place_count - 1].segment == number) {
        audit->place_count--;
        audit->damaged--;
    }
}

static enum gw_status check_segment(struct work *work, const struct segment *segment)
{
    const struct gw_disk *disk = gw_disk_system();
    gw_file_handle file;
    if (segment->head_is != GW_OK) {
        add_place(work, segment->number, 0, segment->size, "the head of the segment is bad");
    } else {
        enum gw_status status = open_segment(work, segment->number, &file);
        if (status != GW_OK)
            return status == GW_NOT_FOUND ? GW_OK : status;
        gw_scan_begin(&work->scan, file, segment->number, gw_layout_seed(segment->head.salt));
        status = check_chunks(work, segment);
        disk->ops->close(disk->ctx, file);
        GW_TRY(status);
    }
    work->audit->segments++;
    if (!gw_vault_has(work->path, segment->number))
        forget_places(work, segment->number);
    return GW_OK;
}

/* A segment from the checkpoint on that the next one names, and that is not there. */
static void check_gap(struct work *work, size_t index)
{
    const struct segment *segment = &work->segments[index];
    if (segment->head_is != GW_OK)
        return;
    uint32_t before = gw_position_segment(segment->head.previous_end);
    if (before == 0 || segment->head.previous_end <= work->checkpoint)
        return;
    for (size_t i = 0; i < index; i++) {
        if (work->segments[i].number == before)
            return;
    }
    add_place(work, before, 0, 0, "the segment is missing");
}

static enum gw_status check_segments(struct work *work)
{
    const struct segment *newest = work->newest;
    if (newest)
        GW_TRY(check_segment(work, newest)); /* tells the checkpoint too */
    for (size_t i = 0; i < work->numbers.count; i++) {
        const struct segment *segment = &work->segments[i];
        bool lost =
            segment->head_is == GW_MALFORMED && (!newest || segment->number > newest->number);
        if (segment->live)
            check_gap(work, i);
        if (segment != newest && (segment->live || lost))
            GW_TRY(check_segment(work, segment));
    }
    return GW_OK;
}

/* -- messages -- */

struct positions {
    gw_position *list;
    size_t count, capacity;
    bool failed;
};

static void add_position(void *user, gw_position position)
{
    struct positions *positions = user;
    if (positions->failed)
        return;
    if (positions->count == positions->capacity) {
        size_t capacity = positions->capacity ? positions->capacity * 2 : 1024;
        gw_position *larger = realloc(positions->list, capacity * sizeof *larger);
        if (!larger) {
            positions->failed = true;
            return;
        }
        positions->list = larger;
        positions->capacity = capacity;
    }
    positions->list[positions->count++] = position;
}

static int compare_positions(const void *a, const void *b)
{
    gw_position left = *(const gw_position *)a;
    gw_position right = *(const gw_position *)b;
    return (left > right) - (left < right);
}

static enum gw_status check_message(struct work *work, const struct gw_vault *vault,
                                    gw_position position)
{
    struct gw_record_message message;
    struct gw_blob *body;
    enum gw_status status = gw_vault_read(vault, position, &body, &message);
    if (status == GW_OK) {
        work->audit->messages++;
        gw_blob_unref(&body);
        return GW_OK;
    }
    if (status == GW_NO_MEMORY)
        return out_of_memory(work);
    if (status != GW_END)
        add_place(work, gw_position_segment(position), gw_position_offset(position), 0,
                  status == GW_NOT_FOUND ? "a message that is needed is missing"
                                         : "a message that is needed cannot be read");
    return GW_OK;
}

static enum gw_status check_messages(struct work *work)
{
    struct positions positions = {0};
    struct gw_vault vault;
    enum gw_status status = gw_vault_open(&vault, work->path, true, work->trouble);
    if (status != GW_OK)
        return status;
    gw_image_holds(vault.image, add_position, &positions);
    if (positions.failed)
        status = out_of_memory(work);
    if (positions.count > 0)
        qsort(positions.list, positions.count, sizeof *positions.list, compare_positions);
    for (size_t i = 0; i < positions.count && status == GW_OK; i++) {
        if (i == 0 || positions.list[i] != positions.list[i - 1])
            status = check_message(work, &vault, positions.list[i]);
    }
    free(positions.list);
    gw_vault_close(&vault);
    return status;
}

static int compare_places(const void *a, const void *b)
{
    const struct gw_audit_place *left = a;
    const struct gw_audit_place *right = b;
    if (left->segment != right->segment)
        return left->segment < right->segment ? -1 : 1;
    return (left->offset > right->offset) - (left->offset < right->offset);
}

enum gw_status gw_audit_run(const char *path, struct gw_audit *ret_audit,
                            struct gw_trouble *trouble)
{
    struct work work = {.path = path, .audit = ret_audit, .trouble = trouble};
    *ret_audit = (struct gw_audit){0};
    gw_scan_init(&work.scan, gw_disk_system());
    enum gw_status status = read_heads(&work);
    if (status == GW_OK) {
        follow_chain(&work);
        status = check_segments(&work);
    }
    if (status == GW_OK)
        status = check_messages(&work);
    ret_audit->bytes = work.scan.read;
    gw_scan_fini(&work.scan);
    free(work.segments);
    free(work.numbers.list);
    if (ret_audit->place_count > 0)
        qsort(ret_audit->places, ret_audit->place_count, sizeof *ret_audit->places, compare_places);
    return status;
}

void gw_audit_fini(struct gw_audit *audit)
{
    free(audit->places);
    *audit = (struct gw_audit){0};
}

/* -- print -- */

static enum gw_status put_line(struct gw_buf *buf, const char *path,
                               const struct gw_audit_place *place)
{
    char text[GW_FOLDER_PATH_MAX + 160];
    char size[40] = "";
    if (place->size > 0)
        snprintf(size, sizeof size, " (%" PRIu64 " bytes)", place->size);
    int length = snprintf(text, sizeof text, "%s/%08" PRIx32 ".seg+%" PRIu64 ": %s%s\n", path,
                          place->segment, place->offset, place->why, size);
    return gw_buf_append(buf, gw_span_of(text, (size_t)length));
}

static enum gw_status print_text(const struct gw_audit *audit, const char *path, struct gw_buf *buf)
{
    char text[512];
    int length;
    for (size_t i = 0; i < audit->place_count; i++)
        GW_TRY(put_line(buf, path, &audit->places[i]));
    if (audit->torn_at != 0) {
        length = snprintf(text, sizeof text,
                          "the end is torn at %08" PRIx32 ".seg+%" PRIu32 ", %" PRIu64
                          " bytes: never acknowledged, the next start cuts it off\n",
                          gw_position_segment(audit->torn_at), gw_position_offset(audit->torn_at),
                          audit->torn_bytes);
        GW_TRY(gw_buf_append(buf, gw_span_of(text, (size_t)length)));
    }
    length = snprintf(text, sizeof text,
                      "segments %" PRIu64 ", chunks %" PRIu64 ", records %" PRIu64
                      ", needed messages %" PRIu64 ": ",
                      audit->segments, audit->chunks, audit->records, audit->messages);
    GW_TRY(gw_buf_append(buf, gw_span_of(text, (size_t)length)));
    if (audit->damaged == 0)
        return gw_buf_append(buf, GW_SPAN_LIT("all good\n"));
    length = snprintf(text, sizeof text, "damaged places %" PRIu64 "\n", audit->damaged);
    return gw_buf_append(buf, gw_span_of(text, (size_t)length));
}

static void put_number(struct gw_jsonout *out, const char *key, uint64_t number)
{
    gw_jsonout_key(out, gw_span_str(key));
    gw_jsonout_integer(out, (int64_t)number);
}

static void put_place(struct gw_jsonout *out, const struct gw_audit_place *place)
{
    char number[12];
    snprintf(number, sizeof number, "%08" PRIx32, place->segment);
    gw_jsonout_element(out);
    gw_jsonout_open(out, true);
    gw_jsonout_key(out, GW_SPAN_LIT("segment"));
    gw_jsonout_string(out, gw_span_str(number));
    put_number(out, "offset", place->offset);
    put_number(out, "bytes", place->size);
    gw_jsonout_key(out, GW_SPAN_LIT("why"));
    gw_jsonout_string(out, gw_span_str(place->why));
    gw_jsonout_close(out, true);
}

static enum gw_status print_json(const struct gw_audit *audit, const char *path, struct gw_buf *buf)
{
    struct gw_jsonout out;
    gw_jsonout_init(&out, buf, false);
    gw_jsonout_open(&out, true);
    gw_jsonout_key(&out, GW_SPAN_LIT("store"));
    gw_jsonout_string(&out, gw_span_str(path));
    put_number(&out, "segments", audit->segments);
    put_number(&out, "chunks", audit->chunks);
    put_number(&out, "records", audit->records);
    put_number(&out, "messages", audit->messages);
    put_number(&out, "torn_bytes", audit->torn_bytes);
    put_number(&out, "damaged", audit->damaged);
    gw_jsonout_key(&out, GW_SPAN_LIT("places"));
    gw_jsonout_open(&out, false);
    for (size_t i = 0; i < audit->place_count; i++)
        put_place(&out, &audit->places[i]);
    gw_jsonout_close(&out, false);
    gw_jsonout_close(&out, true);
    if (out.failed)
        return GW_NO_MEMORY;
    return gw_buf_append(buf, GW_SPAN_LIT("\n"));
}

enum gw_status gw_audit_print(const struct gw_audit *audit, const char *path, bool json,
                              struct gw_buf *buf)
{
    return json ? print_json(audit, path, buf) : print_text(audit, path, buf);
}
