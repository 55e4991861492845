#include "keep/survey.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "cli/jsonout.h"
#include "os/folder.h"
#include "store/layout.h"

#define SHARE "$share/"

/* -- files -- */

struct files {
    const struct gw_vault *vault;
    struct gw_survey_log *log;
};

static uint64_t size_of(const char *path, const char *name)
{
    const struct gw_disk *disk = gw_disk_system();
    char text[GW_FOLDER_PATH_MAX];
    gw_file_handle file;
    uint64_t size = 0;
    int error;
    snprintf(text, sizeof text, "%s/%s", path, name);
    if (disk->ops->open(disk->ctx, text, GW_DISK_READ, &file, &error) != GW_OK)
        return 0;
    if (disk->ops->size(disk->ctx, file, &size, &error) != GW_OK)
        size = 0;
    disk->ops->close(disk->ctx, file);
    return size;
}

static void count_file(void *user, const char *name)
{
    const struct files *files = user;
    if (gw_vault_number(name) != 0) {
        files->log->segments++;
        files->log->bytes += size_of(files->vault->path, name);
    } else if (strncmp(name, "spare-", 6) == 0) {
        files->log->spares++;
        files->log->spare_bytes += size_of(files->vault->path, name);
    } else if (strncmp(name, "damaged-", 8) == 0) {
        files->log->side_files++;
    }
}

/* The newest segment with a good head. */
static void read_head(const struct gw_vault *vault, struct gw_survey_log *log)
{
    const struct gw_disk *disk = gw_disk_system();
    struct gw_layout_segment head;
    uint8_t area[GW_LAYOUT_SEGMENT_AREA];
    char text[GW_FOLDER_PATH_MAX];
    gw_file_handle file;
    size_t size;
    int error;
    for (size_t i = vault->numbers.count; i-- > 0 && log->format == 0;) {
        gw_vault_segment_path(vault->path, vault->numbers.list[i], text, sizeof text);
        if (disk->ops->open(disk->ctx, text, GW_DISK_READ, &file, &error) != GW_OK)
            continue;
        if (disk->ops->read(disk->ctx, file, 0, (struct iovec){area, sizeof area}, &size, &error) ==
                GW_OK &&
            gw_layout_get_segment(gw_span_of(area, size), &head) == GW_OK) {
            log->format = head.version;
            log->begun_at = head.made_at;
        }
        disk->ops->close(disk->ctx, file);
    }
}

/* -- state -- */

static void count_session(const struct gw_image_session *session, struct gw_survey_state *state)
{
    state->sessions++;
    state->online += session->online;
    state->wills += session->will != NULL;
    GW_LIST_FOREACH (link, &session->subscriptions) {
        const struct gw_image_subscription *subscription =
            GW_CONTAINER_CONST(link, struct gw_image_subscription, link);
        state->subscriptions++;
        state->shared += gw_span_starts_with(
            gw_span_of(subscription->filter, subscription->filter_size), GW_SPAN_LIT(SHARE));
    }
    state->queued += session->delivery_count;
    for (size_t i = 0; i < session->delivery_count; i++) {
        state->queued_bytes += session->deliveries[i].size;
        state->under_way += session->deliveries[i].packet_id != 0;
    }
}

static void count_state(struct gw_image *image, struct gw_survey_state *state)
{
    const struct gw_image_session *session;
    const struct gw_image_group *group;
    struct gw_map_cursor cursor;
    gw_map_first(&image->sessions, &cursor);
    while ((session = gw_image_next_session(image, &cursor)) != NULL)
        count_session(session, state);
    gw_map_first(&image->groups, &cursor);
    while ((group = gw_image_next_group(image, &cursor)) != NULL) {
        state->groups++;
        state->group_queued += group->entry_count;
    }
    state->retained = image->retained.count;
    state->unfinished = image->unfinished_count;
}

enum gw_status gw_survey_take(const struct gw_vault *vault, struct gw_survey *ret_survey,
                              struct gw_trouble *trouble)
{
    const struct gw_disk *disk = gw_disk_system();
    int error = 0;
    *ret_survey = (struct gw_survey){.report = vault->report};
    struct files files = {vault, &ret_survey->log};
    if (disk->ops->list(disk->ctx, vault->path, count_file, &files, &error) != GW_OK)
        return gw_trouble_system(trouble, error, "cannot list %s", vault->path);
    read_head(vault, &ret_survey->log);
    ret_survey->log.checkpoint = gw_store_checkpoint(vault->store);
    ret_survey->log.end = gw_store_end(vault->store);
    count_state(vault->image, &ret_survey->state);
    return GW_OK;
}

/* -- print -- */

static void size_text(uint64_t bytes, char text[24])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 1000 && unit + 1 < sizeof units / sizeof *units) {
        value /= 1000;
        unit++;
    }
    snprintf(text, 24, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
}

static void time_text(gw_wall_ns wall, char text[40])
{
    time_t seconds = (time_t)(wall / (gw_wall_ns)GW_NS_PER_S);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    strftime(text, 40, "%Y-%m-%dT%H:%M:%SZ", &parts);
}

static void position_text(gw_position position, char text[40])
{
    snprintf(text, 40, "%08" PRIx32 "+%" PRIu32, gw_position_segment(position),
             gw_position_offset(position));
}

