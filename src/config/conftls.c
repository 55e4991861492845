#include "config/conftls.h"

#include <stdlib.h>

#include "base/assert.h"
#include "config/confvalue.h"

#define PREFIX "tls."

/* -- certificates -- */

static enum gw_status append(struct gw_config_pairs *pairs, struct gw_span cert, struct gw_span key,
                             struct gw_span ocsp)
{
    struct gw_config_pair *items = realloc(pairs->items, (pairs->count + 1) * sizeof *items);

    if (items == NULL)
        return GW_NO_MEMORY;
    pairs->items = items;
    struct gw_config_pair item = {gw_span_dup(cert), gw_span_dup(key), gw_span_dup(ocsp)};
    if (item.cert == NULL || item.key == NULL || item.ocsp == NULL) {
        free(item.cert);
        free(item.key);
        free(item.ocsp);
        return GW_NO_MEMORY;
    }
    items[pairs->count++] = item;
    return GW_OK;
}

enum gw_status gw_conftls_add(struct gw_config_pairs *pairs, struct gw_span cert,
                              struct gw_span key, struct gw_span ocsp,
                              struct gw_confreport_error *error)
{
    if (pairs->count >= GW_CONFIG_PAIRS_MAX)
        return gw_confreport_set(error, GW_CONFREPORT_RANGE, "more than %d certificates",
                                 GW_CONFIG_PAIRS_MAX);
    if (cert.size == 0)
        return gw_confreport_set(error, GW_CONFREPORT_VALUE, "a certificate needs a file: cert");
    return append(pairs, cert, key, ocsp);
}

enum gw_status gw_conftls_copy(const struct gw_config_pairs *pairs,
                               struct gw_config_pairs *ret_pairs)
{
    *ret_pairs = (struct gw_config_pairs){NULL, 0};
    for (size_t i = 0; i < pairs->count; i++) {
        if (append(ret_pairs, gw_span_str(pairs->items[i].cert), gw_span_str(pairs->items[i].key),
                   gw_span_str(pairs->items[i].ocsp)) != GW_OK) {
            gw_conftls_fini(ret_pairs);
            return GW_NO_MEMORY;
        }
    }
    return GW_OK;
}

void gw_conftls_fini(struct gw_config_pairs *pairs)
{
    for (size_t i = 0; i < pairs->count; i++) {
        free(pairs->items[i].cert);
        free(pairs->items[i].key);
        free(pairs->items[i].ocsp);
    }
    free(pairs->items);
    *pairs = (struct gw_config_pairs){NULL, 0};
}

/* -- what a listener says -- */

static enum gw_status note(struct gw_config_saids *saids, const struct gw_config_key *key,
                           struct gw_span text)
{
    struct gw_config_said *items = realloc(saids->items, (saids->count + 1) * sizeof *items);

    if (items == NULL)
        return GW_NO_MEMORY;
    saids->items = items;
    items[saids->count] = (struct gw_config_said){key, gw_span_dup(text)};
    if (items[saids->count].text == NULL)
        return GW_NO_MEMORY;
    saids->count++;
    return GW_OK;
}

enum gw_status gw_conftls_say(struct gw_config_saids *saids, struct gw_span name,
                              struct gw_span text, struct gw_confreport_error *error)
{
    const struct gw_config_key *key = gw_config_find(name);
    struct gw_config scratch = {0};
    enum gw_status status;

    GW_ASSERT(key != NULL && !gw_confvalue_is_list(key->kind)); /* the names are ours */
    status = gw_confvalue_set(&scratch, key, text, error);
    if (key->kind == GW_CONFIG_TEXT)
        free(*(char **)gw_confvalue_member(&scratch, key));
    return status == GW_OK ? note(saids, key, text) : status;
}

enum gw_status gw_conftls_copy_said(const struct gw_config_saids *saids,
                                    struct gw_config_saids *ret_saids)
{
    *ret_saids = (struct gw_config_saids){NULL, 0};
    for (size_t i = 0; i < saids->count; i++) {
        if (note(ret_saids, saids->items[i].key, gw_span_str(saids->items[i].text)) != GW_OK) {
            gw_conftls_forget(ret_saids);
            return GW_NO_MEMORY;
        }
    }
    return GW_OK;
}

enum gw_status gw_conftls_print_said(const struct gw_config_saids *saids, struct gw_buf *out)
{
    GW_TRY(gw_buf_append(out, GW_SPAN_LIT("{")));
    for (size_t i = 0; i < saids->count; i++) {
        const struct gw_config_said *said = &saids->items[i];

        GW_TRY(gw_buf_append(out, gw_span_str(i > 0 ? ", " : "")));
        GW_TRY(gw_buf_append(out, gw_span_str(said->key->name + sizeof PREFIX - 1)));
        GW_TRY(gw_buf_append(out, GW_SPAN_LIT(": ")));
        GW_TRY(gw_confvalue_print_text(gw_span_str(said->text), out));
    }
    return gw_buf_append(out, GW_SPAN_LIT("}"));
}

void gw_conftls_forget(struct gw_config_saids *saids)
{
    for (size_t i = 0; i < saids->count; i++)
        free(saids->items[i].text);
    free(saids->items);
    *saids = (struct gw_config_saids){NULL, 0};
}

/* An empty text that lives as long as this one. */
static char *end_of(char *text)
{
    return text + strlen(text);
}

void gw_conftls_resolve(const struct gw_config *config, const struct gw_config_listener *listener,
                        struct gw_config_tls *ret_tls)
{
    struct gw_config view = {.tls = config->tls};
    struct gw_confreport_error error;

    for (size_t i = 0; i < listener->tls.count; i++)
        if (strcmp(listener->tls.items[i].key->name, PREFIX "cert") == 0)
            view.tls.key = view.tls.ocsp_file = end_of(view.tls.key);
    for (size_t i = 0; i < listener->tls.count; i++) {
        const struct gw_config_said *said = &listener->tls.items[i];

        if (said->key->kind == GW_CONFIG_TEXT) {
            *(char **)gw_confvalue_member(&view, said->key) = said->text;
            continue;
        }
        enum gw_status status = gw_confvalue_set(&view, said->key, gw_span_str(said->text), &error);
        GW_ASSERT(status == GW_OK); /* it was when it was said */
    }
    *ret_tls = view.tls;
}

bool gw_conftls_proves(const struct gw_config *config, const struct gw_config_listener *listener)
{
    struct gw_config_tls tls;

    if (listener->scheme != GW_CONFIG_MQTTS && listener->scheme != GW_CONFIG_WSS)
        return false;
    gw_conftls_resolve(config, listener, &tls);
    return tls.psk_file[0] != '\0' ||
           (tls.client_cert != GW_CONFIG_CLIENT_CERT_OFF && tls.identity != GW_CONFIG_IDENTITY_OFF);
}
