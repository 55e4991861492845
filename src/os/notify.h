/*
 * os/notify: tells the service manager that started this program how far it is (sd_notify).
 *
 * Layer   os (may include base).
 * Owner   any thread.
 * Life    none: one datagram a call, to the socket that NOTIFY_SOCKET names.
 * Limits  GW_NOTIFY_TEXT_MAX bytes a message.
 */
#ifndef GW_OS_NOTIFY_H
#define GW_OS_NOTIFY_H

#include "base/status.h"

#define GW_NOTIFY_TEXT_MAX 512

/* Sends lines such as "READY=1\nSTATUS=12 sessions". GW_NOT_FOUND: nobody asked for it, which is
 * the usual case; GW_INVALID: NOTIFY_SOCKET is neither a path nor an abstract name, or the text is
 * too long; GW_OS_ERROR: the manager does not listen. Never waits. */
enum gw_status gw_notify_send(const char *text);
/* The same with the line that systemd asks for while a reload goes on: its time, which is that of
 * CLOCK_MONOTONIC. */
enum gw_status gw_notify_send_reloading(void);

#endif
