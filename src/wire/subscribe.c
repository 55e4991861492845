#include "wire/subscribe.h"

#include "base/compiler.h"
#include "wire/fault.h"
#include "wire/reason.h"

#define OPTION_QOS                 0x03u
#define OPTION_NO_LOCAL            0x04u
#define OPTION_RETAIN_AS_PUBLISHED 0x08u
#define OPTION_RETAIN_HANDLING     0x30u
#define OPTION_RESERVED            0xC0u
#define RETAIN_HANDLING_SHIFT      4

#define RETURN_CODE_FAILURE 0x80u /* 3.1.1 */

/* -- SUBSCRIBE, UNSUBSCRIBE: decode -- */

static enum gw_status check_options_3(unsigned options, enum gw_version version,
                                      struct gw_fault *ret_fault)
{
    if ((options & ~OPTION_QOS) != 0)
        return gw_fault_raise(GW_FAULT_OPTIONS_RESERVED, version, ret_fault);
    if (options > GW_QOS_MAX)
        return gw_fault_raise(GW_FAULT_OPTIONS_QOS_3_OLD, version, ret_fault);
    return GW_OK;
}

static enum gw_status check_options_5(unsigned options, struct gw_span filter,
                                      struct gw_fault *ret_fault)
{
    if ((options & OPTION_RESERVED) != 0)
        return gw_fault_raise(GW_FAULT_OPTIONS_RESERVED, GW_VERSION_5, ret_fault);
    if ((options & OPTION_QOS) > GW_QOS_MAX)
        return gw_fault_raise(GW_FAULT_OPTIONS_QOS_3, GW_VERSION_5, ret_fault);
    if ((options & OPTION_RETAIN_HANDLING) == OPTION_RETAIN_HANDLING)
        return gw_fault_raise(GW_FAULT_OPTIONS_RETAIN_3, GW_VERSION_5, ret_fault);
    if ((options & OPTION_NO_LOCAL) && gw_span_starts_with(filter, GW_SPAN_LIT("$share/")))
        return gw_fault_raise(GW_FAULT_OPTIONS_NO_LOCAL_SHARED, GW_VERSION_5, ret_fault);
    return GW_OK;
}

/* Validates the list of filters and counts them. */
static enum gw_status check_filters(struct gw_span list, enum gw_version version,
                                    struct gw_subscribe *s, struct gw_fault *ret_fault)
{
    struct gw_reader reader = gw_reader_of(list), *r = &reader;
    s->filter_count = 0;
    while (gw_reader_left(r) > 0) {
        struct gw_span filter;
        GW_TRY(gw_fault_read_string(r, version, &filter, ret_fault));
        s->filter_count++;
        if (s->type == GW_PACKET_UNSUBSCRIBE)
            continue;
        uint8_t options;
        if (gw_reader_u8(r, &options) != GW_OK)
            return gw_fault_raise(GW_FAULT_TRUNCATED, version, ret_fault);
        if (version == GW_VERSION_5)
            GW_TRY(check_options_5(options, filter, ret_fault));
        else
            GW_TRY(check_options_3(options, version, ret_fault));
    }
    if (s->filter_count > 0)
        return GW_OK;
    return gw_fault_raise(s->type == GW_PACKET_SUBSCRIBE ? GW_FAULT_SUBSCRIBE_EMPTY
                                                         : GW_FAULT_UNSUBSCRIBE_EMPTY,
                          version, ret_fault);
}

enum gw_status gw_subscribe_decode(enum gw_packet_type type, struct gw_span body,
                                   enum gw_version version, uint32_t user_properties_max,
                                   struct gw_subscribe *ret_subscribe, struct gw_fault *ret_fault)
{
    struct gw_reader reader = gw_reader_of(body), *r = &reader;
    ret_subscribe->type = type;
    gw_props_clear(&ret_subscribe->props);
    if (gw_reader_u16(r, &ret_subscribe->packet_id) != GW_OK)
        return gw_fault_raise(GW_FAULT_TRUNCATED, version, ret_fault);
    if (ret_subscribe->packet_id == 0)
        return gw_fault_raise(GW_FAULT_PACKET_ID_0, version, ret_fault);
    if (version == GW_VERSION_5)
        GW_TRY(gw_props_decode(r, 1u << type, false, user_properties_max, &ret_subscribe->props,
                               ret_fault));
    ret_subscribe->filters = gw_reader_rest(r);
    return check_filters(ret_subscribe->filters, version, ret_subscribe, ret_fault);
}

enum gw_status gw_subscribe_next(struct gw_reader *filters, enum gw_packet_type type,
                                 struct gw_filter_request *ret_request)
{
    if (gw_reader_left(filters) == 0)
        return GW_END;
    struct gw_reader r = *filters;
    struct gw_span filter;
    uint8_t options = 0;
    GW_TRY(gw_binary_read(&r, &filter));
    if (type == GW_PACKET_SUBSCRIBE)
        GW_TRY(gw_reader_u8(&r, &options));
    *filters = r;
    *ret_request = (struct gw_filter_request){
        .filter = filter,
        .qos = options & OPTION_QOS,
        .no_local = (options & OPTION_NO_LOCAL) != 0,
        .retain_as_published = (options & OPTION_RETAIN_AS_PUBLISHED) != 0,
        .retain_handling = (uint8_t)((options & OPTION_RETAIN_HANDLING) >> RETAIN_HANDLING_SHIFT),
    };
    return GW_OK;
}

