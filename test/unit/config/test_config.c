#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "config/confnumber.h"
#include "config/confreport.h"
#include "config/confvalue.h"
#include "wire/packet.h"

static const char *const env_example[] = {"HOME=/root", "NAME=godwit", "SIZE=3MB", "EMPTY=", NULL};

/* Loads a text as file f.yaml; the caller releases both. */
static enum gw_status load(const char *text, const char *const *env, const char *const *sets,
                           size_t set_count, struct gw_config *config, struct gw_confreport *report)
{
    struct gw_span span = gw_span_str(text);
    struct gw_config_input input = {"f.yaml", text != NULL ? &span : NULL, env, sets, set_count};

    if (text == NULL)
        input.path = NULL;
    gw_confreport_init(report);
    return gw_config_load(&input, config, report);
}

/* Takes out the padding before codes; test_confreport.c looks at that. */
static void squeeze(struct gw_buf *text)
{
    size_t kept = 0;

    for (size_t i = 0; i < text->size; i++) {
        if (text->data[i] == '[' && i + 1 < text->size && text->data[i + 1] == 'C') {
            while (kept > 1 && text->data[kept - 1] == ' ' && text->data[kept - 2] == ' ')
                kept--;
        }
        text->data[kept++] = text->data[i];
    }
    text->size = kept;
}

static void assert_report(struct gw_confreport *report, const char *expected)
{
    struct gw_span want = gw_span_str(expected);

    squeeze(&report->text);
    if (!gw_span_equal(gw_buf_span(&report->text), want)) {
        print_error("wanted:\n%s\ngot:\n%.*s", expected, GW_SPAN_FMT(gw_buf_span(&report->text)));
        fail();
    }
}

static void assert_refused(const struct gw_config_input *input, const char *expected)
{
    struct gw_confreport report;
    struct gw_config config;

    gw_confreport_init(&report);
    assert_int_equal(gw_config_load(input, &config, &report), GW_INVALID);
    assert_report(&report, expected);
    gw_confreport_fini(&report);
}

static void test_defaults(void **state)
{
    struct gw_config config;

    (void)state;
    assert_int_equal(gw_config_init_defaults(&config), GW_OK);
    assert_int_equal(config.listeners.count, 2);
    assert_string_equal(config.listeners.items[0].url, "mqtt://127.0.0.1:1883");
    assert_string_equal(config.listeners.items[1].url, "mqtt://[::1]:1883");
    assert_true(config.listeners.items[0].anonymous);
    assert_false(config.listeners.items[0].optional);
    assert_true(config.listeners.items[1].optional);
    assert_int_equal(gw_address_port(&config.listeners.items[0].address), 1883);
    assert_int_equal(config.limits.packet, 2000000);
    assert_int_equal(config.limits.packet_before_connect, 65536);
    assert_int_equal(config.limits.connect_time, 10 * GW_NS_PER_S);
    assert_int_equal(config.limits.session_expiry, GW_CONFIG_SECONDS_NEVER);
    assert_int_equal(config.limits.keep_alive_max, 0);
    assert_int_equal(config.limits.queue.policy, GW_CONFIG_DROP_NEWEST);
    assert_int_equal(config.mqtt.versions,
                     (1 << GW_VERSION_31) | (1 << GW_VERSION_311) | (1 << GW_VERSION_5));
    assert_int_equal(config.mqtt.max_qos, 2);
    assert_string_equal(config.mqtt.response_information, "");
    assert_int_equal(config.shared.strategy, GW_SHARE_ROUND_ROBIN);
    assert_int_equal(config.log.level, GW_LOG_INFO);
    assert_string_equal(config.store.path, "");
    assert_int_equal(config.store.durability, GW_DURABILITY_DISK);
    assert_int_equal(config.store.durability_rules.count, 0);
    assert_int_equal(config.store.segment, 16 << 20);
    assert_int_equal(config.store.pressure, 16 << 20);
    gw_config_fini(&config);
    gw_config_fini(&config);
    gw_config_fini(NULL);
}

