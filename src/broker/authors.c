#include "broker/authors.h"

#include <stdlib.h>

#include "base/map.h"
#include "os/thread.h"

#define CHUNK_SIZE  1024u
#define CHUNK_COUNT (GW_MESSAGE_AUTHORS / CHUNK_SIZE)

struct author {
    struct gw_map_node node;
    uint32_t number;
    uint16_t size;
    uint8_t text[];
};

struct gw_authors {
    struct gw_mutex mutex; /* over the map and the count; a chunk's entry is written before its
                            * number is given away, and never again */
    struct gw_map by_text;
    uint32_t count; /* numbers given; the first is 1 */
    struct author **chunks[CHUNK_COUNT];
};

static struct gw_span key_of(const struct gw_map_node *node)
{
    const struct author *author = GW_CONTAINER_CONST(node, struct author, node);
    return gw_span_of(author->text, author->size);
}

struct gw_authors *gw_authors_new(uint64_t seed)
{
    struct gw_authors *authors = calloc(1, sizeof(*authors));
    if (!authors)
        return NULL;
    gw_mutex_init(&authors->mutex);
    gw_map_init(&authors->by_text, key_of, seed);
    return authors;
}

void gw_authors_free(struct gw_authors *authors)
{
    if (!authors)
        return;
    for (uint32_t number = 1; number <= authors->count; number++)
        free(authors->chunks[number / CHUNK_SIZE][number % CHUNK_SIZE]);
    for (unsigned i = 0; i < CHUNK_COUNT; i++)
        free(authors->chunks[i]);
    gw_map_fini(&authors->by_text);
    gw_mutex_fini(&authors->mutex);
    free(authors);
}

/* Gives a text the next number; 0: there is no room. */
static uint32_t add(struct gw_authors *authors, struct gw_span text)
{
    uint32_t number = authors->count + 1;
    if (number >= GW_MESSAGE_AUTHORS)
        return 0;
    struct author ***chunk = &authors->chunks[number / CHUNK_SIZE];
    if (!*chunk)
        *chunk = calloc(CHUNK_SIZE, sizeof(**chunk));
    struct author *author = *chunk ? malloc(sizeof(*author) + text.size) : NULL;
    if (!author)
        return 0;
    author->number = number;
    author->size = (uint16_t)text.size;
    memcpy(author->text, text.data, text.size);
    if (gw_map_insert(&authors->by_text, &author->node) != GW_OK) {
        free(author);
        return 0;
    }
    (*chunk)[number % CHUNK_SIZE] = author;
    authors->count = number;
    return number;
}

uint32_t gw_authors_number(struct gw_authors *authors, struct gw_span text)
{
    struct gw_span name;
    if (gw_authors_read(text, &name) == GW_AUTHOR_UNKNOWN)
        return 0;
    gw_mutex_lock(&authors->mutex);
    struct gw_map_node *node = gw_map_find(&authors->by_text, text);
    uint32_t number = node ? GW_CONTAINER(node, struct author, node)->number : add(authors, text);
    gw_mutex_unlock(&authors->mutex);
    return number;
}

uint32_t gw_authors_of(struct gw_authors *authors, enum gw_author_kind kind, struct gw_span name)
{
    uint8_t text[GW_RECORD_AUTHOR_MAX] = {kind == GW_AUTHOR_OF_FILE ? 'f' : 'x', ':'};
    if (kind == GW_AUTHOR_UNKNOWN || name.size > sizeof(text) - 2)
        return 0;
    if (kind == GW_AUTHOR_NOBODY)
        return gw_authors_number(authors, GW_SPAN_LIT("-"));
    if (name.size > 0)
        memcpy(text + 2, name.data, name.size);
    return gw_authors_number(authors, gw_span_of(text, name.size + 2));
}

struct gw_span gw_authors_text(const struct gw_authors *authors, uint32_t number)
{
    if (number == 0)
        return GW_SPAN_NONE;
    return key_of(&authors->chunks[number / CHUNK_SIZE][number % CHUNK_SIZE]->node);
}

enum gw_author_kind gw_authors_read(struct gw_span text, struct gw_span *ret_name)
{
    *ret_name = GW_SPAN_NONE;
    if (gw_span_equal(text, GW_SPAN_LIT("-")))
        return GW_AUTHOR_NOBODY;
    if (text.size < 3 || text.size > GW_RECORD_AUTHOR_MAX || text.data[1] != ':')
        return GW_AUTHOR_UNKNOWN;
    *ret_name = gw_span_from(text, 2);
    return text.data[0] == 'f'   ? GW_AUTHOR_OF_FILE
           : text.data[0] == 'x' ? GW_AUTHOR_VOUCHED
                                 : GW_AUTHOR_UNKNOWN;
}
