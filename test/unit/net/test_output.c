#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/compiler.h"
#include "base/random.h"
#include "net/output.h"

#define MODEL_SIZE ((size_t)1024 * 1024)

static uint8_t pattern(size_t i)
{
    return (uint8_t)(i * 131 + (i >> 8));
}

static void fill(uint8_t *memory, size_t offset, size_t size)
{
    for (size_t i = 0; i < size; i++)
        memory[i] = pattern(offset + i);
}

/* Takes what gather offers in at most parts_max parts, checks it and consumes `most` of it. */
static size_t take(struct gw_output *output, struct gw_output_cache *cache, size_t offset,
                   int parts_max, size_t most)
{
    struct iovec parts[8];
    size_t offered;
    size_t seen = 0;
    int count = gw_output_gather(output, parts, parts_max, &offered);
    for (int p = 0; p < count; p++) {
        const uint8_t *bytes = parts[p].iov_base;
        assert_true(parts[p].iov_len > 0);
        for (size_t i = 0; i < parts[p].iov_len; i++)
            assert_int_equal(bytes[i], pattern(offset + seen + i));
        seen += parts[p].iov_len;
    }
    assert_int_equal(seen, offered);
    size_t size = most < offered ? most : offered;
    gw_output_consume(output, cache, size);
    return size;
}

static void append_random(struct gw_output *output, struct gw_output_cache *cache,
                          struct gw_random *random, size_t offset, size_t size)
{
    if (gw_random_below(random, 3) == 0) {
        struct gw_blob *blob = gw_blob_new(size + 2);
        fill(blob->data + 1, offset, size);
        assert_int_equal(
            gw_output_append_blob(output, cache, blob, gw_span_of(blob->data + 1, size)), GW_OK);
        gw_blob_unref(&blob);
    } else if (gw_random_below(random, 2) == 0) {
        uint8_t *room = gw_output_reserve(output, cache, size + gw_random_below(random, 100));
        fill(room, offset, size);
        gw_output_commit(output, cache, size);
    } else {
        uint8_t *bytes = malloc(size + 1);
        fill(bytes, offset, size);
        assert_int_equal(gw_output_append(output, cache, gw_span_of(bytes, size)), GW_OK);
        free(bytes);
    }
}

/* Whatever is put in in whatever way comes out in order, in pieces of any size. */
static void keeps_order(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct gw_random random;
        struct gw_output_cache cache = {0};
        struct gw_output output;
        gw_random_init(&random, seed);
        gw_output_init(&output);
        size_t in = 0;
        size_t out = 0;
        while (in < MODEL_SIZE / 4) {
            struct gw_output_cache *used = gw_random_below(&random, 4) == 0 ? NULL : &cache;
            size_t size = gw_random_below(&random, gw_random_below(&random, 8) == 0 ? 40000 : 300);
            append_random(&output, used, &random, in, size);
            in += size;
            if (gw_random_below(&random, 3) == 0)
                out += take(&output, used, out, 1 + (int)gw_random_below(&random, 8),
                            gw_random_below(&random, 9000));
            assert_int_equal(output.size, in - out);
        }
        while (out < in)
            out += take(&output, &cache, out, 8, SIZE_MAX);
        assert_null(output.head);
        gw_output_cache_fini(&cache);
    }
}

static void releases_blobs(void **state)
{
    (void)state;
    struct gw_output_cache cache = {0};
    struct gw_output output;
    gw_output_init(&output);
    struct gw_blob *blob = gw_blob_new(100);
    struct gw_span whole = gw_span_of(blob->data, 100);
    for (int i = 0; i < 3; i++)
        assert_int_equal(gw_output_append_blob(&output, &cache, blob, whole), GW_OK);
    assert_int_equal(gw_blob_refs(blob), 4);
    gw_output_consume(&output, &cache, 150);
    assert_int_equal(gw_blob_refs(blob), 3);
    gw_output_clear(&output, &cache);
    assert_int_equal(gw_blob_refs(blob), 1);
    gw_blob_unref(&blob);
    gw_output_cache_fini(&cache);
}

/* The first chunk is small, an idle queue holds none, the cache gives it out again. */
static void starts_small(void **state)
{
    (void)state;
    struct gw_output_cache cache = {0};
    struct gw_output output;
    gw_output_init(&output);
    assert_int_equal(gw_output_append(&output, &cache, GW_SPAN_LIT("hello")), GW_OK);
    void *first = output.head;
    gw_output_consume(&output, &cache, 5);
    assert_null(output.head);
    assert_int_equal(cache.spare_count[0], 1);
    assert_int_equal(gw_output_append(&output, &cache, GW_SPAN_LIT("again")), GW_OK);
    assert_ptr_equal(output.head, first);
    gw_output_clear(&output, &cache);
    assert_non_null(gw_output_reserve(&output, &cache, 10));
    gw_output_commit(&output, &cache, 0);
    assert_null(output.head);
    gw_output_cache_fini(&cache);
}

static void bounds_the_cache(void **state)
{
    (void)state;
    enum { QUEUES = 3000 };
    struct gw_output_cache cache = {0};
    static struct gw_output outputs[QUEUES];
    uint8_t bytes[3000] = {0};
    static const size_t sizes[] = {30, 1000, 3000, 20000};
    for (size_t s = 0; s < GW_COUNT_OF(sizes); s++) {
        for (int i = 0; i < QUEUES; i++) {
            gw_output_init(&outputs[i]);
            if (sizes[s] <= sizeof bytes)
                assert_int_equal(gw_output_append(&outputs[i], &cache, gw_span_of(bytes, sizes[s])),
                                 GW_OK);
            else
                assert_non_null(gw_output_reserve(&outputs[i], &cache, sizes[s]));
        }
        for (int i = 0; i < QUEUES; i++)
            gw_output_clear(&outputs[i], &cache);
    }
    size_t kept = (size_t)cache.spare_count[0] * 256 + (size_t)cache.spare_count[1] * 2048 +
                  (size_t)cache.spare_count[2] * 16 * 1024;
    assert_int_equal(kept, GW_OUTPUT_CACHE_SIZE);
    gw_output_cache_fini(&cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_order),
        cmocka_unit_test(releases_blobs),
        cmocka_unit_test(starts_small),
        cmocka_unit_test(bounds_the_cache),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