/* What the parser relies on: bounds that can be read, that fit, that hold the default. */
static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < GW_CONFIG_KEY_COUNT; i++) {
        const struct gw_config_key *key = &gw_config_keys[i];
        struct gw_confreport_error error;
        uint64_t min, max, value;

        assert_ptr_equal(gw_config_find(gw_span_str(key->name)), key);
        assert_true(key->help[0] != '\0' && key->help[strlen(key->help) - 1] != '.');
        if (key->kind > GW_CONFIG_SECONDS || key->kind == GW_CONFIG_BOOL) {
            assert_string_equal(key->min, "");
            continue;
        }
        assert_int_equal(gw_confnumber_parse(key->kind, gw_span_str(key->min), &min, &error), 0);
        assert_int_equal(gw_confnumber_parse(key->kind, gw_span_str(key->max), &max, &error), 0);
        assert_int_equal(gw_confnumber_parse(key->kind, gw_span_str(key->value), &value, &error),
                         0);
        assert_true(min <= value && value <= max);
        if (key->kind == GW_CONFIG_COUNT)
            assert_true(max <= UINT32_MAX);
    }
    assert_null(gw_config_find(GW_SPAN_LIT("limits")));
    assert_null(gw_config_find(GW_SPAN_LIT("limits.packe")));
    assert_null(gw_config_find(GW_SPAN_LIT("limits.packets")));
}

static void test_values(void **state)
{
    static const char text[] = "listeners:\n"
                               "  - mqtt://127.0.0.1:0\n"
                               "  - {url: \"mqtt://10.0.0.5\", anonymous: insecure}\n"
                               "  - url: mqtt://*:1884\n"
                               "threads: 3\n"
                               "limits:\n"
                               "  packet: ${SIZE}\n"
                               "  connect_time: 250ms\n"
                               "  session_expiry: 7d\n"
                               "  will_delay: never\n"
                               "  queue: {messages: 5k, policy: drop_oldest, qos0: on}\n"
                               "  retained:\n"
                               "mqtt:\n"
                               "  versions: [\"3.1.1\", 5]\n"
                               "  retain: no\n"
                               "  response_information: \"a/${NAME}/$${x}${EMPTY}$\"\n"
                               "shared.strategy: sticky_topic\n"
                               "log: {level: debug, format: json}\n";
    struct gw_confreport report;
    struct gw_config config;

    (void)state;
    if (load(text, env_example, NULL, 0, &config, &report) != GW_OK)
        fail_msg("%.*s", GW_SPAN_FMT(gw_buf_span(&report.text)));
    assert_int_equal(config.listeners.count, 3);
    assert_true(config.listeners.items[0].anonymous);
    assert_true(config.listeners.items[1].anonymous && config.listeners.items[1].insecure);
    assert_int_equal(gw_address_port(&config.listeners.items[1].address), 1883);
    assert_false(config.listeners.items[2].anonymous);
    assert_int_equal(config.threads, 3);
    assert_int_equal(config.limits.packet, 3000000);
    assert_int_equal(config.limits.connect_time, GW_NS_PER_S / 4);
    assert_int_equal(config.limits.session_expiry, 604800);
    assert_int_equal(config.limits.will_delay, GW_CONFIG_SECONDS_NEVER);
    assert_int_equal(config.limits.queue.messages, 5000);
    assert_int_equal(config.limits.queue.bytes, 1000000);
    assert_int_equal(config.limits.queue.policy, GW_CONFIG_DROP_OLDEST);
    assert_true(config.limits.queue.qos0);
    assert_int_equal(config.mqtt.versions, (1 << GW_VERSION_311) | (1 << GW_VERSION_5));
    assert_false(config.mqtt.retain);
    assert_string_equal(config.mqtt.response_information, "a/godwit/${x}$");
    assert_int_equal(config.shared.strategy, GW_SHARE_STICKY_TOPIC);
    assert_int_equal(config.log.level, GW_LOG_DEBUG);
    assert_int_equal(config.log.format, GW_CONFIG_FORMAT_JSON);
    assert_int_equal(gw_config_origin(&config, gw_config_find(GW_SPAN_LIT("threads")))->line, 5);
    gw_config_fini(&config);
    gw_confreport_fini(&report);
}

