#include "auth/hashtext.h"

#include <stdio.h>

#define ARGON2_VERSION  19u
#define ARGON2_SALT_MIN 8u
#define ARGON2_KEY_MIN  16u
#define SHA256_SIZE     32u
#define SHA512_SIZE     64u
#define LANE_MEMORY_MIN 8u /* KiB; argon2 wants so much of each lane */

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static const struct {
    const char *name;
    const char *prefix;
    bool padded; /* its base64 ends with '=' */
} kinds[] = {
    [GW_HASHTEXT_ARGON2ID] = {"argon2id", "$argon2id$", false},
    [GW_HASHTEXT_ARGON2I] = {"argon2i", "$argon2i$", false},
    [GW_HASHTEXT_PBKDF2] = {"pbkdf2", "$7$", true},
    [GW_HASHTEXT_SHA512] = {"sha512", "$6$", true},
    [GW_HASHTEXT_SCRAM256] = {"scram-sha-256", "$scram-sha-256$", true},
    [GW_HASHTEXT_SCRAM512] = {"scram-sha-512", "$scram-sha-512$", true},
};
_Static_assert(GW_COUNT_OF(kinds) == GW_HASHTEXT_KIND_COUNT, "one row per kind");

const char *gw_hashtext_kind_name(enum gw_hashtext_kind kind)
{
    return kinds[kind].name;
}

/* What is left to read, and how it went. */
struct scan {
    struct gw_span whole;
    struct gw_span rest;
    const char *why; /* the first thing that was wrong */
    size_t at;
};

static bool fail(struct scan *scan, struct gw_span where, const char *why)
{
    if (!scan->why) {
        scan->why = why;
        scan->at = (size_t)(where.data - scan->whole.data);
    }
    return false;
}

/* The bytes before the next `end`, which is taken too; with end 0 all that is left. */
static bool take_part(struct scan *scan, char end, struct gw_span *ret_part)
{
    const uint8_t *stop =
        end && scan->rest.size > 0 ? memchr(scan->rest.data, end, scan->rest.size) : NULL;
    if (end && !stop)
        return fail(scan, gw_span_from(scan->rest, scan->rest.size), "the hash is cut short");
    size_t size = stop ? (size_t)(stop - scan->rest.data) : scan->rest.size;
    *ret_part = gw_span_of(scan->rest.data, size);
    scan->rest = gw_span_from(scan->rest, size + (stop ? 1 : 0));
    return true;
}

static bool take_number(struct scan *scan, const char *name, char end, uint32_t most,
                        uint32_t *ret_number)
{
    struct gw_span part;
    uint64_t number = 0;
    if (!take_part(scan, end, &part))
        return false;
    if (!gw_span_starts_with(part, gw_span_str(name)))
        return fail(scan, part, "a number of the hash is missing");
    struct gw_span text = gw_span_from(part, strlen(name));
    if (text.size == 0 || text.size > 9 || (text.data[0] == '0' && text.size > 1))
        return fail(scan, text, "a number of the hash is not valid");
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return fail(scan, text, "a number of the hash is not valid");
        number = number * 10 + (uint64_t)(text.data[i] - '0');
    }
    if (number == 0)
        return fail(scan, text, "a number of the hash is not valid");
    if (number > most)
        return fail(scan, text, "the hash costs more than is computed here");
    *ret_number = (uint32_t)number;
    return true;
}

/* Nothing may stand in the bits that no byte needs. */
bool gw_hashtext_decode(struct gw_span text, struct gw_hashtext_part *ret_part)
{
    uint32_t bits = 0;
    unsigned bit_count = 0;
    size_t size = 0;
    for (unsigned most = text.size % 4 == 0 ? 2 : 0; most > 0 && text.size > 0; most--)
        text.size -= text.data[text.size - 1] == '=';
    if (text.size % 4 == 1)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        const char *digit = text.data[i] ? strchr(digits, text.data[i]) : NULL;
        if (!digit || size == GW_HASHTEXT_PART_MAX)
            return false;
        bits = bits << 6 | (uint32_t)(digit - digits);
        bit_count += 6;
        if (bit_count < 8)
            continue;
        bit_count -= 8;
        ret_part->bytes[size++] = (uint8_t)(bits >> bit_count);
        bits &= (1u << bit_count) - 1;
    }
    ret_part->size = (uint8_t)size;
    return bits == 0;
}

static bool take_bytes(struct scan *scan, char end, size_t least, size_t most,
                       struct gw_hashtext_part *ret_part)
{
    struct gw_span part;
    if (!take_part(scan, end, &part))
        return false;
    if (!gw_hashtext_decode(part, ret_part))
        return fail(scan, part, "salt or key of the hash is not base64, or too long");
    if (ret_part->size < least || ret_part->size > most)
        return fail(scan, part, "salt or key of the hash has not the right length");
    return true;
}

