#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auth/userfile.h"
#include "auth/users.h"
#include "base/compiler.h"

/* Costs next to nothing to compute, and nobody computes it here. */
#define HASH                                                                                       \
    "$6$6MKidibLCPGWff2+$YwxI0rj1LmoA0uX4GGKR3Mx0+DDsXQAGEqXxr0KPZRQacwaudw/"                      \
    "nnUl4i/KrJVYqU2kyVc3y51QEPi7ds60GdA=="

static enum gw_status parse(const char *text, struct gw_userfile **file,
                            struct gw_userfile_error *error)
{
    return gw_userfile_parse(gw_span_str(text), file, error);
}

static void files_as_people_write_them_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t count;
    } rows[] = {
        {"", 0},
        {"\n\n", 0},
        {"# nobody yet", 0},
        {"bob:" HASH, 1},
        {"bob:" HASH "\n", 1},
        {"bob:" HASH "\r\n\r\nalice:" HASH "\r\n", 2},
        {"# people\nbob:" HASH "\n  # robots\nr2:" HASH ":robots,small\n", 2},
        {"  bob :" HASH "  \n", 1},
        {"\xEF\xBB\xBF"
         "bob:" HASH "\n",
         1},
        {"bob:" HASH ":\n", 1},
        {"J\xC3\xBCrgen:" HASH "\n", 1},
        {"a b:" HASH "\n", 1},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_userfile *file;
        struct gw_userfile_error error;
        assert_int_equal(parse(rows[i].text, &file, &error), GW_OK);
        assert_int_equal(gw_userfile_count(file), rows[i].count);
        gw_userfile_free(file);
    }
}

static void users_are_found_by_their_whole_name(void **state)
{
    (void)state;
    struct gw_userfile *file;
    struct gw_userfile_error error;
    assert_int_equal(
        parse("m:" HASH "\nbob:" HASH ":a,b\nz:" HASH "\nbo:" HASH ":c\n", &file, &error), GW_OK);
    static const char *const there[] = {"m", "bob", "z", "bo"};
    for (size_t i = 0; i < GW_COUNT_OF(there); i++) {
        const struct gw_userfile_user *user = gw_userfile_find(file, gw_span_str(there[i]));
        assert_non_null(user);
        assert_true(gw_span_equal(user->name, gw_span_str(there[i])));
    }
    static const char *const strangers[] = {"", "b", "bobb", "BOB", "bob ", "a", "zz"};
    for (size_t i = 0; i < GW_COUNT_OF(strangers); i++)
        assert_null(gw_userfile_find(file, gw_span_str(strangers[i])));
    assert_null(gw_userfile_find(file, gw_span_of("bob\0", 4)));
    const struct gw_userfile_user *bob = gw_userfile_find(file, GW_SPAN_LIT("bob"));
    assert_true(gw_span_equal(bob->groups, GW_SPAN_LIT("a,b")));
    gw_userfile_free(file);
}

static void broken_files_are_refused_with_the_place(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t line, column;
    } rows[] = {
        {"bob", 1, 1},
        {"# x\nbob", 2, 1},
        {"  bob", 1, 3},
        {":" HASH, 1, 1},
        {"#:" HASH "\nbob:", 2, 5},
        {"bob:secret", 1, 5},
        {"J\xC3\xBCrgen:secret", 1, 8},
        {"bob:$6$x$y", 1, 8},
        {"bob:" HASH "\nal\xC0ice:" HASH, 2, 1},
        {"bob:" HASH "\nal\x01ice:" HASH, 2, 1},
        {"bob:" HASH ":a,,b", 1, 114},
        {"bob:" HASH ":a, b", 1, 114},
        {"bob:" HASH ":a:b", 1, 114},
        {"bob:" HASH "\nalice:" HASH "\n\nbob:" HASH "\n", 4, 1},
        {"bob:" HASH "\nbob:" HASH "\nbob:" HASH "\n", 2, 1},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_userfile *file = NULL;
        struct gw_userfile_error error;
        assert_int_equal(parse(rows[i].text, &file, &error), GW_INVALID);
        assert_null(file);
        assert_int_equal(error.line, rows[i].line);
        assert_int_equal(error.column, rows[i].column);
        assert_true(error.width >= 1);
        assert_non_null(error.what);
    }
}

static void a_zero_byte_is_refused(void **state)
{
    (void)state;
    struct gw_userfile *file = NULL;
    struct gw_userfile_error error;
    static const char text[] = "al\0ice:" HASH;
    assert_int_equal(gw_userfile_parse(gw_span_of(text, sizeof(text) - 1), &file, &error),
                     GW_INVALID);
}

