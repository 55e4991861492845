#include "cli/pub.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/exitcode.h"
#include "cli/talk.h"

#define READ_SIZE ((size_t)64 * 1024)

struct pub {
    struct gw_talk talk;
    struct gw_publish publish; /* what each message has in common */
    /* one message, perhaps repeated */
    struct gw_client_send send;
    struct gw_buf payload;
    bool out; /* `send` is with the client */
    uint32_t left;
    gw_mono_ns next_at;
    /* lines */
    struct gw_buf input;
    size_t input_at; /* bytes of input that are sent */
    size_t lines_out;
    bool input_ended;
};

/* One line on its way. */
struct line {
    struct gw_client_send send;
    uint8_t payload[];
};

static struct pub *pub_of(struct gw_talk *talk)
{
    return talk->user;
}

static bool line_mode(const struct pub *pub)
{
    return pub->talk.options->message.mode == GW_MODE_LINES;
}

static void on_connected(struct gw_talk *talk, bool session_present)
{
    (void)session_present;
    talk->want_input = line_mode(pub_of(talk));
}

static void on_sent(struct gw_talk *talk, struct gw_client_send *send, uint8_t reason)
{
    struct pub *pub = pub_of(talk);
    (void)reason;
    if (line_mode(pub)) {
        free(GW_CONTAINER(send, struct line, send));
        pub->lines_out--;
        return;
    }
    pub->out = false;
    pub->left--;
    pub->next_at = gw_driver_now() + talk->options->message.repeat_delay_ns;
    if (pub->left == 0)
        gw_talk_end(talk, GW_EXIT_OK);
}

/* Sends the message as often as it is due and there is room. */
static void send_next(struct pub *pub)
{
    struct gw_talk *talk = &pub->talk;
    while (!pub->out && pub->left > 0 && gw_driver_now() >= pub->next_at) {
        pub->send.publish = pub->publish;
        pub->send.publish.payload = gw_buf_span(&pub->payload);
        pub->out = true;
        enum gw_status status = gw_talk_publish(talk, &pub->send);
        if (status == GW_OK)
            continue;
        pub->out = false;
        if (status != GW_AGAIN)
            gw_talk_end(talk, GW_EXIT_OK);
        break;
    }
    talk->wake_at = !pub->out && pub->left > 0 ? pub->next_at : GW_NEVER;
}

static enum gw_status send_line(struct pub *pub, struct gw_span text)
{
    struct line *line = malloc(sizeof *line + text.size);
    if (!line)
        return GW_NO_MEMORY;
    line->send = (struct gw_client_send){.publish = pub->publish};
    if (text.size > 0)
        memcpy(line->payload, text.data, text.size);
    line->send.publish.payload = gw_span_of(line->payload, text.size);
    pub->lines_out++;
    enum gw_status status = gw_talk_publish(&pub->talk, &line->send);
    if (status == GW_OK)
        return GW_OK;
    pub->lines_out--;
    free(line);
    return status;
}

/* Sends the whole lines in the buffer while there is room; false when there is none. */
static bool send_lines(struct pub *pub)
{
    for (;;) {
        struct gw_span rest = gw_span_from(gw_buf_span(&pub->input), pub->input_at);
        const uint8_t *end = rest.size > 0 ? memchr(rest.data, '\n', rest.size) : NULL;
        if (!end && !(pub->input_ended && rest.size > 0))
            return true;
        if (pub->lines_out >= GW_PUB_LINES_MAX)
            return false;
        size_t size = end ? (size_t)(end - rest.data) : rest.size;
        if (send_line(pub, gw_span_of(rest.data, size)) == GW_AGAIN)
            return false;
        pub->input_at += end ? size + 1 : size;
    }
}

static void read_input(struct pub *pub)
{
    gw_buf_consume(&pub->input, pub->input_at);
    pub->input_at = 0;
    if (gw_buf_reserve(&pub->input, READ_SIZE) != GW_OK) {
        gw_talk_complain(&pub->talk, "a line is longer than a message can be");
        gw_talk_end(&pub->talk, GW_EXIT_PAYLOAD_SIZE);
        return;
    }
    ssize_t size = read(STDIN_FILENO, pub->input.data + pub->input.size, READ_SIZE);
    if (size > 0)
        pub->input.size += (size_t)size;
    else if (size == 0 || (errno != EINTR && errno != EAGAIN))
        pub->input_ended = true;
}

static void on_turn(struct gw_talk *talk, bool input_ready)
{
    struct pub *pub = pub_of(talk);
    if (talk->driver.client.state != GW_CLIENT_CONNECTED)
        return;
    if (!line_mode(pub)) {
        send_next(pub);
        return;
    }
    if (input_ready && talk->want_input)
        read_input(pub);
    bool room = send_lines(pub);
    talk->want_input = room && !pub->input_ended;
    bool all_out = room && pub->input_ended;
    if (all_out && pub->lines_out == 0)
        gw_talk_end(talk, GW_EXIT_OK);
}

static void free_unsent(struct gw_list *list)
{
    for (struct gw_list *node; (node = gw_list_pop_front(list)) != NULL;)
        free(GW_CONTAINER(GW_CONTAINER(node, struct gw_client_send, link), struct line, send));
}

int gw_pub_run(struct gw_options *options)
{
    static const struct gw_talk_ops once = {
        .on_connected = on_connected, .on_sent = on_sent, .on_turn = on_turn};
    static const struct gw_talk_ops lines = {
        .on_connected = on_connected, .on_sent = on_sent, .on_turn = on_turn, .reconnects = true};
    struct pub pub = {.left = options->message.repeat_count};
    const struct gw_props *props = gw_options_props(options, GW_COMMAND_PUBLISH);
    pub.publish = (struct gw_publish){
        .retain = options->message.retain,
        .qos = options->message.qos,
        .topic_name = gw_span_str(options->select.topics.items[options->select.topics.count - 1])};
    if (props)
        pub.publish.props = *props;
    if (gw_talk_payload(options, &pub.payload) != GW_OK)
        return GW_EXIT_USAGE;
    gw_buf_init(&pub.input, (size_t)GW_VARINT_MAX + READ_SIZE);
    bool by_line = options->message.mode == GW_MODE_LINES;
    int code = gw_talk_run(&pub.talk, options, by_line ? &lines : &once, &pub);
    if (by_line) {
        free_unsent(&pub.talk.driver.client.inflight);
        free_unsent(&pub.talk.driver.client.queued);
    }
    gw_buf_fini(&pub.input);
    gw_buf_fini(&pub.payload);
    return code;
}
