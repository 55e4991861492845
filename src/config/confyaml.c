#include "config/confyaml.h"

#include <yaml.h>

#include "base/utf8.h"
#include "config/conflisten.h"
#include "config/confname.h"
#include "config/confrules.h"
#include "config/confvalue.h"

#define RULE_EXAMPLE "as - {filter: \"plant/#\", class: memory}"

struct walk {
    yaml_parser_t parser;
    yaml_event_t event; /* the current one; its memory lasts until the next */
    const struct gw_confyaml_input *input;
    struct gw_config *config;
    struct gw_confreport *report;
    uint32_t event_count;
    uint32_t depth; /* of the current event */
    uint32_t error_count;
    enum gw_status status; /* the worst so far */
    bool ended;            /* nothing more can be read */
    /* For each key and for each group (at its first key) the line it stood in, 0 if it did not;
     * one column per depth of the name. */
    uint32_t seen[GW_CONFIG_KEY_COUNT][GW_CONFNAME_DEPTH_MAX];
};

static struct gw_confreport_place place_of(const struct walk *walk, yaml_mark_t begin,
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

static struct gw_confreport_place here(const struct walk *walk)
{
    return place_of(walk, walk->event.start_mark, walk->event.end_mark);
}

/* Notes an error; memory that ran out outweighs what is wrong with the text. */
static void note(struct walk *walk, enum gw_status status, const struct gw_confreport_place *place,
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

static void note_here(struct walk *walk, enum gw_confreport_code code, const char *what,
                      const char *why)
{
    struct gw_confreport_place place = here(walk);
    struct gw_confreport_error error;

    gw_confreport_set(&error, code, "%s", what);
    gw_confreport_set_why(&error, "%s", why);
    note(walk, GW_INVALID, &place, &error);
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
static bool is_tab(const struct walk *walk)
{
    size_t at = walk->parser.problem_mark.index;
    struct gw_span text = walk->input->text;

    return at < text.size && text.data[at] == '\t';
}

static void on_syntax_error(struct walk *walk)
{
    const yaml_parser_t *parser = &walk->parser;
    yaml_mark_t mark = parser->error == YAML_READER_ERROR
                           ? mark_of_offset(walk->input->text, parser->problem_offset)
                           : parser->problem_mark;
    struct gw_confreport_place place = place_of(walk, mark, mark);
    struct gw_confreport_error error;

    if (parser->error == YAML_MEMORY_ERROR) {
        note(walk, GW_NO_MEMORY, NULL, NULL);
        return;
    }
    gw_confreport_set(&error, GW_CONFREPORT_SYNTAX, "this is not YAML: %s",
                      parser->problem != NULL ? parser->problem : "no reason known");
    if (is_tab(walk))
        gw_confreport_set_why(&error, "indent with spaces, not with tabs");
    else if (parser->context != NULL)
        gw_confreport_set_why(&error, "%s that begins in line %zu", parser->context,
                              parser->context_mark.line + 1);
    note(walk, GW_INVALID, &place, &error);
}

/* Refuses what makes YAML large or odd; the rest of the text is not looked at. */
static bool is_refused(struct walk *walk)
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
        note_here(walk, GW_CONFREPORT_TOO_MUCH, "anchors and aliases are not taken here",
                  "write the value out; quote a text that begins with & or *");
    else if (tag != NULL)
        note_here(walk, GW_CONFREPORT_TOO_MUCH, "tags are not taken here",
                  "quote a text that begins with !");
    else if (walk->depth > GW_CONFYAML_DEPTH_MAX)
        note_here(walk, GW_CONFREPORT_TOO_MUCH, "this is nested too deep", "");
    else if (walk->event_count > GW_CONFYAML_EVENTS_MAX)
        note_here(walk, GW_CONFREPORT_TOO_MUCH, "there are too many values", "");
    else
        return false;
    return true;
}

/* Goes to the next event; false when there is none any more. */
static bool next(struct walk *walk)
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

/* Skips what the current event begins. */
static void skip(struct walk *walk)
{
    uint32_t depth = walk->depth;

    if (walk->event.type != YAML_MAPPING_START_EVENT &&
        walk->event.type != YAML_SEQUENCE_START_EVENT)
        return;
    while (next(walk) && walk->depth >= depth)
        ;
}

static struct gw_span scalar(const struct walk *walk)
{
    return gw_span_of(walk->event.data.scalar.value, walk->event.data.scalar.length);
}

/* True for the nothing behind `limits:`, and for `~` and `null`. */
static bool is_null(const struct walk *walk)
{
    struct gw_span text;

    if (walk->event.type != YAML_SCALAR_EVENT ||
        walk->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return false;
    text = scalar(walk);
    return text.size == 0 || gw_span_equal(text, GW_SPAN_LIT("~")) ||
           gw_span_equal(text, GW_SPAN_LIT("null"));
}

/* Reads the current scalar with its ${NAME}s filled in; notes what is wrong. */
static bool read_text(struct walk *walk, struct gw_buf *buf)
{
    struct gw_confreport_place place = here(walk);
    struct gw_confreport_error error;
    enum gw_status status;

    gw_buf_init(buf, GW_CONFIG_TEXT_MAX);
    status = gw_confname_expand(scalar(walk), walk->input->env, buf, &error);
    if (status == GW_OK)
        return true;
    note(walk, status, &place, &error);
    gw_buf_fini(buf);
    return false;
}

static void set_origin(struct walk *walk, const struct gw_config_key *key, uint32_t line)
{
    struct gw_config_origin *origin = &walk->config->origins[key - gw_config_keys];

    origin->source = walk->input->source;
    origin->line = walk->input->show_lines ? line : 0;
}

static void read_scalar(struct walk *walk, const struct gw_config_key *key)
{
    struct gw_confreport_place place = here(walk);
    struct gw_confreport_error error;
    struct gw_buf text;
    enum gw_status status;

    if (is_null(walk) && key->kind != GW_CONFIG_TEXT) {
        gw_confreport_set(&error, GW_CONFREPORT_VALUE, "%s has no value", key->name);
        note(walk, GW_INVALID, &place, &error);
        return;
    }
    if (!read_text(walk, &text))
        return;
    status = gw_confvalue_set(walk->config, key, is_null(walk) ? GW_SPAN_NONE : gw_buf_span(&text),
                              &error);
    if (status != GW_OK)
        note(walk, status, &place, &error);
    gw_buf_fini(&text);
}

static void read_version(struct walk *walk, uint32_t *versions)
{
    struct gw_confreport_place place = here(walk);
    struct gw_confreport_error error;
    struct gw_buf text;
    enum gw_status status;

    if (walk->event.type != YAML_SCALAR_EVENT) {
        note_here(walk, GW_CONFREPORT_SHAPE, "a protocol version is one word", "as 3.1.1");
        skip(walk);
        return;
    }
    if (!read_text(walk, &text))
        return;
    status = gw_confvalue_add_version(gw_buf_span(&text), versions, &error);
    if (status != GW_OK)
        note(walk, status, &place, &error);
    gw_buf_fini(&text);
}

/* One field of an item of a list, as it is being read. */
struct field {
    const char *name;
    struct gw_buf text;
    struct gw_confreport_place place;
    bool stands; /* it was written */
};

/* An item of a list: a mapping with two fields. */
struct item {
    const char *what; /* "a listener" */
    struct field fields[2];
    bool broken; /* something was noted */
};

static void item_init(struct walk *walk, struct item *item)
{
    for (size_t i = 0; i < GW_COUNT_OF(item->fields); i++) {
        item->fields[i].place = here(walk);
        item->fields[i].stands = false;
        gw_buf_init(&item->fields[i].text, GW_CONFIG_TEXT_MAX);
    }
    item->broken = false;
}

static void item_fini(struct item *item)
{
    for (size_t i = 0; i < GW_COUNT_OF(item->fields); i++)
        gw_buf_fini(&item->fields[i].text);
}

static struct field *find_field(struct item *item, struct gw_span name)
{
    for (size_t i = 0; i < GW_COUNT_OF(item->fields); i++) {
        if (gw_span_equal(gw_span_str(item->fields[i].name), name))
            return &item->fields[i];
    }
    return NULL;
}

/* Reads the value of a field; the current event is the value. */
static void read_field(struct walk *walk, struct item *item, struct field *field)
{
    field->place = here(walk);
    if (walk->event.type != YAML_SCALAR_EVENT) {
        note_here(walk, GW_CONFREPORT_SHAPE, "this is one value, not a list or a mapping", "");
        skip(walk);
        item->broken = true;
    } else if (!read_text(walk, &field->text)) {
        item->broken = true;
    }
}

/* Reads one `url: ...` or what else an item has; the current event is the key. */
static void read_item_entry(struct walk *walk, struct item *item)
{
    struct gw_confreport_place place = here(walk);
    struct gw_span name =
        walk->event.type == YAML_SCALAR_EVENT ? scalar(walk) : GW_SPAN_LIT("(a list)");
    struct field *field = find_field(item, name);
    struct gw_confreport_error error;

    if (field == NULL) {
        gw_confreport_set(&error, GW_CONFREPORT_UNKNOWN_KEY, "unknown key \"%.*s\" in %s",
                          GW_CONFREPORT_QUOTE(name), item->what);
        gw_confreport_set_why(&error, "%s has %s and %s", item->what, item->fields[0].name,
                              item->fields[1].name);
    } else if (field->stands) {
        gw_confreport_set(&error, GW_CONFREPORT_DUPLICATE_KEY, "%.*s stands twice",
                          GW_CONFREPORT_QUOTE(name));
    } else {
        field->stands = true;
        if (next(walk))
            read_field(walk, item, field);
        return;
    }
    item->broken = true;
    note(walk, GW_INVALID, &place, &error);
    skip(walk);
    if (next(walk))
        skip(walk);
}

/* Reads the mapping of an item from the current event on. */
static void read_item(struct walk *walk, struct item *item)
{
    while (next(walk) && walk->event.type != YAML_MAPPING_END_EVENT)
        read_item_entry(walk, item);
}

/* Notes what came out for a field, unless it is good. */
static void note_field(struct walk *walk, struct item *item, size_t index, enum gw_status status,
                       const struct gw_confreport_error *error)
{
    if (status == GW_OK)
        return;
    item->broken = true;
    note(walk, status, &item->fields[index].place, error);
}

static void add_listener(struct walk *walk, struct item *item)
{
    enum gw_conflisten_anonymous anonymous = GW_CONFLISTEN_UNSAID;
    struct field *fields = item->fields;
    struct gw_confreport_error error;

    if (fields[1].stands)
        note_field(walk, item, 1,
                   gw_conflisten_word(gw_buf_span(&fields[1].text), &anonymous, &error), &error);
    if (!fields[0].stands)
        note_field(walk, item, 0,
                   gw_confreport_set(&error, GW_CONFREPORT_LISTENER, "a listener needs a url"),
                   &error);
    if (!item->broken)
        note_field(walk, item, 0,
                   gw_conflisten_add(&walk->config->listeners, gw_buf_span(&fields[0].text),
                                     anonymous, &error),
                   &error);
}

/* Reads `URL` or `{url: ..., anonymous: ...}` from the current event on. */
static void read_listener(struct walk *walk)
{
    struct item item = {.what = "a listener", .fields = {{.name = "url"}, {.name = "anonymous"}}};

    item_init(walk, &item);
    if (walk->event.type == YAML_SCALAR_EVENT) {
        item.fields[0].stands = true;
        read_field(walk, &item, &item.fields[0]);
    } else if (walk->event.type == YAML_MAPPING_START_EVENT) {
        read_item(walk, &item);
    } else {
        note_here(walk, GW_CONFREPORT_SHAPE, "a listener is a URL or a mapping",
                  "as - mqtt://127.0.0.1:1883");
        skip(walk);
        item.broken = true;
    }
    if (!walk->ended && !item.broken)
        add_listener(walk, &item);
    item_fini(&item);
}

static void add_rule(struct walk *walk, struct item *item)
{
    enum gw_durability result = GW_DURABILITY_DISK;
    struct field *fields = item->fields;
    struct gw_confreport_error error;

    for (size_t i = 0; i < GW_COUNT_OF(item->fields); i++) {
        if (fields[i].stands)
            continue;
        gw_confreport_set(&error, GW_CONFREPORT_SHAPE, "a rule needs a %s", fields[i].name);
        gw_confreport_set_why(&error, RULE_EXAMPLE);
        note_field(walk, item, i, GW_INVALID, &error);
    }
    if (fields[1].stands)
        note_field(walk, item, 1, gw_confrules_word(gw_buf_span(&fields[1].text), &result, &error),
                   &error);
    if (!item->broken)
        note_field(walk, item, 0,
                   gw_confrules_add(&walk->config->store.durability_rules,
                                    gw_buf_span(&fields[0].text), result, &error),
                   &error);
}

/* Reads `{filter: ..., class: ...}` from the current event on. */
static void read_rule(struct walk *walk)
{
    struct item item = {.what = "a rule", .fields = {{.name = "filter"}, {.name = "class"}}};

    if (walk->event.type != YAML_MAPPING_START_EVENT) {
        note_here(walk, GW_CONFREPORT_SHAPE, "a rule is a mapping", RULE_EXAMPLE);
        skip(walk);
        return;
    }
    item_init(walk, &item);
    read_item(walk, &item);
    if (!walk->ended && !item.broken)
        add_rule(walk, &item);
    item_fini(&item);
}

/* Reads the list behind `store.durability_rules:`, or the one rule; none is fine. */
static void read_rules(struct walk *walk)
{
    gw_confrules_fini(&walk->config->store.durability_rules);
    if (is_null(walk))
        return;
    if (walk->event.type != YAML_SEQUENCE_START_EVENT) {
        read_rule(walk);
        return;
    }
    while (next(walk) && walk->event.type != YAML_SEQUENCE_END_EVENT)
        read_rule(walk);
}

/* Reads the list behind `listeners:`, or the one listener. */
static void read_listeners(struct walk *walk)
{
    struct gw_confreport_place place = here(walk);
    struct gw_confreport_error error;
    uint32_t before = walk->error_count;

    gw_conflisten_fini(&walk->config->listeners);
    if (walk->event.type != YAML_SEQUENCE_START_EVENT && !is_null(walk)) {
        read_listener(walk);
        return;
    }
    if (!is_null(walk)) {
        while (next(walk) && walk->event.type != YAML_SEQUENCE_END_EVENT)
            read_listener(walk);
    }
    if (walk->config->listeners.count == 0 && before == walk->error_count) {
        gw_confreport_set(&error, GW_CONFREPORT_SHAPE, "listeners has none");
        gw_confreport_set_why(&error, "without the key it is 127.0.0.1 and ::1");
        note(walk, GW_INVALID, &place, &error);
    }
}

static void read_versions(struct walk *walk, const struct gw_config_key *key)
{
    uint32_t versions = 0;
    uint32_t before = walk->error_count;

    while (next(walk) && walk->event.type != YAML_SEQUENCE_END_EVENT)
        read_version(walk, &versions);
    if (versions == 0 && before == walk->error_count)
        note_here(walk, GW_CONFREPORT_SHAPE, "mqtt.versions has none", "");
    if (versions != 0)
        memcpy(gw_confvalue_member(walk->config, key), &versions, sizeof versions);
}

/* Reads the value of a key from the current event on. */
static void read_value(struct walk *walk, const struct gw_config_key *key)
{
    if (key->kind == GW_CONFIG_LISTENERS) {
        read_listeners(walk);
    } else if (key->kind == GW_CONFIG_RULES) {
        read_rules(walk);
    } else if (walk->event.type == YAML_SCALAR_EVENT) {
        read_scalar(walk, key);
    } else if (walk->event.type == YAML_SEQUENCE_START_EVENT && key->kind == GW_CONFIG_VERSIONS) {
        read_versions(walk, key);
    } else {
        struct gw_confreport_place place = here(walk);
        struct gw_confreport_error error;

        gw_confreport_set(&error, GW_CONFREPORT_SHAPE, "%s is one value, not a %s", key->name,
                          walk->event.type == YAML_MAPPING_START_EVENT ? "mapping" : "list");
        gw_confreport_set_why(&error, "%s", gw_confvalue_kind_text(key->kind));
        note(walk, GW_INVALID, &place, &error);
        skip(walk);
    }
}

static void read_mapping(struct walk *walk, struct gw_confname *name);

/* Reads the mapping behind a group's name. */
static void read_group(struct walk *walk, struct gw_confname *name)
{
    struct gw_confreport_place place = here(walk);
    struct gw_confreport_error error;

    if (walk->event.type == YAML_MAPPING_START_EVENT) {
        read_mapping(walk, name);
        return;
    }
    if (is_null(walk))
        return;
    gw_confreport_set(&error, GW_CONFREPORT_SHAPE, "%s is a group of keys, not a value",
                      name->text);
    gw_confreport_set_why(&error, "as %s: {%s: ...}", name->text, gw_confname_first_child(name));
    note(walk, GW_INVALID, &place, &error);
    skip(walk);
}

/* Notes a key that stood before; remembers it otherwise. */
static bool is_duplicate(struct walk *walk, const struct gw_confname *name,
                         const struct gw_confreport_place *place)
{
    uint32_t *seen = &walk->seen[name->first - gw_config_keys][name->depth - 1];
    struct gw_confreport_error error;

    if (*seen == 0) {
        *seen = (uint32_t)walk->event.start_mark.line + 1;
        return false;
    }
    gw_confreport_set(&error, GW_CONFREPORT_DUPLICATE_KEY, "%s stands twice", name->text);
    gw_confreport_set_why(&error, "the first is in line %u", *seen);
    note(walk, GW_INVALID, place, &error);
    return true;
}

/* Reads one entry of a mapping; the current event is its key. */
static void read_entry(struct walk *walk, struct gw_confname *name)
{
    struct gw_confreport_place place = here(walk);
    struct gw_confreport_error error;
    size_t outer = name->size;

    if (walk->event.type != YAML_SCALAR_EVENT) {
        note_here(walk, GW_CONFREPORT_SHAPE, "the name of a key is one word", "");
        skip(walk);
        if (next(walk))
            skip(walk);
        return;
    }
    if (!gw_confname_enter(name, scalar(walk))) {
        struct gw_span prefix = gw_span_of(name->text, outer);

        note(walk, gw_confname_unknown(prefix, scalar(walk), &error), &place, &error);
        if (next(walk))
            skip(walk);
        return;
    }
    if (is_duplicate(walk, name, &place)) {
        if (next(walk))
            skip(walk);
    } else if (next(walk)) {
        if (name->key != NULL) {
            set_origin(walk, name->key, place.line);
            read_value(walk, name->key);
        } else {
            read_group(walk, name);
        }
    }
    gw_confname_leave(name, outer);
}

static void read_mapping(struct walk *walk, struct gw_confname *name)
{
    while (next(walk) && walk->event.type != YAML_MAPPING_END_EVENT)
        read_entry(walk, name);
}

/* Reads the one document of a text. With a key, the document is that key's value. */
static void read_stream(struct walk *walk, const struct gw_config_key *key)
{
    struct gw_confname name = {0};

    if (!next(walk) || !next(walk) || walk->event.type == YAML_STREAM_END_EVENT || !next(walk))
        return;
    if (key != NULL) {
        set_origin(walk, key, 0);
        read_value(walk, key);
    } else if (walk->event.type == YAML_MAPPING_START_EVENT) {
        read_mapping(walk, &name);
    } else if (!is_null(walk)) {
        note_here(walk, GW_CONFREPORT_SHAPE, "a configuration is made of keys with values",
                  "as log: {level: info}");
        skip(walk);
    }
    if (next(walk) && next(walk) && walk->event.type != YAML_STREAM_END_EVENT)
        note_here(walk, GW_CONFREPORT_SHAPE, "a second document begins here",
                  "a file holds one configuration");
}

/* Judges the bytes before a parser sees them. */
static enum gw_status check_bytes(const struct gw_confyaml_input *input,
                                  struct gw_confreport *report)
{
    struct gw_confreport_place place = {input->name, GW_SPAN_NONE, 0, 1, 1};
    struct gw_confreport_error error;

    if (input->text.size > GW_CONFIG_FILE_SIZE_MAX)
        gw_confreport_set(&error, GW_CONFREPORT_TOO_MUCH, "the file is larger than 1 MiB");
    else if (gw_utf8_check(input->text) == GW_UTF8_NUL)
        gw_confreport_set(&error, GW_CONFREPORT_SYNTAX, "the file contains zero bytes");
    else if (gw_utf8_check(input->text) != GW_UTF8_VALID)
        gw_confreport_set(&error, GW_CONFREPORT_SYNTAX, "the file is not UTF-8");
    else
        return GW_OK;
    gw_confreport_add(report, &place, &error);
    return GW_INVALID;
}

static enum gw_status load(const struct gw_confyaml_input *input, const struct gw_config_key *key,
                           struct gw_config *config, struct gw_confreport *report)
{
    struct walk walk = {.input = input, .config = config, .report = report, .status = GW_OK};

    GW_TRY(check_bytes(input, report));
    if (!yaml_parser_initialize(&walk.parser))
        return GW_NO_MEMORY;
    yaml_parser_set_encoding(&walk.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&walk.parser,
                                 input->text.size > 0 ? input->text.data : (const uint8_t *)"",
                                 input->text.size);
    read_stream(&walk, key);
    yaml_event_delete(&walk.event);
    yaml_parser_delete(&walk.parser);
    return walk.status;
}

enum gw_status gw_confyaml_load(const struct gw_confyaml_input *input, struct gw_config *config,
                                struct gw_confreport *report)
{
    return load(input, NULL, config, report);
}

enum gw_status gw_confyaml_load_value(const struct gw_confyaml_input *input,
                                      const struct gw_config_key *key, struct gw_config *config,
                                      struct gw_confreport *report)
{
    return load(input, key, config, report);
}
