/* auth/userfile: whatever stands in a user file, users come out whole and are found again. */
#include "fuzz.h"

#include "auth/userfile.h"

static void check_user(const struct gw_userfile *file, size_t index)
{
    const struct gw_userfile_user *user = gw_userfile_at(file, index);
    struct gw_hashtext again;
    struct gw_buf text;
    const char *why;
    size_t at;
    FUZZ_CHECK(gw_userfile_find(file, user->name) == user);
    FUZZ_CHECK(gw_userfile_judge_name(user->name) == NULL);
    FUZZ_CHECK(gw_userfile_judge_groups(user->groups) == NULL);
    gw_buf_init(&text, GW_HASHTEXT_MAX + 8);
    FUZZ_CHECK(gw_hashtext_print(&user->hash, &text) == GW_OK);
    FUZZ_CHECK(gw_hashtext_parse(gw_buf_span(&text), &again, &why, &at) == GW_OK);
    FUZZ_CHECK(again.key.size == user->hash.key.size && again.key.size > 0 &&
               memcmp(again.key.bytes, user->hash.key.bytes, again.key.size) == 0);
    FUZZ_CHECK(again.server.size == user->hash.server.size && again.rounds == user->hash.rounds);
    gw_buf_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gw_userfile *file = NULL;
    struct gw_userfile_error error;
    uint8_t *text = fuzz_copy(gw_span_of(data, size));
    if (size <= FUZZ_INPUT_MAX) {
        enum gw_status status = gw_userfile_parse(gw_span_of(text, size), &file, &error);
        FUZZ_CHECK(status == GW_OK || status == GW_INVALID);
        FUZZ_CHECK((status == GW_OK) == (file != NULL));
        FUZZ_CHECK(status == GW_OK || (error.line >= 1 && error.column >= 1 && error.width >= 1));
        for (size_t i = 0; file && i < gw_userfile_count(file); i++) {
            struct gw_span line, groups;
            check_user(file, i);
            FUZZ_CHECK(gw_userfile_line(gw_span_of(text, size), gw_userfile_at(file, i)->name,
                                        &line, &groups) ||
                       text[0] == 0xEF);
        }
    }
    gw_userfile_free(file);
    free(text);
    return 0;
}
