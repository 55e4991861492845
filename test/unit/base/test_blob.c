#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/blob.h"

#include <pthread.h>

static void counts_references(void **state)
{
    (void)state;
    struct gw_blob *a = gw_blob_new(5);
    assert_non_null(a);
    assert_int_equal(a->size, 5);
    memcpy(a->data, "hello", 5);
    struct gw_blob *b = gw_blob_ref(a);
    assert_ptr_equal(a, b);
    assert_int_equal(gw_blob_refs(a), 2);
    gw_blob_unref(&a);
    assert_null(a);
    assert_int_equal(gw_blob_refs(b), 1);
    assert_memory_equal(b->data, "hello", 5);
    gw_blob_unref(&b);
    assert_null(b);
    gw_blob_unref(&b);
}

static void refuses_what_cannot_be(void **state)
{
    (void)state;
    assert_null(gw_blob_new(SIZE_MAX));
    assert_null(gw_blob_new(SIZE_MAX - sizeof(struct gw_blob)));
    struct gw_blob *empty = gw_blob_new(0);
    assert_non_null(empty);
    gw_blob_unref(&empty);
}

static void *share(void *blob)
{
    for (int i = 0; i < 20000; i++) {
        struct gw_blob *mine = gw_blob_ref(blob);
        gw_blob_unref(&mine);
    }
    struct gw_blob *last = blob;
    gw_blob_unref(&last);
    return NULL;
}

static void survives_several_threads(void **state)
{
    (void)state;
    struct gw_blob *blob = gw_blob_new(64);
    assert_non_null(blob);
    pthread_t threads[3];
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, share, gw_blob_ref(blob)), 0);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(gw_blob_refs(blob), 1);
    gw_blob_unref(&blob);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_references),
        cmocka_unit_test(refuses_what_cannot_be),
        cmocka_unit_test(survives_several_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
