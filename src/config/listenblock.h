/*
 * config/listenblock: what a configuration says about its listeners, as a part of struct gw_config.
 *
 * Layer   config. No I/O.
 * Owner   the configuration; see config/config.
 * Life    see config/conflisten.
 * Limits  GW_CONFIG_LISTENERS_MAX.
 */
#ifndef GW_CONFIG_LISTENBLOCK_H
#define GW_CONFIG_LISTENBLOCK_H

#include "config/tlsblock.h"
#include "os/address.h"

#define GW_CONFIG_LISTENERS_MAX 64

/* What is spoken to a listener, below MQTT. */
enum gw_config_scheme {
    GW_CONFIG_MQTT,
    GW_CONFIG_MQTTS, /* TLS */
    GW_CONFIG_WS,    /* WebSocket */
    GW_CONFIG_WSS,   /* WebSocket over TLS */
    GW_CONFIG_UNIX,
    GW_CONFIG_SCHEME_COUNT
};

/* What is said of a listener's socket. Texts may be NULL: nothing was said. */
struct gw_config_socket {
    char *group;         /* of a Unix socket's file */
    uint32_t mode;       /* of this file; 0 for others */
    char *trusted;       /* proxies: "10.0.0.0/8, ::1, unix"; NULL: none */
    bool proxy_protocol; /* a PROXY header stands in front of what a client sends */
    bool peer_user;      /* the peer's user of this machine is its user name */
};

struct gw_config_listener {
    char *url;     /* as written */
    char *path;    /* of a WebSocket URL, begins with a slash; NULL for other schemes */
    char *origins; /* of pages that may open a WebSocket, as "a, b" or "*"; NULL: none is named */
    struct gw_address address; /* of the URL */
    enum gw_config_scheme scheme;
    struct gw_config_socket socket;
    struct gw_config_saids tls; /* what differs from the block tls, see config/conftls */
    bool anonymous;             /* clients without a name are let in */
    bool insecure;              /* ... knowingly, beyond loopback */
    bool optional;              /* built-in: no reason to fail if this machine lacks the address */
};

struct gw_config_listeners {
    struct gw_config_listener *items;
    size_t count; /* never 0 after a load */
};

#endif
