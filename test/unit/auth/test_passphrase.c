#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "auth/passphrase.h"

static void words_are_short_and_stand_in_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < GW_PASSPHRASE_WORDS; i++) {
        const char *word = gw_passphrase_word(i);
        assert_in_range(strlen(word), 3, 6);
        assert_int_equal(strspn(word, "abcdefghijklmnopqrstuvwxyz"), strlen(word));
        if (i > 0)
            assert_true(strcmp(gw_passphrase_word(i - 1), word) < 0); /* so none is there twice */
    }
}

static size_t index_of(const char *word, size_t size)
{
    for (size_t i = 0; i < GW_PASSPHRASE_WORDS; i++) {
        if (strlen(gw_passphrase_word(i)) == size && memcmp(gw_passphrase_word(i), word, size) == 0)
            return i;
    }
    fail_msg("%.*s is no word of the list", (int)size, word);
    return 0;
}

/* Every word comes at every place; of 512 words one is missing after 40,000 draws once in 10^31. */
static void all_words_and_numbers_come(void **state)
{
    (void)state;
    static uint8_t seen[GW_PASSPHRASE_WORDS];
    static uint8_t numbers[100];
    size_t missing = GW_PASSPHRASE_WORDS;
    size_t numbers_missing = 90;
    for (int i = 0; i < 10000; i++) {
        char text[GW_PASSPHRASE_MAX];
        char *at = text;
        assert_ptr_equal(gw_passphrase_make(text), text);
        for (int part = 0; part < 5; part++) {
            size_t size = strcspn(at, "-");
            if (part == 2) {
                assert_int_equal(size, 2);
                int number = (at[0] - '0') * 10 + at[1] - '0';
                assert_in_range(number, 10, 99);
                numbers_missing -= numbers[number]++ == 0;
                numbers[number] = 1;
            } else {
                uint8_t *word = &seen[index_of(at, size)];
                missing -= *word == 0;
                *word = 1;
            }
            assert_int_equal(at[size], part < 4 ? '-' : '\0');
            at += size + 1;
        }
    }
    assert_int_equal(missing, 0);
    assert_int_equal(numbers_missing, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_short_and_stand_in_order),
        cmocka_unit_test(all_words_and_numbers_come),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
