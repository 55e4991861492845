/*
 * config/config: the broker's configuration: one table (config.def), its values, where each came
 *                from, and what a reload would change.
 *
 * Layer   config. Reads a file through os/file.
 * Owner   immutable after load.
 * Life    init_defaults, load or copy; fini releases. What a struct points to is its own.
 * Limits  GW_CONFIG_FILE_SIZE_MAX, GW_CONFIG_LISTENERS_MAX, GW_CONFIG_AUTH_MAX,
 * GW_CONFIG_RULES_MAX, GW_CONFIG_TEXT_MAX, errors told at once GW_CONFREPORT_ERRORS_MAX.
 */
#ifndef GW_CONFIG_CONFIG_H
#define GW_CONFIG_CONFIG_H

#include "auth/access.h"
#include "base/buf.h"
#include "base/time.h"
#include "config/confparts.h"
#include "config/listenblock.h"
#include "config/tlsblock.h"
#include "topic/share.h"

#define GW_CONFIG_FILE_SIZE_MAX ((size_t)1024 * 1024)
#define GW_CONFIG_RULES_MAX     1000 /* store.durability_rules */
#define GW_CONFIG_AUTH_MAX      16   /* entries of auth */
#define GW_CONFIG_TEXT_MAX      4096 /* bytes of one value */

#define GW_CONFIG_STORE_PATH_DEFAULT "/var/lib/godwit"
#define GW_CONFIG_STORE_PATH_NONE    "none"

typedef uint32_t gw_config_seconds; /* as the standard counts time on the wire */
#define GW_CONFIG_SECONDS_NEVER UINT32_MAX
struct gw_confreport; /* errors, each with place, line, caret and cure */

struct gw_config_queue {
    uint32_t messages;
    uint64_t bytes;
    enum gw_config_policy policy;
    bool qos0;
};

struct gw_config_bound {
    uint32_t messages;
    uint64_t bytes;
};

/* Of one client. */
struct gw_config_rate {
    uint32_t messages; /* a second; 0: no bound */
    uint64_t bytes;    /* a second; 0: no bound */
    gw_mono_ns burst;  /* how far it may be ahead */
};

struct gw_config_limits {
    uint32_t connections;
    uint32_t connections_unauthenticated_per_address;
    gw_mono_ns connect_time;
    gw_mono_ns drain_time;
    uint32_t backlog;
    uint64_t packet;
    uint64_t packet_before_connect;
    uint32_t client_id;
    uint32_t topic_levels;
    uint32_t user_properties;
    uint32_t filters_per_packet;
    uint32_t subscriptions;
    uint32_t sessions;
    gw_config_seconds session_expiry; /* GW_CONFIG_SECONDS_NEVER: no bound */
    gw_config_seconds will_delay;     /* GW_CONFIG_SECONDS_NEVER: no bound */
    gw_config_seconds keep_alive_max; /* 0: no bound */
    uint32_t inflight;
    uint32_t receive_maximum;
    struct gw_config_rate publish_rate;
    uint32_t topic_alias_in;
    uint32_t topic_alias_out;
    struct gw_config_queue queue;
    struct gw_config_retained retained;
    uint64_t output;
    uint64_t mailbox;
    uint64_t memory;
    struct gw_config_login login;
    struct gw_config_address address;
    struct gw_config_flapping flapping;
    struct gw_config_size size;
};

struct gw_config_mqtt {
    uint32_t versions; /* bit (1u << enum gw_version) */
    uint32_t max_qos;
    bool retain;
    bool wildcard_subscriptions;
    bool subscription_ids;
    bool shared_subscriptions;
    bool check_payload_format;
    bool sessions_by_user;               /* another user's session is not taken over */
    char *response_information;          /* never NULL; empty: none is told */
    gw_config_seconds server_keep_alive; /* 0: the client's own */
};

struct gw_config_shared {
    enum gw_share_strategy strategy;
    struct gw_config_bound queue;
};

/* Where a value came from. */
enum gw_config_source {
    GW_CONFIG_FROM_DEFAULT,
    GW_CONFIG_FROM_FILE,
    GW_CONFIG_FROM_ENV,
    GW_CONFIG_FROM_COMMAND,
};

struct gw_config_origin {
    enum gw_config_source source;
    uint32_t line; /* GW_CONFIG_FROM_FILE: in config->path */
};

#define X(key, kind, value, min, max, reload, help) +1
enum {
    GW_CONFIG_KEY_COUNT = 0
#include "config/config.def"
};
#undef X

