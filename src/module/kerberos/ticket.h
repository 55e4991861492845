/*
 * module/kerberos/ticket: the method GS2-KRB5 (RFC 5801): a client shows a ticket of its Kerberos
 *                         realm for this broker's service.
 *
 * Layer   module (auth, topic, os, base; MIT Kerberos by GSSAPI).
 * Owner   ops are immutable; a backend is asked by several workers.
 * Life    as auth/backend has it.
 * Limits  tokens as large as a packet before CONNECT is accepted.
 *
 * The key of the service comes from a keytab, so nobody else need be asked and a step takes no
 * longer than its cryptography. It knows no passwords. What it vouches for ends with the ticket.
 */
#ifndef GW_MODULE_KERBEROS_TICKET_H
#define GW_MODULE_KERBEROS_TICKET_H

#include "auth/method.h"

extern const struct gw_backend_ops gw_ticket_ops;

#endif
