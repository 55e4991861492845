#include "config/confname.h"

#include <stdio.h>

#include "base/suggest.h"

/* The first key that is `name` or lies below it. */
static const struct gw_config_key *find_first(struct gw_span name, bool *is_key)
{
    for (size_t i = 0; i < GW_CONFIG_KEY_COUNT; i++) {
        struct gw_span key = gw_span_str(gw_config_keys[i].name);

        if (!gw_span_starts_with(key, name))
            continue;
        *is_key = key.size == name.size;
        if (*is_key || key.data[name.size] == '.')
            return &gw_config_keys[i];
    }
    return NULL;
}

static void settle(struct gw_confname *name)
{
    bool is_key = false;

    name->depth = name->size > 0;
    for (size_t i = 0; i < name->size; i++)
        name->depth += name->text[i] == '.';
    name->first = find_first(gw_span_of(name->text, name->size), &is_key);
    name->key = is_key ? name->first : NULL;
}

bool gw_confname_enter(struct gw_confname *name, struct gw_span part)
{
    size_t dot = name->size > 0;
    struct gw_confname child = *name;

    if (part.size == 0 || memchr(part.data, '\0', part.size) != NULL ||
        name->size + dot + part.size >= GW_CONFNAME_SIZE_MAX)
        return false;
    if (dot)
        child.text[child.size++] = '.';
    memcpy(child.text + child.size, part.data, part.size);
    child.size += part.size;
    child.text[child.size] = '\0';
    settle(&child);
    if (child.first == NULL || child.depth > GW_CONFNAME_DEPTH_MAX)
        return false;
    *name = child;
    return true;
}

void gw_confname_leave(struct gw_confname *name, size_t size)
{
    name->size = size;
    name->text[size] = '\0';
    settle(name);
}

const char *gw_confname_first_child(const struct gw_confname *group)
{
    return group->first->name + group->size + 1;
}

/* The part of a key's name that stands directly in a group; empty if the key is not in it. */
static struct gw_span child_of(struct gw_span group, const struct gw_config_key *key)
{
    struct gw_span name = gw_span_str(key->name);
    const uint8_t *dot;

    if (group.size > 0) {
        if (!gw_span_starts_with(name, group) || name.data[group.size] != '.')
            return GW_SPAN_NONE;
        name = gw_span_from(name, group.size + 1);
    }
    dot = memchr(name.data, '.', name.size);
    return gw_span_of(name.data, dot != NULL ? (size_t)(dot - name.data) : name.size);
}

static struct gw_span last_part(const struct gw_config_key *key)
{
    const char *dot = strrchr(key->name, '.');

    return gw_span_str(dot != NULL ? dot + 1 : key->name);
}

/* The nearest child of a group; empty if none is near. */
static struct gw_span nearest_child(struct gw_span group, struct gw_span part)
{
    struct gw_span best = GW_SPAN_NONE;
    size_t best_distance = SIZE_MAX;

    for (size_t i = 0; i < GW_CONFIG_KEY_COUNT; i++) {
        struct gw_span child = child_of(group, &gw_config_keys[i]);
        size_t distance;

        if (child.size > 0 && gw_suggest_near(part, child, &distance) && distance < best_distance) {
            best = child;
            best_distance = distance;
        }
    }
    return best;
}

/* The key that was meant somewhere else in the tree: by its whole name, else by its last part. */
static const char *nearest_key(struct gw_span part)
{
    const char *best = NULL;
    size_t best_distance = SIZE_MAX;

    for (size_t i = 0; i < GW_CONFIG_KEY_COUNT; i++) {
        const struct gw_config_key *key = &gw_config_keys[i];
        size_t distance;

        if (gw_suggest_near(part, gw_span_str(key->name), &distance) && distance < best_distance) {
            best = key->name;
            best_distance = distance;
        }
        if (gw_suggest_near(part, last_part(key), &distance) && distance < best_distance) {
            best = key->name;
            best_distance = distance;
        }
    }
    return best;
}