static void test_listeners_of_websockets(void **state)
{
    static const char text[] =
        "listeners:\n"
        "  - ws://127.0.0.1\n"
        "  - {url: \"ws://*:9001/a/b\", origins: [https://a.example, 'http://b:8', 'null']}\n"
        "  - {url: \"ws://localhost:1/\", origins: \"*\"}\n";
    static const struct {
        const char *url, *path, *origins;
        uint16_t port;
    } rows[] = {
        {"ws://127.0.0.1", "/mqtt", NULL, 8083},
        {"ws://*:9001/a/b", "/a/b", "https://a.example, http://b:8, null", 9001},
        {"ws://127.0.0.1:1/mqtt", "/mqtt", "*", 1},
        {"ws://[::1]:1/mqtt", "/mqtt", "*", 1},
    };
    struct gw_confreport report;
    struct gw_config config, copy;

    (void)state;
    if (load(text, NULL, NULL, 0, &config, &report) != GW_OK)
        fail_msg("%.*s", GW_SPAN_FMT(gw_buf_span(&report.text)));
    assert_int_equal(gw_config_copy(&config, &copy), GW_OK);
    gw_config_fini(&config);
    assert_int_equal(copy.listeners.count, GW_COUNT_OF(rows));
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        const struct gw_config_listener *item = &copy.listeners.items[i];

        assert_int_equal(item->scheme, GW_CONFIG_WS);
        assert_string_equal(item->url, rows[i].url);
        assert_string_equal(item->path, rows[i].path);
        assert_int_equal(gw_address_port(&item->address), rows[i].port);
        if (rows[i].origins == NULL)
            assert_null(item->origins);
        else
            assert_string_equal(item->origins, rows[i].origins);
    }
    gw_config_fini(&copy);
    gw_confreport_fini(&report);
}

static void test_listeners_of_unix_sockets(void **state)
{
    static const char text[] =
        "listeners:\n"
        "  - unix:///run/godwit/a.sock\n"
        "  - {url: unix:///run/b, mode: 0600, group: mqtt, peer_identity: user, anonymous: false}\n"
        "  - {url: unix:///c, mode: 666, peer_identity: \"off\"}\n"
        "  - {url: unix:///d, proxy_protocol: true, trusted_proxies: [unix, 10.0.0.0/8]}\n";
    static const struct {
        const char *address, *group;
        uint32_t mode;
        bool peer_user, anonymous;
    } rows[] = {
        {"/run/godwit/a.sock", NULL, 0660, false, true},
        {"/run/b", "mqtt", 0600, true, false},
        {"/c", NULL, 0666, false, true},
        {"/d", NULL, 0660, false, false},
    };
    struct gw_confreport report;
    struct gw_config config, copy;

    (void)state;
    if (load(text, NULL, NULL, 0, &config, &report) != GW_OK)
        fail_msg("%.*s", GW_SPAN_FMT(gw_buf_span(&report.text)));
    assert_int_equal(gw_config_copy(&config, &copy), GW_OK);
    gw_config_fini(&config);
    assert_int_equal(copy.listeners.count, GW_COUNT_OF(rows));
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        const struct gw_config_listener *item = &copy.listeners.items[i];
        char address[GW_ADDRESS_TEXT_MAX];

        assert_int_equal(item->scheme, GW_CONFIG_UNIX);
        assert_null(item->path);
        assert_string_equal(gw_address_text(&item->address, address), rows[i].address);
        assert_int_equal(item->socket.mode, rows[i].mode);
        assert_int_equal(item->socket.peer_user, rows[i].peer_user);
        assert_int_equal(item->anonymous, rows[i].anonymous);
        if (rows[i].group == NULL)
            assert_null(item->socket.group);
        else
            assert_string_equal(item->socket.group, rows[i].group);
    }
    struct gw_buf shown;
    gw_buf_init(&shown, 4096);
    assert_int_equal(gw_confvalue_print(&copy, gw_config_find(GW_SPAN_LIT("listeners")), &shown),
                     GW_OK);
    static const char wanted[] =
        "[{url: \"unix:///run/godwit/a.sock\", anonymous: true, mode: 0660}, "
        "{url: \"unix:///run/b\", anonymous: false, mode: 0600, group: mqtt, peer_identity: user}, "
        "{url: \"unix:///c\", anonymous: true, mode: 0666}, "
        "{url: \"unix:///d\", anonymous: false, mode: 0660, proxy_protocol: true, "
        "trusted_proxies: \"unix, 10.0.0.0/8\"}]";
    if (!gw_span_equal(gw_buf_span(&shown), gw_span_str(wanted)))
        fail_msg("%.*s", GW_SPAN_FMT(gw_buf_span(&shown)));
    gw_buf_fini(&shown);
    gw_config_fini(&copy);
    gw_confreport_fini(&report);
}

static void test_nothing_is_a_configuration(void **state)
{
    static const char *const texts[] = {"",   "\n\n", "# only words\n", "---\n",
                                        "{}", "~",    "log:",           "\xEF\xBB\xBFthreads: 0\n"};

    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(texts); i++) {
        struct gw_confreport report;
        struct gw_config config;

        assert_int_equal(load(texts[i], NULL, NULL, 0, &config, &report), GW_OK);
        assert_int_equal(config.listeners.count, 2);
        gw_config_fini(&config);
        gw_confreport_fini(&report);
    }
}

