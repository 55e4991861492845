#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/file.h"
#include "pki/cabinet.h"

#define NOW ((int64_t)1800000000)

static const char *const files[] = {GW_CABINET_CA, GW_CABINET_CA_KEY, GW_CABINET_SERVER,
                                    GW_CABINET_SERVER_KEY};

static int make_directory(void **state)
{
    static char path[64];
    snprintf(path, sizeof path, "/tmp/godwit-cabinet-XXXXXX");
    assert_non_null(mkdtemp(path));
    *state = path;
    return 0;
}

static int remove_directory(void **state)
{
    char path[GW_DEPOSIT_PATH_MAX];
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        unlink(gw_cabinet_path(*state, files[i], path));
    assert_int_equal(rmdir(*state), 0); /* and nothing else was in it */
    return 0;
}

static void found(const char *directory)
{
    struct gw_cabinet_error error;
    struct gw_cabinet_order order = {.name = "test CA", .now_s = NOW, .days = 3650};
    assert_int_equal(gw_cabinet_found(directory, &order, &error), GW_OK);
}

static unsigned mode_of(const char *directory, const char *file)
{
    char path[GW_DEPOSIT_PATH_MAX];
    struct stat facts;
    assert_int_equal(stat(gw_cabinet_path(directory, file, path), &facts), 0);
    return facts.st_mode & 07777;
}

static struct gw_buf content_of(const char *directory, const char *file)
{
    char path[GW_DEPOSIT_PATH_MAX];
    struct gw_buf buf;
    int os_errno;
    gw_buf_init(&buf, GW_CABINET_FILE_MAX);
    assert_int_equal(gw_file_read(gw_cabinet_path(directory, file, path), &buf, &os_errno), GW_OK);
    return buf;
}

static void a_ca_is_never_replaced(void **state)
{
    struct gw_cabinet_error error;
    struct gw_cabinet_order order = {
        .name = "another", .now_s = NOW, .days = 3650, .replace = true};
    char path[GW_DEPOSIT_PATH_MAX];
    found(*state);
    assert_int_equal(mode_of(*state, GW_CABINET_CA_KEY), 0600);
    assert_int_equal(mode_of(*state, GW_CABINET_CA), 0644);
    assert_int_equal(gw_cabinet_found(*state, &order, &error), GW_EXISTS);
    assert_non_null(strstr(error.what, GW_CABINET_CA));
    unlink(gw_cabinet_path(*state, GW_CABINET_CA, path)); /* its key alone is enough */
    assert_int_equal(gw_cabinet_found(*state, &order, &error), GW_EXISTS);
    assert_non_null(strstr(error.what, GW_CABINET_CA_KEY));
}

static void a_server_certificate_is_replaced_when_asked_and_its_key_stays(void **state)
{
    struct gw_cabinet cabinet;
    struct gw_cabinet_error error;
    struct gw_certificate_facts first, second;
    struct gw_certnames names = {0};
    struct gw_cabinet_order order = {.names = &names, .now_s = NOW, .days = 825};
    found(*state);
    gw_certnames_add_host(&names, "myhost");
    assert_int_equal(gw_cabinet_open(*state, &cabinet, &error), GW_OK);
    assert_int_equal(gw_cabinet_server(&cabinet, &order, &first, &error), GW_OK);
    assert_int_equal(mode_of(*state, GW_CABINET_SERVER_KEY), 0600);
    assert_int_equal(mode_of(*state, GW_CABINET_SERVER), 0644);
    struct gw_buf key = content_of(*state, GW_CABINET_SERVER_KEY);
    assert_int_equal(gw_cabinet_server(&cabinet, &order, &second, &error), GW_EXISTS);
    order.replace = true;
    assert_int_equal(gw_cabinet_server(&cabinet, &order, &second, &error), GW_OK);
    assert_string_not_equal(first.serial, second.serial);
    struct gw_buf again = content_of(*state, GW_CABINET_SERVER_KEY);
    assert_true(gw_span_equal(gw_buf_span(&key), gw_buf_span(&again)));
    gw_buf_fini(&key);
    gw_buf_fini(&again);
    gw_cabinet_fini(&cabinet);
}

