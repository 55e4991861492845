#include "config/confitem.h"

#include <stdio.h>

#include "base/assert.h"
#include "base/suggest.h"

#define NAME_MAX_SIZE 64 /* a longer one is unknown anyway */

void gw_confitem_init(struct gw_confitem *item, const struct gw_confwalk *walk, const char *what,
                      const char *const *names, size_t field_count)
{
    GW_ASSERT(field_count <= GW_CONFITEM_FIELDS_MAX);
    item->what = what;
    item->field_count = field_count;
    item->place = gw_confwalk_here(walk);
    item->broken = false;
    for (size_t i = 0; i < field_count; i++) {
        item->fields[i].name = names[i];
        item->fields[i].place = item->place;
        item->fields[i].stands = false;
        item->fields[i].is_list = false;
        gw_buf_init(&item->fields[i].text, GW_CONFIG_TEXT_MAX);
    }
}

void gw_confitem_fini(struct gw_confitem *item)
{
    for (size_t i = 0; i < item->field_count; i++)
        gw_buf_fini(&item->fields[i].text);
}

static struct gw_confitem_field *find_field(struct gw_confitem *item, struct gw_span name)
{
    for (size_t i = 0; i < item->field_count; i++) {
        if (gw_span_equal(gw_span_str(item->fields[i].name), name))
            return &item->fields[i];
    }
    return NULL;
}

/* Reads a list of scalars as one text with ", " between them. */
static bool read_list(struct gw_confwalk *walk, struct gw_buf *text)
{
    struct gw_buf one;
    bool good = true;

    while (gw_confwalk_next(walk) && walk->event.type != YAML_SEQUENCE_END_EVENT) {
        if (walk->event.type != YAML_SCALAR_EVENT) {
            gw_confwalk_note_here(walk, GW_CONFREPORT_SHAPE, "this is a list of single values", "");
            gw_confwalk_skip(walk);
            good = false;
        } else if (!gw_confwalk_read_text(walk, &one)) {
            good = false;
        } else {
            struct gw_span separator = text->size > 0 ? GW_SPAN_LIT(", ") : GW_SPAN_NONE;
            enum gw_status status = gw_buf_append(text, separator);

            if (status == GW_OK)
                status = gw_buf_append(text, gw_buf_span(&one));
            if (status != GW_OK)
                gw_confwalk_note_here(walk, GW_CONFREPORT_RANGE, "the list is too long", "");
            good &= status == GW_OK;
            gw_buf_fini(&one);
        }
    }
    return good;
}

/* Reads the value of a field; the current event is the value. */
static void read_field(struct gw_confwalk *walk, struct gw_confitem *item,
                       struct gw_confitem_field *field)
{
    field->place = gw_confwalk_here(walk);
    if (walk->event.type == YAML_SEQUENCE_START_EVENT && field->is_list) {
        item->broken |= !read_list(walk, &field->text);
    } else if (walk->event.type != YAML_SCALAR_EVENT) {
        gw_confwalk_note_here(walk, GW_CONFREPORT_SHAPE,
                              "this is one value, not a list or a mapping", "");
        gw_confwalk_skip(walk);
        item->broken = true;
    } else if (!gw_confwalk_read_text(walk, &field->text)) {
        item->broken = true;
    }
}

void gw_confitem_read_as(struct gw_confitem *item, struct gw_confwalk *walk, size_t field)
{
    item->fields[field].stands = true;
    read_field(walk, item, &item->fields[field]);
}

/* Says that there is no such field, and which was meant or which there are. */
static void refuse_name(const struct gw_confitem *item, struct gw_span name,
                        struct gw_confreport_error *error)
{
    const char *names[GW_CONFITEM_FIELDS_MAX];
    char list[GW_CONFREPORT_TEXT_MAX / 2] = "";
    size_t used = 0;

