#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/jsontree.h"

static enum gw_status parse(struct gw_jsontree *tree, const char *text, char *memory, size_t size)
{
    size_t length = strlen(text);
    assert_true(length < size);
    memcpy(memory, text, length + 1);
    return gw_jsontree_parse(tree, (uint8_t *)memory, length);
}

static void assert_text(const struct gw_jsontree_node *node, const char *text)
{
    assert_non_null(node);
    assert_int_equal(node->type, GW_JSONTREE_TEXT);
    assert_true(gw_span_equal(node->text, gw_span_str(text)));
}

static void finds_what_is_there(void **state)
{
    struct gw_jsontree tree;
    char memory[256];
    (void)state;
    gw_jsontree_init(&tree);
    assert_int_equal(parse(&tree, " {\"a\" : 1, \"b\":[\"x\", true,[],{}], \"c\":{\"d\":null}} \n",
                           memory, sizeof memory),
                     GW_OK);
    const struct gw_jsontree_node *root = &tree.nodes[0];
    assert_int_equal(gw_jsontree_member(&tree, root, "a")->number, 1);
    const struct gw_jsontree_node *at =
        gw_jsontree_first(&tree, gw_jsontree_member(&tree, root, "b"));
    assert_text(at, "x");
    at = gw_jsontree_next(&tree, at);
    assert_int_equal(at->type, GW_JSONTREE_BOOL);
    at = gw_jsontree_next(&tree, at);
    assert_int_equal(at->type, GW_JSONTREE_ARRAY);
    assert_null(gw_jsontree_first(&tree, at));
    at = gw_jsontree_next(&tree, at);
    assert_int_equal(at->type, GW_JSONTREE_OBJECT);
    assert_null(gw_jsontree_next(&tree, at));
    at = gw_jsontree_member(&tree, gw_jsontree_member(&tree, root, "c"), "d");
    assert_int_equal(at->type, GW_JSONTREE_NULL);
    assert_null(gw_jsontree_member(&tree, root, "d"));
    assert_null(gw_jsontree_member(&tree, at, "d"));
    gw_jsontree_fini(&tree);
}

static void resolves_escapes(void **state)
{
    static const struct {
        const char *written, *meant;
    } cases[] = {
        {"\"\"", ""},
        {"\"a\\\"b\\\\c\\/d\"", "a\"b\\c/d"},
        {"\"\\b\\f\\n\\r\\t\"", "\b\f\n\r\t"},
        {"\"\\u0041\\u00e4\\u20AC\"", "A\xC3\xA4\xE2\x82\xAC"},
        {"\"\\ud83d\\uDE00x\"", "\xF0\x9F\x98\x80x"},
    };
    struct gw_jsontree tree;
    char memory[64];
    (void)state;
    gw_jsontree_init(&tree);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(parse(&tree, cases[i].written, memory, sizeof memory), GW_OK);
        assert_text(&tree.nodes[0], cases[i].meant);
    }
    assert_int_equal(parse(&tree, "\"a\\u0000b\"", memory, sizeof memory), GW_OK);
    assert_int_equal(tree.nodes[0].text.size, 3);
    gw_jsontree_fini(&tree);
}

static void says_what_is_wrong_and_where(void **state)
{
    static const struct {
        const char *text;
        size_t at;
    } cases[] = {
        {"", 0},
        {"{", 1},
        {"{\"a\"}", 4},
        {"{\"a\":}", 5},
        {"{\"a\":1,}", 7},
        {"[1,]", 3},
        {"[1 2]", 3},
        {"[1}", 2},
        {"1 1", 2},
        {"-", 1},
        {"01", 1},
        {"-01", 2},
        {"+1", 0},
        {".5", 0},
        {"1.", 2},
        {"1.e3", 2},
        {"1e", 2},
        {"1e+", 3},
        {"0x1", 1},
        {"NaN", 0},
        {"\xEF\xBB\xBF{}", 0},
        {"'a'", 0},
        {"{\"a\":1 \"b\":2}", 7},
        {"[1]//", 3},
        {"\"\xC3\"", 3},
        {"\"\xED\xA0\x80\"", 5},
        {"\"\xC0\x80\"", 4},
        {"tru", 0},
        {"\"a", 2},
        {"\"\\x\"", 2},
        {"\"\\u12g4\"", 5},
        {"\"\n\"", 1},
        {"\"\\ud800\"", 7},
        {"\"\\udc00\"", 7},
        {"[[[[[[[[[[[[[[[[[", 17},
    };
    struct gw_jsontree tree;
    char memory[64];
    (void)state;
    gw_jsontree_init(&tree);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tree.why = NULL;
        assert_int_equal(parse(&tree, cases[i].text, memory, sizeof memory), GW_MALFORMED);
        assert_non_null(tree.why);
        if (tree.at != cases[i].at)
            fail_msg("%s: at %zu, not %zu", cases[i].text, tree.at, cases[i].at);
    }
    gw_jsontree_fini(&tree);
}

static void takes_every_number(void **state)
{
    static const struct {
        const char *text;
        enum gw_jsontree_type type;
        uint64_t number;
    } cases[] = {
        {"0", GW_JSONTREE_NUMBER, 0},
        {"18446744073709551615", GW_JSONTREE_NUMBER, UINT64_MAX},
        {"18446744073709551616", GW_JSONTREE_REAL, 0},
        {"-0", GW_JSONTREE_REAL, 0},
        {"-17", GW_JSONTREE_REAL, 0},
        {"1.5", GW_JSONTREE_REAL, 0},
        {"0.25E-3", GW_JSONTREE_REAL, 0},
        {"1e+3", GW_JSONTREE_REAL, 0},
    };
    struct gw_jsontree tree;
    char memory[64];
    (void)state;
    gw_jsontree_init(&tree);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(parse(&tree, cases[i].text, memory, sizeof memory), GW_OK);
        assert_int_equal(tree.nodes[0].type, cases[i].type);
        assert_true(tree.nodes[0].number == cases[i].number);
        assert_true(gw_span_equal(tree.nodes[0].text, gw_span_str(cases[i].text)));
    }
    gw_jsontree_fini(&tree);
}

static void sees_twins(void **state)
{
    static const struct {
        const char *text;
        bool twins;
    } cases[] = {
        {"{}", false},
        {"[1,1]", false},
        {"{\"a\":1,\"b\":2,\"A\":3}", false},
        {"{\"a\":1,\"b\":2,\"a\":3}", true},
        {"{\"a\":1,\"\\u0061\":1}", true},
        {"{\"a\":{\"b\":1},\"b\":1}", false},
    };
    struct gw_jsontree tree;
    char memory[64];
    (void)state;
    gw_jsontree_init(&tree);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(parse(&tree, cases[i].text, memory, sizeof memory), GW_OK);
        assert_int_equal(gw_jsontree_has_twins(&tree, &tree.nodes[0]), cases[i].twins);
    }
    gw_jsontree_fini(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_is_there),
        cmocka_unit_test(resolves_escapes),
        cmocka_unit_test(says_what_is_wrong_and_where),
        cmocka_unit_test(takes_every_number),
        cmocka_unit_test(sees_twins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
