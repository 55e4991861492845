/*
 * broker/broker: the whole broker: one shard per loop, listeners, start, reload, end.
 *
 * Layer   broker.
 * Owner   one controlling thread (daemon); the simulator turns the loops itself.
 * Life    new, recover, open, start (threads), drain, wait, free.
 * Limits  those of the configuration; GW_BROKER_SHARDS_MAX loops.
 */
#ifndef GW_BROKER_BROKER_H
#define GW_BROKER_BROKER_H

#include "config/config.h"
#include "net/listener.h"
#include "net/tlsfault.h"
#include "os/disk.h"
#include "os/inherited.h"
#include "store/store.h"

#define GW_BROKER_SHARDS_MAX 64u /* one bit each in an interest mask */

struct gw_broker;
struct gw_users;
struct gw_chain;

/* What the broker stands on; all must outlive it. */
struct gw_broker_services {
    const struct gw_log *log;
    const struct gw_sockets *sockets;
    const struct gw_clock *clock;
    uint64_t seed;              /* hashes, ids, choices; from os/entropy, or the simulator's */
    const struct gw_disk *disk; /* for the store; NULL: nothing is kept, whatever store.path says */
    struct gw_inherited *inherited; /* sockets that listen already; NULL: none */
    bool stepped;                   /* nobody starts the store's threads: gw_broker_step_store */
};

/* Which listener could not be opened and why. */
struct gw_broker_error {
    const struct gw_config_listener *listener; /* NULL: not a listener */
    int os_errno;
    const char *what;
    bool no_group;          /* the system does not know the group that its file is to belong to */
    struct gw_tlsfault tls; /* code is NULL: nothing of TLS */
};

/* Makes a broker with its loops; copies the configuration. GW_NO_MEMORY, GW_OS_ERROR. */
GW_MUST_USE enum gw_status gw_broker_new(const struct gw_config *config,
                                         const struct gw_broker_services *services,
                                         struct gw_broker **ret_broker);
/* Opens the store, if there is to be one, and brings back what it holds; before open. Logs what was
 * recovered. Any other status than GW_OK: the broker cannot be used, *ret_error says why. */
GW_MUST_USE enum gw_status gw_broker_recover(struct gw_broker *broker,
                                             struct gw_store_error *ret_error);
/* One commit of a stepped store; true if there was anything to do. */
bool gw_broker_step_store(struct gw_broker *broker);
/* The store; NULL if there is none. */
struct gw_store *gw_broker_store(const struct gw_broker *broker);

/* How the socket of a listener is opened, for who does that before; the place borrows from the
 * listener. GW_NOT_FOUND: its group is not known. */
GW_MUST_USE enum gw_status gw_broker_place(const struct gw_config *config,
                                           const struct gw_config_listener *listener,
                                           struct gw_socket_place *ret_place,
                                           struct gw_broker_error *error);

/* Opens the listeners; a failure leaves none open. GW_OS_ERROR with the error. */
GW_MUST_USE enum gw_status gw_broker_open(struct gw_broker *broker,
                                          struct gw_broker_error *ret_error);
/* Runs each loop on a thread of its own; GW_OS_ERROR. */
GW_MUST_USE enum gw_status gw_broker_start(struct gw_broker *broker);

/* Begins the end: no new connections, every client gets DISCONNECT 0x8B, wills are published. */
void gw_broker_drain(struct gw_broker *broker);
/* Waits for the end that drain began; GW_TIMEOUT after limits.drain_time: loops are stopped then
 * too. Joins the threads. */
enum gw_status gw_broker_wait(struct gw_broker *broker);
/* Releases everything; the loops must not be running. NULL is fine. */
void gw_broker_free(struct gw_broker *broker);

/* Puts a new configuration in force (copied) for keys that need no restart, and reads certificates
 * again. GW_NO_MEMORY, or GW_INVALID with a log line if certificates cannot be used, leave the old
 * one. */
GW_MUST_USE enum gw_status gw_broker_reload(struct gw_broker *broker,
                                            const struct gw_config *config);

/* What is to be looked at now and then: files of certificates, and who is asked for users no more.
 * By the controlling thread. */
void gw_broker_tick(struct gw_broker *broker);
/* Puts other users and who else is asked in force (counted: auth/users, broker/chain), NULL for
 * none; without a chain the user files are asked in their order. May be called before open, and at
 * any time afterwards. GW_NO_MEMORY, GW_OS_ERROR leave the old ones. */
GW_MUST_USE enum gw_status gw_broker_set_auth(struct gw_broker *broker, struct gw_users *users,
                                              struct gw_chain *chain);
/* The same for the users alone. */
GW_MUST_USE enum gw_status gw_broker_set_users(struct gw_broker *broker, struct gw_users *users);

/* Loops, for the simulator, which turns them itself instead of gw_broker_start. */
unsigned gw_broker_loop_count(const struct gw_broker *broker);
struct gw_loop *gw_broker_loop(const struct gw_broker *broker, unsigned index);
/* True once a drain has come to its end on every loop. */
bool gw_broker_drained(const struct gw_broker *broker);

/* What is listened on: the address with the real port, for the banner and for tests. */
size_t gw_broker_listener_count(const struct gw_broker *broker);
const struct gw_address *gw_broker_listener_address(const struct gw_broker *broker, size_t index);
/* What the configuration has about it. */
const struct gw_config_listener *gw_broker_listener_config(const struct gw_broker *broker,
                                                           size_t index);

#endif
