/*
 * Measures the subscription index: bytes per filter, time per add, match and remove, longest add.
 *
 *     bench_subindex [filters [matches [shape]]]
 *
 * Instructions per match: the total of this, divided by 20,480:
 *     valgrind --tool=callgrind --toggle-collect=gw_subindex_match bench_subindex 20000 20480 plus
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/random.h"
#include "topic/subindex.h"

/* What filters look like; a name that one of them matches is made from the same number. */
struct shape {
    const char *title;
    const char *filter; /* printf formats of (group, number) */
    const char *name;
};

static const struct shape shapes[] = {
    {"exact", "site/%u/device/%u/command", "site/%u/device/%u/command"},
    {"plus", "site/%u/device/%u/+", "site/%u/device/%u/state"},
    {"hash", "site/%u/device/%u/#", "site/%u/device/%u/a/b/c"},
    {"middle", "site/%u/+/%u/state", "site/%u/device/%u/state"},
    {"uuid", "d/%04x5a1c-77b2-4f6e-9d30-%016x/+/in", "d/%04x5a1c-77b2-4f6e-9d30-%016x/x/in"},
    {"miss", "site/%u/device/%u/+", "site/%u/engine/%u/state"},
};
#define SHAPE_COUNT (sizeof(shapes) / sizeof(shapes[0]))

static double now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static double heap_bytes(void)
{
    struct mallinfo2 info = mallinfo2();
    return (double)(info.uordblks + info.hblkhd);
}

static struct gw_span text_of(const struct shape *shape, bool filter, uint32_t number,
                              char *ret_text, size_t size)
{
    char format[96];
    snprintf(format, sizeof(format), "%s", filter ? shape->filter : shape->name);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    int length = snprintf(ret_text, size, format, number % 1000, number / 1000);
#pragma GCC diagnostic pop
    return gw_span_of(ret_text, (size_t)length);
}

static void count_one(void *user, struct gw_subindex_entry *entry)
{
    size_t *count = user;
    (void)entry;
    ++*count;
}

struct result {
    double bytes;
    double add_ns;
    double add_max_ns;
    double match_ns;
    double match_hits;
    double remove_ns;
};

/* Texts are made in batches, out of the measured time. */
#define BATCH 4096

struct batch {
    char texts[BATCH][128];
    struct gw_span spans[BATCH];
};

static int compare(const void *a, const void *b)
{
    double difference = *(const double *)a - *(const double *)b;
    return (difference > 0) - (difference < 0);
}

/* The median of the batches: others use this machine too. */
static double median(double *values, size_t count)
{
    qsort(values, count, sizeof(*values), compare);
    return values[count / 2];
}

static void run_adds(struct gw_subindex *index, struct gw_subindex_entry *entries, size_t count,
                     const struct shape *shape, struct batch *batch)
{
    for (size_t done = 0; done < count; done++) {
        size_t i = done % BATCH;
        batch->spans[i] =
            text_of(shape, true, (uint32_t)done, batch->texts[i], sizeof(batch->texts[i]));
        if (gw_subindex_add(index, batch->spans[i], &entries[done]) != GW_OK)
            abort();
    }
}

/* Takes a batch out and adds it again, in an index that stays as large as it is. */
static void time_adds(struct gw_subindex *index, struct gw_subindex_entry *entries, size_t count,
                      const struct shape *shape, struct batch *batch, struct result *ret_result)
{
    size_t rounds = count / BATCH;
    double *adds = calloc(rounds + 1, sizeof(*adds));
    double *removes = calloc(rounds + 1, sizeof(*removes));
    if (!adds || !removes)
        abort();
    for (size_t round = 0; round < rounds; round++) {
        struct gw_subindex_entry *first = &entries[round * BATCH];
        for (size_t i = 0; i < BATCH; i++)
            batch->spans[i] = text_of(shape, true, (uint32_t)(round * BATCH + i), batch->texts[i],
                                      sizeof(batch->texts[i]));
        double start = now_ns();
        for (size_t i = 0; i < BATCH; i++)
            gw_subindex_remove(index, &first[i]);
        double middle = now_ns();
        for (size_t i = 0; i < BATCH; i++) {
            if (gw_subindex_add(index, batch->spans[i], &first[i]) != GW_OK)
                abort();
        }
        removes[round] = (middle - start) / BATCH;
        adds[round] = (now_ns() - middle) / BATCH;
    }
    ret_result->add_ns = median(adds, rounds);
    ret_result->remove_ns = median(removes, rounds);
    free(adds);
    free(removes);
}