/* -- SUBSCRIBE, UNSUBSCRIBE: encode -- */

static uint8_t options_of(const struct gw_filter_request *request, enum gw_version version)
{
    unsigned options = request->qos;
    if (version == GW_VERSION_5) {
        options |= request->no_local ? OPTION_NO_LOCAL : 0;
        options |= request->retain_as_published ? OPTION_RETAIN_AS_PUBLISHED : 0;
        options |= (unsigned)request->retain_handling << RETAIN_HANDLING_SHIFT;
    }
    return (uint8_t)options;
}

/* long: seven parameters; the requests are an array and props may be absent in 3.x */
size_t gw_subscribe_encode(struct gw_writer *w, enum gw_version version, enum gw_packet_type type,
                           gw_packet_id packet_id, const struct gw_props *props,
                           const struct gw_filter_request *requests, size_t request_count)
{
    size_t option_size = type == GW_PACKET_SUBSCRIBE;
    bool v5 = version == GW_VERSION_5;
    size_t body_size = 2;
    if (v5)
        body_size += props ? gw_props_size(props) : 1;
    for (size_t i = 0; i < request_count; i++)
        body_size += 2 + requests[i].filter.size + option_size;
    size_t size = gw_packet_begin(w, type, body_size);
    if (size == 0)
        return 0;
    gw_writer_u16(w, packet_id);
    if (v5 && props)
        gw_props_encode(w, props);
    else if (v5)
        gw_writer_u8(w, 0);
    for (size_t i = 0; i < request_count; i++) {
        gw_binary_write(w, requests[i].filter);
        if (option_size)
            gw_writer_u8(w, options_of(&requests[i], version));
    }
    return size;
}

/* -- SUBACK, UNSUBACK -- */

static bool return_code_valid_3(uint8_t code)
{
    return code <= GW_QOS_MAX || code == RETURN_CODE_FAILURE;
}

static enum gw_status check_reasons(const struct gw_suback *s, enum gw_version version,
                                    struct gw_fault *ret_fault)
{
    if (version != GW_VERSION_5 && s->type == GW_PACKET_UNSUBACK) {
        if (s->reasons.size > 0)
            return gw_fault_raise(GW_FAULT_TRAILING, version, ret_fault);
        return GW_OK;
    }
    if (s->reasons.size == 0)
        return gw_fault_raise(GW_FAULT_SUBACK_EMPTY, version, ret_fault);
    for (size_t i = 0; i < s->reasons.size; i++) {
        uint8_t code = s->reasons.data[i];
        bool good = version == GW_VERSION_5 ? gw_reason_allowed(code, s->type, true)
                                            : return_code_valid_3(code);
        if (!good)
            return gw_fault_raise_reason(s->type, version, ret_fault);
    }
    return GW_OK;
}

enum gw_status gw_suback_decode(enum gw_packet_type type, struct gw_span body,
                                enum gw_version version, struct gw_suback *ret_suback,
                                struct gw_fault *ret_fault)
{
    struct gw_reader reader = gw_reader_of(body), *r = &reader;
    ret_suback->type = type;
    gw_props_clear(&ret_suback->props);
    if (gw_reader_u16(r, &ret_suback->packet_id) != GW_OK)
        return gw_fault_raise(GW_FAULT_TRUNCATED, version, ret_fault);
    if (ret_suback->packet_id == 0)
        return gw_fault_raise(GW_FAULT_SUBACK_ID_0, version, ret_fault);
    if (version == GW_VERSION_5)
        GW_TRY(gw_props_decode(r, 1u << type, true, GW_USER_PROPERTIES_MAX_DEFAULT,
                               &ret_suback->props, ret_fault));
    ret_suback->reasons = gw_reader_rest(r);
    return check_reasons(ret_suback, version, ret_fault);
}

/* The form that a reason code takes for a version. */
static uint8_t code_for(uint8_t reason, enum gw_version version)
{
    if (version == GW_VERSION_5 || reason <= GW_QOS_MAX)
        return reason;
    return version == GW_VERSION_311 ? RETURN_CODE_FAILURE : 0;
}

static size_t encode_suback(struct gw_writer *w, enum gw_version version,
                            const struct gw_suback *suback, const struct gw_props *props)
{
    bool v5 = version == GW_VERSION_5;
    bool with_reasons = v5 || suback->type == GW_PACKET_SUBACK;
    size_t body_size = 2 + (with_reasons ? suback->reasons.size : 0);
    body_size += v5 ? gw_props_size(props) : 0;
    size_t size = gw_packet_begin(w, suback->type, body_size);
    if (size == 0)
        return 0;
    gw_writer_u16(w, suback->packet_id);
    if (v5)
        gw_props_encode(w, props);
    for (size_t i = 0; with_reasons && i < suback->reasons.size; i++)
        gw_writer_u8(w, code_for(suback->reasons.data[i], version));
    return size;
}

size_t gw_suback_encode(struct gw_writer *w, enum gw_version version,
                        const struct gw_suback *suback)
{
    return encode_suback(w, version, suback, &suback->props);
}

size_t gw_suback_encode_within(struct gw_writer *w, enum gw_version version,
                               const struct gw_suback *suback, uint32_t packet_max)
{
    static const struct gw_props none = {0};
    size_t size = gw_packet_size(2 + gw_props_size(&suback->props) + suback->reasons.size);
    return encode_suback(w, version, suback, size <= packet_max ? &suback->props : &none);
}
