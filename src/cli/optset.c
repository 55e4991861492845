#include "cli/optset.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/utf8.h"
#include "cli/brokerurl.h"
#include "topic/name.h"

#define KEEP_ALIVE_MIN 5
#define RANDOM_MIN     0.1

/* Reads a whole number between two bounds; *what names it in the complaint. */
#define TLS_ALPN_MAX 31

static enum gw_status number(struct gw_options *o, const char *what, const char *text, long min,
                             long max, long *ret_value)
{
    char *end;
    *ret_value = 0;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || value < min || value > max)
        return gw_options_refuse(o, "%s must be a number from %ld to %ld, not \"%s\"", what, min,
                                 max, text);
    *ret_value = value;
    return GW_OK;
}

static enum gw_status text_valid(struct gw_options *o, const char *what, const char *text)
{
    if (strlen(text) > UINT16_MAX)
        return gw_options_refuse(o, "%s is longer than 65535 bytes", what);
    if (gw_utf8_check(gw_span_str(text)) != GW_UTF8_VALID)
        return gw_options_refuse(o, "%s is not valid UTF-8", what);
    return GW_OK;
}

static enum gw_status name_valid(struct gw_options *o, const char *what, const char *text)
{
    GW_TRY(text_valid(o, what, text));
    if (gw_name_validate(gw_span_str(text), 0) != GW_OK)
        return gw_options_refuse(o, "%s \"%s\" is not a topic name: it is empty or contains + or #",
                                 what, text);
    return GW_OK;
}

static enum gw_status filter_valid(struct gw_options *o, const char *what, const char *text)
{
    struct gw_filter_parts parts;
    GW_TRY(text_valid(o, what, text));
    if (gw_filter_split(gw_span_str(text), 0, &parts) != GW_OK)
        return gw_options_refuse(o, "%s \"%s\" is not a topic filter: see the places of + and #",
                                 what, text);
    return GW_OK;
}

static enum gw_status set_host(struct gw_options *o, const char *value)
{
    o->net.host = value;
    return GW_OK;
}

static enum gw_status set_port(struct gw_options *o, const char *value)
{
    long port;
    GW_TRY(number(o, "the port", value, 1, UINT16_MAX, &port));
    o->net.port = (uint16_t)port;
    return GW_OK;
}

static enum gw_status set_context(struct gw_options *o, const char *value)
{
    o->context = value;
    return GW_OK;
}

static enum gw_status set_bind(struct gw_options *o, const char *value)
{
    o->net.bind_host = value;
    return GW_OK;
}

static enum gw_status set_unix(struct gw_options *o, const char *value)
{
    o->net.unix_path = value;
    return GW_OK;
}

static enum gw_status set_ws(struct gw_options *o, const char *value)
{
    (void)value;
    o->net.ws = true;
    return GW_OK;
}

static enum gw_status set_ws_path(struct gw_options *o, const char *value)
{
    if (value[0] != '/')
        return gw_options_refuse(o, "the path of a WebSocket begins with /, as /mqtt; not \"%s\"",
                                 value);
    o->net.ws = true;
    o->net.ws_path = value;
    return GW_OK;
}

static enum gw_status set_plain(struct gw_options *o, const char *value)
{
    (void)value;
    o->net.plain = true;
    return GW_OK;
}

static enum gw_status set_ca_file(struct gw_options *o, const char *value)
{
    o->net.tls.ca_file = value;
    o->net.tls_on = true;
    return GW_OK;
}

static enum gw_status set_ca_path(struct gw_options *o, const char *value)
{
    o->net.tls.ca_path = value;
    o->net.tls_on = true;
    return GW_OK;
}

static enum gw_status set_system_cas(struct gw_options *o, const char *value)
{
    (void)value;
    o->net.tls.system_cas = true;
    o->net.tls_on = true;
    return GW_OK;
}

static enum gw_status set_cert(struct gw_options *o, const char *value)
{
    o->net.tls.cert = value;
    return GW_OK;
}

