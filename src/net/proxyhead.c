#include "net/proxyhead.h"

#include <netinet/in.h>
#include <sys/un.h>

#include "base/crc.h"
#include "base/reader.h"
#include "base/utf8.h"

#define V1_BEGIN    "PROXY "
#define V1_SIZE_MAX ((size_t)107)
#define V2_BEGIN    "\r\n\r\n\0\r\nQUIT\n"
#define V2_SIZE_MIN ((size_t)16)
#define UNIX_SIZE   ((size_t)108) /* of a path in version 2 */

#define NO_HEADER "no PROXY header came: the proxy must send one (send-proxy, proxy_protocol on)"

/* Of version 2. */
enum family { FAMILY_NONE, FAMILY_INET, FAMILY_INET6, FAMILY_UNIX };
enum tlv {
    TLV_AUTHORITY = 0x02,
    TLV_CRC32C = 0x03,
    TLV_SSL = 0x20,
    TLV_SSL_VERSION = 0x21,
    TLV_SSL_CN = 0x22,
    TLV_SSL_CIPHER = 0x23,
};
enum client { CLIENT_SSL = 1, CLIENT_CERT_CONN = 2, CLIENT_CERT_SESS = 4 };

static enum gw_status malformed(const char **ret_what, const char *what)
{
    *ret_what = what;
    return GW_MALFORMED;
}

/* -- version 1: a line of text -- */

/* Takes what stands before the next blank, or all that is left. */
static struct gw_span take_word(struct gw_span *line)
{
    const uint8_t *blank = line->size > 0 ? memchr(line->data, ' ', line->size) : NULL;
    size_t size = blank ? (size_t)(blank - line->data) : line->size;
    struct gw_span word = gw_span_of(line->data, size);
    *line = gw_span_from(*line, size + (blank != NULL));
    return word;
}

/* Digits without a needless 0 in front. */
static bool parse_port(struct gw_span text, uint16_t *ret_port)
{
    uint32_t port = 0;
    if (text.size == 0 || text.size > 5 || (text.size > 1 && text.data[0] == '0'))
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        port = port * 10 + (uint32_t)(text.data[i] - '0');
    }
    *ret_port = (uint16_t)port;
    return port <= UINT16_MAX;
}

/* An address in figures, of one family: no brackets, no scope, no star. */
static bool parse_host(struct gw_span text, uint16_t port, int family, struct gw_address *address)
{
    if (text.size == 0)
        return false;
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] == 0 || !strchr("0123456789abcdefABCDEF:.", text.data[i]))
            return false;
    return gw_address_parse(text, port, address) == GW_OK && address->storage.ss_family == family;
}

static enum gw_status read_line(struct gw_span line, struct gw_proxyhead *head,
                                const char **ret_what)
{
    static const char what[] = "its PROXY line is not as version 1 has it";
    struct gw_address own;
    uint16_t port, own_port;
    struct gw_span protocol = take_word(&line);
    if (gw_span_equal(protocol, GW_SPAN_LIT("UNKNOWN")))
        return GW_OK; /* and whatever else it says counts for nothing */
    bool v4 = gw_span_equal(protocol, GW_SPAN_LIT("TCP4"));
    if (!v4 && !gw_span_equal(protocol, GW_SPAN_LIT("TCP6")))
        return malformed(ret_what, what);
    int family = v4 ? AF_INET : AF_INET6;
    struct gw_span from = take_word(&line), to = take_word(&line), from_port = take_word(&line);
    if (!parse_port(from_port, &port) || !parse_port(line, &own_port) ||
        !parse_host(from, port, family, &head->address) || !parse_host(to, own_port, family, &own))
        return malformed(ret_what, what);
    head->known = true;
    return GW_OK;
}