static void a_client_gets_texts_that_belong_together(void **state)
{
    struct gw_cabinet cabinet;
    struct gw_cabinet_error error;
    struct gw_cabinet_client client;
    struct gw_cabinet_order order = {.name = "sensor-7", .now_s = NOW, .days = 730};
    struct gw_certkey key;
    struct gw_certificate certificate, ca;
    found(*state);
    assert_int_equal(gw_cabinet_open(*state, &cabinet, &error), GW_OK);
    assert_int_equal(gw_cabinet_client(&cabinet, &order, &client, &error), GW_OK);
    struct gw_span text = gw_buf_span(&client.certificate);
    struct gw_span ca_text = gw_buf_span(&client.ca);
    assert_int_equal(gw_certkey_parse(gw_buf_span(&client.key), &key), GW_OK);
    assert_int_equal(gw_certificate_parse(&text, &certificate), GW_OK);
    assert_int_equal(gw_certificate_parse(&ca_text, &ca), GW_OK);
    assert_true(gw_certificate_has_key(&certificate, &key));
    assert_true(gw_certificate_is_by(&certificate, &ca));
    assert_string_equal(client.facts.common_name, "sensor-7");
    gw_certificate_fini(&ca);
    gw_certificate_fini(&certificate);
    gw_certkey_fini(&key);
    gw_cabinet_client_fini(&client);
    gw_cabinet_fini(&cabinet);
}

static void broken_cabinets_are_told_apart(void **state)
{
    struct gw_cabinet cabinet;
    struct gw_cabinet_error error;
    char path[GW_DEPOSIT_PATH_MAX], other[GW_DEPOSIT_PATH_MAX];
    struct gw_certnames names = {0};
    struct gw_certificate_facts facts;
    struct gw_cabinet_order order = {.names = &names, .now_s = NOW, .days = 825};
    assert_int_equal(gw_cabinet_open(*state, &cabinet, &error), GW_NOT_FOUND);
    found(*state);
    gw_certnames_add_host(&names, "myhost");
    assert_int_equal(gw_cabinet_open(*state, &cabinet, &error), GW_OK);
    assert_int_equal(gw_cabinet_server(&cabinet, &order, &facts, &error), GW_OK);
    gw_cabinet_fini(&cabinet);
    /* The key of another. */
    rename(gw_cabinet_path(*state, GW_CABINET_SERVER_KEY, path),
           gw_cabinet_path(*state, GW_CABINET_CA_KEY, other));
    assert_int_equal(gw_cabinet_open(*state, &cabinet, &error), GW_INVALID);
    assert_non_null(strstr(error.what, "is not the key of"));
    /* No CA, though all belongs together. */
    rename(gw_cabinet_path(*state, GW_CABINET_SERVER, path),
           gw_cabinet_path(*state, GW_CABINET_CA, other));
    assert_int_equal(gw_cabinet_open(*state, &cabinet, &error), GW_INVALID);
    assert_non_null(strstr(error.what, "is not of a CA"));
    unlink(gw_cabinet_path(*state, GW_CABINET_CA_KEY, path));
    assert_int_equal(gw_cabinet_open(*state, &cabinet, &error), GW_NOT_FOUND);
    assert_non_null(strstr(error.what, GW_CABINET_CA_KEY));
    struct gw_deposit junk = {path, GW_SPAN_LIT("junk\n"), 0600, GW_DEPOSIT_NEW};
    int os_errno;
    assert_int_equal(gw_deposit_write(&junk, &os_errno), GW_OK);
    assert_int_equal(gw_cabinet_open(*state, &cabinet, &error), GW_INVALID);
    assert_non_null(strstr(error.what, "no private key"));
}

static void a_ca_that_is_over_signs_nothing(void **state)
{
    struct gw_cabinet cabinet;
    struct gw_cabinet_error error;
    struct gw_cabinet_client client;
    struct gw_cabinet_order order = {
        .name = "late", .now_s = NOW + 3651 * (int64_t)GW_CERTIFICATE_DAY_S, .days = 1};
    found(*state);
    assert_int_equal(gw_cabinet_open(*state, &cabinet, &error), GW_OK);
    assert_int_equal(gw_cabinet_client(&cabinet, &order, &client, &error), GW_REFUSED);
    assert_non_null(strstr(error.what, "over"));
    gw_cabinet_fini(&cabinet);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)
    const struct CMUnitTest tests[] = {
        CASE(a_ca_is_never_replaced),
        CASE(a_server_certificate_is_replaced_when_asked_and_its_key_stays),
        CASE(a_client_gets_texts_that_belong_together),
        CASE(broken_cabinets_are_told_apart),
        CASE(a_ca_that_is_over_signs_nothing),
    };
#undef CASE
    return cmocka_run_group_tests(tests, NULL, NULL);
}