static void test_precedence(void **state)
{
    static const char *const env[] = {"GODWIT__LIMITS__QUEUE__BYTES=2MB",
                                      "GODWIT__LIMITS__INFLIGHT=7", "GODWIT_URL=x",
                                      "GODWIT__LISTENERS=mqtt://127.0.0.1:1,mqtt://[::1]:2", NULL};
    static const char *const sets[] = {"limits.inflight=8", "mqtt.versions=3.1, 5",
                                       "mqtt.response_information=a=b", "limits.inflight=9"};
    static const struct {
        const char *key;
        enum gw_config_source source;
    } origins[] = {
        {"limits.inflight", GW_CONFIG_FROM_COMMAND},
        {"limits.queue.bytes", GW_CONFIG_FROM_ENV},
        {"listeners", GW_CONFIG_FROM_ENV},
        {"mqtt.versions", GW_CONFIG_FROM_COMMAND},
        {"limits.queue.messages", GW_CONFIG_FROM_FILE},
        {"limits.packet", GW_CONFIG_FROM_DEFAULT},
    };
    struct gw_confreport report;
    struct gw_config config;

    (void)state;
    if (load("limits: {inflight: 5, queue: {bytes: 5MB, messages: 6}}", env, sets,
             GW_COUNT_OF(sets), &config, &report) != GW_OK)
        fail_msg("%.*s", GW_SPAN_FMT(gw_buf_span(&report.text)));
    assert_int_equal(config.limits.inflight, 9);
    assert_int_equal(config.limits.queue.bytes, 2000000);
    assert_int_equal(config.limits.queue.messages, 6);
    assert_int_equal(config.listeners.count, 2);
    assert_int_equal(gw_address_port(&config.listeners.items[1].address), 2);
    assert_int_equal(config.mqtt.versions, (1 << GW_VERSION_31) | (1 << GW_VERSION_5));
    assert_string_equal(config.mqtt.response_information, "a=b");
    for (size_t i = 0; i < GW_COUNT_OF(origins); i++) {
        const struct gw_config_key *key = gw_config_find(gw_span_str(origins[i].key));

        assert_int_equal(gw_config_origin(&config, key)->source, origins[i].source);
    }
    gw_config_fini(&config);
    gw_confreport_fini(&report);
}

