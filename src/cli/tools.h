/*
 * cli/tools: the commands `pub`, `sub` and `rr`, with the letters, defaults, output and exit codes
 * of mosquitto_pub, mosquitto_sub and mosquitto_rr.
 *
 * Layer   cli (may include client, proto, topic, wire, net, os, base). Prints to stdout and stderr.
 * Owner   the main thread.
 * Life    a call is a whole run.
 * Limits  those of the format: topics of 65,535 bytes, payloads of 268,435,455 bytes.
 */
#ifndef GW_CLI_TOOLS_H
#define GW_CLI_TOOLS_H

/* Each runs a command to its end and returns the exit code; argv[0] is the command's own word. */
int gw_tools_pub(int argc, char **argv);
int gw_tools_sub(int argc, char **argv);
int gw_tools_rr(int argc, char **argv);

#endif
