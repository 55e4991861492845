#include "client/core/emit.h"

struct gw_writer gw_emit_begin(struct gw_client *client)
{
    return gw_writer_of(client->options->scratch, client->options->scratch_size);
}

enum gw_status gw_emit_end(struct gw_client *client, size_t size, struct gw_span payload,
                           gw_mono_ns now)
{
    if (size == 0)
        return GW_NO_SPACE;
    const struct gw_span parts[] = {gw_span_of(client->options->scratch, size), payload};
    GW_TRY(client->io->write(client->io->user, parts, payload.size > 0 ? 2 : 1));
    client->last_sent = now;
    return GW_OK;
}

void gw_emit_trace(const struct gw_client *client, const struct gw_client_trace *trace)
{
    if (client->events->on_trace)
        client->events->on_trace(client->user, trace);
}

enum gw_status gw_emit_publish(struct gw_client *client, const struct gw_publish *publish,
                               gw_mono_ns now)
{
    struct gw_publish wired = *publish;
    if (wired.qos == 0)
        wired.packet_id = 0;
    struct gw_writer w = gw_emit_begin(client);
    size_t size = gw_publish_encode_head(&w, &wired, client->options->connect.version);
    GW_TRY(gw_emit_end(client, size, publish->payload, now));
    gw_emit_trace(client, &(struct gw_client_trace){
                              .type = GW_PACKET_PUBLISH, .sent = true, .publish = publish});
    return GW_OK;
}

enum gw_status gw_emit_ack(struct gw_client *client, const struct gw_ack *ack, gw_mono_ns now)
{
    struct gw_writer w = gw_emit_begin(client);
    size_t size = gw_ack_encode(&w, client->options->connect.version, ack);
    GW_TRY(gw_emit_end(client, size, GW_SPAN_NONE, now));
    gw_emit_trace(client, &(struct gw_client_trace){.type = ack->type, .sent = true, .ack = ack});
    return GW_OK;
}

enum gw_status gw_emit_disconnect(struct gw_client *client, const struct gw_disconnect *disconnect,
                                  gw_mono_ns now)
{
    struct gw_writer w = gw_emit_begin(client);
    size_t size = gw_disconnect_encode(&w, client->options->connect.version, disconnect);
    GW_TRY(gw_emit_end(client, size, GW_SPAN_NONE, now));
    gw_emit_trace(client, &(struct gw_client_trace){
                              .type = disconnect->type, .sent = true, .disconnect = disconnect});
    return GW_OK;
}