GW_PRINTF(3, 4)
static enum gw_status put(struct gw_buf *buf, const char *name, const char *format, ...)
{
    char line[256];
    va_list args;
    int size = snprintf(line, sizeof line, "%-14s ", name);
    va_start(args, format);
    size += vsnprintf(line + size, sizeof line - (size_t)size, format, args);
    va_end(args);
    size_t length = (size_t)size < sizeof line - 2 ? (size_t)size : sizeof line - 2;
    line[length++] = '\n';
    return gw_buf_append(buf, gw_span_of(line, length));
}

static enum gw_status print_log(const struct gw_survey *survey, const char *path,
                                struct gw_buf *buf)
{
    const struct gw_survey_log *log = &survey->log;
    char size[24];
    char at[40];
    GW_TRY(put(buf, "store", "%s", path));
    time_text(log->begun_at, at);
    if (log->format == 0)
        GW_TRY(put(buf, "format", "none: nothing was written yet"));
    else
        GW_TRY(put(buf, "format", "%" PRIu32 ", newest segment begun %s", log->format, at));
    size_text(log->bytes, size);
    GW_TRY(put(buf, "segments", "%" PRIu64 ", %s", log->segments, size));
    size_text(log->spare_bytes, size);
    GW_TRY(put(buf, "spares", "%" PRIu64 ", %s", log->spares, size));
    position_text(log->checkpoint, at);
    size_text(survey->report.bytes, size);
    GW_TRY(put(buf, "checkpoint", "%s; a start reads %s, %" PRIu64 " records", at, size,
               survey->report.records));
    if (survey->report.torn_at != 0)
        GW_TRY(put(buf, "torn end", "%" PRIu64 " bytes, cut off by the next start",
                   survey->report.torn_bytes));
    if (survey->report.damaged > 0)
        GW_TRY(put(buf, "damaged", "%" PRIu64 " places: godwit store verify says where",
                   survey->report.damaged));
    if (log->side_files > 0)
        GW_TRY(put(buf, "side files", "%" PRIu64 " with damaged bytes of earlier starts",
                   log->side_files));
    return GW_OK;
}

static enum gw_status print_state(const struct gw_survey_state *state, struct gw_buf *buf)
{
    char size[24];
    GW_TRY(put(buf, "sessions", "%" PRIu64 ", %" PRIu64 " of them online, %" PRIu64 " with a will",
               state->sessions, state->online, state->wills));
    GW_TRY(put(buf, "subscriptions", "%" PRIu64 ", %" PRIu64 " of them shared",
               state->subscriptions, state->shared));
    size_text(state->queued_bytes, size);
    GW_TRY(put(buf, "queued", "%" PRIu64 " deliveries, %" PRIu64 " of them under way, %s",
               state->queued, state->under_way, size));
    GW_TRY(put(buf, "groups", "%" PRIu64 ", %" PRIu64 " messages queued", state->groups,
               state->group_queued));
    GW_TRY(put(buf, "retained", "%" PRIu64, state->retained));
    if (state->unfinished > 0)
        GW_TRY(put(buf, "unfinished", "%" PRIu64 " messages are routed again at the next start",
                   state->unfinished));
    return GW_OK;
}

static void put_number(struct gw_jsonout *out, const char *key, uint64_t number)
{
    gw_jsonout_key(out, gw_span_str(key));
    gw_jsonout_integer(out, (int64_t)number);
}

static void put_string(struct gw_jsonout *out, const char *key, const char *text)
{
    gw_jsonout_key(out, gw_span_str(key));
    gw_jsonout_string(out, gw_span_str(text));
}

static enum gw_status print_json(const struct gw_survey *survey, const char *path,
                                 struct gw_buf *buf)
{
    const struct gw_survey_log *log = &survey->log;
    const struct gw_survey_state *state = &survey->state;
    struct gw_jsonout out;
    char at[40];
    gw_jsonout_init(&out, buf, false);
    gw_jsonout_open(&out, true);
    put_string(&out, "store", path);
    put_number(&out, "format", log->format);
    time_text(log->begun_at, at);
    put_string(&out, "begun", at);
    put_number(&out, "segments", log->segments);
    put_number(&out, "bytes", log->bytes);
    put_number(&out, "spares", log->spares);
    put_number(&out, "spare_bytes", log->spare_bytes);
    put_number(&out, "side_files", log->side_files);
    position_text(log->checkpoint, at);
    put_string(&out, "checkpoint", at);
    position_text(log->end, at);
    put_string(&out, "end", at);
    put_number(&out, "bytes_read", survey->report.bytes);
    put_number(&out, "records_read", survey->report.records);
    put_number(&out, "torn_bytes", survey->report.torn_bytes);
    put_number(&out, "damaged", survey->report.damaged);
    put_number(&out, "sessions", state->sessions);
    put_number(&out, "online", state->online);
    put_number(&out, "wills", state->wills);
    put_number(&out, "subscriptions", state->subscriptions);
    put_number(&out, "shared_subscriptions", state->shared);
    put_number(&out, "queued", state->queued);
    put_number(&out, "queued_bytes", state->queued_bytes);
    put_number(&out, "under_way", state->under_way);
    put_number(&out, "groups", state->groups);
    put_number(&out, "group_queued", state->group_queued);
    put_number(&out, "retained", state->retained);
    put_number(&out, "unfinished", state->unfinished);
    gw_jsonout_close(&out, true);
    if (out.failed)
        return GW_NO_MEMORY;
    return gw_buf_append(buf, GW_SPAN_LIT("\n"));
}

enum gw_status gw_survey_print(const struct gw_survey *survey, const char *path, bool json,
                               struct gw_buf *buf)
{
    if (json)
        return print_json(survey, path, buf);
    GW_TRY(print_log(survey, path, buf));
    return print_state(&survey->state, buf);
}
