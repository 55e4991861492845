/*
 * daemon/command: the subcommand table, how one is found, and the help.
 *
 * Layer   daemon.
 * Owner   the main thread.
 * Life    none.
 * Limits  none.
 */
#ifndef GW_DAEMON_COMMAND_H
#define GW_DAEMON_COMMAND_H

/* Exit codes: those of BSD's sysexits. */
enum gw_command_exit {
    GW_COMMAND_OK = 0,
    GW_COMMAND_USAGE = 64,       /* the command line is wrong */
    GW_COMMAND_UNAVAILABLE = 69, /* an address cannot be listened on, a broker not reached */
    GW_COMMAND_SYSTEM = 71,      /* out of memory, threads, descriptors */
    GW_COMMAND_EXISTS = 73,      /* something is there already and is not replaced */
    GW_COMMAND_STORE = 74,       /* the store, a key or a certificate cannot be read or written */
    GW_COMMAND_PERMISSION = 77,
    GW_COMMAND_CONFIG = 78,
};

/* Runs a program: argv[0] is its name, argv[1] the command. Returns the exit code. */
int gw_command_run(int argc, char **argv);

#endif
