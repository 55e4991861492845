#include "os/entropy.h"

#include <errno.h>
#include <stdint.h>
#include <sys/random.h>

#include "base/assert.h"

void gw_entropy_fill(void *memory, size_t size)
{
    uint8_t *at = memory;
    while (size > 0) {
        ssize_t got = getrandom(at, size, 0);
        GW_ASSERT(got > 0 || (got < 0 && errno == EINTR));
        if (got > 0) {
            at += got;
            size -= (size_t)got;
        }
    }
}