static enum gw_status set_key(struct gw_options *o, const char *value)
{
    o->net.tls.key = value;
    return GW_OK;
}

static enum gw_status set_ciphers(struct gw_options *o, const char *value)
{
    o->net.tls.ciphers = value;
    return GW_OK;
}

static enum gw_status set_alpn(struct gw_options *o, const char *value)
{
    if (strlen(value) == 0 || strlen(value) > TLS_ALPN_MAX)
        return gw_options_refuse(o, "--tls-alpn is one name of 1 to %d bytes", TLS_ALPN_MAX);
    o->net.tls.alpn = value;
    return GW_OK;
}

static enum gw_status set_insecure(struct gw_options *o, const char *value)
{
    (void)value;
    o->net.tls.insecure_name = true;
    return GW_OK;
}

static enum gw_status set_psk(struct gw_options *o, const char *value)
{
    const char *why = gw_tlskeys_judge_hex(gw_span_str(value));
    if (why)
        return gw_options_refuse(o, "--psk: %s", why);
    o->net.tls.psk_key = value;
    o->net.tls_on = true;
    return GW_OK;
}

static enum gw_status set_psk_identity(struct gw_options *o, const char *value)
{
    const char *why = gw_tlskeys_judge_identity(gw_span_str(value));
    if (why)
        return gw_options_refuse(o, "--psk-identity: %s", why);
    o->net.tls.psk_identity = value;
    return GW_OK;
}

static enum gw_status set_tls_version(struct gw_options *o, const char *value)
{
    if (strcmp(value, "tlsv1.2") == 0)
        o->net.tls.version_min = 12;
    else if (strcmp(value, "tlsv1.3") == 0)
        o->net.tls.version_min = 13;
    else
        return gw_options_refuse(o, "--tls-version is tlsv1.2 (or newer) or tlsv1.3, not \"%s\"",
                                 value);
    return GW_OK;
}

static enum gw_status set_nothing(struct gw_options *o, const char *value)
{
    (void)o;
    (void)value;
    return GW_OK;
}

static enum gw_status set_version(struct gw_options *o, const char *value)
{
    static const struct {
        const char *word;
        enum gw_version version;
    } words[] = {{"mqttv31", GW_VERSION_31}, {"31", GW_VERSION_31},    {"mqttv311", GW_VERSION_311},
                 {"311", GW_VERSION_311},    {"mqttv5", GW_VERSION_5}, {"5", GW_VERSION_5}};
    for (size_t i = 0; i < GW_COUNT_OF(words); i++) {
        if (strcasecmp(value, words[i].word) == 0) {
            o->session.version = words[i].version;
            return GW_OK;
        }
    }
    return gw_options_refuse(o, "the protocol version must be 5, 311 or 31, not \"%s\"", value);
}

static enum gw_status set_id(struct gw_options *o, const char *value)
{
    if (o->session.id_prefix)
        return gw_options_refuse(o, "-i and -I exclude each other");
    GW_TRY(text_valid(o, "the client id", value));
    o->session.id = value;
    return GW_OK;
}

static enum gw_status set_id_prefix(struct gw_options *o, const char *value)
{
    if (o->session.id)
        return gw_options_refuse(o, "-i and -I exclude each other");
    GW_TRY(text_valid(o, "the prefix of the client id", value));
    o->session.id_prefix = value;
    return GW_OK;
}

static enum gw_status set_user(struct gw_options *o, const char *value)
{
    GW_TRY(text_valid(o, "the user name", value));
    o->session.user_name = value;
    return GW_OK;
}

static enum gw_status set_password(struct gw_options *o, const char *value)
{
    if (strlen(value) > UINT16_MAX)
        return gw_options_refuse(o, "the password is longer than 65535 bytes");
    o->session.password = value;
    return GW_OK;
}

static enum gw_status set_auth_method(struct gw_options *o, const char *value)
{
    o->session.auth_method = value;
    return GW_OK;
}

