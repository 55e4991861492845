#include "cli/rr.h"

#include "cli/exitcode.h"
#include "cli/sub.h"
#include "cli/talk.h"
#include "wire/reason.h"

struct rr {
    struct gw_talk talk;
    struct gw_client_request subscribe;
    struct gw_client_send send;
    struct gw_buf payload;
    bool to_send; /* the subscription stands, the request is not out yet */
    bool answered;
};

static struct rr *rr_of(struct gw_talk *talk)
{
    return talk->user;
}

static void on_connected(struct gw_talk *talk, bool session_present)
{
    struct rr *rr = rr_of(talk);
    struct gw_filter_request filter = {.filter = gw_span_str(talk->options->select.response_topic),
                                       .qos = talk->options->message.qos};
    (void)session_present;
    rr->subscribe.type = GW_PACKET_SUBSCRIBE;
    enum gw_status status = gw_client_request(&talk->driver.client, &rr->subscribe,
                                              gw_options_props(talk->options, GW_COMMAND_SUBSCRIBE),
                                              &filter, 1, gw_driver_now());
    if (status == GW_OK)
        return;
    gw_talk_complain(talk, "cannot subscribe: %s", gw_status_name(status));
    gw_talk_end(talk, GW_EXIT_INVALID);
}

static void on_reply(struct gw_talk *talk, struct gw_client_request *request,
                     const struct gw_suback *suback)
{
    (void)request;
    if (!suback)
        return;
    uint8_t reason = suback->reasons.size > 0 ? suback->reasons.data[0] : GW_REASON_UNSPECIFIED;
    if (reason >= GW_REASON_UNSPECIFIED) {
        gw_talk_complain(talk, "not subscribed to %s: %s (%d)",
                         talk->options->select.response_topic,
                         gw_reason_name(reason, GW_PACKET_SUBACK), reason);
        gw_talk_end(talk, GW_EXIT_OK);
        return;
    }
    rr_of(talk)->to_send = true;
}

static void on_turn(struct gw_talk *talk, bool input_ready)
{
    struct rr *rr = rr_of(talk);
    (void)input_ready;
    if (!rr->to_send || talk->driver.client.state != GW_CLIENT_CONNECTED)
        return;
    enum gw_status status = gw_talk_publish(talk, &rr->send);
    if (status == GW_AGAIN)
        return;
    rr->to_send = false;
    if (status != GW_OK)
        gw_talk_end(talk, GW_EXIT_OK);
}

static void on_message(struct gw_talk *talk, const struct gw_publish *publish)
{
    struct rr *rr = rr_of(talk);
    if (rr->answered || talk->ending || (talk->options->select.no_retained && publish->retain))
        return;
    enum gw_status status = gw_sub_show(talk->options, publish);
    rr->answered = true;
    gw_talk_end(talk, status == GW_OK ? GW_EXIT_OK : GW_EXIT_USAGE);
}

int gw_rr_run(struct gw_options *options)
{
    static const struct gw_talk_ops ops = {.on_connected = on_connected,
                                           .on_message = on_message,
                                           .on_reply = on_reply,
                                           .on_turn = on_turn};
    struct rr rr = {0};
    struct gw_publish *publish = &rr.send.publish;
    const struct gw_props *props = gw_options_props(options, GW_COMMAND_PUBLISH);
    if (gw_talk_payload(options, &rr.payload) != GW_OK)
        return GW_EXIT_USAGE;
    if (props)
        publish->props = *props;
    if (options->session.version == GW_VERSION_5) {
        publish->props.present |= GW_PROP_BIT(RESPONSE_TOPIC);
        publish->props.response_topic = gw_span_str(options->select.response_topic);
    }
    publish->qos = options->message.qos;
    publish->retain = options->message.retain;
    publish->topic_name =
        gw_span_str(options->select.topics.items[options->select.topics.count - 1]);
    publish->payload = gw_buf_span(&rr.payload);
    int code = gw_talk_run(&rr.talk, options, &ops, &rr);
    gw_buf_fini(&rr.payload);
    return code;
}