static bool parse_argon2(struct scan *scan, struct gw_hashtext *hash)
{
    uint32_t version;
    if (!take_number(scan, "v=", '$', UINT32_MAX, &version))
        return false;
    if (version != ARGON2_VERSION)
        return fail(scan, scan->rest, "only version 19 of argon2 is known");
    if (!take_number(scan, "m=", ',', GW_HASHTEXT_MEMORY_MAX, &hash->memory) ||
        !take_number(scan, "t=", ',', GW_HASHTEXT_PASSES_MAX, &hash->rounds) ||
        !take_number(scan, "p=", '$', GW_HASHTEXT_LANES_MAX, &hash->lanes))
        return false;
    if (hash->memory < hash->lanes * LANE_MEMORY_MIN)
        return fail(scan, scan->rest, "argon2 wants at least 8 KiB (m) for each lane (p)");
    return take_bytes(scan, '$', ARGON2_SALT_MIN, GW_HASHTEXT_PART_MAX, &hash->salt) &&
           take_bytes(scan, 0, ARGON2_KEY_MIN, GW_HASHTEXT_PART_MAX, &hash->key);
}

static bool is_scram(enum gw_hashtext_kind kind)
{
    return kind == GW_HASHTEXT_SCRAM256 || kind == GW_HASHTEXT_SCRAM512;
}

static bool parse_scram(struct scan *scan, struct gw_hashtext *hash)
{
    size_t size = hash->kind == GW_HASHTEXT_SCRAM256 ? SHA256_SIZE : SHA512_SIZE;
    return take_number(scan, "", '$', GW_HASHTEXT_ROUNDS_MAX, &hash->rounds) &&
           take_bytes(scan, '$', 1, GW_HASHTEXT_PART_MAX, &hash->salt) &&
           take_bytes(scan, '$', size, size, &hash->key) &&
           take_bytes(scan, 0, size, size, &hash->server);
}

static bool parse_parts(struct scan *scan, struct gw_hashtext *hash)
{
    if (hash->kind == GW_HASHTEXT_ARGON2ID || hash->kind == GW_HASHTEXT_ARGON2I)
        return parse_argon2(scan, hash);
    if (is_scram(hash->kind))
        return parse_scram(scan, hash);
    if (hash->kind == GW_HASHTEXT_PBKDF2 &&
        !take_number(scan, "", '$', GW_HASHTEXT_ROUNDS_MAX, &hash->rounds))
        return false;
    return take_bytes(scan, '$', 1, GW_HASHTEXT_PART_MAX, &hash->salt) &&
           take_bytes(scan, 0, SHA512_SIZE, SHA512_SIZE, &hash->key);
}

enum gw_status gw_hashtext_parse(struct gw_span text, struct gw_hashtext *ret_hash,
                                 const char **ret_why, size_t *ret_at)
{
    struct scan scan = {.whole = text, .rest = text};
    *ret_hash = (struct gw_hashtext){.kind = GW_HASHTEXT_KIND_COUNT};
    for (size_t i = 0; i < GW_COUNT_OF(kinds); i++)
        if (gw_span_starts_with(text, gw_span_str(kinds[i].prefix)))
            ret_hash->kind = (enum gw_hashtext_kind)i;
    if (text.size > GW_HASHTEXT_MAX)
        fail(&scan, text, "the hash is too long");
    else if (ret_hash->kind == GW_HASHTEXT_KIND_COUNT)
        fail(&scan, text, "this is not a password hash of a known kind");
    if (!scan.why) {
        scan.rest = gw_span_from(text, strlen(kinds[ret_hash->kind].prefix));
        parse_parts(&scan, ret_hash);
    }
    *ret_why = scan.why;
    *ret_at = scan.at;
    return scan.why ? GW_INVALID : GW_OK;
}

static enum gw_status append_bytes(const struct gw_hashtext_part *part, bool padded,
                                   struct gw_buf *out)
{
    char text[(GW_HASHTEXT_PART_MAX + 2) / 3 * 4];
    size_t size = 0;
    for (size_t i = 0; i < part->size; i += 3) {
        size_t left = part->size - i;
        uint32_t bits = (uint32_t)part->bytes[i] << 16;
        bits |= left > 1 ? (uint32_t)part->bytes[i + 1] << 8 : 0;
        bits |= left > 2 ? (uint32_t)part->bytes[i + 2] : 0;
        for (size_t d = 0; d < 4; d++) {
            if (d <= left)
                text[size++] = digits[bits >> (18 - 6 * d) & 63];
            else if (padded)
                text[size++] = '=';
        }
    }
    return gw_buf_append(out, gw_span_of(text, size));
}

enum gw_status gw_hashtext_print(const struct gw_hashtext *hash, struct gw_buf *out)
{
    char numbers[64] = "";
    bool padded = kinds[hash->kind].padded;
    if (hash->kind == GW_HASHTEXT_ARGON2ID || hash->kind == GW_HASHTEXT_ARGON2I)
        snprintf(numbers, sizeof(numbers), "v=%u$m=%u,t=%u,p=%u$", ARGON2_VERSION, hash->memory,
                 hash->rounds, hash->lanes);
    else if (hash->kind == GW_HASHTEXT_PBKDF2 || is_scram(hash->kind))
        snprintf(numbers, sizeof(numbers), "%u$", hash->rounds);
    GW_TRY(gw_buf_append(out, gw_span_str(kinds[hash->kind].prefix)));
    GW_TRY(gw_buf_append(out, gw_span_str(numbers)));
    GW_TRY(append_bytes(&hash->salt, padded, out));
    GW_TRY(gw_buf_append(out, GW_SPAN_LIT("$")));
    GW_TRY(append_bytes(&hash->key, padded, out));
    if (!is_scram(hash->kind))
        return GW_OK;
    GW_TRY(gw_buf_append(out, GW_SPAN_LIT("$")));
    return append_bytes(&hash->server, padded, out);
}
