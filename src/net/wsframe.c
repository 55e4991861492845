#include "net/wsframe.h"

#include "base/utf8.h"

#define FIN       0x80u
#define RESERVED  0x70u
#define OPCODE    0x0Fu
#define CONTROL   0x08u /* the bit that all opcodes of control frames have */
#define MASKED    0x80u
#define LENGTH    0x7Fu
#define LENGTH_16 126u
#define LENGTH_64 127u

#define HEAD_MIN 2

void gw_wsframe_init(struct gw_wsframe *frame, enum gw_wsframe_from from)
{
    *frame = (struct gw_wsframe){.from = (uint8_t)from};
}

static enum gw_status refuse(struct gw_wsframe_fault *ret_fault, enum gw_wsframe_code code,
                             const char *what)
{
    *ret_fault = (struct gw_wsframe_fault){(uint16_t)code, what};
    return GW_MALFORMED;
}

static enum gw_status judge_first(const struct gw_wsframe *frame,
                                  struct gw_wsframe_fault *ret_fault)
{
    uint8_t first = frame->head[0];
    if (first & RESERVED)
        return refuse(ret_fault, GW_WSFRAME_BAD_PROTOCOL, "reserved bits without an extension");
    switch (first & OPCODE) {
    case GW_WSFRAME_CONTINUATION:
        if (!frame->in_message)
            return refuse(ret_fault, GW_WSFRAME_BAD_PROTOCOL, "a continuation of nothing");
        return GW_OK;
    case GW_WSFRAME_BINARY:
        if (frame->in_message)
            return refuse(ret_fault, GW_WSFRAME_BAD_PROTOCOL, "a message within another");
        return GW_OK;
    case GW_WSFRAME_TEXT:
        return refuse(ret_fault, GW_WSFRAME_UNSUPPORTED, "MQTT goes in binary frames, not in text");
    case GW_WSFRAME_CLOSE:
    case GW_WSFRAME_PING:
    case GW_WSFRAME_PONG:
        if (!(first & FIN))
            return refuse(ret_fault, GW_WSFRAME_BAD_PROTOCOL, "a control frame in fragments");
        return GW_OK;
    default: return refuse(ret_fault, GW_WSFRAME_BAD_PROTOCOL, "a reserved opcode");
    }
}

static enum gw_status judge_second(const struct gw_wsframe *frame,
                                   struct gw_wsframe_fault *ret_fault)
{
    bool masked = (frame->head[1] & MASKED) != 0;
    if (frame->from == GW_WSFRAME_FROM_CLIENT && !masked)
        return refuse(ret_fault, GW_WSFRAME_BAD_PROTOCOL, "a client's frame without mask");
    if (frame->from == GW_WSFRAME_FROM_SERVER && masked)
        return refuse(ret_fault, GW_WSFRAME_BAD_PROTOCOL, "a server's frame with mask");
    if ((frame->head[0] & CONTROL) && (frame->head[1] & LENGTH) > GW_WSFRAME_CONTROL_MAX)
        return refuse(ret_fault, GW_WSFRAME_BAD_PROTOCOL, "a control frame of more than 125 bytes");
    return GW_OK;
}

/* Size of the length that follows the second byte. */
static size_t length_size(uint8_t second)
{
    uint8_t length = second & LENGTH;
    return length == LENGTH_64 ? 8 : length == LENGTH_16 ? 2 : 0;
}

static size_t head_size(uint8_t second)
{
    return HEAD_MIN + length_size(second) + (second & MASKED ? GW_WSFRAME_MASK_SIZE : 0);
}

/* Reads the payload's length out of a whole head. */
static enum gw_status read_length(const struct gw_wsframe *frame, uint64_t *ret_length,
                                  struct gw_wsframe_fault *ret_fault)
{
    size_t size = length_size(frame->head[1]);
    uint64_t length = size == 0 ? frame->head[1] & LENGTH : 0;
    for (size_t i = 0; i < size; i++)
        length = length << 8 | frame->head[HEAD_MIN + i];
    if (length > INT64_MAX)
        return refuse(ret_fault, GW_WSFRAME_BAD_PROTOCOL, "a length of more than 63 bits");
    if ((size == 2 && length < LENGTH_16) || (size == 8 && length <= UINT16_MAX))
        return refuse(ret_fault, GW_WSFRAME_BAD_PROTOCOL, "a length in more bytes than it needs");
    *ret_length = length;
    return GW_OK;
}

/* Judges each byte of a head as soon as it is there: nobody needs to wait for the rest to know. */
static enum gw_status read_head(struct gw_wsframe *frame, struct gw_wsframe_bytes *bytes,
                                struct gw_wsframe_fault *ret_fault)
{
    while (bytes->size > 0) {
        frame->head[frame->head_size++] = *bytes->at++;
        bytes->size--;
        if (frame->head_size == 1) {
            GW_TRY(judge_first(frame, ret_fault));
            continue;
        }
        if (frame->head_size == HEAD_MIN)
            GW_TRY(judge_second(frame, ret_fault));
        if (frame->head_size < head_size(frame->head[1]))
            continue;
        GW_TRY(read_length(frame, &frame->left, ret_fault));
        frame->in_payload = true;
        frame->mask_phase = 0;
        return GW_OK;
    }
    return GW_MORE;
}