static const struct {
    const char *text, *report;
} errors_with_a_line[] = {
    {"# x\nlisener: mqtt://:1883\n", "f.yaml:2:1: unknown key \"lisener\"\n"
                                     "   2 | lisener: mqtt://:1883\n"
                                     "     | ^~~~~~~ did you mean \"listeners\"? [C104]\n"},
    {"limits: {inflght: 3}\n", "f.yaml:1:10: unknown key \"inflght\" in limits\n"
                               "   1 | limits: {inflght: 3}\n"
                               "     |          ^~~~~~~ did you mean \"inflight\"? [C104]\n"},
    {"packet: 3MB\n", "f.yaml:1:1: unknown key \"packet\"\n"
                      "   1 | packet: 3MB\n"
                      "     | ^~~~~~ did you mean \"limits.packet\"? [C104]\n"},
    {"zzzz: {a: [b, {c: d}]}\n", "f.yaml:1:1: unknown key \"zzzz\"\n"
                                 "   1 | zzzz: {a: [b, {c: d}]}\n"
                                 "     | ^~~~\n"
                                 "   hint: godwit config reference lists every key [C104]\n"},
    {"log: {level: warn}\nlog: {format: json}\n", "f.yaml:2:1: log stands twice\n"
                                                  "   2 | log: {format: json}\n"
                                                  "     | ^~~ the first is in line 1 [C105]\n"},
    {"limits:\n  inflight: 1\n  inflight: 2\n",
     "f.yaml:3:3: limits.inflight stands twice\n"
     "   3 |   inflight: 2\n"
     "     |   ^~~~~~~~ the first is in line 2 [C105]\n"},
    {"limits: {packet: 16M}\n", "f.yaml:1:18: \"16M\" is not a size, as 64KiB or 2MB\n"
                                "   1 | limits: {packet: 16M}\n"
                                "     |                  ^~~ \"16MB\" or \"16MiB\"? [C107]\n"},
    {"limits: {inflight: 0}\n", "f.yaml:1:20: limits.inflight cannot be 0\n"
                                "   1 | limits: {inflight: 0}\n"
                                "     |                    ^ it is 1 to 65535 [C108]\n"},
    {"limits: {session_expiry: 1500ms}\n",
     "f.yaml:1:26: limits.session_expiry takes whole seconds\n"
     "   1 | limits: {session_expiry: 1500ms}\n"
     "     |                          ^~~~~~ [C107]\n"},
    {"limits: {session_expiry: 60000d}\n",
     "f.yaml:1:26: limits.session_expiry is more than 136 years\n"
     "   1 | limits: {session_expiry: 60000d}\n"
     "     |                          ^~~~~~ write \"never\" [C108]\n"},
    {"limits: {inflight: }\n", "f.yaml:1:20: limits.inflight has no value\n"
                               "   1 | limits: {inflight: }\n"
                               "     |                    ^ [C107]\n"},
    {"limits: {inflight: [1]}\n", "f.yaml:1:20: limits.inflight is one value, not a list\n"
                                  "   1 | limits: {inflight: [1]}\n"
                                  "     |                    ^ number, as 500 or 50k [C106]\n"},
    {"limits: 5\n", "f.yaml:1:9: limits is a group of keys, not a value\n"
                    "   1 | limits: 5\n"
                    "     |         ^ as limits: {connections: ...} [C106]\n"},
    {"limits: {queue: {policy: drop_newst}}\n",
     "f.yaml:1:26: limits.queue.policy cannot be \"drop_newst\"\n"
     "   1 | limits: {queue: {policy: drop_newst}}\n"
     "     |                          ^~~~~~~~~~ did you mean \"drop_newest\"? [C107]\n"},
    {"log: {level: loud}\n", "f.yaml:1:14: log.level cannot be \"loud\"\n"
                             "   1 | log: {level: loud}\n"
                             "     |              ^~~~ it is error, warn, info or debug [C107]\n"},
    {"mqtt: {retain: perhaps}\n", "f.yaml:1:16: mqtt.retain cannot be \"perhaps\"\n"
                                  "   1 | mqtt: {retain: perhaps}\n"
                                  "     |                ^~~~~~~ it is true or false [C107]\n"},
    {"mqtt: {versions: [3.1.1, 4]}\n",
     "f.yaml:1:26: \"4\" is not a protocol version\n"
     "   1 | mqtt: {versions: [3.1.1, 4]}\n"
     "     |                          ^ there are 3.1, 3.1.1 and 5 [C107]\n"},
    {"mqtt: {versions: []}\n", "f.yaml:1:19: mqtt.versions has none\n"
                               "   1 | mqtt: {versions: []}\n"
                               "     |                   ^ [C106]\n"},
    {"mqtt: {response_information: \"${NOPE}\"}\n",
     "f.yaml:1:30: the environment variable NOPE is not set\n"
     "   1 | mqtt: {response_information: \"${NOPE}\"}\n"
     "     |                              ^~~~~~~~~ [C109]\n"},
    {"mqtt: {response_information: \"${NOPE\"}\n",
     "f.yaml:1:30: \"${\" without \"}\"\n"
     "   1 | mqtt: {response_information: \"${NOPE\"}\n"
     "     |                              ^~~~~~~~ write \"$${\" for a plain \"${\" [C109]\n"},
    {"a: *x\n", "f.yaml:1:1: unknown key \"a\"\n"
                "   1 | a: *x\n"
                "     | ^\n"
                "   hint: godwit config reference lists every key [C104]\n"
                "f.yaml:1:4: anchors and aliases are not taken here\n"
                "   1 | a: *x\n"
                "     |    ^~ write the value out; quote a text that begins with & or * [C103]\n"},
    {"log: !!map {level: info}\n", "f.yaml:1:6: tags are not taken here\n"
                                   "   1 | log: !!map {level: info}\n"
                                   "     |      ^~~~~~~ quote a text that begins with ! [C103]\n"},
    {"log:\n\tlevel: info\n",
     "f.yaml:2:1: this is not YAML: found character that cannot start any token\n"
     "   2 |  level: info\n"
     "     | ^ indent with spaces, not with tabs [C102]\n"},
    {"log: {}\n---\nlog: {}\n", "f.yaml:2:1: a second document begins here\n"
                                "   2 | ---\n"
                                "     | ^~~ a file holds one configuration [C106]\n"},
    {"- 1\n", "f.yaml:1:1: a configuration is made of keys with values\n"
              "   1 | - 1\n"
              "     | ^ as log: {level: info} [C106]\n"},
    {"? [a]\n: b\n", "f.yaml:1:3: the name of a key is one word\n"
                     "   1 | ? [a]\n"
                     "     |   ^ [C106]\n"},
    {"\xC3\xA4\xC3\xB6: 1\n", "f.yaml:1:1: unknown key \"\xC3\xA4\xC3\xB6\"\n"
                              "   1 | \xC3\xA4\xC3\xB6: 1\n"
                              "     | ^~\n"
                              "   hint: godwit config reference lists every key [C104]\n"},
    {"log: {level: \"\xC2\x9B\\e[31m\"}\n",
     "f.yaml:1:15: this is not YAML: control characters are not allowed\n"
     "   1 | log: {level: \"?\\e[31m\"}\n"
     "     |               ^ [C102]\n"},
};

