/*
 * proto/assembler: makes whole packets out of a byte stream that is cut anywhere.
 *
 * Layer   proto (may include wire, base). Pure; allocates only while a packet is unfinished.
 * Owner   whoever owns the connection; not thread-safe.
 * Life    init/fini on the caller's memory; between packets it holds no buffer.
 * Limits  packet_max bytes a packet (fixed header included); memory grows with bytes that came,
 *         never on the peer's word.
 */
#ifndef GW_PROTO_ASSEMBLER_H
#define GW_PROTO_ASSEMBLER_H

#include "base/buf.h"
#include "wire/packet.h"

struct gw_assembler {
    struct gw_buf tail; /* bytes of an unfinished packet */
    uint32_t packet_max;
    uint32_t packet_size; /* of the unfinished packet once its header is known, else 0 */
    uint8_t version;      /* enum gw_version: how strictly the length is judged */
    bool given;           /* tail holds a packet that was handed out */
};

/* One whole packet; `body` points into the caller's bytes or the assembler until the next call. */
struct gw_frame {
    struct gw_header header;
    struct gw_span body;
};

void gw_assembler_init(struct gw_assembler *assembler, uint32_t packet_max);
void gw_assembler_fini(struct gw_assembler *assembler);

/* Sets what holds from the next packet on: the version and the size limit. Only between packets,
 * which includes the time while the last one is looked at. */
void gw_assembler_set(struct gw_assembler *assembler, enum gw_version version, uint32_t packet_max);

/* Takes the next whole packet off *bytes. GW_OK: *ret_frame; call again. GW_MORE: *bytes is used
 * up. GW_MALFORMED / GW_PROTOCOL (0x95: larger than packet_max) with the fault; GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_assembler_next(struct gw_assembler *assembler, struct gw_span *bytes,
                                             struct gw_frame *ret_frame,
                                             struct gw_fault *ret_fault);

/* Bytes of an unfinished packet that wait here. */
size_t gw_assembler_pending(const struct gw_assembler *assembler);

/* Memory held, for limits.memory. */
static inline size_t gw_assembler_bytes(const struct gw_assembler *assembler)
{
    return assembler->tail.capacity;
}

#endif
