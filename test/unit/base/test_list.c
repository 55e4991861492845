#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/list.h"

#define NODES 8

struct letter {
    struct gw_list link;
    char name;
};

static struct letter letters[NODES];

static void prepare(struct gw_list *head)
{
    gw_list_init(head);
    for (int i = 0; i < NODES; i++) {
        letters[i].name = (char)('a' + i);
        gw_list_init(&letters[i].link);
    }
}

/* The list reads as `text` from either end. */
static void expect(const struct gw_list *head, const char *text)
{
    size_t size = strlen(text);
    size_t at = 0;
    for (const struct gw_list *node = head->next; node != head; node = node->next) {
        assert_true(at < size);
        assert_int_equal(GW_CONTAINER_CONST(node, struct letter, link)->name, text[at++]);
        assert_ptr_equal(node->next->prev, node);
        assert_ptr_equal(node->prev->next, node);
    }
    assert_int_equal(at, size);
    assert_int_equal(gw_list_empty(head), size == 0);
}

static void keeps_the_order_of_pushes(void **state)
{
    (void)state;
    struct gw_list head;
    prepare(&head);
    expect(&head, "");
    gw_list_push_back(&head, &letters[0].link);
    gw_list_push_back(&head, &letters[1].link);
    gw_list_push_front(&head, &letters[2].link);
    expect(&head, "cab");
    gw_list_insert_before(&letters[1].link, &letters[3].link);
    expect(&head, "cadb");
    gw_list_insert_before(&head, &letters[4].link);
    expect(&head, "cadbe");
}

static void a_removed_node_is_free_for_another_list(void **state)
{
    (void)state;
    struct gw_list head, other;
    prepare(&head);
    gw_list_init(&other);
    for (int i = 0; i < 4; i++)
        gw_list_push_back(&head, &letters[i].link);
    gw_list_remove(&letters[1].link); /* inside */
    gw_list_remove(&letters[0].link); /* first */
    gw_list_remove(&letters[3].link); /* last */
    expect(&head, "c");
    assert_true(gw_list_empty(&letters[1].link));
    gw_list_remove(&letters[1].link); /* in no list: nothing happens */
    gw_list_push_back(&other, &letters[1].link);
    expect(&other, "b");
    gw_list_remove(&letters[2].link);
    expect(&head, "");
}

static void pops_from_the_front(void **state)
{
    (void)state;
    struct gw_list head;
    prepare(&head);
    assert_null(gw_list_pop_front(&head));
    gw_list_push_back(&head, &letters[0].link);
    gw_list_push_back(&head, &letters[1].link);
    assert_ptr_equal(gw_list_pop_front(&head), &letters[0].link);
    assert_true(gw_list_empty(&letters[0].link));
    expect(&head, "b");
    assert_ptr_equal(gw_list_pop_front(&head), &letters[1].link);
    assert_null(gw_list_pop_front(&head));
    expect(&head, "");
}

static void splices_in_order(void **state)
{
    (void)state;
    static const struct {
        int to, from;
        const char *result;
    } rows[] = {{0, 0, ""}, {2, 0, "ab"}, {0, 2, "ab"}, {1, 1, "ab"}, {3, 4, "abcdefg"}};
    for (size_t row = 0; row < GW_COUNT_OF(rows); row++) {
        struct gw_list to, from;
        prepare(&to);
        gw_list_init(&from);
        for (int i = 0; i < rows[row].to; i++)
            gw_list_push_back(&to, &letters[i].link);
        for (int i = 0; i < rows[row].from; i++)
            gw_list_push_back(&from, &letters[rows[row].to + i].link);
        gw_list_splice_back(&to, &from);
        expect(&to, rows[row].result);
        expect(&from, "");
    }
}

static void a_walk_may_remove_what_it_visits(void **state)
{
    (void)state;
    struct gw_list head;
    prepare(&head);
    GW_LIST_FOREACH (link, &head) {
        fail_msg("an empty list was walked into at %p", (void *)link);
    }
    for (int i = 0; i < NODES; i++)
        gw_list_push_back(&head, &letters[i].link);
    int visits = 0;
    GW_LIST_FOREACH (link, &head) {
        if (GW_CONTAINER(link, struct letter, link)->name % 2 != 0)
            gw_list_remove(link);
        visits++;
    }
    assert_int_equal(visits, NODES);
    expect(&head, "bdfh");
    GW_LIST_FOREACH (link, &head) {
        gw_list_remove(link);
    }
    expect(&head, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_order_of_pushes),
        cmocka_unit_test(a_removed_node_is_free_for_another_list),
        cmocka_unit_test(pops_from_the_front),
        cmocka_unit_test(splices_in_order),
        cmocka_unit_test(a_walk_may_remove_what_it_visits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
