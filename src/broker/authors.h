/*
 * broker/authors: who published the messages that are kept: each name once, known by a number that
 *                 fits into a message.
 *
 * Layer   broker. One of the few files with a lock.
 * Owner   any thread; a number that came with a message (or by mail) is looked up without the lock.
 * Life    new/free; a name that was given a number keeps it until then.
 * Limits  GW_MESSAGE_AUTHORS names of GW_RECORD_AUTHOR_MAX bytes with their kind; whoever comes
 *         later, or has a longer name, is not known: 0.
 *
 * The text of an author is what the log has of him (docs/reference/store-format.md): "f:NAME", a
 * user of the user files; "x:NAME", somebody else vouched for the name; "-", nobody did.
 */
#ifndef GW_BROKER_AUTHORS_H
#define GW_BROKER_AUTHORS_H

#include "session/record.h"

struct gw_authors;

enum gw_author_kind { GW_AUTHOR_UNKNOWN, GW_AUTHOR_NOBODY, GW_AUTHOR_OF_FILE, GW_AUTHOR_VOUCHED };

/* NULL when memory is out. */
struct gw_authors *gw_authors_new(uint64_t seed);
/* NULL is fine. */
void gw_authors_free(struct gw_authors *authors);

/* The number of a text as the log has it; 0 if it is none, or there is no room. */
uint32_t gw_authors_number(struct gw_authors *authors, struct gw_span text);
/* The same for a name and what vouched for it. */
uint32_t gw_authors_of(struct gw_authors *authors, enum gw_author_kind kind, struct gw_span name);

/* The text of a number, empty for 0; lives as long as the authors. */
struct gw_span gw_authors_text(const struct gw_authors *authors, uint32_t number);
/* Which kind a text is of, and the name in it. */
enum gw_author_kind gw_authors_read(struct gw_span text, struct gw_span *ret_name);

#endif