struct gw_config {
    struct gw_config_listeners listeners;
    struct gw_config_auth auth;
    char *user; /* to become; never NULL; empty: nobody else */
    char *group;
    bool landlock;    /* files that are not named are out of reach */
    uint32_t threads; /* 0: one per core */
    struct gw_config_limits limits;
    struct gw_config_mqtt mqtt;
    struct gw_config_shared shared;
    struct gw_config_store store;
    struct gw_config_tls tls;
    struct gw_config_sys sys;
    struct gw_access *access; /* NULL: the key does not stand */
    char *access_file;        /* never NULL; empty: none */
    struct gw_config_log log;
    struct gw_config_debug debug;

    struct gw_access *rights; /* the rules of both keys; NULL: everything is allowed */

    char *path; /* the file; NULL if there was none */
    struct gw_config_origin origins[GW_CONFIG_KEY_COUNT];
};

enum gw_config_kind {
    GW_CONFIG_BOOL,
    GW_CONFIG_COUNT,
    GW_CONFIG_BYTES,
    GW_CONFIG_TIME,
    GW_CONFIG_SECONDS,
    GW_CONFIG_TEXT,
    GW_CONFIG_LISTENERS,
    GW_CONFIG_VERSIONS,
    GW_CONFIG_POLICY,
    GW_CONFIG_STRATEGY,
    GW_CONFIG_LEVEL,
    GW_CONFIG_FORMAT,
    GW_CONFIG_DURABILITY,
    GW_CONFIG_RULES,
    GW_CONFIG_CLIENT_CERT,
    GW_CONFIG_IDENTITY,
    GW_CONFIG_TLS_VERSION,
    GW_CONFIG_PAIRS,
    GW_CONFIG_AUTH,
    GW_CONFIG_ACCESS,
    GW_CONFIG_KIND_COUNT
};

enum gw_config_reload { GW_CONFIG_LIVE, GW_CONFIG_NEW, GW_CONFIG_RESTART };

/* A row of the table. */
struct gw_config_key {
    const char *name; /* "limits.queue.bytes" */
    enum gw_config_kind kind;
    enum gw_config_reload reload;
    const char *value, *min, *max; /* as a user writes them; "" if none */
    const char *help;
    size_t offset; /* in struct gw_config */
};

extern const struct gw_config_key gw_config_keys[GW_CONFIG_KEY_COUNT];

/* Where a load takes its values from; a later member wins over an earlier one. */
struct gw_config_input {
    const char *path;           /* a file; NULL: none */
    const struct gw_span *text; /* if not NULL, this instead of the file's content */
    const char *const
        *env; /* "GODWIT__LIMITS__PACKET=4MB" among others, ends with NULL; may be NULL */
    const char *const *sets; /* "limits.packet=4MB" */
    size_t set_count;
};

/* Fills in the defaults; with nothing else, listeners on port 1883 of 127.0.0.1 and ::1.
 * GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_config_init_defaults(struct gw_config *config);

/* Defaults, then file, environment, command line. GW_INVALID: the report (may be NULL) has the
 * errors, and *ret_config is empty; so it is with GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_config_load(const struct gw_config_input *input,
                                          struct gw_config *ret_config,
                                          struct gw_confreport *report);

/* Makes a copy that lives by itself; GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_config_copy(const struct gw_config *config,
                                          struct gw_config *ret_config);

/* Releases the content; NULL is fine, twice too. */
void gw_config_fini(struct gw_config *config);

/* True if a key has the same value in both. */
bool gw_config_equal(const struct gw_config *a, const struct gw_config *b,
                     const struct gw_config_key *key);

/* Told for each key whose value differs. */
typedef void gw_config_diff_fn(void *user, const struct gw_config_key *key,
                               const struct gw_config *before, const struct gw_config *after);

/* Compares two configurations key by key; returns how many keys differ. fn may be NULL. */
size_t gw_config_diff(const struct gw_config *before, const struct gw_config *after,
                      gw_config_diff_fn *fn, void *user);

/* Puts the running values of all keys that need a restart into `next`, so that it describes what a
 * reload can do; GW_NO_MEMORY leaves `next` as it was. */
GW_MUST_USE enum gw_status gw_config_carry(struct gw_config *next, const struct gw_config *running);

/* The row of a key by its full name, NULL if there is none. */
const struct gw_config_key *gw_config_find(struct gw_span name);

static inline const struct gw_config_origin *gw_config_origin(const struct gw_config *config,
                                                              const struct gw_config_key *key)
{
    return &config->origins[key - gw_config_keys];
}

#endif
