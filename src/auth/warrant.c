#include "auth/warrant.h"

#include "auth/password.h"

/* Attributes lie one behind the other, each as name, 0, value, 0. */

void gw_warrant_init(struct gw_warrant *warrant)
{
    *warrant = (struct gw_warrant){.expires = 0};
    gw_buf_init(&warrant->user, GW_WARRANT_TEXT_MAX);
    gw_buf_init(&warrant->groups, GW_WARRANT_TEXT_MAX);
    gw_buf_init(&warrant->attributes, GW_WARRANT_TEXT_MAX);
}

void gw_warrant_fini(struct gw_warrant *warrant)
{
    gw_password_drop(&warrant->user);
    gw_password_drop(&warrant->groups);
    gw_password_drop(&warrant->attributes);
    gw_warrant_init(warrant);
}

static bool has(struct gw_span text, char c)
{
    return text.size > 0 && memchr(text.data, c, text.size) != NULL;
}

enum gw_status gw_warrant_add_group(struct gw_warrant *warrant, struct gw_span group)
{
    if (group.size == 0 || has(group, ',') || has(group, '\0'))
        return GW_INVALID;
    GW_TRY(gw_buf_reserve(&warrant->groups, group.size + 1));
    if (warrant->groups.size > 0)
        GW_TRY(gw_buf_append(&warrant->groups, GW_SPAN_LIT(",")));
    return gw_buf_append(&warrant->groups, group);
}

enum gw_status gw_warrant_put(struct gw_buf *attributes, struct gw_span name, struct gw_span value)
{
    const struct gw_span end = gw_span_of("", 1);
    if (name.size == 0 || has(name, '\0') || has(value, '\0'))
        return GW_INVALID;
    GW_TRY(gw_buf_reserve(attributes, name.size + value.size + 2));
    GW_TRY(gw_buf_append(attributes, name));
    GW_TRY(gw_buf_append(attributes, end));
    GW_TRY(gw_buf_append(attributes, value));
    return gw_buf_append(attributes, end);
}

enum gw_status gw_warrant_add_attribute(struct gw_warrant *warrant, struct gw_span name,
                                        struct gw_span value)
{
    return gw_warrant_put(&warrant->attributes, name, value);
}

/* Takes the text before the next 0; there is one. */
static struct gw_span take(struct gw_span *rest)
{
    const uint8_t *end = memchr(rest->data, 0, rest->size);
    struct gw_span text = gw_span_of(rest->data, (size_t)(end - rest->data));
    *rest = gw_span_from(*rest, text.size + 1);
    return text;
}

bool gw_warrant_next(struct gw_span *attributes, struct gw_span *ret_name,
                     struct gw_span *ret_value)
{
    if (attributes->size == 0)
        return false;
    *ret_name = take(attributes);
    *ret_value = take(attributes);
    return true;
}

bool gw_warrant_has_attribute(struct gw_span attributes, struct gw_span name, struct gw_span value)
{
    struct gw_span one, its;
    while (gw_warrant_next(&attributes, &one, &its))
        if (gw_span_equal(one, name) && gw_span_equal(its, value))
            return true;
    return false;
}
