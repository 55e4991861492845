#include "os/sharedlib.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum gw_status gw_sharedlib_load(const char *path, const char *symbol, gw_sharedlib_fn **ret_fn,
                                 char *words, size_t words_size)
{
    if (access(path, F_OK) != 0)
        return GW_NOT_FOUND;
    /* It stays where it is when its handle is given back. */
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    void *address = handle ? dlsym(handle, symbol) : NULL;
    if (!address) {
        const char *why = dlerror();
        snprintf(words, words_size, "%s", why ? why : "it exports nothing");
    }
    if (handle)
        (void)dlclose(handle);
    if (!address)
        return GW_INVALID;
    memcpy(ret_fn, &address, sizeof(*ret_fn)); /* POSIX: both have one form */
    return GW_OK;
}
