/*
 * config/confparts: values of the configuration that belong together: users, durability, log.
 *
 * Layer   config.
 * Owner   the configuration that they are part of.
 * Life    none of their own.
 * Limits  those of config/config.
 */
#ifndef GW_CONFIG_CONFPARTS_H
#define GW_CONFIG_CONFPARTS_H

#include "base/log.h"
#include "base/time.h"

enum gw_config_policy {
    GW_CONFIG_DROP_NEWEST, /* the message that does not fit is dropped */
    GW_CONFIG_DROP_OLDEST, /* the oldest queued message makes room */
    GW_CONFIG_DISCONNECT,  /* the client is disconnected with 0x97, the message is dropped */
    GW_CONFIG_POLICY_COUNT
};

enum gw_config_format {
    GW_CONFIG_FORMAT_AUTO,
    GW_CONFIG_FORMAT_TEXT,
    GW_CONFIG_FORMAT_JSON,
    GW_CONFIG_FORMAT_JOURNAL,
    GW_CONFIG_FORMAT_COUNT
};

struct gw_config_retained {
    uint32_t messages;
    uint64_t bytes;
    uint64_t hot; /* of those, in memory */
};

struct gw_authkinds_setting;
struct gw_authkinds_kind;

/* A setting of one who is asked, as written. */
struct gw_config_auth_said {
    const struct gw_authkinds_setting *setting;
    char *text;
};

/* One who is asked whether a client may connect; what is not said has its default. */
struct gw_config_auth_item {
    const struct gw_authkinds_kind *kind;
    struct gw_config_auth_said *saids; /* in the order of the table */
    size_t count;
    uint32_t line; /* in the file; 0: not there */
};

/* All of them, in the order in which they are asked. */
struct gw_config_auth {
    struct gw_config_auth_item *items;
    size_t count; /* 0: there are no users */
};

/* Failed logins, and those that wait. */
/* Of one address. */
struct gw_config_address {
    uint32_t connections;   /* at a time; 0: no bound */
    uint32_t connect_rate;  /* connections a second; 0: no bound */
    uint32_t connect_burst; /* at once */
};

struct gw_config_flapping {
    uint32_t connects; /* of one client identifier within a minute; 0: nobody is held off */
    gw_mono_ns hold;
};

struct gw_config_size {
    uint64_t will;  /* topic, properties and payload */
    uint32_t topic; /* a name or filter */
};

struct gw_config_login {
    uint32_t handshakes; /* of TLS and WebSocket, under way */
    gw_mono_ns delay;
    uint32_t connections; /* at a time with one user name; 0: no bound */
    uint32_t failures;    /* 0: nobody is banned */
    gw_mono_ns ban;
    uint32_t queue;
    uint32_t renewals; /* of a connection, within a minute */
    uint32_t workers;  /* 0: half the cores */
};

/* What a message survives once it is acknowledged, from little to much. */
enum gw_durability {
    GW_DURABILITY_MEMORY, /* nothing */
    GW_DURABILITY_OS,     /* an end of the process, whatever ended it */
    GW_DURABILITY_DISK,   /* a power cut too */
    GW_DURABILITY_COUNT
};

struct gw_config_rule {
    char *filter;              /* valid, without $share/ */
    uint32_t filter_size;      /* bytes of it */
    uint32_t prefix_size;      /* bytes at its beginning that a topic name must have too */
    bool exact;                /* it is one topic name */
    enum gw_durability result; /* the class of what it matches */
};

struct gw_config_rules {
    struct gw_config_rule *items; /* the first that matches holds */
    size_t count;
};

struct gw_config_store {
    char *path; /* never NULL; empty: GW_CONFIG_STORE_PATH_DEFAULT if there is such a directory */
    enum gw_durability durability;
    struct gw_config_rules durability_rules;
    uint64_t segment;
    uint64_t pressure;
};

struct gw_config_sys {
    gw_mono_ns interval; /* 0: off */
};

struct gw_config_log {
    enum gw_log_level level;
    enum gw_config_format format;
    uint32_t repeats; /* 0: never folded */
};

struct gw_config_debug {
    bool auth_echo;
};

#endif
