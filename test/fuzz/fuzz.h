/*
 * test/fuzz: what every fuzz target shares: its entry, a check, and a reader of decisions.
 *
 * A target reads its input as a program: bytes are operations and their arguments, and what it does
 * to the real thing it does to a naive model too. Running out of bytes gives zeros.
 */
#ifndef GW_TEST_FUZZ_H
#define GW_TEST_FUZZ_H

#include <stdio.h>
#include <stdlib.h>

#include "base/compiler.h"
#include "base/span.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Longer inputs are skipped by the targets whose models are quadratic. */
#define FUZZ_INPUT_MAX 4096

#define FUZZ_CHECK(expr) (GW_LIKELY(expr) ? (void)0 : fuzz_fail(#expr, __FILE__, __LINE__))

GW_NORETURN static inline void fuzz_fail(const char *expr, const char *file, int line)
{
    fprintf(stderr, "fuzz: %s does not hold at %s:%d\n", expr, file, line);
    abort();
}

static inline uint8_t fuzz_u8(struct gw_span *input)
{
    if (input->size == 0)
        return 0;
    uint8_t byte = input->data[0];
    *input = gw_span_from(*input, 1);
    return byte;
}

static inline uint16_t fuzz_u16(struct gw_span *input)
{
    unsigned high = fuzz_u8(input);
    return (uint16_t)(high << 8 | fuzz_u8(input));
}

static inline uint64_t fuzz_u64(struct gw_span *input)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++)
        value = value << 8 | fuzz_u8(input);
    return value;
}

/* Takes up to `max` bytes, the number told by a byte, as a text over a few letters that matter to
 * topics, so that names and filters meet often; mostly a short one, for those are valid most often.
 * Memory must hold `max` bytes. */
static inline struct gw_span fuzz_topic(struct gw_span *input, char *memory, size_t max)
{
    static const char letters[] = "a/b/+#$/a+c//b$a";
    size_t size = fuzz_u8(input);
    size = size < 208 ? size & 7 : size - 200;
    size = size < max ? size : max;
    size = size < input->size ? size : input->size;
    for (size_t i = 0; i < size; i++)
        memory[i] = letters[fuzz_u8(input) & 15];
    return gw_span_of(memory, size);
}

/* A copy in memory of exactly its size, so that a sanitizer sees each byte read behind it. */
static inline uint8_t *fuzz_copy(struct gw_span span)
{
    uint8_t *copy = malloc(span.size > 0 ? span.size : 1);
    FUZZ_CHECK(copy != NULL);
    if (span.size > 0)
        memcpy(copy, span.data, span.size);
    return copy;
}

#endif