static enum gw_status set_token_file(struct gw_options *o, const char *value)
{
    o->session.token_file = value;
    return GW_OK;
}

static enum gw_status set_keep_alive(struct gw_options *o, const char *value)
{
    long seconds;
    GW_TRY(number(o, "the keep-alive", value, KEEP_ALIVE_MIN, UINT16_MAX, &seconds));
    o->session.keep_alive = (uint16_t)seconds;
    return GW_OK;
}

static enum gw_status set_expiry(struct gw_options *o, const char *value)
{
    o->session.version = GW_VERSION_5;
    o->session.has_expiry = true;
    o->session.expiry = UINT32_MAX;
    if (strcmp(value, "\xE2\x88\x9E") == 0) /* the sign for infinity */
        return GW_OK;
    long seconds;
    GW_TRY(number(o, "the session expiry interval", value, -1, UINT32_MAX, &seconds));
    o->session.expiry = (uint32_t)seconds;
    return GW_OK;
}

static enum gw_status set_keep(struct gw_options *o, const char *value)
{
    (void)value;
    o->session.keep = true;
    return GW_OK;
}

static enum gw_status set_inflight(struct gw_options *o, const char *value)
{
    long count;
    GW_TRY(number(o, "the number of messages in flight", value, 1, UINT16_MAX, &count));
    o->session.inflight_max = (uint16_t)count;
    return GW_OK;
}

static enum gw_status set_url(struct gw_options *o, const char *value)
{
    size_t before = o->select.topics.count;
    GW_TRY(gw_brokerurl_read(o, value));
    if (o->select.topics.count == before)
        return GW_OK; /* a WebSocket's, without one */
    const char *topic = o->select.topics.items[before];
    return o->tool == GW_TOOL_SUB ? filter_valid(o, "the topic of the URL", topic)
                                  : name_valid(o, "the topic of the URL", topic);
}

static enum gw_status set_topic(struct gw_options *o, const char *value)
{
    if (o->tool == GW_TOOL_SUB)
        GW_TRY(filter_valid(o, "-t", value));
    else
        GW_TRY(name_valid(o, "-t", value));
    return gw_options_add(&o->select.topics, value);
}

static enum gw_status set_filter_out(struct gw_options *o, const char *value)
{
    GW_TRY(filter_valid(o, "-T", value));
    return gw_options_add(&o->select.filter_outs, value);
}

static enum gw_status set_unsubscribe(struct gw_options *o, const char *value)
{
    GW_TRY(filter_valid(o, "-U", value));
    return gw_options_add(&o->select.unsubscribes, value);
}

static enum gw_status set_response_topic(struct gw_options *o, const char *value)
{
    GW_TRY(name_valid(o, "-e", value));
    o->select.response_topic = value;
    return GW_OK;
}

static enum gw_status set_qos(struct gw_options *o, const char *value)
{
    long qos;
    GW_TRY(number(o, "the QoS", value, 0, GW_QOS_MAX, &qos));
    o->message.qos = (uint8_t)qos;
    return GW_OK;
}

static enum gw_status set_mode(struct gw_options *o, enum gw_message_mode mode, const char *text)
{
    if (o->message.mode != GW_MODE_NONE)
        return gw_options_refuse(o, "only one of -f, -l, -m, -n and -s can be given");
    o->message.mode = mode;
    o->message.text = text;
    return GW_OK;
}

static enum gw_status set_text(struct gw_options *o, const char *value)
{
    return set_mode(o, GW_MODE_TEXT, value);
}

static enum gw_status set_file(struct gw_options *o, const char *value)
{
    return set_mode(o, GW_MODE_FILE, value);
}

static enum gw_status set_stdin(struct gw_options *o, const char *value)
{
    return set_mode(o, GW_MODE_STDIN, value);
}

static enum gw_status set_lines(struct gw_options *o, const char *value)
{
    return set_mode(o, GW_MODE_LINES, value);
}

