#include "config/confrules.h"

#include <stdlib.h>

#include "base/suggest.h"
#include "base/utf8.h"
#include "config/confvalue.h"
#include "topic/name.h"

enum gw_status gw_confrules_word(struct gw_span text, enum gw_durability *ret_class,
                                 struct gw_confreport_error *error)
{
    size_t count;
    const char *const *words = gw_confvalue_words(GW_CONFIG_DURABILITY, &count);
    const char *meant;

    for (size_t i = 0; i < count; i++) {
        if (gw_span_equal(text, gw_span_str(words[i]))) {
            *ret_class = (enum gw_durability)i;
            return GW_OK;
        }
    }
    gw_confreport_set(error, GW_CONFREPORT_VALUE, "class cannot be \"%.*s\"",
                      GW_CONFREPORT_QUOTE(text));
    meant = gw_suggest_word(text, words, count);
    if (meant != NULL)
        gw_confreport_set_why(error, "did you mean \"%s\"?", meant);
    else
        gw_confreport_set_why(error, "it is disk, os or memory");
    return GW_INVALID;
}

/* A rule is about topic names: who shares a subscription to them makes no difference. */
static enum gw_status refuse_share(struct gw_span filter, struct gw_confreport_error *error)
{
    struct gw_filter_parts parts;

    gw_confreport_set(error, GW_CONFREPORT_FILTER, "a rule is for topics, not for a subscription");
    if (gw_filter_split(filter, 0, &parts) == GW_OK)
        gw_confreport_set_why(error, "did you mean \"%.*s\"?", GW_CONFREPORT_QUOTE(parts.filter));
    else
        gw_confreport_set_why(error, "write the filter without $share/GROUP/");
    return GW_INVALID;
}

/* Why a filter is not one, as its author would want to know. */
static enum gw_status refuse_filter(struct gw_span filter, struct gw_confreport_error *error)
{
    const uint8_t *hash = filter.size > 0 ? memchr(filter.data, '#', filter.size) : NULL;
    size_t before = hash != NULL ? (size_t)(hash - filter.data) : 0;

    if (filter.size == 0) {
        gw_confreport_set(error, GW_CONFREPORT_FILTER, "the filter is empty");
        gw_confreport_set_why(error, "\"#\" is for every topic");
        return GW_INVALID;
    }
    gw_confreport_set(error, GW_CONFREPORT_FILTER, "\"%.*s\" is not a topic filter",
                      GW_CONFREPORT_QUOTE(filter));
    if (hash != NULL && before + 1 < filter.size)
        gw_confreport_set_why(error, "# stands last: \"%.*s\"?",
                              GW_CONFREPORT_QUOTE(gw_span_of(filter.data, before + 1)));
    else if (hash != NULL && before > 0 && filter.data[before - 1] != '/')
        gw_confreport_set_why(error, "# is a level of its own: \"%.*s/#\"?",
                              GW_CONFREPORT_QUOTE(gw_span_of(filter.data, before)));
    else
        gw_confreport_set_why(error, "+ is a level of its own, as a/+/b");
    return GW_INVALID;
}

static enum gw_status judge(const struct gw_config_rules *rules, struct gw_span filter,
                            struct gw_confreport_error *error)
{
    if (rules->count >= GW_CONFIG_RULES_MAX)
        return gw_confreport_set(error, GW_CONFREPORT_RANGE, "more than %d rules",
                                 GW_CONFIG_RULES_MAX);
    if (gw_span_starts_with(filter, GW_SPAN_LIT("$share/")))
        return refuse_share(filter, error);
    if (gw_utf8_check(filter) != GW_UTF8_VALID)
        return gw_confreport_set(error, GW_CONFREPORT_FILTER,
                                 "the filter is not UTF-8 without U+0000");
    if (gw_filter_validate(filter, 0) != GW_OK)
        return refuse_filter(filter, error);
    for (size_t i = 0; i < rules->count; i++) {
        if (!gw_span_equal(gw_span_str(rules->items[i].filter), filter))
            continue;
        gw_confreport_set(error, GW_CONFREPORT_CONFLICT, "there is a rule for \"%.*s\" already",
                          GW_CONFREPORT_QUOTE(filter));
        gw_confreport_set_why(error, "the first that matches holds: delete one of them");
        return GW_INVALID;
    }
    return GW_OK;
}

/* Bytes at the beginning of a filter that stand in every name it matches: "a" of "a/#", which
 * matches "a" too, "a/" of "a/+/b". */
static size_t prefix_of(struct gw_span filter)
{
    size_t size = 0;

    while (size < filter.size && filter.data[size] != '+' && filter.data[size] != '#')
        size++;
    if (size > 0 && size < filter.size && filter.data[size] == '#')
        size--;
    return size;
}

static enum gw_status append(struct gw_config_rules *rules, struct gw_span filter,
                             enum gw_durability result)
{
    struct gw_config_rule *items = realloc(rules->items, (rules->count + 1) * sizeof *items);
    char *copy;

    if (items == NULL)
        return GW_NO_MEMORY;
    rules->items = items;
    copy = gw_span_dup(filter);
    if (copy == NULL)
        return GW_NO_MEMORY;
    items[rules->count++] = (struct gw_config_rule){
        .filter = copy,
        .filter_size = (uint32_t)filter.size,
        .prefix_size = (uint32_t)prefix_of(filter),
        .exact = !gw_filter_has_wildcard(filter),
        .result = result,
    };
    return GW_OK;
}

enum gw_status gw_confrules_add(struct gw_config_rules *rules, struct gw_span filter,
                                enum gw_durability result, struct gw_confreport_error *error)
{
    GW_TRY(judge(rules, filter, error));
    return append(rules, filter, result);
}

bool gw_confrules_matches(const struct gw_config_rule *rule, struct gw_span topic_name)
{
    if (topic_name.size < rule->prefix_size ||
        memcmp(topic_name.data, rule->filter, rule->prefix_size) != 0)
        return false;
    if (rule->exact)
        return topic_name.size == rule->filter_size;
    return gw_filter_matches(gw_span_of(rule->filter, rule->filter_size), topic_name);
}

enum gw_status gw_confrules_copy(const struct gw_config_rules *rules,
                                 struct gw_config_rules *ret_rules)
{
    *ret_rules = (struct gw_config_rules){NULL, 0};
    for (size_t i = 0; i < rules->count; i++) {
        const struct gw_config_rule *item = &rules->items[i];

        if (append(ret_rules, gw_span_str(item->filter), item->result) != GW_OK) {
            gw_confrules_fini(ret_rules);
            return GW_NO_MEMORY;
        }
    }
    return GW_OK;
}

void gw_confrules_fini(struct gw_config_rules *rules)
{
    for (size_t i = 0; i < rules->count; i++)
        free(rules->items[i].filter);
    free(rules->items);
    *rules = (struct gw_config_rules){NULL, 0};
}
