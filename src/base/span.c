#include "base/span.h"

#include <stdlib.h>

char *gw_span_dup(struct gw_span span)
{
    char *text = malloc(span.size + 1);
    if (text == NULL)
        return NULL;
    if (span.size > 0)
        memcpy(text, span.data, span.size);
    text[span.size] = '\0';
    return text;
}