static void time_matches(struct gw_subindex *index, size_t count, size_t matches,
                         const struct shape *shape, struct batch *batch, struct result *ret_result)
{
    struct gw_random random;
    size_t hits = 0;
    size_t rounds = (matches + BATCH - 1) / BATCH;
    double *times = calloc(rounds + 1, sizeof(*times));

    if (!times)
        abort();
    gw_random_init(&random, 5);
    for (size_t round = 0; round < rounds; round++) {
        for (size_t i = 0; i < BATCH; i++)
            batch->spans[i] = text_of(shape, false, (uint32_t)gw_random_below(&random, count),
                                      batch->texts[i], sizeof(batch->texts[i]));
        double before = now_ns();
        for (size_t i = 0; i < BATCH; i++)
            gw_subindex_match(index, batch->spans[i], count_one, &hits);
        times[round] = (now_ns() - before) / BATCH;
    }
    ret_result->match_ns = median(times, rounds);
    ret_result->match_hits = (double)hits / (double)(rounds * BATCH);
    free(times);
}

/* The longest single add on the way up: tables must not stall. */
static double longest_add(const struct shape *shape, size_t count)
{
    struct gw_subindex_entry *entries = calloc(count, sizeof(*entries));
    struct gw_subindex *index = gw_subindex_new(0x7654321);
    double longest = 0;
    char text[128];

    if (!entries || !index)
        abort();
    for (size_t i = 0; i < count; i++) {
        struct gw_span filter = text_of(shape, true, (uint32_t)i, text, sizeof(text));
        double before = now_ns();
        if (gw_subindex_add(index, filter, &entries[i]) != GW_OK)
            abort();
        double took = now_ns() - before;
        longest = took > longest ? took : longest;
    }
    gw_subindex_free(index);
    free(entries);
    return longest;
}

static struct result run(const struct shape *shape, size_t count, size_t matches)
{
    static struct batch batch;
    struct result result = {0};
    struct gw_subindex_entry *entries = calloc(count, sizeof(*entries));
    double before = heap_bytes();
    struct gw_subindex *index = gw_subindex_new(0x1234567);

    if (!entries || !index)
        abort();
    run_adds(index, entries, count, shape, &batch);
    result.bytes = (heap_bytes() - before) / (double)count;
    time_matches(index, count, matches, shape, &batch, &result);
    time_adds(index, entries, count, shape, &batch, &result);
    gw_subindex_free(index);
    free(entries);
    result.add_max_ns = longest_add(shape, count);
    return result;
}

int main(int argc, char **argv)
{
    size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 500000;
    size_t matches = argc > 2 ? strtoul(argv[2], NULL, 10) : 1000000;

    printf("%zu filters, %zu bytes of entry each not counted\n", count,
           sizeof(struct gw_subindex_entry));
    printf("%-8s %12s %8s %10s %10s %8s %10s\n", "shape", "bytes/filter", "ns/add", "max add us",
           "ns/match", "hits", "ns/remove");
    for (size_t i = 0; i < SHAPE_COUNT; i++) {
        if (argc > 3 && strcmp(argv[3], shapes[i].title) != 0)
            continue;
        struct result r = run(&shapes[i], count, matches);
        printf("%-8s %12.1f %8.0f %10.0f %10.0f %8.2f %10.0f\n", shapes[i].title, r.bytes, r.add_ns,
               r.add_max_ns / 1000, r.match_ns, r.match_hits, r.remove_ns);
    }
    return 0;
}