static void test_errors_with_a_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(errors_with_a_line); i++) {
        struct gw_confreport report;
        struct gw_config config;

        assert_int_equal(load(errors_with_a_line[i].text, env_example, NULL, 0, &config, &report),
                         GW_INVALID);
        assert_report(&report, errors_with_a_line[i].report);
        assert_null(config.listeners.items);
        gw_confreport_fini(&report);
    }
}

static void test_errors_of_listeners(void **state)
{
    static const struct {
        const char *url, *what;
    } rows[] = {
        {"ws://127.0.0.1/mqtt?x", "nothing may follow the path: \"?x\""},
        {"{url: 'ws://127.0.0.1', origins: [a]}", "\"a\" is not an origin"},
        {"{url: 'ws://127.0.0.1', origins: 'https://a/'}", "\"https://a/\" is not an origin"},
        {"{url: 'ws://127.0.0.1', origins: ['*', 'https://a']}", "\"*\" is not an origin"},
        {"{url: 'ws://127.0.0.1', origins: [[]]}", "this is a list of single values"},
        {"{url: 'mqtt://127.0.0.1', origins: '*'}", "mqtt:// is not for pages of browsers"},
        {"unix://run/x", "\"run/x\" is not the whole path of a file"},
        {"unix:///", "\"/\" is not the whole path of a file"},
        {"unix:///run/", "\"/run/\" is not the whole path of a file"},
        {"unix:///run/x,unix:///run/x", "unix:///run/x is listened on already"},
        {"{url: 'unix:///run/x', mode: 0999}", "mode cannot be \"0999\""},
        {"{url: 'unix:///run/x', mode: 0}", "mode cannot be \"0\""},
        {"{url: 'unix:///run/x', mode: 01777}", "mode cannot be \"01777\""},
        {"{url: 'unix:///run/x', group: ''}", "group is the name of a group"},
        {"{url: 'unix:///run/x', peer_identity: uid}", "peer_identity cannot be \"uid\""},
        {"{url: 'mqtt://127.0.0.1', mode: 0660}", "mqtt:// has no mode"},
        {"{url: 'ws://127.0.0.1', peer_identity: user}", "ws:// has no peer_identity"},
        {"{url: 'mqtt://[::1]', proxy_protocol: true}", "lets everybody say from where he comes"},
        {"{url: 'mqtt://[::1]', proxy_protocol: on}", "proxy_protocol is true or false"},
        {"{url: 'mqtt://[::1]', trusted_proxies: ['::1']}", "goes with proxy_protocol: true"},
        {"{url: 'mqtt://[::1]', proxy_protocol: true, trusted_proxies: []}",
         "\"\" is not the address"},
        {"{url: 'mqtt://[::1]', proxy_protocol: true, trusted_proxies: [a]}", "\"a\" is not the"},
        {"{url: 'mqtt://[::1]', proxy_protocol: true, trusted_proxies: ['::/129']}",
         "\"::/129\" is"},
        {"{url: 'mqtt://[::1]', anonymous: true, proxy_protocol: true, trusted_proxies: '::1'}",
         "mqtt://[::1] would let everybody in who can reach the proxy"},
        {"{url: 'unix:///x', peer_identity: user, proxy_protocol: true, trusted_proxies: unix}",
         "behind a proxy, peer_identity would be the proxy's"},
        {"ftp://x", "unknown scheme \"ftp\""},
        {"127.0.0.1:1883", "\"127.0.0.1:1883\" is not a URL"},
        {"mqtt://127.0.0.1:65536", "\"65536\" is not a port"},
        {"mqtt://127.0.0.1:", "\"\" is not a port"},
        {"mqtt://[::1:1883", "\"]\" is missing in \"mqtt://[::1:1883\""},
        {"mqtt://[::1]x", "nothing may follow the port: \"x\""},
        {"mqtt://u:p@127.0.0.1", "\"p@127.0.0.1\" is not a port"},
        {"mqtt://u@127.0.0.1", "a listener has no user name and no password"},
        {"mqtt://broker.lan", "\"broker.lan\" is not an address"},
        {"{url: 'mqtt://*', anonymous: true}", "mqtt://* would let everybody in who can reach it"},
        {"{anonymous: true}", "a listener needs a url"},
        {"{url: mqtt://127.0.0.1, anonymous: 1}", "anonymous cannot be \"1\""},
        {"{uri: x}", "unknown key \"uri\" in a listener"},
        {"{url: [x]}", "this is one value, not a list or a mapping"},
        {"mqtt://127.0.0.1,mqtt://127.0.0.1:1883", "mqtt://127.0.0.1:1883 is listened on already"},
        {"[mqtt://127.0.0.1, 'mqtt://localhost']", "mqtt://127.0.0.1:1883 is listened on already"},
    };

    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_confreport report;
        struct gw_config config;
        char set[128];
        const char *const sets[] = {set};

        snprintf(set, sizeof set, "listeners=%s", rows[i].url);
        assert_int_equal(load(NULL, NULL, sets, 1, &config, &report), GW_INVALID);
        assert_int_equal(gw_buf_append(&report.text, gw_span_of("", 1)), GW_OK);
        if (strstr((char *)report.text.data, rows[i].what) == NULL)
            fail_msg("%s: wanted %s, got %s", set, rows[i].what, (char *)report.text.data);
        gw_confreport_fini(&report);
    }
}

