#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

void gw_assert_fail(const char *expr, const char *file, int line, const char *func)
{
    fprintf(stderr, "godwit: broken invariant: %s at %s:%d (%s)\n", expr, file, line, func);
    abort();
}