enum gw_status gw_confname_unknown(struct gw_span group, struct gw_span part,
                                   struct gw_confreport_error *error)
{
    struct gw_span child = nearest_child(group, part);
    const char *key = nearest_key(part);

    if (group.size == 0)
        gw_confreport_set(error, GW_CONFREPORT_UNKNOWN_KEY, "unknown key \"%.*s\"",
                          GW_CONFREPORT_QUOTE(part));
    else
        gw_confreport_set(error, GW_CONFREPORT_UNKNOWN_KEY, "unknown key \"%.*s\" in %.*s",
                          GW_CONFREPORT_QUOTE(part), GW_CONFREPORT_QUOTE(group));
    if (child.size > 0)
        gw_confreport_set_why(error, "did you mean \"%.*s\"?", GW_CONFREPORT_QUOTE(child));
    else if (key != NULL)
        gw_confreport_set_why(error, "did you mean \"%s\"?", key);
    else
        gw_confreport_set_hint(error, "godwit config reference lists every key");
    return GW_INVALID;
}

const char *gw_confname_env(const char *const *env, struct gw_span name)
{
    for (; env != NULL && *env != NULL; env++) {
        struct gw_span entry = gw_span_str(*env);

        if (entry.size > name.size && gw_span_starts_with(entry, name) &&
            entry.data[name.size] == '=')
            return *env + name.size + 1;
    }
    return NULL;
}

/* Appends the value of the variable that a "${" at the front of *text names, and goes behind it. */
static enum gw_status expand_one(struct gw_span *text, const char *const *env, struct gw_buf *out,
                                 struct gw_confreport_error *error)
{
    const uint8_t *end = memchr(text->data, '}', text->size);
    struct gw_span name;
    const char *value;

    if (end == NULL) {
        gw_confreport_set(error, GW_CONFREPORT_VARIABLE, "\"${\" without \"}\"");
        gw_confreport_set_why(error, "write \"$${\" for a plain \"${\"");
        return GW_INVALID;
    }
    name = gw_span_of(text->data + 2, (size_t)(end - text->data) - 2);
    value = gw_confname_env(env, name);
    if (value == NULL || name.size == 0)
        return gw_confreport_set(error, GW_CONFREPORT_VARIABLE,
                                 "the environment variable %.*s is not set",
                                 GW_CONFREPORT_QUOTE(name));
    *text = gw_span_from(*text, name.size + 3);
    return gw_buf_append(out, gw_span_str(value));
}

enum gw_status gw_confname_expand(struct gw_span text, const char *const *env, struct gw_buf *out,
                                  struct gw_confreport_error *error)
{
    enum gw_status status = GW_OK;

    while (text.size > 0 && status == GW_OK) {
        size_t plain = 1;

        if (gw_span_starts_with(text, GW_SPAN_LIT("${"))) {
            status = expand_one(&text, env, out, error);
            continue;
        }
        if (gw_span_starts_with(text, GW_SPAN_LIT("$${")))
            text = gw_span_from(text, 1);
        while (plain < text.size && text.data[plain] != '$')
            plain++;
        status = gw_buf_append(out, gw_span_of(text.data, plain));
        text = gw_span_from(text, plain);
    }
    if (status == GW_LIMIT)
        return gw_confreport_set(error, GW_CONFREPORT_RANGE, "the value is longer than %d bytes",
                                 GW_CONFIG_TEXT_MAX);
    return status;
}

bool gw_confname_of_variable(struct gw_span variable, char name[GW_CONFNAME_SIZE_MAX])
{
    size_t size = 0;

    for (size_t i = 0; i < variable.size; i++) {
        uint8_t c = variable.data[i];

        if (size + 1 >= GW_CONFNAME_SIZE_MAX)
            return false;
        if (c == '_' && i + 1 < variable.size && variable.data[i + 1] == '_') {
            c = '.';
            i++;
        }
        name[size++] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    name[size] = '\0';
    return true;
}
