/*
 * cli/exitcode: the numbers with which the tools end. They are mosquitto's, because scripts test
 * them; a refused connection ends with the broker's own return or reason code instead.
 *
 * Layer   cli.
 * Owner   immutable.
 * Life    none.
 * Limits  none.
 */
#ifndef GW_CLI_EXITCODE_H
#define GW_CLI_EXITCODE_H

enum gw_exitcode {
    GW_EXIT_OK = 0,
    GW_EXIT_USAGE = 1, /* also: could not connect, no memory */
    GW_EXIT_PROTOCOL = 2,
    GW_EXIT_INVALID = 3,
    GW_EXIT_CONN_LOST = 7,
    GW_EXIT_TLS = 8,
    GW_EXIT_PAYLOAD_SIZE = 9,
    GW_EXIT_KEEP_ALIVE = 19,
    GW_EXIT_TIMED_OUT = 27,
    GW_EXIT_INTERRUPTED = 255, /* a signal or the time limit before CONNACK */
};

#endif
