#include "broker/certs.h"

#include <stdlib.h>

#include "base/hash.h"
#include "config/conftls.h"
#include "os/fileinfo.h"

#define DAY (86400 * (int64_t)1)

_Static_assert((int)GW_CONFIG_CLIENT_CERT_OPTIONAL == (int)GW_TLS_CLIENT_CERT_OPTIONAL &&
                   (int)GW_CONFIG_CLIENT_CERT_COUNT == (int)GW_TLS_CLIENT_CERT_COUNT &&
                   (int)GW_CONFIG_IDENTITY_SAN_DNS == (int)GW_TLS_IDENTITY_SAN_DNS &&
                   (int)GW_CONFIG_IDENTITY_COUNT == (int)GW_TLS_IDENTITY_COUNT,
               "the configuration and net number them alike");

/* One TLS listener. */
struct entry {
    size_t listener;
    struct gw_tls_slot *slot;
    struct gw_tlscontext *context; /* in force */
    struct gw_tlscontext *next;    /* while a reload is being prepared */
    uint64_t stamp;                /* of its files when they were last read, well or not */
};

struct gw_certs {
    const struct gw_log *log;
    const struct gw_clock *clock;
    struct gw_tlstickets *tickets;
    gw_mono_ns looked_at;
    gw_mono_ns reminded_at; /* 0: never */
    size_t count;
    struct entry entries[GW_CONFIG_LISTENERS_MAX];
};

struct gw_certs *gw_certs_new(const struct gw_log *log, const struct gw_clock *clock)
{
    struct gw_certs *certs = calloc(1, sizeof *certs);
    if (!certs)
        return NULL;
    certs->log = log;
    certs->clock = clock;
    certs->tickets = gw_tlstickets_new(clock);
    if (!certs->tickets) {
        free(certs);
        return NULL;
    }
    return certs;
}

void gw_certs_free(struct gw_certs *certs)
{
    if (!certs)
        return;
    for (size_t i = 0; i < certs->count; i++) {
        gw_tls_slot_free(certs->entries[i].slot);
        gw_tlscontext_unref(certs->entries[i].context);
    }
    gw_tlstickets_free(certs->tickets);
    free(certs);
}

/* -- reading -- */

static uint64_t stamp_of(const struct gw_config_tls *tls)
{
    const char *const paths[] = {tls->cert, tls->key,      tls->client_ca,
                                 tls->crl,  tls->psk_file, tls->ocsp_file};
    uint64_t stamp = 1;
    for (size_t i = 0; i < GW_COUNT_OF(paths); i++)
        stamp = gw_hash_mix(stamp, paths[i][0] ? gw_fileinfo_stamp(paths[i]) : 1);
    for (size_t i = 0; i < tls->certificates.count; i++) {
        const struct gw_config_pair *pair = &tls->certificates.items[i];
        stamp = gw_hash_mix(stamp, gw_fileinfo_stamp(pair->cert));
        stamp = gw_hash_mix(stamp, pair->key[0] ? gw_fileinfo_stamp(pair->key) : 1);
        stamp = gw_hash_mix(stamp, pair->ocsp[0] ? gw_fileinfo_stamp(pair->ocsp) : 1);
    }
    return stamp;
}

static enum gw_status judge(const struct gw_config_tls *tls,
                            const struct gw_config_listener *listener, struct gw_tlsfault *fault)
{
    if (!tls->cert[0] && !tls->psk_file[0]) {
        gw_tlsfault_set(fault, "T201", "%s needs a certificate, or pre-shared keys", listener->url);
        gw_tlsfault_hint(fault, "tls: {cert: FILE, key: FILE} in the configuration, or {psk_file: "
                                "FILE}");
        return GW_INVALID;
    }
    if (tls->client_cert != GW_CONFIG_CLIENT_CERT_OFF && !tls->client_ca[0]) {
        gw_tlsfault_set(fault, "T206",
                        "%s asks for client certificates, but tls.client_ca does not say who may "
                        "have signed them",
                        listener->url);
        gw_tlsfault_hint(fault, "tls: {client_ca: FILE} with the certificates of the signers");
        return GW_INVALID;
    }
    return GW_OK;
}

/* Makes a context of what holds for a listener; *ret_stamp is of the files before they are read, so
 * that a change meanwhile is seen the next time. */