static void test_errors_without_a_line(void **state)
{
    static const char *const env[] = {"GODWIT__LIMITS__PACKE=1", "GODWIT__THREADS=x", NULL};
    static const char *const sets[] = {"limits.packt=4MB", "limits.packet", "threads=-1",
                                       "mqtt.versions=", "mqtt.versions=[7]"};
    struct gw_confreport report;
    struct gw_config config;

    (void)state;
    assert_int_equal(load("", env, sets, GW_COUNT_OF(sets), &config, &report), GW_INVALID);
    assert_report(
        &report,
        "environment variable GODWIT__LIMITS__PACKE: unknown key \"limits.packe\"\n"
        "   did you mean \"limits.packet\"? [C104]\n"
        "environment variable GODWIT__THREADS: \"x\" is not a number, as 500 or 50k [C107]\n"
        "--set limits.packt=4MB: unknown key \"limits.packt\"\n"
        "   did you mean \"limits.packet\"? [C104]\n"
        "--set limits.packet: there is no \"=\"\n"
        "   as --set limits.packet=4MB [C106]\n"
        "--set threads=-1: \"-1\" is not a number, as 500 or 50k [C107]\n"
        "--set mqtt.versions=: mqtt.versions has no value [C107]\n"
        "--set mqtt.versions=[7]: \"7\" is not a protocol version\n"
        "   there are 3.1, 3.1.1 and 5 [C107]\n");
    gw_confreport_fini(&report);
}

static void test_files(void **state)
{
    static const struct {
        const char *path, *report;
    } rows[] = {
        {"/nonexistent/f.yaml",
         "/nonexistent/f.yaml: cannot read the file: it does not exist\n"
         "   hint: godwit config show --defaults > /nonexistent/f.yaml writes one [C101]\n"},
        {"/", "/: cannot read the file: it is a directory [C101]\n"},
    };

    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_config_input input = {.path = rows[i].path};

        assert_refused(&input, rows[i].report);
    }
}

/* Text that wants to be large, deep or slow ends as a short report. */
static void test_hostile(void **state)
{
    static const struct {
        const char *head, *part;
        size_t times;
    } rows[] = {
        {"a: ", "[", 400000},
        {"", "{", 400000},
        {"", "- ", 400000},
        {"", "a: ", 300000},
        {"", "a: 1\n", 150000},
        {"", "? ", 300000},
        {"log: ", "x", 1000000},
        {"log: ", "x", 1048571},
        {"limits: {", "packet: 1,", 90000},
        {"a: &a [x]\nb: [", "*a,", 300000},
        {"log: \"", "\\x41", 200000},
        {"%TAG ", "! ", 100000},
        {"listeners: [", "mqtt://127.0.0.1:0,", 50000},
        {"mqtt: {versions: [", "5,", 300000},
    };

    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        size_t head = strlen(rows[i].head);
        size_t part = strlen(rows[i].part);
        size_t size = head + part * rows[i].times;
        char *text = malloc(size + 1);
        struct gw_confreport report;
        struct gw_config config;

        assert_non_null(text);
        memcpy(text, rows[i].head, head);
        for (size_t j = 0; j < rows[i].times; j++)
            memcpy(text + head + j * part, rows[i].part, part);
        text[size] = '\0';
        assert_int_equal(load(text, NULL, NULL, 0, &config, &report), GW_INVALID);
        assert_in_range(report.error_count, 1, GW_CONFREPORT_ERRORS_MAX + 1);
        assert_in_range(report.text.size, 1, 20000);
        gw_confreport_fini(&report);
        free(text);
    }
}

