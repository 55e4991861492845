#include "cli/sub.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/random.h"
#include "cli/exitcode.h"
#include "cli/format.h"
#include "cli/talk.h"
#include "os/clock.h"
#include "os/entropy.h"
#include "topic/name.h"
#include "wire/reason.h"

struct sub {
    struct gw_talk talk;
    struct gw_client_request subscribe;
    struct gw_client_request *unsubscribes;
    struct gw_filter_request *filters;
    struct gw_random random;
    uint32_t shown_count;
    size_t removals_out; /* messages that clear retained ones, not acknowledged yet */
    bool done;           /* enough was shown; what still arrives is not */
    bool removing_ends;  /* end when removals_out is 0 */
};

/* A message on its way that clears a retained one. */
struct removal {
    struct gw_client_send send;
    uint8_t topic[];
};

static struct sub *sub_of(struct gw_talk *talk)
{
    return talk->user;
}

enum gw_status gw_sub_show(const struct gw_options *options, const struct gw_publish *publish)
{
    struct gw_buf text;
    gw_buf_init(&text, GW_SUB_SHOWN_MAX);
    enum gw_status status =
        gw_format_message(options, publish, gw_clock_wall(gw_clock_system()), &text);
    if (status == GW_MALFORMED && !options->output.quiet)
        fprintf(stderr, "godwit %s: the payload is not JSON, topic %.*s\n", options->name,
                GW_SPAN_FMT(publish->topic_name));
    if (text.size > 0)
        fwrite(text.data, 1, text.size, stdout);
    gw_buf_fini(&text);
    fflush(stdout);
    return ferror(stdout) ? GW_OS_ERROR : GW_OK;
}

static void unsubscribe(struct sub *sub)
{
    const struct gw_options_list *list = &sub->talk.options->select.unsubscribes;
    const struct gw_props *props = gw_options_props(sub->talk.options, GW_COMMAND_UNSUBSCRIBE);
    for (size_t i = 0; i < list->count; i++) {
        struct gw_filter_request filter = {.filter = gw_span_str(list->items[i])};
        sub->unsubscribes[i].type = GW_PACKET_UNSUBSCRIBE;
        enum gw_status status = gw_client_request(&sub->talk.driver.client, &sub->unsubscribes[i],
                                                  props, &filter, 1, gw_driver_now());
        if (status != GW_OK)
            gw_talk_complain(&sub->talk, "cannot unsubscribe: %s", gw_status_name(status));
    }
}

static void on_connected(struct gw_talk *talk, bool session_present)
{
    struct sub *sub = sub_of(talk);
    const struct gw_options_select *select = &talk->options->select;
    (void)session_present;
    for (size_t i = 0; i < select->topics.count; i++)
        sub->filters[i] =
            (struct gw_filter_request){.filter = gw_span_str(select->topics.items[i]),
                                       .qos = talk->options->message.qos,
                                       .retain_as_published = select->retain_as_published,
                                       .retain_handling = select->retain_handling};
    if (select->topics.count > 0) {
        const struct gw_props *props = gw_options_props(talk->options, GW_COMMAND_SUBSCRIBE);
        sub->subscribe.type = GW_PACKET_SUBSCRIBE;
        enum gw_status status =
            gw_client_request(&talk->driver.client, &sub->subscribe, props, sub->filters,
                              select->topics.count, gw_driver_now());
        if (status != GW_OK) {
            gw_talk_complain(talk, "cannot subscribe: %s", gw_status_name(status));
            gw_talk_end(talk, GW_EXIT_INVALID);
            return;
        }
    }
    unsubscribe(sub);
}

static void print_granted(const struct gw_suback *suback)
{
    printf("Subscribed (mid: %d): ", suback->packet_id);
    for (size_t i = 0; i < suback->reasons.size; i++)
        printf("%s%d", i > 0 ? ", " : "", suback->reasons.data[i]);
    printf("\n");
}

static void on_reply(struct gw_talk *talk, struct gw_client_request *request,
                     const struct gw_suback *suback)
{
    const struct gw_options *options = talk->options;
    if (!suback || request->type != GW_PACKET_SUBSCRIBE)
        return;
    if (options->output.debug)
        print_granted(suback);
    bool any = false;
    for (size_t i = 0; i < suback->reasons.size && i < options->select.topics.count; i++) {
        uint8_t reason = suback->reasons.data[i];
        if (reason < GW_REASON_UNSPECIFIED)
            any = true;
        else
            gw_talk_complain(talk, "not subscribed to %s: %s (%d)", options->select.topics.items[i],
                             gw_reason_name(reason, GW_PACKET_SUBACK), reason);
    }
    if (gw_props_has(&suback->props, REASON_STRING))
        gw_talk_complain(talk, "the broker says: %.*s", GW_SPAN_FMT(suback->props.reason_string));
    if (!any)
        gw_talk_complain(talk, "no subscription was granted");
    if (!any || options->select.exit_after_sub)
        gw_talk_end(talk, GW_EXIT_OK);
}