static enum gw_status read_v1(struct gw_span bytes, struct gw_proxyhead *head, size_t *ret_size,
                              const char **ret_what)
{
    size_t begin = sizeof V1_BEGIN - 1;
    size_t window = bytes.size < V1_SIZE_MAX ? bytes.size : V1_SIZE_MAX;
    const uint8_t *end = memchr(bytes.data, '\n', window);
    if (!end)
        return window < V1_SIZE_MAX
                   ? GW_MORE
                   : malformed(ret_what, "its PROXY line does not end within 107 bytes");
    size_t size = (size_t)(end - bytes.data) + 1;
    if (size < begin + 2 || end[-1] != '\r')
        return malformed(ret_what, "its PROXY line does not end in CR LF");
    *ret_size = size;
    return read_line(gw_span_of(bytes.data + begin, size - begin - 2), head, ret_what);
}

/* -- version 2: binary -- */

/* A text that may stand in the log and in rules; empty if it may not. */
static struct gw_span text_of(struct gw_span value)
{
    return gw_utf8_check(value) == GW_UTF8_VALID ? value : GW_SPAN_NONE;
}

static enum gw_status take_tlv(struct gw_reader *r, uint8_t *ret_type, struct gw_span *ret_value)
{
    uint16_t size;
    GW_TRY(gw_reader_u8(r, ret_type));
    GW_TRY(gw_reader_u16(r, &size));
    return gw_reader_bytes(r, size, ret_value);
}

static enum gw_status read_ssl(struct gw_span value, struct gw_proxyhead *head)
{
    struct gw_reader r = gw_reader_of(value);
    uint8_t client, type;
    uint32_t verify;
    GW_TRY(gw_reader_u8(&r, &client));
    GW_TRY(gw_reader_u32(&r, &verify));
    head->tls = (client & CLIENT_SSL) != 0;
    head->verified =
        head->tls && (client & (CLIENT_CERT_CONN | CLIENT_CERT_SESS)) != 0 && verify == 0;
    while (gw_reader_left(&r) > 0) {
        struct gw_span sub;
        GW_TRY(take_tlv(&r, &type, &sub));
        if (type == TLV_SSL_VERSION)
            head->tls_version = text_of(sub);
        else if (type == TLV_SSL_CIPHER)
            head->cipher = text_of(sub);
        else if (type == TLV_SSL_CN)
            head->common_name = text_of(sub);
    }
    return GW_OK;
}

/* The sum is over the whole header with zeros where the sum stands. */
static bool sum_is_right(struct gw_span whole, struct gw_span sum)
{
    static const uint8_t zeros[4] = {0};
    if (sum.size != sizeof zeros)
        return false;
    size_t before = (size_t)(sum.data - whole.data);
    uint32_t crc = gw_crc32c(0, gw_span_of(whole.data, before));
    crc = gw_crc32c(crc, gw_span_of(zeros, sizeof zeros));
    crc = gw_crc32c(crc, gw_span_from(whole, before + sizeof zeros));
    uint32_t told = (uint32_t)sum.data[0] << 24 | (uint32_t)sum.data[1] << 16 |
                    (uint32_t)sum.data[2] << 8 | sum.data[3];
    return crc == told;
}

static enum gw_status read_tlvs(struct gw_span whole, struct gw_reader *r,
                                struct gw_proxyhead *head, const char **ret_what)
{
    while (gw_reader_left(r) > 0) {
        uint8_t type;
        struct gw_span value;
        if (take_tlv(r, &type, &value) != GW_OK ||
            (type == TLV_SSL && read_ssl(value, head) != GW_OK))
            return malformed(ret_what, "a field of its PROXY header is cut short");
        if (type == TLV_CRC32C && !sum_is_right(whole, value))
            return malformed(ret_what, "the checksum of its PROXY header is wrong");
        if (type == TLV_AUTHORITY)
            head->authority = text_of(value);
    }
    return GW_OK;
}

static void set_inet(struct gw_proxyhead *head, const uint8_t *host, const uint8_t *port)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    memcpy(&v4.sin_addr, host, sizeof v4.sin_addr);
    memcpy(&v4.sin_port, port, sizeof v4.sin_port);
    head->address = (struct gw_address){.size = sizeof v4};
    memcpy(&head->address.storage, &v4, sizeof v4);
}

static void set_inet6(struct gw_proxyhead *head, const uint8_t *host, const uint8_t *port)
{
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    memcpy(&v6.sin6_addr, host, sizeof v6.sin6_addr);
    memcpy(&v6.sin6_port, port, sizeof v6.sin6_port);
    head->address = (struct gw_address){.size = sizeof v6};
    memcpy(&head->address.storage, &v6, sizeof v6);
}