static void test_bytes_that_are_no_text(void **state)
{
    const struct {
        struct gw_span text;
        const char *report;
    } rows[] = {
        {GW_SPAN_LIT("log:\0"), "f.yaml: the file contains zero bytes [C102]\n"},
        {GW_SPAN_LIT("log: \xFF\xFE"), "f.yaml: the file is not UTF-8 [C102]\n"},
    };

    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_config_input input = {.path = "f.yaml", .text = &rows[i].text};
        assert_refused(&input, rows[i].report);
    }
}

static void test_conflicts(void **state)
{
    static const struct {
        const char *text, *report;
    } rows[] = {
        {"limits: {packet: 2KiB}",
         "f.yaml: limits.packet_before_connect is larger than limits.packet\n"
         "   hint: lower limits.packet_before_connect too [C113]\n"},
        {"limits: {packet: 256MB, memory: 100MB}",
         "f.yaml: limits.memory does not hold two packets of limits.packet\n"
         "   hint: raise limits.memory, or lower limits.packet [C113]\n"},
        {"group: mqtt", "f.yaml: group goes with user\n"
                        "   hint: name the user to become too [C113]\n"},
    };

    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_confreport report;
        struct gw_config config;

        assert_int_equal(load(rows[i].text, NULL, NULL, 0, &config, &report), GW_INVALID);
        assert_report(&report, rows[i].report);
        gw_confreport_fini(&report);
    }
}

static void append_name(void *user, const struct gw_config_key *key, const struct gw_config *before,
                        const struct gw_config *after)
{
    struct gw_buf *names = user;

    (void)before;
    (void)after;
    assert_int_equal(gw_buf_append(names, gw_span_str(key->name)), GW_OK);
    assert_int_equal(gw_buf_append(names, GW_SPAN_LIT(" ")), GW_OK);
}

static void test_diff_and_carry(void **state)
{
    struct gw_confreport report;
    struct gw_config before, after, copy;
    struct gw_buf names;

    (void)state;
    gw_buf_init(&names, 4096);
    assert_int_equal(
        load("threads: 2\nlimits: {packet: 2000000}\nstore: {path: /a, durability: os}", NULL, NULL,
             0, &before, &report),
        GW_OK);
    gw_confreport_fini(&report);
    assert_int_equal(
        load("threads: 4\nlisteners: mqtt://127.0.0.1:7\nlimits: {packet: 2MB, "
             "inflight: 9}\nmqtt: {response_information: r/}\nstore: {path: /b, segment: 1MiB, "
             "durability_rules: {filter: a, class: os}}",
             NULL, NULL, 0, &after, &report),
        GW_OK);
    gw_confreport_fini(&report);

    assert_int_equal(gw_config_copy(&after, &copy), GW_OK);
    assert_int_equal(gw_config_diff(&after, &copy, append_name, &names), 0);
    assert_int_equal(gw_config_diff(&before, &after, append_name, &names), 8);
    assert_true(
        gw_span_equal(gw_buf_span(&names),
                      GW_SPAN_LIT("listeners threads limits.inflight mqtt.response_information "
                                  "store.path store.durability store.durability_rules "
                                  "store.segment ")));

    assert_int_equal(gw_config_carry(&copy, &before), GW_OK);
    gw_buf_clear(&names);
    assert_int_equal(gw_config_diff(&before, &copy, append_name, &names), 4);
    assert_true(
        gw_span_equal(gw_buf_span(&names),
                      GW_SPAN_LIT("limits.inflight mqtt.response_information store.durability "
                                  "store.durability_rules ")));
    gw_buf_fini(&names);
    gw_config_fini(&before);
    gw_config_fini(&after);
    gw_config_fini(&copy);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_listeners_of_websockets),
        cmocka_unit_test(test_listeners_of_unix_sockets),
        cmocka_unit_test(test_nothing_is_a_configuration),
        cmocka_unit_test(test_precedence),
        cmocka_unit_test(test_errors_with_a_line),
        cmocka_unit_test(test_errors_of_listeners),
        cmocka_unit_test(test_errors_without_a_line),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_bytes_that_are_no_text),
        cmocka_unit_test(test_conflicts),
        cmocka_unit_test(test_diff_and_carry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