static void names_that_a_file_cannot_hold_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool good;
    } rows[] = {{"bob", true}, {"b:b", false},   {"#b", false},     {"b#", true},
                {"", false},   {" b", false},    {"b ", false},     {"b\nc", false},
                {"b c", true}, {"b\xC3", false}, {"\xC3\xBC", true}};
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++)
        assert_int_equal(gw_userfile_judge_name(gw_span_str(rows[i].name)) == NULL, rows[i].good);
}

static void the_line_of_a_user_is_found_whole(void **state)
{
    (void)state;
    struct gw_span text = GW_SPAN_LIT("# c\nbob:x:a,b\r\nalice:y");
    struct gw_span line, groups;
    assert_true(gw_userfile_line(text, GW_SPAN_LIT("bob"), &line, &groups));
    assert_true(gw_span_equal(line, GW_SPAN_LIT("bob:x:a,b\r\n")));
    assert_true(gw_span_equal(groups, GW_SPAN_LIT("a,b")));
    assert_true(gw_userfile_line(text, GW_SPAN_LIT("alice"), &line, &groups));
    assert_true(gw_span_equal(line, GW_SPAN_LIT("alice:y")));
    assert_int_equal(groups.size, 0);
    assert_false(gw_userfile_line(text, GW_SPAN_LIT("# c"), &line, &groups));
    assert_false(gw_userfile_line(text, GW_SPAN_LIT("b"), &line, &groups));
}

static void the_first_file_that_knows_a_user_decides(void **state)
{
    (void)state;
    struct gw_span texts[] = {GW_SPAN_LIT("bob:" HASH ":one\n"),
                              GW_SPAN_LIT("bob:" HASH ":two\nalice:" HASH ":two\n")};
    struct gw_users *users;
    struct gw_users_error error;
    assert_int_equal(gw_users_of(texts, 2, &users, &error), GW_OK);
    gw_users_error_fini(&error);
    assert_int_equal(gw_users_count(users), 3);
    assert_true(
        gw_span_equal(gw_users_find(users, GW_SPAN_LIT("bob"))->groups, GW_SPAN_LIT("one")));
    assert_true(
        gw_span_equal(gw_users_find(users, GW_SPAN_LIT("alice"))->groups, GW_SPAN_LIT("two")));
    assert_null(gw_users_find(users, GW_SPAN_LIT("eve")));
    assert_int_equal(gw_users_dummy(users)->kind, GW_HASHTEXT_SHA512);
    gw_users_unref(gw_users_ref(users));
    gw_users_unref(users);
}

static void half_a_list_is_no_list(void **state)
{
    (void)state;
    struct gw_span texts[] = {GW_SPAN_LIT("bob:" HASH "\n"), GW_SPAN_LIT("alice\n")};
    struct gw_users *users;
    struct gw_users_error error;
    assert_int_equal(gw_users_of(texts, 2, &users, &error), GW_INVALID);
    assert_null(users);
    assert_int_equal(error.detail.line, 1);
    gw_users_error_fini(&error);
    static const char *const paths[] = {"/nowhere/users"};
    assert_int_equal(gw_users_load(paths, 1, &users, &error), GW_OS_ERROR);
    assert_null(users);
    assert_string_equal(error.path, paths[0]);
    gw_users_error_fini(&error);
}

static void an_empty_file_has_nobody(void **state)
{
    (void)state;
    struct gw_span texts[] = {GW_SPAN_NONE};
    struct gw_users *users;
    struct gw_users_error error;
    assert_int_equal(gw_users_of(texts, 1, &users, &error), GW_OK);
    gw_users_error_fini(&error);
    assert_int_equal(gw_users_count(users), 0);
    assert_null(gw_users_find(users, GW_SPAN_LIT("")));
    assert_int_equal(gw_users_dummy(users)->kind, GW_HASHTEXT_ARGON2ID);
    gw_users_unref(users);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_as_people_write_them_are_read),
        cmocka_unit_test(users_are_found_by_their_whole_name),
        cmocka_unit_test(broken_files_are_refused_with_the_place),
        cmocka_unit_test(a_zero_byte_is_refused),
        cmocka_unit_test(names_that_a_file_cannot_hold_are_told),
        cmocka_unit_test(the_line_of_a_user_is_found_whole),
        cmocka_unit_test(the_first_file_that_knows_a_user_decides),
        cmocka_unit_test(half_a_list_is_no_list),
        cmocka_unit_test(an_empty_file_has_nobody),
    };
    return cmocka_run_group_tests_name("userfile", tests, NULL, NULL);
}
