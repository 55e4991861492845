/*
 * os/entropy: unpredictable bytes from the kernel.
 *
 * Layer   os (may include base).
 * Owner   any thread.
 * Life    none.
 * Limits  none.
 */
#ifndef GW_OS_ENTROPY_H
#define GW_OS_ENTROPY_H

#include <stddef.h>

/* Fills memory with random bytes; aborts if the kernel has none (nothing safe could follow). */
void gw_entropy_fill(void *memory, size_t size);

#endif
