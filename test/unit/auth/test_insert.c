#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auth/insert.h"

static enum gw_status fill(const char *pattern, enum gw_insert_place place, struct gw_span user,
                           size_t size_max, struct gw_buf *out)
{
    const struct gw_insert_text texts[] = {
        {'u', user}, {'d', GW_SPAN_LIT("cn=a,dc=b")}, {0, GW_SPAN_NONE}};
    gw_buf_init(out, size_max);
    return gw_insert(pattern, place, texts, out);
}

static void names_stay_names(void **state)
{
    const struct {
        const char *pattern;
        enum gw_insert_place place;
        struct gw_span user;
        const char *want;
    } rows[] = {
        {"(uid=%u)", GW_INSERT_LDAP_FILTER, GW_SPAN_LIT("alice"), "(uid=alice)"},
        {"(uid=%u)", GW_INSERT_LDAP_FILTER, GW_SPAN_LIT("*"), "(uid=\\2A)"},
        {"(uid=%u)", GW_INSERT_LDAP_FILTER, GW_SPAN_LIT("a)(cn=\\*\0"),
         "(uid=a\\29\\28cn\\3D\\5C\\2A\\00)"},
        {"(m=%d)", GW_INSERT_LDAP_FILTER, GW_SPAN_NONE, "(m=cn\\3Da\\2Cdc\\3Db)"},
        {"uid=%u,dc=x", GW_INSERT_LDAP_DN, GW_SPAN_LIT("s-7.b_c@d"), "uid=s-7.b_c@d,dc=x"},
        {"uid=%u,dc=x", GW_INSERT_LDAP_DN, GW_SPAN_LIT(" #a,b+c=\"<>;\\ "),
         "uid=\\20\\23a\\2Cb\\2Bc\\3D\\22\\3C\\3E\\3B\\5C\\20,dc=x"},
        {"uid=%u", GW_INSERT_LDAP_DN, GW_SPAN_LIT("\xC3\xA4"), "uid=\\C3\\A4"},
        {"u:%u:%%%u", GW_INSERT_KEY, GW_SPAN_LIT("a:b%2"), "u:a%3Ab%252:%a%3Ab%252"},
        {"u:%u", GW_INSERT_KEY, GW_SPAN_LIT("\xC3\xA4 {}\r\n*"), "u:\xC3\xA4%20%7B%7D%0D%0A%2A"},
        {"u:%u", GW_INSERT_KEY, GW_SPAN_LIT("%u"), "u:%25u"},
        {"", GW_INSERT_KEY, GW_SPAN_LIT("x"), ""},
    };
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_buf out;
        assert_int_equal(fill(rows[i].pattern, rows[i].place, rows[i].user, 200, &out), GW_OK);
        assert_int_equal(out.size, strlen(rows[i].want));
        assert_true(gw_span_equal(gw_buf_span(&out), gw_span_str(rows[i].want)));
        gw_buf_fini(&out);
    }
}

/* Whatever stands in it, a name leaves nothing that the place takes for something else. */
static void every_byte_is_harmless(void **state)
{
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        const uint8_t name[] = {(uint8_t)byte};
        struct gw_buf out;
        for (int place = GW_INSERT_LDAP_FILTER; place <= GW_INSERT_LDAP_DN; place++) {
            assert_int_equal(fill("%u", (enum gw_insert_place)place, gw_span_of(name, 1), 9, &out),
                             GW_OK);
            for (size_t i = 0; i < out.size; i++)
                assert_null(memchr("*()=,+\"<>;# ", out.data[i], 13));
            assert_true(out.size == 1 ? byte != '\\' : out.size == 3 && out.data[0] == '\\');
            gw_buf_fini(&out);
        }
        assert_int_equal(fill("%u", GW_INSERT_KEY, gw_span_of(name, 1), 9, &out), GW_OK);
        assert_true(out.size == 1 ? !strchr(":/{}[]*?%|", (int)byte) : out.data[0] == '%');
        gw_buf_fini(&out);
    }
}

static void limits_hold(void **state)
{
    struct gw_buf out;
    (void)state;
    assert_int_equal(fill("a%u", GW_INSERT_KEY, GW_SPAN_LIT("::"), 7, &out), GW_OK);
    gw_buf_fini(&out);
    assert_int_equal(fill("a%u", GW_INSERT_KEY, GW_SPAN_LIT("::"), 6, &out), GW_LIMIT);
    gw_buf_fini(&out);
    assert_int_equal(fill("a%x", GW_INSERT_KEY, GW_SPAN_LIT("a"), 6, &out), GW_INVALID);
    gw_buf_fini(&out);
    assert_int_equal(fill("a%", GW_INSERT_KEY, GW_SPAN_LIT("a"), 6, &out), GW_INVALID);
    gw_buf_fini(&out);
}

static void patterns_are_judged(void **state)
{
    static const struct {
        const char *pattern;
        const char *letters;
        bool good;
    } rows[] = {
        {"%u", "u", true},   {"a%%b%u", "u", true}, {"%d%u", "ud", true},
        {"%d", "ud", false}, {"", "u", false},      {"%%u", "u", false},
        {"%u%", "u", false}, {"%u%d", "u", false},  {"%u%x", "ud", false},
    };
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++)
        assert_true((gw_insert_judge(rows[i].pattern, rows[i].letters) == NULL) == rows[i].good);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_stay_names),
        cmocka_unit_test(every_byte_is_harmless),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(patterns_are_judged),
    };
    return cmocka_run_group_tests_name("insert", tests, NULL, NULL);
}