static enum gw_status read_files(const struct gw_certs *certs, const struct gw_config *config,
                                 size_t index, struct gw_tlscontext **ret_context,
                                 uint64_t *ret_stamp, struct gw_tlsfault *fault)
{
    const struct gw_config_listener *listener = &config->listeners.items[index];
    struct gw_config_tls tls;
    struct gw_tls_pair pairs[1 + GW_CONFIG_PAIRS_MAX];
    gw_conftls_resolve(config, listener, &tls);
    *ret_stamp = stamp_of(&tls);
    GW_TRY(judge(&tls, listener, fault));
    pairs[0] = (struct gw_tls_pair){tls.cert, tls.key, tls.ocsp_file};
    for (size_t i = 0; i < tls.certificates.count; i++) {
        const struct gw_config_pair *pair = &tls.certificates.items[i];
        pairs[1 + i] = (struct gw_tls_pair){pair->cert, pair->key, pair->ocsp};
    }
    const struct gw_tls_options options = {
        .server = true,
        .client_cert = (enum gw_tls_client_cert)tls.client_cert,
        .identity = (enum gw_tls_identity)tls.identity,
        .pairs = pairs,
        .pair_count = 1 + tls.certificates.count,
        .ca_file = tls.client_ca,
        .ca_path = "",
        .crl = tls.crl,
        .psk_file = tls.psk_file,
        .psk_identity = "",
        .psk_hex = "",
        .version_min = tls.version_min == GW_CONFIG_TLS_13 ? 13 : 12,
        .ciphers = tls.ciphers,
        .ciphersuites = tls.ciphersuites,
        .curves = tls.curves,
        .alpn = listener->scheme == GW_CONFIG_MQTTS ? "mqtt" : "http/1.1",
        .tickets = tls.tickets ? certs->tickets : NULL,
    };
    return gw_tlscontext_new(&options, ret_context, fault);
}

/* -- telling -- */

static void log_refused(const struct gw_certs *certs, const struct gw_config_listener *listener,
                        const struct gw_tlsfault *fault)
{
    struct gw_log_field fields[] = {
        gw_log_str("listener", listener->url),
        gw_log_str("error", fault->what),
        gw_log_str("detail", fault->detail[0] ? fault->detail : NULL),
        gw_log_str("hint", fault->hint[0] ? fault->hint : NULL),
        gw_log_str("code", fault->code),
    };
    gw_log_event(certs->log, GW_LOG_ERROR, "cert.refused",
                 "certificates cannot be used, those in force stay", fields, GW_COUNT_OF(fields));
}

static int64_t days_left(const struct gw_certs *certs, int64_t expiry)
{
    int64_t left = expiry - gw_clock_wall(certs->clock) / (int64_t)GW_NS_PER_S;
    return left >= 0 ? left / DAY : -1;
}

/* Speaks of pre-shared keys that can be guessed. */
static void remind_of_keys(const struct gw_certs *certs, const struct gw_config_listener *listener,
                           const struct gw_tlscontext *context)
{
    size_t count = context->keys ? gw_tlskeys_short_count(context->keys) : 0;
    struct gw_log_field fields[] = {
        gw_log_str("listener", listener->url),
        gw_log_number("keys", (int64_t)count),
        gw_log_str("hint", "openssl rand -hex 32 makes a good one"),
    };
    if (count > 0)
        gw_log_event(certs->log, GW_LOG_WARN, "psk.short",
                     "pre-shared keys of less than 16 bytes: who listens in can guess them", fields,
                     GW_COUNT_OF(fields));
}

/* Speaks of an OCSP response that is not shown to clients. */
static void remind_of_staple(const struct gw_certs *certs,
                             const struct gw_config_listener *listener,
                             const struct gw_tlscontext *context, size_t index)
{
    const char *why = gw_tlsstaple_fault(&context->staples[index]);
    struct gw_log_field fields[] = {
        gw_log_str("listener", listener->url),
        gw_log_number("certificate", (int64_t)index),
        gw_log_str("why", why),
        gw_log_str("hint", "put a new one into the same file: openssl ocsp -respout FILE"),
    };
    if (why)
        gw_log_event(certs->log, GW_LOG_WARN, "ocsp.unused",
                     "an OCSP response is not shown to clients", fields, GW_COUNT_OF(fields));
}

