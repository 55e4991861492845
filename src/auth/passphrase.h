/*
 * auth/passphrase: makes passwords that people can read out and type: "pine-otter-43-lamp-moss".
 *
 * Layer   auth (may include topic, base, os).
 * Owner   any thread.
 * Life    none.
 * Limits  GW_PASSPHRASE_MAX characters with the end mark.
 *
 * Four words of 512 and a number of 90, each as likely as the others: 42 bits. That is much for
 * whoever has to ask the broker, which counts, and enough for whoever has the hash, which is slow.
 */
#ifndef GW_AUTH_PASSPHRASE_H
#define GW_AUTH_PASSPHRASE_H

#include <stddef.h>
#include <stdint.h>

#define GW_PASSPHRASE_MAX   48
#define GW_PASSPHRASE_WORDS 512

/* Makes one; returns text. */
const char *gw_passphrase_make(char text[GW_PASSPHRASE_MAX]);

/* The words, in alphabetical order; index below GW_PASSPHRASE_WORDS. */
const char *gw_passphrase_word(size_t index);

#endif