    for (size_t i = 0; i < item->field_count; i++) {
        const char *separator = i == 0 ? "" : i + 1 == item->field_count ? " and " : ", ";

        names[i] = item->fields[i].name;
        if (used < sizeof list)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", separator, names[i]);
    }
    const char *meant = gw_suggest_word(name, names, item->field_count);

    gw_confreport_set(error, GW_CONFREPORT_UNKNOWN_KEY, "unknown key \"%.*s\" in %s",
                      GW_CONFREPORT_QUOTE(name), item->what);
    if (meant != NULL)
        gw_confreport_set_why(error, "did you mean \"%s\"?", meant);
    else
        gw_confreport_set_why(error, "%s has %s", item->what, list);
}

static void read_entries(struct gw_confwalk *walk, struct gw_confitem *item, struct gw_span group);

/* True if fields begin with this name and a dot. */
static bool is_group(const struct gw_confitem *item, struct gw_span name)
{
    for (size_t i = 0; i < item->field_count; i++) {
        struct gw_span field = gw_span_str(item->fields[i].name);

        if (field.size > name.size && field.data[name.size] == '.' &&
            gw_span_starts_with(field, name))
            return true;
    }
    return false;
}

/* Reads the value behind an entry's full name; the current event is its key. */
static void read_named(struct gw_confwalk *walk, struct gw_confitem *item, struct gw_span name)
{
    struct gw_confreport_place place = gw_confwalk_here(walk);
    struct gw_confitem_field *field = find_field(item, name);
    struct gw_confreport_error error;

    if (field != NULL && !field->stands) {
        field->stands = true;
        if (gw_confwalk_next(walk))
            read_field(walk, item, field);
        return;
    }
    if (field == NULL)
        refuse_name(item, name, &error);
    else
        gw_confreport_set(&error, GW_CONFREPORT_DUPLICATE_KEY, "%.*s stands twice",
                          GW_CONFREPORT_QUOTE(name));
    item->broken = true;
    gw_confwalk_note(walk, GW_INVALID, &place, &error);
    gw_confwalk_skip(walk);
    if (gw_confwalk_next(walk))
        gw_confwalk_skip(walk);
}

/* Reads one `url: ...` or what else an item has; the current event is the key. */
static void read_entry(struct gw_confwalk *walk, struct gw_confitem *item, struct gw_span group)
{
    char text[NAME_MAX_SIZE];
    struct gw_span name =
        walk->event.type == YAML_SCALAR_EVENT ? gw_confwalk_scalar(walk) : GW_SPAN_LIT("(a list)");
    bool known_group = group.size == 0 && is_group(item, name);
    int size = snprintf(text, sizeof text, "%.*s%s%.*s", GW_SPAN_FMT(group),
                        group.size > 0 ? "." : "", GW_SPAN_FMT(name));

    if (size > 0 && (size_t)size < sizeof text)
        name = gw_span_of(text, (size_t)size);
    if (!known_group) {
        read_named(walk, item, name);
        return;
    }
    if (!gw_confwalk_next(walk))
        return;
    if (walk->event.type == YAML_MAPPING_START_EVENT) {
        read_entries(walk, item, name);
        return;
    }
    gw_confwalk_note_here(walk, GW_CONFREPORT_SHAPE, "this is a mapping, not one value", "");
    gw_confwalk_skip(walk);
    item->broken = true;
}

static void read_entries(struct gw_confwalk *walk, struct gw_confitem *item, struct gw_span group)
{
    while (gw_confwalk_next(walk) && walk->event.type != YAML_MAPPING_END_EVENT)
        read_entry(walk, item, group);
}

void gw_confitem_read(struct gw_confitem *item, struct gw_confwalk *walk)
{
    read_entries(walk, item, GW_SPAN_NONE);
}

void gw_confitem_note(struct gw_confitem *item, struct gw_confwalk *walk, size_t field,
                      enum gw_status status, const struct gw_confreport_error *error)
{
    if (status == GW_OK)
        return;
    item->broken = true;
    gw_confwalk_note(walk, status, &item->fields[field].place, error);
}