/* Speaks of a certificate that has ended or soon will. */
static void remind(const struct gw_certs *certs, const struct gw_config_listener *listener,
                   const struct gw_tlscontext *context)
{
    remind_of_keys(certs, listener, context);
    for (size_t i = 0; i < context->count; i++) {
        remind_of_staple(certs, listener, context, i);
        int64_t expiry = gw_tlscontext_expiry(context, i);
        int64_t days = expiry == INT64_MAX ? INT64_MAX : days_left(certs, expiry);
        if (days > GW_CERTS_DAYS_LOW)
            continue;
        struct gw_log_field fields[] = {
            gw_log_str("listener", listener->url),
            gw_log_number("certificate", (int64_t)i),
            gw_log_number("days_left", days < 0 ? 0 : days),
            gw_log_str("hint", "put a new one into the same files: it is taken at once"),
        };
        gw_log_event(certs->log, GW_LOG_WARN, days < 0 ? "cert.expired" : "cert.expiring",
                     days < 0 ? "a certificate has expired: clients will refuse it"
                              : "a certificate will expire soon",
                     fields, GW_COUNT_OF(fields));
    }
}

static void log_loaded(const struct gw_certs *certs, const struct gw_config_listener *listener,
                       const struct gw_tlscontext *context)
{
    struct gw_log_field fields[] = {
        gw_log_str("listener", listener->url),
        gw_log_number("certificates", (int64_t)context->count),
        gw_log_number("days_left", days_left(certs, gw_tlscontext_expiry(context, 0))),
        gw_log_number("keys", context->keys ? (int64_t)gw_tlskeys_count(context->keys) : 0),
    };
    gw_log_event(certs->log, GW_LOG_INFO, "cert.reloaded",
                 "new certificates are in force for new connections", fields, GW_COUNT_OF(fields));
    remind(certs, listener, context);
}

/* -- coming into force -- */

enum gw_status gw_certs_open(struct gw_certs *certs, const struct gw_config *config,
                             size_t listener, struct gw_tls_slot **ret_slot,
                             struct gw_tlsfault *fault)
{
    struct entry *entry = &certs->entries[certs->count];
    *entry = (struct entry){.listener = listener};
    GW_TRY(read_files(certs, config, listener, &entry->context, &entry->stamp, fault));
    entry->slot = gw_tls_slot_new(entry->context);
    if (!entry->slot) {
        gw_tlscontext_unref(entry->context);
        return GW_NO_MEMORY;
    }
    certs->count++;
    *ret_slot = entry->slot;
    return GW_OK;
}

static void take_force(struct entry *entry, struct gw_tlscontext *next)
{
    gw_tls_slot_put(entry->slot, next);
    gw_tlscontext_unref(entry->context);
    entry->context = next;
}

enum gw_status gw_certs_reload(struct gw_certs *certs, const struct gw_config *config)
{
    struct gw_tlsfault fault;
    uint64_t stamps[GW_CONFIG_LISTENERS_MAX];
    enum gw_status status = GW_OK;
    size_t read = 0;
    for (; read < certs->count && status == GW_OK; read++)
        status = read_files(certs, config, certs->entries[read].listener,
                            &certs->entries[read].next, &stamps[read], &fault);
    if (status == GW_INVALID)
        log_refused(certs, &config->listeners.items[certs->entries[read - 1].listener], &fault);
    for (size_t i = 0; i < read; i++) {
        struct entry *entry = &certs->entries[i];
        if (status == GW_OK) {
            take_force(entry, entry->next);
            entry->stamp = stamps[i];
            remind(certs, &config->listeners.items[entry->listener], entry->context);
        } else {
            gw_tlscontext_unref(entry->next);
        }
        entry->next = NULL;
    }
    return status;
}

static void look(struct gw_certs *certs, const struct gw_config *config, struct entry *entry)
{
    const struct gw_config_listener *listener = &config->listeners.items[entry->listener];
    struct gw_config_tls tls;
    struct gw_tlsfault fault;
    struct gw_tlscontext *next;
    gw_conftls_resolve(config, listener, &tls);
    if (stamp_of(&tls) == entry->stamp)
        return;
    enum gw_status status =
        read_files(certs, config, entry->listener, &next, &entry->stamp, &fault);
    if (status == GW_OK) {
        take_force(entry, next);
        log_loaded(certs, listener, next);
    } else if (status == GW_INVALID) { /* a key that does not fit yet comes with the next change */
        log_refused(certs, listener, &fault);
    }
}

void gw_certs_tick(struct gw_certs *certs, const struct gw_config *config)
{
    gw_mono_ns now = gw_clock_mono(certs->clock);
    if (now - certs->looked_at < GW_CERTS_PERIOD / 2)
        return;
    certs->looked_at = now;
    bool due = certs->reminded_at == 0 || now - certs->reminded_at >= GW_CERTS_REMIND;
    if (due)
        certs->reminded_at = now;
    for (size_t i = 0; i < certs->count; i++) {
        look(certs, config, &certs->entries[i]);
        if (due)
            remind(certs, &config->listeners.items[certs->entries[i].listener],
                   certs->entries[i].context);
    }
}
