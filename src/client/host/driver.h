/*
 * client/host/driver: drives one client over one POSIX socket, waiting where the caller lets it.
 *
 * Layer   client/host (may include client/core, net, os, proto, topic, wire, base).
 * Owner   one thread.
 * Life    init, then open and turn as often as wished, fini. Nothing is freed inside an event.
 * Limits  GW_DRIVER_OUT_HIGH unsent bytes, above which publishing says GW_AGAIN (a single larger
 *         packet still goes); one incoming packet in memory, at most what MQTT can frame.
 */
#ifndef GW_CLIENT_HOST_DRIVER_H
#define GW_CLIENT_HOST_DRIVER_H

#include "base/buf.h"
#include "client/core/client.h"
#include "net/tls.h"
#include "os/dial.h"
#include "os/pollset.h"
#include "proto/alias.h"

#define GW_DRIVER_OUT_HIGH  ((size_t)256 * 1024)
#define GW_DRIVER_LINGER_S  2 /* for the server to close after our DISCONNECT */
#define GW_DRIVER_EXTRA_MAX (GW_POLLSET_MAX - 1)
#define GW_DRIVER_WORDS_MAX 256

/* How to speak TLS; file names and words, NULL or empty: none. */
struct gw_driver_tls {
    const char *ca_file;
    const char *ca_path;
    bool system_cas;
    const char *cert;
    const char *key;
    const char *ciphers;
    const char *alpn;
    const char *psk_identity;
    const char *psk_key; /* hexadecimal */
    int version_min;     /* 12, 13 */
    bool insecure_name;  /* the server's name is not compared */
};

/* Where to connect to; texts are borrowed. */
struct gw_driver_target {
    const char *host;
    const char *bind_host; /* NULL: the system chooses */
    const char *unix_path; /* instead of host and port; else NULL */
    const char *ws_path;   /* "/mqtt": over a WebSocket; NULL: straight */
    uint16_t port;
    const struct gw_driver_tls *tls; /* NULL: plain */
};

struct gw_driver {
    struct gw_client client;
    struct gw_client_io io;
    const struct gw_driver_target *target;
    struct gw_client_options *options;
    gw_socket socket;               /* -1: none */
    struct gw_transport *transport; /* the top of a stack on the socket; NULL: the socket alone */
    gw_mono_ns linger_end;
    struct gw_buf in;
    struct gw_buf out;
    size_t out_at;                   /* bytes of `out` that are gone */
    size_t in_at;                    /* bytes of `in` that are done with */
    bool blocked;                    /* an answer did not fit into `out`; reading waits for it */
    struct gw_alias_table aliases;   /* of the server */
    struct gw_dial_fault fault;      /* why open or turn said GW_NOT_FOUND or GW_OS_ERROR */
    char words[GW_DRIVER_WORDS_MAX]; /* of a transport, for fault */
    struct gw_tlscontext *tls;       /* made when it is first needed */
    struct gw_tlsfault *tls_fault;   /* after open or turn said GW_INVALID */
};

/* Prepares a driver; everything is borrowed, and the memory fields of options are filled in.
 * GW_NO_MEMORY. fini is needed also then. */
GW_MUST_USE enum gw_status gw_driver_init(struct gw_driver *driver,
                                          const struct gw_driver_target *target,
                                          struct gw_client_options *options,
                                          const struct gw_client_events *events, void *user);

/* Drops the connection and releases the memory; messages not finished are the caller's again. */
void gw_driver_fini(struct gw_driver *driver);

/* Connects and writes CONNECT; the answer comes by event. GW_NOT_FOUND, GW_OS_ERROR
 * (driver->fault), GW_INVALID (driver->tls_fault), GW_NO_SPACE (CONNECT is too large), GW_LIMIT,
 * GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_driver_open(struct gw_driver *driver);

/* One turn: waits until something happens on the connection, on one of the caller's own items, or
 * `deadline` comes; then reads, writes and does what is due. GW_OK: go on. Otherwise the connection
 * is gone: GW_END (our DISCONNECT went out), GW_CLOSED (the server ended it), GW_TIMEOUT (the
 * server is silent), GW_MALFORMED or GW_PROTOCOL (client.fault), GW_OS_ERROR (driver->fault: the
 * system's words, or those of a transport that gave up), GW_INVALID: TLS (driver->tls_fault). */
GW_MUST_USE enum gw_status gw_driver_turn(struct gw_driver *driver, struct gw_pollset_item *items,
                                          size_t item_count, gw_mono_ns deadline);

/* Bytes that wait to be written. */
size_t gw_driver_unsent(const struct gw_driver *driver);

/* The time as the driver's client sees it. */
gw_mono_ns gw_driver_now(void);

#endif
