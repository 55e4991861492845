#include "keep/tarball.h"

#include <stdio.h>

#define NAME_SIZE   100u
#define MODE_AT     100u
#define UID_AT      108u
#define GID_AT      116u
#define SIZE_AT     124u
#define TIME_AT     136u
#define SUM_AT      148u
#define SUM_SIZE    8u
#define TYPE_AT     156u
#define MAGIC_AT    257u
#define DIGITS_SIZE 11u /* of a size */

static void put_octal(uint8_t *at, size_t digits, uint64_t value)
{
    for (size_t i = digits; i-- > 0; value >>= 3)
        at[i] = (uint8_t)('0' + (value & 7));
    at[digits] = 0;
}

static bool get_octal(const uint8_t *at, size_t size, uint64_t *ret_value)
{
    uint64_t value = 0;
    size_t i = 0;
    while (i < size && at[i] == ' ')
        i++;
    size_t begin = i;
    for (; i < size && at[i] >= '0' && at[i] <= '7'; i++)
        value = value << 3 | (uint64_t)(at[i] - '0');
    *ret_value = value;
    return i > begin && (i == size || at[i] == 0 || at[i] == ' ');
}

/* The sum counts its own field as spaces. */
static uint64_t sum_of(const uint8_t block[GW_TARBALL_BLOCK])
{
    uint64_t sum = 0;
    for (size_t i = 0; i < GW_TARBALL_BLOCK; i++)
        sum += i >= SUM_AT && i < SUM_AT + SUM_SIZE ? ' ' : block[i];
    return sum;
}

void gw_tarball_put(uint8_t block[GW_TARBALL_BLOCK], const char *name, uint64_t size,
                    uint64_t seconds)
{
    static const uint8_t magic[] = {'u', 's', 't', 'a', 'r', 0, '0', '0'};
    memset(block, 0, GW_TARBALL_BLOCK);
    for (size_t i = 0; i < NAME_SIZE && name[i] != '\0'; i++)
        block[i] = (uint8_t)name[i];
    put_octal(block + MODE_AT, 7, 0600);
    put_octal(block + UID_AT, 7, 0);
    put_octal(block + GID_AT, 7, 0);
    put_octal(block + SIZE_AT, DIGITS_SIZE, size);
    put_octal(block + TIME_AT, DIGITS_SIZE, seconds);
    block[TYPE_AT] = '0';
    memcpy(block + MAGIC_AT, magic, sizeof magic);
    put_octal(block + SUM_AT, 6, sum_of(block));
    block[SUM_AT + 7] = ' ';
}

static bool is_zero(const uint8_t block[GW_TARBALL_BLOCK])
{
    for (size_t i = 0; i < GW_TARBALL_BLOCK; i++) {
        if (block[i] != 0)
            return false;
    }
    return true;
}

enum gw_status gw_tarball_get(const uint8_t block[GW_TARBALL_BLOCK],
                              struct gw_tarball_member *ret_member)
{
    uint64_t sum;
    if (is_zero(block))
        return GW_END;
    *ret_member = (struct gw_tarball_member){0};
    if (!get_octal(block + SUM_AT, SUM_SIZE, &sum) || sum != sum_of(block) ||
        !get_octal(block + SIZE_AT, DIGITS_SIZE + 1, &ret_member->size))
        return GW_MALFORMED;
    memcpy(ret_member->name, block, NAME_SIZE);
    ret_member->regular = block[TYPE_AT] == '0' || block[TYPE_AT] == 0;
    return GW_OK;
}