static enum gw_status set_null(struct gw_options *o, const char *value)
{
    return set_mode(o, GW_MODE_NULL, value);
}

static enum gw_status set_retain(struct gw_options *o, const char *value)
{
    (void)value;
    o->message.retain = true;
    return GW_OK;
}

static enum gw_status set_repeat(struct gw_options *o, const char *value)
{
    long count;
    GW_TRY(number(o, "--repeat", value, 1, INT32_MAX, &count));
    o->message.repeat_count = (uint32_t)count;
    return GW_OK;
}

static enum gw_status set_repeat_delay(struct gw_options *o, const char *value)
{
    char *end;
    double seconds = strtod(value, &end);
    if (end == value || *end != '\0' || !(seconds >= 0 && seconds < 1e9))
        return gw_options_refuse(o, "--repeat-delay must be a number of seconds, not \"%s\"",
                                 value);
    o->message.repeat_delay_ns = (uint64_t)(seconds * (double)GW_NS_PER_S);
    return GW_OK;
}

static enum gw_status set_count(struct gw_options *o, const char *value)
{
    long count;
    GW_TRY(number(o, "-C", value, 1, INT32_MAX, &count));
    o->select.count_max = (uint32_t)count;
    return GW_OK;
}

static enum gw_status set_timeout(struct gw_options *o, const char *value)
{
    long seconds;
    GW_TRY(number(o, "-W", value, 1, INT32_MAX, &seconds));
    o->select.timeout_s = (uint32_t)seconds;
    return GW_OK;
}

static enum gw_status set_exit_after_sub(struct gw_options *o, const char *value)
{
    (void)value;
    o->select.exit_after_sub = true;
    return GW_OK;
}

static enum gw_status set_no_retained(struct gw_options *o, const char *value)
{
    (void)value;
    o->select.no_retained = true;
    return GW_OK;
}

static enum gw_status set_retained_only(struct gw_options *o, const char *value)
{
    (void)value;
    o->select.retained_only = true;
    return GW_OK;
}

static enum gw_status set_remove_retained(struct gw_options *o, const char *value)
{
    (void)value;
    o->select.remove_retained = true;
    return GW_OK;
}

static enum gw_status set_retain_as_published(struct gw_options *o, const char *value)
{
    (void)value;
    o->select.retain_as_published = true;
    return GW_OK;
}

static enum gw_status set_retain_handling(struct gw_options *o, const char *value)
{
    static const char *const words[] = {"always", "new", "never"};
    for (size_t i = 0; i < GW_COUNT_OF(words); i++) {
        if (strcmp(value, words[i]) == 0) {
            o->select.retain_handling = (uint8_t)i;
            return GW_OK;
        }
    }
    return gw_options_refuse(o, "--retain-handling must be always, new or never, not \"%s\"",
                             value);
}

static enum gw_status set_random(struct gw_options *o, const char *value)
{
    char *end;
    double percent = strtod(value, &end);
    if (end == value || *end != '\0' || !(percent >= RANDOM_MIN && percent <= 100.0))
        return gw_options_refuse(o, "--random-filter must be from 0.1 to 100, not \"%s\"", value);
    o->select.random_percent = percent;
    return GW_OK;
}

static enum gw_status set_format(struct gw_options *o, const char *value)
{
    o->output.format = value;
    return GW_OK;
}

static enum gw_status set_no_newline(struct gw_options *o, const char *value)
{
    (void)value;
    o->output.no_newline = true;
    return GW_OK;
}

static enum gw_status set_verbose(struct gw_options *o, const char *value)
{
    (void)value;
    o->output.verbose = true;
    return GW_OK;
}

static enum gw_status set_pretty(struct gw_options *o, const char *value)
{
    (void)value;
    o->output.pretty = true;
    return GW_OK;
}

static enum gw_status set_json(struct gw_options *o, const char *value)
{
    (void)value;
    o->output.json = true;
    o->output.format = "%j";
    return GW_OK;
}

