/*
 * os/sharedlib: a shared object, loaded while the program runs.
 *
 * Layer   os (may include base).
 * Owner   one thread; what is loaded stays loaded.
 * Life    none.
 * Limits  none.
 */
#ifndef GW_OS_SHAREDLIB_H
#define GW_OS_SHAREDLIB_H

#include <stddef.h>

#include "base/status.h"

typedef void gw_sharedlib_fn(void);

/* Loads the file and finds a function of it. GW_NOT_FOUND: there is no such file; GW_INVALID: it
 * cannot be loaded, and the system's words say why. */
GW_MUST_USE enum gw_status gw_sharedlib_load(const char *path, const char *symbol,
                                             gw_sharedlib_fn **ret_fn, char *words,
                                             size_t words_size);

#endif
