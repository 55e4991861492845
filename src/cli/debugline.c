#include "cli/debugline.h"

#include <stdio.h>

static void print_publish(const struct gw_client_trace *trace)
{
    const struct gw_publish *p = trace->publish;
    printf("PUBLISH (d%d, q%d, r%d, m%d, '%.*s', ... (%zu bytes))\n", p->dup, p->qos, p->retain,
           p->packet_id, GW_SPAN_FMT(p->topic_name), p->payload.size);
}

static void print_ack(const struct gw_client_trace *trace)
{
    const struct gw_ack *ack = trace->ack;
    const char *name = gw_packet_name(trace->type);
    bool with_code = trace->type == GW_PACKET_PUBACK || trace->type == GW_PACKET_PUBCOMP;
    if (trace->sent && trace->type == GW_PACKET_PUBREL)
        printf("%s (m%d)\n", name, ack->packet_id);
    else if (trace->sent && trace->type == GW_PACKET_PUBCOMP)
        printf("%s (m%d)\n", name, ack->packet_id);
    else if (trace->sent)
        printf("%s (m%d, rc%d)\n", name, ack->packet_id, ack->reason);
    else if (with_code)
        printf("%s (Mid: %d, RC:%d)\n", name, ack->packet_id, ack->reason);
    else
        printf("%s (Mid: %d)\n", name, ack->packet_id);
}

/* A line for each filter. */
static void print_request(const char *id, const struct gw_client_trace *trace)
{
    for (size_t i = 0; i < trace->filter_count; i++) {
        const struct gw_filter_request *f = &trace->filters[i];
        printf("Client %s sending %s (Mid: %d, Topic: %.*s", id, gw_packet_name(trace->type),
               trace->request->packet_id, GW_SPAN_FMT(f->filter));
        if (trace->type == GW_PACKET_SUBSCRIBE) {
            unsigned options = (f->no_local ? 4u : 0u) | (f->retain_as_published ? 8u : 0u) |
                               (unsigned)f->retain_handling << 4;
            printf(", QoS: %d, Options: 0x%02x", f->qos, options);
        }
        printf(")\n");
    }
}

void gw_debugline_print(const char *id, const struct gw_client_trace *trace)
{
    if (!id)
        id = "(null)";
    if (trace->request) {
        print_request(id, trace);
        return;
    }
    printf("Client %s %s ", id, trace->sent ? "sending" : "received");
    if (trace->publish)
        print_publish(trace);
    else if (trace->ack)
        print_ack(trace);
    else if (trace->connack)
        printf("CONNACK (%d)\n", trace->connack->reason);
    else if (trace->disconnect && !trace->sent)
        printf("%s (%d)\n", gw_packet_name(trace->type), trace->disconnect->reason);
    else
        printf("%s\n", gw_packet_name(trace->type));
}
