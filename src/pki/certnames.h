/*
 * pki/certnames: the names and addresses that a certificate stands for.
 *
 * Layer   pki (may include os, base). Pure.
 * Owner   values.
 * Life    none; zero is the empty list.
 * Limits  GW_CERTNAMES_MAX names of GW_CERTNAMES_TEXT_MAX characters with the end mark.
 */
#ifndef GW_PKI_CERTNAMES_H
#define GW_PKI_CERTNAMES_H

#include "base/span.h"
#include "base/status.h"

#define GW_CERTNAMES_MAX      32
#define GW_CERTNAMES_TEXT_MAX 256

struct gw_certnames_item {
    char text[GW_CERTNAMES_TEXT_MAX]; /* "broker.lan", "10.0.0.9" */
    uint8_t address[16];              /* in network order */
    uint8_t address_size;             /* 4, 16; 0: it is a name */
};

struct gw_certnames {
    struct gw_certnames_item items[GW_CERTNAMES_MAX];
    size_t count;
};

/* Adds a DNS name ("*." may stand in front) or a numeric address; one that is there already is not
 * added again. Names become small letters. GW_INVALID with the reason; GW_LIMIT: too many. */
GW_MUST_USE enum gw_status gw_certnames_add(struct gw_certnames *names, struct gw_span text,
                                            const char **ret_why);

/* Adds all of another list; GW_LIMIT. */
GW_MUST_USE enum gw_status gw_certnames_merge(struct gw_certnames *names,
                                              const struct gw_certnames *others);

/* Adds what a machine of this host name is called by those that reach it: the name, its first label
 * for itself and with ".local", and localhost with its addresses. False: the host name cannot
 * stand in a certificate and is left out. */
bool gw_certnames_add_host(struct gw_certnames *names, const char *host);

/* All of them in one text, "a, b, c", cut with dots if it does not fit; returns text. */
const char *gw_certnames_text(const struct gw_certnames *names, char *text, size_t size);

/* The first that others than this machine may use, or the first; NULL for an empty list. */
const struct gw_certnames_item *gw_certnames_public(const struct gw_certnames *names);

#endif
