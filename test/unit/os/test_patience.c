#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "os/patience.h"

static void it_waits_for_what_is_ready(void **state)
{
    int ends[2];
    (void)state;
    assert_int_equal(pipe(ends), 0);
    struct gw_patience patience = gw_patience_for(60000);
    assert_in_range(gw_patience_left_ms(&patience), 1, 60000);
    assert_int_equal(gw_patience_wait(&patience, ends[1], false, true), GW_OK);
    assert_int_equal(write(ends[1], "x", 1), 1);
    assert_int_equal(gw_patience_wait(&patience, ends[0], true, false), GW_OK);
    close(ends[1]);
    close(ends[0]);
}

static void it_comes_to_an_end(void **state)
{
    int ends[2];
    (void)state;
    assert_int_equal(pipe(ends), 0);
    struct gw_patience patience = gw_patience_for(2);
    assert_int_equal(gw_patience_wait(&patience, ends[0], true, false), GW_TIMEOUT);
    assert_int_equal(gw_patience_left_ms(&patience), 0);
    assert_int_equal(gw_patience_wait(&patience, ends[0], true, false), GW_TIMEOUT);
    assert_int_equal(gw_patience_wait(&patience, ends[1], false, true), GW_OK); /* ready is ready */
    close(ends[1]);
    assert_int_equal(gw_patience_wait(&patience, ends[0], true, false),
                     GW_OK); /* its end is told */
    close(ends[0]);
}

static void forever_is_cut(void **state)
{
    const struct gw_patience patience = {GW_NEVER};
    (void)state;
    assert_int_equal(gw_patience_left_ms(&patience), INT32_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_waits_for_what_is_ready),
        cmocka_unit_test(it_comes_to_an_end),
        cmocka_unit_test(forever_is_cut),
    };
    return cmocka_run_group_tests_name("patience", tests, NULL, NULL);
}