static enum gw_status set_debug(struct gw_options *o, const char *value)
{
    (void)value;
    o->output.debug = true;
    return GW_OK;
}

static enum gw_status set_quiet(struct gw_options *o, const char *value)
{
    (void)value;
    o->output.quiet = true;
    return GW_OK;
}

static enum gw_status set_will_topic(struct gw_options *o, const char *value)
{
    GW_TRY(name_valid(o, "--will-topic", value));
    o->will.topic = value;
    return GW_OK;
}

static enum gw_status set_will_payload(struct gw_options *o, const char *value)
{
    if (strlen(value) > UINT16_MAX)
        return gw_options_refuse(o, "the payload of the will is longer than 65535 bytes");
    o->will.payload = value;
    return GW_OK;
}

static enum gw_status set_will_qos(struct gw_options *o, const char *value)
{
    long qos;
    GW_TRY(number(o, "the QoS of the will", value, 0, GW_QOS_MAX, &qos));
    o->will.qos = (uint8_t)qos;
    return GW_OK;
}

static enum gw_status set_will_retain(struct gw_options *o, const char *value)
{
    (void)value;
    o->will.retain = true;
    return GW_OK;
}

static enum gw_status set_help(struct gw_options *o, const char *value)
{
    (void)value;
    o->help = true;
    return GW_OK;
}

static enum gw_status set_show_version(struct gw_options *o, const char *value)
{
    (void)value;
    o->version = true;
    return GW_OK;
}

#define PUB GW_TOOL_PUB
#define SUB GW_TOOL_SUB
#define RR  GW_TOOL_RR
#define ALL (PUB | SUB | RR)