static void set_unix(struct gw_proxyhead *head, const uint8_t *path)
{
    const uint8_t *end = memchr(path, 0, UNIX_SIZE);
    size_t size = end ? (size_t)(end - path) : UNIX_SIZE;
    if (gw_address_unix(gw_span_of(path, size), &head->address) != GW_OK)
        head->address = (struct gw_address){0}; /* most have no name, and some are too long */
}

static enum gw_status take_address(struct gw_reader *r, uint8_t family, struct gw_proxyhead *head,
                                   const char **ret_what)
{
    static const size_t sizes[] = {
        [FAMILY_NONE] = 0,
        [FAMILY_INET] = 2 * 4 + 2 * 2,
        [FAMILY_INET6] = 2 * 16 + 2 * 2,
        [FAMILY_UNIX] = 2 * UNIX_SIZE,
    };
    struct gw_span bytes;
    if (family > FAMILY_UNIX)
        return malformed(ret_what, "its PROXY header has an address of an unknown family");
    if (gw_reader_bytes(r, sizes[family], &bytes) != GW_OK)
        return malformed(ret_what, "the address in its PROXY header is cut short");
    if (family == FAMILY_INET)
        set_inet(head, bytes.data, bytes.data + 8);
    else if (family == FAMILY_INET6)
        set_inet6(head, bytes.data, bytes.data + 32);
    else if (family == FAMILY_UNIX)
        set_unix(head, bytes.data);
    head->known = family != FAMILY_NONE;
    return GW_OK;
}

static enum gw_status read_v2(struct gw_span bytes, struct gw_proxyhead *head, size_t *ret_size,
                              const char **ret_what)
{
    if (bytes.size < V2_SIZE_MIN)
        return GW_MORE;
    uint8_t version = bytes.data[12] >> 4, command = bytes.data[12] & 0xF;
    uint8_t family = bytes.data[13] >> 4, protocol = bytes.data[13] & 0xF;
    size_t size = V2_SIZE_MIN + ((size_t)bytes.data[14] << 8 | bytes.data[15]);
    if (version != 2 || command > 1)
        return malformed(ret_what, "its PROXY header is of no known version or command");
    if (size > GW_PROXYHEAD_SIZE_MAX)
        return malformed(ret_what, "its PROXY header is longer than 8 KiB");
    if (bytes.size < size)
        return GW_MORE;
    *ret_size = size;
    if (command == 0) /* the proxy itself: a health check */
        return GW_OK;
    if (protocol > 1)
        return malformed(ret_what, "its PROXY header is not for a stream");
    struct gw_span whole = gw_span_of(bytes.data, size);
    struct gw_reader r = gw_reader_of(gw_span_from(whole, V2_SIZE_MIN));
    GW_TRY(take_address(&r, family, head, ret_what));
    return read_tlvs(whole, &r, head, ret_what);
}

/* True if the bytes are, as far as they go, the beginning of a header. */
static bool begins(struct gw_span bytes, struct gw_span begin)
{
    size_t size = bytes.size < begin.size ? bytes.size : begin.size;
    return size == 0 || memcmp(bytes.data, begin.data, size) == 0;
}

enum gw_status gw_proxyhead_read(struct gw_span bytes, struct gw_proxyhead *ret_head,
                                 size_t *ret_size, const char **ret_what)
{
    const struct gw_span v1 = GW_SPAN_LIT(V1_BEGIN), v2 = GW_SPAN_LIT(V2_BEGIN);
    *ret_head = (struct gw_proxyhead){0};
    *ret_size = 0;
    bool is_v1 = begins(bytes, v1), is_v2 = begins(bytes, v2);
    if (!is_v1 && !is_v2)
        return malformed(ret_what, NO_HEADER);
    if (bytes.size < (is_v1 ? v1.size : v2.size))
        return GW_MORE;
    return is_v1 ? read_v1(bytes, ret_head, ret_size, ret_what)
                 : read_v2(bytes, ret_head, ret_size, ret_what);
}
