#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/status.h"

struct seen {
    unsigned count;
    enum gw_log_level level;
    size_t fields;
};

static void sink(void *user, enum gw_log_level level, const char *event, const char *message,
                 const struct gw_log_field *fields, size_t field_count)
{
    struct seen *seen = user;
    assert_string_equal(event, "client.connected");
    assert_string_equal(message, "a client connected");
    assert_string_equal(fields[0].key, "client");
    assert_true(gw_span_equal(fields[0].text, GW_SPAN_LIT("c1")));
    assert_int_equal(fields[1].number, -5);
    seen->count++;
    seen->level = level;
    seen->fields = field_count;
}

static void writes_up_to_its_level(void **state)
{
    (void)state;
    struct seen seen = {0};
    struct gw_log log = {sink, &seen, GW_LOG_INFO};
    struct gw_log_field fields[] = {gw_log_str("client", "c1"), gw_log_number("n", -5)};
    gw_log_event(&log, GW_LOG_DEBUG, "client.connected", "a client connected", fields, 2);
    assert_int_equal(seen.count, 0);
    gw_log_event(&log, GW_LOG_INFO, "client.connected", "a client connected", fields, 2);
    gw_log_event(&log, GW_LOG_ERROR, "client.connected", "a client connected", fields, 2);
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.level, GW_LOG_ERROR);
    assert_int_equal(seen.fields, 2);
    gw_log_event(NULL, GW_LOG_ERROR, "client.connected", "a client connected", fields, 2);
}

static void statuses_have_names(void **state)
{
    (void)state;
    for (int i = 0; i < GW_STATUS_COUNT; i++)
        assert_true(strlen(gw_status_name((enum gw_status)i)) > 1);
    assert_string_equal(gw_status_name(GW_STATUS_COUNT), "unknown status");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_up_to_its_level),
        cmocka_unit_test(statuses_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
