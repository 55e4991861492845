#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auth/saslprep.h"
#include "base/compiler.h"

static void texts_are_judged(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool stable;
    } rows[] = {
        {"", true},
        {"user", true},
        {"USER", true},
        {"pencil", true},
        {" a ~!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}", true},
        {"gr\xC3\xBC\xC3\x9F", true},               /* umlaut and sharp s */
        {"\xD0\xBF\xD0\xB0\xD1\x80\xD0\xBE", true}, /* Cyrillic */
        {"\xE6\x97\xA5\xE6\x9C\xAC", true},         /* Han */
        {"\xED\x95\x9C", true},                     /* a Hangul syllable */
        {"\xD7\xA9\xD7\x9C", true},                 /* Hebrew alone */
        {"\xD8\xA7"
         "1"
         "\xD8\xA7",
         true}, /* a digit between Arabic letters */
        {"\x07", false},
        {"a\x7F", false},
        {"\n", false},
        {"I\xC2\xADX", false},               /* soft hyphen: mapped to nothing */
        {"\xC2\xAA", false},                 /* feminine ordinal: becomes a */
        {"\xE2\x85\xA8", false},             /* Roman nine: becomes IX */
        {"\xC2\xA0", false},                 /* no-break space: becomes a space */
        {"e\xCC\x81", false},                /* a combining accent melts */
        {"\xE1\x84\x80\xE1\x85\xA1", false}, /* Hangul jamo melt */
        {"\xD8\xA7"
         "1",
         false},              /* right to left must end so */
        {"1\xD8\xA7", false}, /* and begin so */
        {"\xD8\xA7"
         "a"
         "\xD8\xA7",
         false},
        {"\xEE\x80\x80", false},     /* private use */
        {"\xEF\xBF\xBD", false},     /* replacement character */
        {"\xF0\x9F\x98\x80", false}, /* an emoji, younger than Unicode 3.2 */
        {"\xF0\x90\x8C\x80", true},  /* Old Italic, of four bytes, is not */
        {"\xFF", false},
        {"a\xC3", false},
        {"\xED\xA0\x80", false},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++)
        assert_int_equal(gw_saslprep_stable(gw_span_str(rows[i].text)), rows[i].stable);
    assert_false(gw_saslprep_stable(gw_span_of("a\0b", 3)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(texts_are_judged)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
