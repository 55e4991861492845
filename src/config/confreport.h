/*
 * config/confreport: errors of a configuration as a person wants them: place, line with a caret,
 *                    why, cure, code.
 *
 * Layer   config.
 * Owner   whoever loads; not thread-safe.
 * Life    init on the caller's memory; fini releases.
 * Limits  GW_CONFREPORT_ERRORS_MAX are written out, the rest is counted.
 */
#ifndef GW_CONFIG_CONFREPORT_H
#define GW_CONFIG_CONFREPORT_H

#include "base/buf.h"

#define GW_CONFREPORT_ERRORS_MAX 20
#define GW_CONFREPORT_TEXT_MAX   256 /* of one part of an error */

/* The arguments of a "%.*s" that quotes a value, cut if it is long. */
#define GW_CONFREPORT_QUOTE(span)                                                                  \
    (int)((span).size < 60 ? (span).size : 60), (const char *)((span).data)

struct gw_confreport {
    struct gw_buf text; /* all errors, ready to print; every line ends with \n */
    uint32_t error_count;
    enum gw_status status; /* GW_NO_MEMORY if the text is not complete, else GW_OK */
};

/* Each error code once: GW_CONFREPORT_<name>, "[Cnnn]" and what it stands for. */
#define GW_CONFREPORT_CODES(X)                                                                     \
    X(UNREADABLE, 101, "the file cannot be read")                                                  \
    X(SYNTAX, 102, "the text is not YAML, or not UTF-8")                                           \
    X(TOO_MUCH, 103, "too large, too deep, or built with anchors and aliases")                     \
    X(UNKNOWN_KEY, 104, "there is no such key")                                                    \
    X(DUPLICATE_KEY, 105, "a key stands twice")                                                    \
    X(SHAPE, 106, "a list, a mapping or a single value stands where another is wanted")            \
    X(VALUE, 107, "the value is not of the kind that the key wants")                               \
    X(RANGE, 108, "the value is too small or too large")                                           \
    X(VARIABLE, 109, "${NAME} is not set or not closed")                                           \
    X(LISTENER, 110, "the URL of a listener is not valid")                                         \
    X(SCHEME, 111, "the scheme of a listener is not known or not built in")                        \
    X(INSECURE, 112, "everybody would be let in beyond loopback")                                  \
    X(CONFLICT, 113, "two keys contradict each other")                                             \
    X(FILTER, 114, "a topic filter is not valid")                                                  \
    X(ACCESS, 116, "an access rule is not valid")                                                  \
    X(USERS, 120, "a line of a user file is not valid")                                            \
    X(AUTH, 121, "an entry of auth cannot be used")

#define X(name, number, help) GW_CONFREPORT_##name = (number),
enum gw_confreport_code { GW_CONFREPORT_NONE = 0, GW_CONFREPORT_CODES(X) };
#undef X

/* Where an error is. line 0: there is no line to show (command line, environment, whole file). */
struct gw_confreport_place {
    const char *name;    /* file, "--set limits.packet=x", "environment GODWIT__…" */
    struct gw_span text; /* the whole text that line and column point into */
    uint32_t line;       /* from 1 */
    uint32_t column;     /* from 1, in characters */
    uint32_t width;      /* characters under the mark, at least 1 */
};

/* What is wrong. Parts may be empty. */
struct gw_confreport_error {
    enum gw_confreport_code code;
    char what[GW_CONFREPORT_TEXT_MAX]; /* behind the place, in one clause */
    char why[GW_CONFREPORT_TEXT_MAX];  /* behind the caret: did you mean, or the reason */
    char hint[GW_CONFREPORT_TEXT_MAX]; /* what to do */
};

void gw_confreport_init(struct gw_confreport *report);
void gw_confreport_fini(struct gw_confreport *report);

/* Adds an error; report may be NULL. */
void gw_confreport_add(struct gw_confreport *report, const struct gw_confreport_place *place,
                       const struct gw_confreport_error *error);

/* Fills in code and clause of an error, the other parts empty; returns the status that stands for
 * it: GW_INVALID. */
enum gw_status gw_confreport_set(struct gw_confreport_error *error, enum gw_confreport_code code,
                                 const char *what, ...) GW_PRINTF(3, 4);
/* Fills in the part behind the caret. */
void gw_confreport_set_why(struct gw_confreport_error *error, const char *why, ...) GW_PRINTF(2, 3);
/* Fills in the cure. */
void gw_confreport_set_hint(struct gw_confreport_error *error, const char *hint, ...)
    GW_PRINTF(2, 3);

#endif