/* clang-format off */
static const struct gw_optset_row rows[] = {
    {"-h", "--host", ALL, "HOST", set_host, "the broker's name or address (localhost)"},
    {"-p", "--port", ALL, "PORT", set_port, "its port (1883; 8883 with TLS, and 8883 means TLS)"},
    {NULL, "--unix", ALL, "PATH", set_unix, "connect to this Unix socket instead"},
    {"-L", "--url", ALL, "URL", set_url, "mqtt[s]://[user[:password]@]host[:port]/topic in one"},
    {NULL, "--ws", ALL, NULL, set_ws, "connect over a WebSocket (port 8083, with TLS 8084)"},
    {NULL, "--ws-path", ALL, "PATH", set_ws_path, "and ask for this path (/mqtt)"},
    {"-A", NULL, ALL, "ADDRESS", set_bind, "connect from this address"},
    {NULL, "--nodelay", ALL, NULL, set_nothing, "send small packets at once (always so)"},
    {NULL, "--no-tls", ALL, NULL, set_plain, "no TLS, on port 8883 neither"},
    {NULL, "--cafile", ALL, "FILE", set_ca_file, "TLS, trusting the CAs in this file (PEM)"},
    {NULL, "--capath", ALL, "DIRECTORY", set_ca_path, "TLS, trusting the CAs in this directory"},
    {NULL, "--tls-use-os-certs", ALL, NULL, set_system_cas, "TLS, trusting the system's CAs"},
    {NULL, "--cert", ALL, "FILE", set_cert, "our certificate (PEM), if the broker asks for one"},
    {NULL, "--key", ALL, "FILE", set_key, "its key (PEM)"},
    {NULL, "--insecure", ALL, NULL, set_insecure, "do not compare the broker's name (TLS)"},
    {NULL, "--tls-version", ALL, "VERSION", set_tls_version, "oldest: tlsv1.2 (default), tlsv1.3"},
    {NULL, "--ciphers", ALL, "LIST", set_ciphers, "ciphers of TLS 1.2, in OpenSSL's words"},
    {NULL, "--psk", ALL, "KEY", set_psk, "TLS by a key we share with the broker (hexadecimal)"},
    {NULL, "--psk-identity", ALL, "NAME", set_psk_identity, "the name that it knows this key by"},
    {NULL, "--tls-alpn", ALL, "PROTOCOL", set_alpn, "name of the protocol to ask for (mqtt)"},
    {"-u", "--username", ALL, "NAME", set_user, "user name"},
    {"-P", "--pw", ALL, "PASSWORD", set_password, "password"},
    {NULL, "--auth-method", ALL, "NAME", set_auth_method,
     "prove it by SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER (MQTT 5)"},
    {NULL, "--token-file", ALL, "FILE", set_token_file, "the token for OAUTHBEARER"},
    {NULL, "--context", ALL, "NAME", set_context,
     "broker and login of this context (the one of godwit context use)"},
    {"-i", "--id", ALL, "ID", set_id, "client id (the broker or we choose one)"},
    {"-I", "--id-prefix", ALL, "PREFIX", set_id_prefix, "client id: this and the process id"},
    {"-V", "--protocol-version", ALL, "VERSION", set_version, "5, 311 or 31 (311; rr: 5)"},
    {"-k", "--keepalive", ALL, "SECONDS", set_keep_alive, "ping after this silence (60)"},
    {"-c", "--disable-clean-session", ALL, NULL, set_keep, "keep the session; needs -i"},
    {"-x", "--session-expiry-interval", ALL, "SECONDS", set_expiry,
     "how long the broker keeps the session, -1: for ever (implies -V 5)"},
    {"-M", NULL, ALL, "COUNT", set_inflight, "messages in flight at once (20)"},
    {"-D", "--property", ALL, "COMMAND NAME [KEY] VALUE", NULL,
     "an MQTT 5 property for CONNECT, PUBLISH, SUBSCRIBE ... (implies -V 5)"},
    {"-o", NULL, ALL, "FILE", NULL, "read options from FILE, one to a line"},

    {"-t", "--topic", ALL, "TOPIC", set_topic, "the topic; for sub a filter, any number of them"},
    {"-q", "--qos", ALL, "QOS", set_qos, "quality of service 0, 1 or 2 (0)"},
    {"-m", "--message", PUB | RR, "TEXT", set_text, "send this text"},
    {"-f", "--file", PUB | RR, "FILE", set_file, "send the content of FILE"},
    {"-s", "--stdin-file", PUB | RR, NULL, set_stdin, "send all of standard input"},
    {"-n", "--null-message", PUB | RR, NULL, set_null, "send an empty message"},
    {"-l", "--stdin-line", PUB, NULL, set_lines, "send each line of standard input"},
    {"-r", "--retain", PUB | RR, NULL, set_retain, "ask the broker to keep the message"},
    {NULL, "--repeat", PUB, "COUNT", set_repeat, "send the message so many times"},
    {NULL, "--repeat-delay", PUB, "SECONDS", set_repeat_delay, "wait between the repeats (0)"},
    {"-e", NULL, RR, "TOPIC", set_response_topic, "the topic where the response arrives"},

    {"-T", "--filter-out", SUB, "FILTER", set_filter_out, "do not show what matches; repeatable"},
    {"-U", "--unsubscribe", SUB, "FILTER", set_unsubscribe, "unsubscribe; repeatable"},
    {"-C", NULL, SUB, "COUNT", set_count, "end after so many messages"},
    {"-W", NULL, SUB | RR, "SECONDS", set_timeout, "end after so much time, with exit code 27"},
    {"-E", NULL, SUB, NULL, set_exit_after_sub, "end when the broker has subscribed us"},
    {"-R", NULL, SUB | RR, NULL, set_no_retained, "do not show retained messages"},
    {NULL, "--retained-only", SUB, NULL, set_retained_only,
     "show retained messages, end at the first other one"},
    {NULL, "--remove-retained", SUB, NULL, set_remove_retained, "clear retained messages we get"},
    {NULL, "--retain-as-published", SUB, NULL, set_retain_as_published,
     "see the retain flag as it was sent (MQTT 5)"},
    {NULL, "--retain-handling", SUB, "WHEN", set_retain_handling,
     "ask for retained messages always, new or never (MQTT 5)"},
    {NULL, "--random-filter", SUB, "PERCENT", set_random, "show only this share of the messages"},
    {"-v", "--verbose", SUB | RR, NULL, set_verbose, "show the topic too"},
    {"-F", NULL, SUB | RR, "FORMAT", set_format, "show messages in this form (%t %p %j ...)"},
    {"-N", NULL, SUB | RR, NULL, set_no_newline, "no newline behind a message"},
    {NULL, "--json", SUB | RR, NULL, set_json,
     "a JSON object a message; bytes that are no text as payload_b64"},
    {NULL, "--pretty", SUB | RR, NULL, set_pretty, "JSON on several lines"},

    {NULL, "--will-topic", ALL, "TOPIC", set_will_topic, "last will: its topic"},
    {NULL, "--will-payload", ALL, "TEXT", set_will_payload, "last will: its payload"},
    {NULL, "--will-qos", ALL, "QOS", set_will_qos, "last will: its QoS"},
    {NULL, "--will-retain", ALL, NULL, set_will_retain, "last will: retained"},

    {"-d", "--debug", ALL, NULL, set_debug, "tell of each packet"},
    {NULL, "--quiet", ALL, NULL, set_quiet, "no messages about errors"},
    {NULL, "--help", ALL, NULL, set_help, "this page"},
    {NULL, "--version", ALL, NULL, set_show_version, "the version"},

    {"-S", NULL, ALL, NULL, NULL, NULL},
    {NULL, "--keyform", ALL, "FORM", NULL, NULL},
    {NULL, "--proxy", ALL, "URL", NULL, NULL},
    {NULL, "--tls-engine", ALL, "ENGINE", NULL, NULL},
    {NULL, "--tls-engine-kpass-sha1", ALL, "SHA1", NULL, NULL},
    {NULL, "--tls-keylog", ALL, "FILE", NULL, NULL},
};
/* clang-format on */

