#include "config/confwalk.h"

#include "config/confname.h"

static struct gw_confreport_place place_of(const struct gw_confwalk *walk, yaml_mark_t begin,
                                           yaml_mark_t end)
{
    struct gw_confreport_place place = {walk->input->name, walk->input->text, 0, 1, 1};

    if (walk->input->show_lines) {
        place.line = (uint32_t)begin.line + 1;
        place.column = (uint32_t)begin.column + 1;
        if (end.line == begin.line && end.column > begin.column)
            place.width = (uint32_t)(end.column - begin.column);
    }
    return place;
}

struct gw_confreport_place gw_confwalk_here(const struct gw_confwalk *walk)
{
    return place_of(walk, walk->event.start_mark, walk->event.end_mark);
}

void gw_confwalk_note(struct gw_confwalk *walk, enum gw_status status,
                      const struct gw_confreport_place *place,
                      const struct gw_confreport_error *error)
{
    if (status == GW_NO_MEMORY) {
        walk->status = GW_NO_MEMORY;
        walk->ended = true;
        return;
    }
    gw_confreport_add(walk->report, place, error);
    walk->status = GW_INVALID;
    if (++walk->error_count > GW_CONFREPORT_ERRORS_MAX)
        walk->ended = true; /* finding what was meant costs time; a large file must not */
}

void gw_confwalk_note_here(struct gw_confwalk *walk, enum gw_confreport_code code, const char *what,
                           const char *why)
{
    struct gw_confreport_place place = gw_confwalk_here(walk);
    struct gw_confreport_error error;

    gw_confreport_set(&error, code, "%s", what);
    gw_confreport_set_why(&error, "%s", why);
    gw_confwalk_note(walk, GW_INVALID, &place, &error);
}

/* The place of a byte that cannot be read at all; then there is no mark yet. */
static yaml_mark_t mark_of_offset(struct gw_span text, size_t offset)
{
    yaml_mark_t mark = {offset, 0, 0};

    for (size_t i = 0; i < offset && i < text.size; i++) {
        mark.column += (text.data[i] & 0xC0) != 0x80;
        if (text.data[i] == '\n') {
            mark.line++;
            mark.column = 0;
        }
    }
    return mark;
}

/* True if the parser stumbled over a tab. */
static bool is_tab(const struct gw_confwalk *walk)
{
    size_t at = walk->parser.problem_mark.index;
    struct gw_span text = walk->input->text;

    return at < text.size && text.data[at] == '\t';
}

static void on_syntax_error(struct gw_confwalk *walk)
{
    const yaml_parser_t *parser = &walk->parser;
    yaml_mark_t mark = parser->error == YAML_READER_ERROR
                           ? mark_of_offset(walk->input->text, parser->problem_offset)
                           : parser->problem_mark;
    struct gw_confreport_place place = place_of(walk, mark, mark);
    struct gw_confreport_error error;

    if (parser->error == YAML_MEMORY_ERROR) {
        gw_confwalk_note(walk, GW_NO_MEMORY, NULL, NULL);
        return;
    }
    gw_confreport_set(&error, GW_CONFREPORT_SYNTAX, "this is not YAML: %s",
                      parser->problem != NULL ? parser->problem : "no reason known");
    if (is_tab(walk))
        gw_confreport_set_why(&error, "indent with spaces, not with tabs");
    else if (parser->context != NULL)
        gw_confreport_set_why(&error, "%s that begins in line %zu", parser->context,
                              parser->context_mark.line + 1);
    gw_confwalk_note(walk, GW_INVALID, &place, &error);
}

/* Refuses what makes YAML large or odd; the rest of the text is not looked at. */
static bool is_refused(struct gw_confwalk *walk)
{
    const yaml_event_t *event = &walk->event;
    const yaml_char_t *anchor = NULL;
    const yaml_char_t *tag = NULL;

    if (event->type == YAML_SCALAR_EVENT) {
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
    }
    if (event->type == YAML_ALIAS_EVENT || anchor != NULL)
        gw_confwalk_note_here(walk, GW_CONFREPORT_TOO_MUCH,
                              "anchors and aliases are not taken here",
                              "write the value out; quote a text that begins with & or *");
    else if (tag != NULL)
        gw_confwalk_note_here(walk, GW_CONFREPORT_TOO_MUCH, "tags are not taken here",
                              "quote a text that begins with !");
    else if (walk->depth > GW_CONFYAML_DEPTH_MAX)
        gw_confwalk_note_here(walk, GW_CONFREPORT_TOO_MUCH, "this is nested too deep", "");
    else if (walk->event_count > GW_CONFYAML_EVENTS_MAX)
        gw_confwalk_note_here(walk, GW_CONFREPORT_TOO_MUCH, "there are too many values", "");
    else
        return false;
    return true;
}

bool gw_confwalk_next(struct gw_confwalk *walk)
{
    if (walk->ended)
        return false;
    yaml_event_delete(&walk->event);
    if (!yaml_parser_parse(&walk->parser, &walk->event)) {
        memset(&walk->event, 0, sizeof walk->event);
        walk->ended = true;
        on_syntax_error(walk);
        return false;
    }
    walk->event_count++;
    if (walk->event.type == YAML_MAPPING_START_EVENT ||
        walk->event.type == YAML_SEQUENCE_START_EVENT)
        walk->depth++;
    else if (walk->event.type == YAML_MAPPING_END_EVENT ||
             walk->event.type == YAML_SEQUENCE_END_EVENT)
        walk->depth--;
    if (is_refused(walk))
        walk->ended = true;
    return !walk->ended;
}

void gw_confwalk_skip(struct gw_confwalk *walk)
{
    uint32_t depth = walk->depth;

    if (walk->event.type != YAML_MAPPING_START_EVENT &&
        walk->event.type != YAML_SEQUENCE_START_EVENT)
        return;
    while (gw_confwalk_next(walk) && walk->depth >= depth)
        ;
}

struct gw_span gw_confwalk_scalar(const struct gw_confwalk *walk)
{
    return gw_span_of(walk->event.data.scalar.value, walk->event.data.scalar.length);
}

bool gw_confwalk_is_null(const struct gw_confwalk *walk)
{
    struct gw_span text;

    if (walk->event.type != YAML_SCALAR_EVENT ||
        walk->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return false;
    text = gw_confwalk_scalar(walk);
    return text.size == 0 || gw_span_equal(text, GW_SPAN_LIT("~")) ||
           gw_span_equal(text, GW_SPAN_LIT("null"));
}

bool gw_confwalk_read_text(struct gw_confwalk *walk, struct gw_buf *buf)
{
    struct gw_confreport_place place = gw_confwalk_here(walk);
    struct gw_confreport_error error;
    enum gw_status status;

    gw_buf_init(buf, GW_CONFIG_TEXT_MAX);
    status = gw_confname_expand(gw_confwalk_scalar(walk), walk->input->env, buf, &error);
    if (status == GW_OK)
        return true;
    gw_confwalk_note(walk, status, &place, &error);
    gw_buf_fini(buf);
    return false;
}
