#include "net/httphead.h"

static const char token_marks[] = "!#$%&'*+-.^_`|~";

enum gw_status gw_httphead_end(struct gw_span bytes, size_t *scanned, size_t *ret_size)
{
    size_t limit = bytes.size < GW_HTTPHEAD_SIZE_MAX ? bytes.size : GW_HTTPHEAD_SIZE_MAX;
    while (*scanned < limit) {
        const uint8_t *from = bytes.data + *scanned;
        const uint8_t *feed = memchr(from, '\n', limit - *scanned);
        if (feed == NULL) {
            *scanned = limit;
            break;
        }
        /* A line ended; is the next one empty? Bare LFs end a head too, and are refused then: who
         * sends them would wait for ever otherwise. */
        size_t next = (size_t)(feed - bytes.data) + 1;
        *scanned = next - 1; /* the two bytes behind it may be still to come */
        if (next < limit && bytes.data[next] == '\r')
            next++;
        if (next == limit)
            break;
        if (bytes.data[next] == '\n') {
            *ret_size = next + 1;
            return GW_OK;
        }
        *scanned = next;
    }
    return bytes.size < GW_HTTPHEAD_SIZE_MAX ? GW_MORE : GW_LIMIT;
}

/* Takes a line off that ends in CR LF and has no other control characters but tabs. */
static enum gw_status take_line(struct gw_span *head, struct gw_span *ret_line)
{
    const uint8_t *feed = head->size ? memchr(head->data, '\n', head->size) : NULL;
    if (feed == NULL || feed == head->data || feed[-1] != '\r')
        return GW_MALFORMED;
    *ret_line = gw_span_of(head->data, (size_t)(feed - head->data) - 1);
    for (size_t i = 0; i < ret_line->size; i++) {
        uint8_t c = ret_line->data[i];
        if ((c < 0x20 && c != '\t') || c == 0x7F)
            return GW_MALFORMED;
    }
    *head = gw_span_from(*head, ret_line->size + 2);
    return GW_OK;
}

enum gw_status gw_httphead_first(struct gw_span *head, struct gw_span *ret_line)
{
    GW_TRY(take_line(head, ret_line));
    return ret_line->size > 0 ? GW_OK : GW_MALFORMED;
}

static bool is_token_byte(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c != 0 && strchr(token_marks, c) != NULL);
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

static struct gw_span without_blanks(struct gw_span text)
{
    while (text.size > 0 && is_blank(text.data[0]))
        text = gw_span_from(text, 1);
    while (text.size > 0 && is_blank(text.data[text.size - 1]))
        text.size--;
    return text;
}

enum gw_status gw_httphead_next(struct gw_span *head, struct gw_httphead_field *ret_field)
{
    struct gw_span line;
    size_t size = 0;
    GW_TRY(take_line(head, &line));
    if (line.size == 0)
        return GW_END;
    while (size < line.size && is_token_byte(line.data[size]))
        size++;
    if (size == 0 || size == line.size || line.data[size] != ':')
        return GW_MALFORMED;
    ret_field->name = gw_span_of(line.data, size);
    ret_field->value = without_blanks(gw_span_from(line, size + 1));
    return GW_OK;
}

struct gw_span gw_httphead_word(struct gw_span *line)
{
    const uint8_t *blank = line->size ? memchr(line->data, ' ', line->size) : NULL;
    struct gw_span word = *line;
    if (blank == NULL) {
        *line = GW_SPAN_NONE;
        return word;
    }
    word.size = (size_t)(blank - line->data);
    *line = gw_span_from(*line, word.size + 1);
    return word;
}

bool gw_httphead_member(struct gw_span *list, struct gw_span *ret_member)
{
    while (list->size > 0) {
        const uint8_t *comma = memchr(list->data, ',', list->size);
        size_t size = comma ? (size_t)(comma - list->data) : list->size;
        *ret_member = without_blanks(gw_span_of(list->data, size));
        *list = comma ? gw_span_from(*list, size + 1) : GW_SPAN_NONE;
        if (ret_member->size > 0)
            return true;
    }
    return false;
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

bool gw_httphead_same(struct gw_span a, struct gw_span b)
{
    if (a.size != b.size)
        return false;
    for (size_t i = 0; i < a.size; i++) {
        if (lower(a.data[i]) != lower(b.data[i]))
            return false;
    }
    return true;
}

bool gw_httphead_has(struct gw_span list, const char *member)
{
    struct gw_span one;
    while (gw_httphead_member(&list, &one)) {
        if (gw_httphead_same(one, gw_span_str(member)))
            return true;
    }
    return false;
}