static bool filtered_out(const struct gw_options *options, struct gw_span topic_name)
{
    const struct gw_options_list *list = &options->select.filter_outs;
    for (size_t i = 0; i < list->count; i++) {
        if (gw_filter_matches(gw_span_str(list->items[i]), topic_name))
            return true;
    }
    return false;
}

/* Publishes an empty retained message to the topic. */
static void remove_retained(struct sub *sub, struct gw_span topic_name)
{
    struct removal *removal = malloc(sizeof *removal + topic_name.size);
    if (!removal)
        return;
    memcpy(removal->topic, topic_name.data, topic_name.size);
    removal->send = (struct gw_client_send){
        .publish = {
            .retain = true, .qos = 1, .topic_name = gw_span_of(removal->topic, topic_name.size)}};
    sub->removals_out++;
    if (gw_talk_publish(&sub->talk, &removal->send) != GW_OK) {
        sub->removals_out--;
        free(removal);
    }
}

static void on_sent(struct gw_talk *talk, struct gw_client_send *send, uint8_t reason)
{
    struct sub *sub = sub_of(talk);
    (void)reason;
    free(GW_CONTAINER(send, struct removal, send));
    sub->removals_out--;
    if (sub->removing_ends && sub->removals_out == 0)
        gw_talk_end(talk, GW_EXIT_OK);
}

/* Enough was shown: ends when nothing is left to clear. */
static void finish(struct sub *sub)
{
    sub->done = true;
    gw_client_drain(&sub->talk.driver.client);
    if (sub->removals_out == 0)
        gw_talk_end(&sub->talk, GW_EXIT_OK);
    else
        sub->removing_ends = true;
}

static bool by_chance(struct sub *sub)
{
    double percent = sub->talk.options->select.random_percent;
    if (percent >= 100.0)
        return true;
    return (double)gw_random_below(&sub->random, 1000000) < percent * 10000.0;
}

static void on_message(struct gw_talk *talk, const struct gw_publish *publish)
{
    struct sub *sub = sub_of(talk);
    const struct gw_options_select *select = &talk->options->select;
    if (sub->done || talk->ending)
        return;
    if (select->retained_only && !publish->retain) {
        finish(sub);
        return;
    }
    if (filtered_out(talk->options, publish->topic_name))
        return;
    if (select->remove_retained && publish->retain)
        remove_retained(sub, publish->topic_name);
    if ((select->no_retained && publish->retain) || !by_chance(sub))
        return;
    if (gw_sub_show(talk->options, publish) != GW_OK) {
        finish(sub); /* who read our output has enough */
        return;
    }
    sub->shown_count++;
    if (sub->shown_count == select->count_max)
        finish(sub);
}

int gw_sub_run(struct gw_options *options)
{
    static const struct gw_talk_ops ops = {.on_connected = on_connected,
                                           .on_message = on_message,
                                           .on_sent = on_sent,
                                           .on_reply = on_reply,
                                           .reconnects = true,
                                           .signal_is_success = true};
    struct sub sub = {0};
    uint64_t seed;
    gw_entropy_fill(&seed, sizeof seed);
    gw_random_init(&sub.random, seed);
    sub.filters = calloc(options->select.topics.count + 1, sizeof *sub.filters);
    sub.unsubscribes = calloc(options->select.unsubscribes.count + 1, sizeof *sub.unsubscribes);
    int code = GW_EXIT_USAGE;
    signal(SIGPIPE, SIG_IGN); /* a reader that has gone is an end in order, with DISCONNECT */
    if (sub.filters && sub.unsubscribes) {
        code = gw_talk_run(&sub.talk, options, &ops, &sub);
        struct gw_client *client = &sub.talk.driver.client;
        gw_list_splice_back(&client->inflight, &client->queued);
        for (struct gw_list *node; (node = gw_list_pop_front(&client->inflight)) != NULL;)
            free(GW_CONTAINER(GW_CONTAINER(node, struct gw_client_send, link), struct removal,
                              send));
    }
    free(sub.filters);
    free(sub.unsubscribes);
    return code;
}