static void end_frame(struct gw_wsframe *frame)
{
    if (!(frame->head[0] & CONTROL))
        frame->in_message = !(frame->head[0] & FIN);
    frame->in_payload = false;
    frame->head_size = 0;
}

enum gw_status gw_wsframe_next(struct gw_wsframe *frame, struct gw_wsframe_bytes *bytes,
                               struct gw_wsframe_piece *ret_piece,
                               struct gw_wsframe_fault *ret_fault)
{
    if (!frame->in_payload)
        GW_TRY(read_head(frame, bytes, ret_fault));
    if (frame->left > 0 && bytes->size == 0)
        return GW_MORE;
    size_t size = frame->left < bytes->size ? (size_t)frame->left : bytes->size;
    uint8_t opcode = frame->head[0] & OPCODE;
    ret_piece->opcode = opcode & CONTROL ? (enum gw_wsframe_opcode)opcode : GW_WSFRAME_BINARY;
    ret_piece->data = bytes->at;
    ret_piece->size = size;
    if (frame->from == GW_WSFRAME_FROM_CLIENT) {
        const uint8_t *mask = frame->head + frame->head_size - GW_WSFRAME_MASK_SIZE;
        gw_wsframe_mask(bytes->at, size, mask, frame->mask_phase);
        frame->mask_phase = (uint8_t)((frame->mask_phase + size) % GW_WSFRAME_MASK_SIZE);
    }
    bytes->at += size;
    bytes->size -= size;
    frame->left -= size;
    ret_piece->last = frame->left == 0;
    if (ret_piece->last)
        end_frame(frame);
    return GW_OK;
}

void gw_wsframe_mask(uint8_t *bytes, size_t size, const uint8_t mask[GW_WSFRAME_MASK_SIZE],
                     size_t phase)
{
    uint8_t turned[8];
    uint64_t key, word;
    for (size_t i = 0; i < sizeof turned; i++)
        turned[i] = mask[(phase + i) % GW_WSFRAME_MASK_SIZE];
    memcpy(&key, turned, sizeof key);
    for (; size >= sizeof word; bytes += sizeof word, size -= sizeof word) {
        memcpy(&word, bytes, sizeof word);
        word ^= key;
        memcpy(bytes, &word, sizeof word);
    }
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(bytes[i] ^ turned[i]);
}

size_t gw_wsframe_put_head(uint8_t ret_head[GW_WSFRAME_HEAD_MAX], enum gw_wsframe_opcode opcode,
                           uint64_t size, const uint8_t *mask)
{
    size_t length_bytes = size < LENGTH_16 ? 0 : size <= UINT16_MAX ? 2 : 8;
    unsigned second = length_bytes == 0   ? (unsigned)size
                      : length_bytes == 2 ? LENGTH_16
                                          : LENGTH_64;
    size_t at = 0;
    ret_head[at++] = (uint8_t)(FIN | (unsigned)opcode);
    ret_head[at++] = (uint8_t)(second | (mask ? MASKED : 0));
    for (size_t i = length_bytes; i-- > 0;)
        ret_head[at++] = (uint8_t)(size >> (8 * i));
    for (size_t i = 0; mask && i < GW_WSFRAME_MASK_SIZE; i++)
        ret_head[at++] = mask[i];
    return at;
}

/* Codes that may stand on the wire (RFC 6455, 7.4, and those registered since). */
static bool is_sendable(uint16_t code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

enum gw_status gw_wsframe_read_close(struct gw_span payload, uint16_t *ret_code,
                                     struct gw_span *ret_reason, struct gw_wsframe_fault *ret_fault)
{
    *ret_code = GW_WSFRAME_NO_CODE;
    *ret_reason = GW_SPAN_NONE;
    if (payload.size == 0)
        return GW_OK;
    if (payload.size == 1)
        return refuse(ret_fault, GW_WSFRAME_BAD_PROTOCOL, "a Close frame with half a code");
    uint16_t code = (uint16_t)((unsigned)payload.data[0] << 8 | payload.data[1]);
    if (!is_sendable(code))
        return refuse(ret_fault, GW_WSFRAME_BAD_PROTOCOL, "a Close frame with a reserved code");
    struct gw_span reason = gw_span_from(payload, 2);
    if (!gw_utf8_payload_valid(reason))
        return refuse(ret_fault, GW_WSFRAME_BAD_TEXT, "a Close frame whose reason is not UTF-8");
    *ret_code = code;
    *ret_reason = reason;
    return GW_OK;
}

size_t gw_wsframe_put_close(uint8_t ret_payload[GW_WSFRAME_CONTROL_MAX], uint16_t code,
                            const char *reason)
{
    if (code == GW_WSFRAME_NO_CODE)
        return 0;
    struct gw_span text = gw_span_str(reason);
    if (text.size > GW_WSFRAME_CONTROL_MAX - 2)
        text.size = GW_WSFRAME_CONTROL_MAX - 2;
    ret_payload[0] = (uint8_t)(code >> 8);
    ret_payload[1] = (uint8_t)code;
    memcpy(ret_payload + 2, text.data, text.size);
    return 2 + text.size;
}