const struct gw_optset_row *gw_optset_find(enum gw_tool tool, const char *text)
{
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        bool same = (rows[i].letter && strcmp(text, rows[i].letter) == 0) ||
                    (rows[i].word && strcmp(text, rows[i].word) == 0);
        if (same && (rows[i].tools & tool))
            return &rows[i];
    }
    return NULL;
}

static void print_row(const struct gw_optset_row *row)
{
    char left[80];
    snprintf(left, sizeof left, "%s%s%s%s%s", row->letter ? row->letter : "    ",
             row->letter && row->word ? ", " : "", row->word ? row->word : "",
             row->takes ? " " : "", row->takes ? row->takes : "");
    if (strlen(left) > 30)
        printf("  %s\n  %-30s  %s\n", left, "", row->help);
    else
        printf("  %-30s  %s\n", left, row->help);
}

void gw_optset_help(const struct gw_options *options)
{
    static const struct {
        enum gw_tool tool;
        const char *text;
    } intros[] = {
        {PUB, "godwit pub: sends a message.\n\n"
              "  godwit pub -t home/lamp -m on\n"
              "  tail -f log | godwit pub -t log -l\n"},
        {SUB, "godwit sub: shows the messages of topics.\n\n"
              "  godwit sub -t 'home/#' -v\n"
              "  godwit sub -t home/lamp -C 1 -W 5\n"},
        {RR, "godwit rr: sends a request and waits for its response.\n\n"
             "  godwit rr -t cmd/status -e reply/me -m '?' -W 5\n"},
    };
    for (size_t i = 0; i < GW_COUNT_OF(intros); i++) {
        if (intros[i].tool == options->tool)
            printf("%s\nOptions:\n", intros[i].text);
    }
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        if (rows[i].help && (rows[i].tools & options->tool))
            print_row(&rows[i]);
    }
    printf("\nNot built in yet:");
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        if (!rows[i].help)
            printf(" %s", rows[i].word ? rows[i].word : rows[i].letter);
    }
    printf("\n");
}
