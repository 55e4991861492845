#include "base/crc.h"

#define STEP 8u /* bytes taken at once by both ways */

/* -- by table: works everywhere -- */

/* The sum is linear: the entry of a byte is the XOR of the entries of its bits (a: bit 0 … h: bit
 * 7), so a row of 256 is written with eight numbers. */
#define BIT(n, bit, value) ((((n) >> (bit)) & 1u) * (value))
#define LOW(n, a, b, c, d) (BIT(n, 0, a) ^ BIT(n, 1, b) ^ BIT(n, 2, c) ^ BIT(n, 3, d))
#define ONE(n, a, b, c, d, e, f, g, h)                                                             \
    (LOW(n, a, b, c, d) ^ BIT(n, 4, e) ^ BIT(n, 5, f) ^ BIT(n, 6, g) ^ BIT(n, 7, h))
#define TWO(n, ...) ONE(n, __VA_ARGS__), ONE((n) + 1, __VA_ARGS__)
#define EIGHT(n, ...)                                                                              \
    TWO(n, __VA_ARGS__), TWO((n) + 2, __VA_ARGS__), TWO((n) + 4, __VA_ARGS__),                     \
        TWO((n) + 6, __VA_ARGS__)
#define MANY(n, ...)                                                                               \
    EIGHT(n, __VA_ARGS__), EIGHT((n) + 8, __VA_ARGS__), EIGHT((n) + 16, __VA_ARGS__),              \
        EIGHT((n) + 24, __VA_ARGS__)
#define ALL(...)                                                                                   \
    MANY(0u, __VA_ARGS__), MANY(32u, __VA_ARGS__), MANY(64u, __VA_ARGS__), MANY(96u, __VA_ARGS__), \
        MANY(128u, __VA_ARGS__), MANY(160u, __VA_ARGS__), MANY(192u, __VA_ARGS__),                 \
        MANY(224u, __VA_ARGS__)

/* table[k][n]: what byte n adds to the sum when k more bytes follow it in the step. */
static const uint32_t table[STEP][256] = {
    {ALL(0xf26b8303u, 0xe13b70f7u, 0xc79a971fu, 0x8ad958cfu, 0x105ec76fu, 0x20bd8edeu, 0x417b1dbcu,
         0x82f63b78u)},
    {ALL(0x13a29877u, 0x274530eeu, 0x4e8a61dcu, 0x9d14c3b8u, 0x3fc5f181u, 0x7f8be302u, 0xff17c604u,
         0xfbc3faf9u)},
    {ALL(0xa541927eu, 0x4f6f520du, 0x9edea41au, 0x38513ec5u, 0x70a27d8au, 0xe144fb14u, 0xc76580d9u,
         0x8b277743u)},
    {ALL(0xdd45aab8u, 0xbf672381u, 0x7b2231f3u, 0xf64463e6u, 0xe964b13du, 0xd725148bu, 0xaba65fe7u,
         0x52a0c93fu)},
    {ALL(0x38116facu, 0x7022df58u, 0xe045beb0u, 0xc5670b91u, 0x8f2261d3u, 0x1ba8b557u, 0x37516aaeu,
         0x6ea2d55cu)},
    {ALL(0xef306b19u, 0xdb8ca0c3u, 0xb2f53777u, 0x6006181fu, 0xc00c303eu, 0x85f4168du, 0x0e045bebu,
         0x1c08b7d6u)},
    {ALL(0x68032cc8u, 0xd0065990u, 0xa5e0c5d1u, 0x4e2dfd53u, 0x9c5bfaa6u, 0x3d5b83bdu, 0x7ab7077au,
         0xf56e0ef4u)},
    {ALL(0x493c7d27u, 0x9278fa4eu, 0x211d826du, 0x423b04dau, 0x847609b4u, 0x0d006599u, 0x1a00cb32u,
         0x34019664u)},
};

static uint32_t load_u32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint32_t table_step(uint32_t crc, const uint8_t *at)
{
    uint32_t low = crc ^ load_u32(at);
    uint32_t high = load_u32(at + 4);
    return table[7][low & 0xff] ^ table[6][low >> 8 & 0xff] ^ table[5][low >> 16 & 0xff] ^
           table[4][low >> 24] ^ table[3][high & 0xff] ^ table[2][high >> 8 & 0xff] ^
           table[1][high >> 16 & 0xff] ^ table[0][high >> 24];
}

uint32_t gw_crc32c_by_table(uint32_t crc, struct gw_span bytes)
{
    const uint8_t *at = bytes.data;
    crc = ~crc;
    for (; bytes.size >= STEP; bytes.size -= STEP, at += STEP)
        crc = table_step(crc, at);
    for (; bytes.size > 0; bytes.size--)
        crc = crc >> 8 ^ table[0][(crc ^ *at++) & 0xff];
    return ~crc;
}

/* -- by the processor's instruction -- */

#if defined(__x86_64__)

#include <nmmintrin.h>

#define WITH_INSTRUCTION __attribute__((target("sse4.2")))

static bool has_instruction(void)
{
    return __builtin_cpu_supports("sse4.2") != 0;
}

WITH_INSTRUCTION static uint32_t step_by_8(uint32_t crc, uint64_t word)
{
    return (uint32_t)_mm_crc32_u64(crc, word);
}

WITH_INSTRUCTION static uint32_t step_by_1(uint32_t crc, uint8_t byte)
{
    return _mm_crc32_u8(crc, byte);
}

#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)

#include <arm_acle.h>

#define WITH_INSTRUCTION

static bool has_instruction(void)
{
    return true;
}

static uint32_t step_by_8(uint32_t crc, uint64_t word)
{
    return __crc32cd(crc, word);
}

static uint32_t step_by_1(uint32_t crc, uint8_t byte)
{
    return __crc32cb(crc, byte);
}

#else

#define WITH_INSTRUCTION

static bool has_instruction(void)
{
    return false;
}

static uint32_t step_by_8(uint32_t crc, uint64_t word)
{
    (void)word;
    return crc;
}

static uint32_t step_by_1(uint32_t crc, uint8_t byte)
{
    (void)byte;
    return crc;
}

#endif

WITH_INSTRUCTION static uint32_t by_instruction(uint32_t crc, struct gw_span bytes)
{
    const uint8_t *at = bytes.data;
    crc = ~crc;
    for (; bytes.size >= STEP; bytes.size -= STEP, at += STEP) {
        uint64_t word; /* both machines are little-endian, as the sum wants it */
        memcpy(&word, at, sizeof word);
        crc = step_by_8(crc, word);
    }
    for (; bytes.size > 0; bytes.size--)
        crc = step_by_1(crc, *at++);
    return ~crc;
}

uint32_t gw_crc32c(uint32_t crc, struct gw_span bytes)
{
    return has_instruction() ? by_instruction(crc, bytes) : gw_crc32c_by_table(crc, bytes);
}
