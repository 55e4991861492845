/* The options of pub, sub and rr, from argv and from a file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/options.h"

#define WORDS_MAX 32

/* Cuts a line at blanks (a word of "''" is empty) and reads it as a command line. */
static enum gw_status read_line(struct gw_options *options, enum gw_tool tool, char *line)
{
    char *argv[WORDS_MAX + 1];
    static char name[] = "tool";
    static char nothing[] = "";
    int argc = 0;
    argv[argc++] = name;
    for (char *save, *word = strtok_r(line, " ", &save); word && argc < WORDS_MAX;
         word = strtok_r(NULL, " ", &save))
        argv[argc++] = strcmp(word, "''") == 0 ? nothing : word;
    argv[argc] = NULL;
    gw_options_init(options, tool);
    return gw_options_read(options, argc, argv);
}

static void test_refusals(void **state)
{
    static const struct {
        enum gw_tool tool;
        const char *line, *words; /* words: part of the problem; NULL: it is fine */
    } rows[] = {
        {GW_TOOL_PUB, "-t a -m b", NULL},
        {GW_TOOL_PUB, "-t a", "are needed"},
        {GW_TOOL_PUB, "-m a", "are needed"},
        {GW_TOOL_PUB, "-t", "-t takes a value: TOPIC"},
        {GW_TOOL_PUB, "-t a/# -m b", "is not a topic name"},
        {GW_TOOL_PUB, "-t '' -m b", "is not a topic name"},
        {GW_TOOL_PUB, "-t a -m b -n", "only one of"},
        {GW_TOOL_PUB, "-t a -m b -q 3", "the QoS must be a number from 0 to 2, not \"3\""},
        {GW_TOOL_PUB, "-t a -m b -q 1x", "the QoS"},
        {GW_TOOL_PUB, "-t a -m b -p 0", "the port"},
        {GW_TOOL_PUB, "-t a -m b -k 4", "the keep-alive"},
        {GW_TOOL_PUB, "-t a -m b -k 5", NULL},
        {GW_TOOL_PUB, "-t a -m b -c", "-c needs"},
        {GW_TOOL_PUB, "-t a -m b -c -I x", NULL},
        {GW_TOOL_PUB, "-t a -m b -i x -I y", "exclude"},
        {GW_TOOL_PUB, "-t a -m b -P x", "user name"},
        {GW_TOOL_PUB, "-t a -m b -P x -V 5", NULL},
        {GW_TOOL_PUB, "-t a -m b -x -1", "client id"},
        {GW_TOOL_PUB, "-t a -m b -x -1 -i x", NULL},
        {GW_TOOL_PUB, "-t a -m b -x -2", "session expiry"},
        {GW_TOOL_PUB, "-t a -m b --will-payload x", "--will-topic"},
        {GW_TOOL_PUB, "-t a -m b --repeat 0", "--repeat"},
        {GW_TOOL_PUB, "-t a -m b --repeat-delay -1", "--repeat-delay"},
        {GW_TOOL_PUB, "-t a -m b -W 1", "unknown option \"-W\""},
        {GW_TOOL_PUB, "-t a -m b stray", "unknown option \"stray\""},
        {GW_TOOL_PUB, "-t a -m b --cafile x", NULL},
        {GW_TOOL_PUB, "-t a -m b --psk x", "--psk: the key is not hexadecimal"},
        {GW_TOOL_PUB, "-t a -m b --psk 00", "--psk needs --psk-identity"},
        {GW_TOOL_PUB, "-t a -m b --psk-identity a", "--psk-identity needs --psk"},
        {GW_TOOL_PUB, "-t a -m b --psk 00 --psk-identity a --cafile x",
         "the place of certificates"},
        {GW_TOOL_PUB, "-t a -m b --psk 00 --psk-identity a", NULL},
        {GW_TOOL_PUB, "-t a -m b --proxy x", "--proxy: proxies"},
        {GW_TOOL_PUB, "-t a -m b -p 8883", NULL},
        {GW_TOOL_PUB, "-t a -m b --cert x", "are for TLS"},
        {GW_TOOL_PUB, "-t a -m b --cafile x --key y", "--key needs --cert"},
        {GW_TOOL_PUB, "-t a -m b --cert x --no-tls", NULL},
        {GW_TOOL_PUB, "-t a -m b --tls-version tlsv1.1", "--tls-version is"},
        {GW_TOOL_PUB, "-t a -m b --tls-alpn 0123456789abcdef0123456789abcdef", "--tls-alpn is"},
        {GW_TOOL_PUB, "-t a -m b -p 8883 --no-tls", NULL},
        {GW_TOOL_PUB, "-t a -m b -D PUBLISH content-type", "-D takes"},
        {GW_TOOL_PUB, "-t a -m b -D PUBLISH user-property x", "a name and a value"},
        {GW_TOOL_PUB, "-t a -m b -D CONNECT content-type x", "has no place in CONNECT"},
        {GW_TOOL_PUB, "-t a -m b -D PUBLISH subscription-identifier 1", "has no place"},
        {GW_TOOL_PUB, "-t a -m b -D SING content-type x", "the command \"SING\""},
        {GW_TOOL_PUB, "-t a -m b -D PUBLISH tune x", "the property \"tune\""},
        {GW_TOOL_PUB, "-t a -m b -D PUBLISH topic-alias 65536", "from 0 to 65535"},
        {GW_TOOL_PUB, "-t a -m b -D CONNECT receive-maximum 0", "from 1 to 65535"},
        {GW_TOOL_PUB, "-m b -L http://h/t", "must begin with"},
        {GW_TOOL_PUB, "-m b -L mqtt://h", "must end with /topic"},
        {GW_TOOL_PUB, "-m b -L ws://h", "a topic (-t)"},
        {GW_TOOL_PUB, "-m b -L ws://h/mqtt", "a topic (-t)"},
        {GW_TOOL_PUB, "-m b -L ws://h/mqtt/", "is not a topic name"},
        {GW_TOOL_PUB, "-m b -L ws://h/mqtt/+", "is not a topic name"},
        {GW_TOOL_PUB, "-m b -L ws:///mqtt/t", "names no host"},
        {GW_TOOL_PUB, "-t a -m b --ws", NULL},
        {GW_TOOL_PUB, "-t a -m b --ws-path mqtt", "begins with /"},
        {GW_TOOL_PUB, "-m b -L mqtt://h:x/t", "port in the URL"},
        {GW_TOOL_PUB, "-m b -L mqtt:///t", "names no host"},
        {GW_TOOL_PUB, "-m b -L mqtt://[::1/t", "lacks its ]"},
        {GW_TOOL_PUB, "-m b -L mqtts://h/t", NULL},
        {GW_TOOL_PUB, "-m b -L wss://h/mqtt/t", NULL},
        {GW_TOOL_SUB, "", "to subscribe to"},
        {GW_TOOL_SUB, "-U a", NULL},
        {GW_TOOL_SUB, "-t a/#/b", "is not a topic filter"},
        {GW_TOOL_SUB, "-t $share/g/a/#", NULL},
        {GW_TOOL_SUB, "-t a -R --retained-only", "nothing to show"},
        {GW_TOOL_SUB, "-t a -C 0", "-C"},
        {GW_TOOL_SUB, "-t a --random-filter 101", "--random-filter"},
        {GW_TOOL_SUB, "-t a --retain-handling often", "always, new or never"},
        {GW_TOOL_SUB, "-t a -m x", "unknown option"},
        {GW_TOOL_RR, "-t a -m b", "response topic"},
        {GW_TOOL_RR, "-t a -e b/+ -m c", "is not a topic name"},
        {GW_TOOL_RR, "-t a -e b -m c", NULL},
        {GW_TOOL_RR, "-t a -e b -l", "unknown option"},
        {GW_TOOL_SUB, "--help", NULL},
    };
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_options options;
        char line[256];
        snprintf(line, sizeof line, "%s", rows[i].line);
        enum gw_status status = read_line(&options, rows[i].tool, line);
        bool fits = rows[i].words ? status == GW_INVALID && strstr(options.problem, rows[i].words)
                                  : status == GW_OK;
        if (!fits)
            print_error("\"%s\": %s\n", rows[i].line, options.problem);
        assert_true(fits);
        gw_options_fini(&options);
    }
}

static void test_defaults(void **state)
{
    struct gw_options options;
    char pub[] = "-t a -n", rr[] = "-t a -e b -n";
    (void)state;
    assert_int_equal(read_line(&options, GW_TOOL_PUB, pub), GW_OK);
    assert_int_equal(options.session.version, GW_VERSION_311);
    assert_int_equal(options.session.keep_alive, 60);
    assert_int_equal(options.session.inflight_max, 20);
    assert_int_equal(options.message.qos, 0);
    assert_int_equal(options.message.repeat_count, 1);
    assert_int_equal(options.net.port, 0);
    assert_null(gw_options_props(&options, GW_COMMAND_PUBLISH));
    gw_options_fini(&options);
    assert_int_equal(read_line(&options, GW_TOOL_RR, rr), GW_OK);
    assert_int_equal(options.session.version, GW_VERSION_5);
    gw_options_fini(&options);
}

static void test_properties(void **state)
{
    struct gw_options options;
    char line[] = "-t a -n -D publish Message-Expiry-Interval 30 -D PUBLISH user-property k v "
                  "-D PUBLISH user-property k w -D Will will-delay-interval 4 -D connect "
                  "request-problem-information 0";
    (void)state;
    assert_int_equal(read_line(&options, GW_TOOL_PUB, line), GW_OK);
    assert_int_equal(options.session.version, GW_VERSION_5);
    const struct gw_props *props = gw_options_props(&options, GW_COMMAND_PUBLISH);
    assert_non_null(props);
    assert_true(gw_props_has(props, MESSAGE_EXPIRY));
    assert_int_equal(props->message_expiry, 30);
    assert_int_equal(props->user_property_count, 2);
    assert_true(gw_span_equal(props->raw, GW_SPAN_LIT("\x26\0\1k\0\1v\x26\0\1k\0\1w")));
    assert_int_equal(gw_options_props(&options, GW_COMMAND_WILL)->will_delay, 4);
    assert_true(gw_props_has(gw_options_props(&options, GW_COMMAND_CONNECT), REQUEST_PROBLEM));
    options.session.version = GW_VERSION_311; /* -V 311 behind it: they are not sent */
    assert_null(gw_options_props(&options, GW_COMMAND_PUBLISH));
    gw_options_fini(&options);
}

static void test_urls(void **state)
{
    static const struct {
        const char *url, *host, *user, *password, *topic;
        uint16_t port;
    } rows[] = {
        {"mqtt://h/t", "h", NULL, NULL, "t", 0},
        {"MQTT://h:1884/t/u/v", "h", NULL, NULL, "t/u/v", 1884},
        {"mqtt://me@h/t", "h", "me", NULL, "t", 0},
        {"mqtt://me:p:w@h:99/t", "h", "me", "p:w", "t", 99},
        {"mqtt://me:p@ss@h/t", "h", "me", "p@ss", "t", 0},
        {"mqtt://[::1]:1884/t", "::1", NULL, NULL, "t", 1884},
        {"mqtt://[fe80::1]/t", "fe80::1", NULL, NULL, "t", 0},
    };
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_options options;
        char line[128];
        snprintf(line, sizeof line, "-n -L %s", rows[i].url);
        assert_int_equal(read_line(&options, GW_TOOL_PUB, line), GW_OK);
        assert_string_equal(options.net.host, rows[i].host);
        assert_string_equal(options.select.topics.items[0], rows[i].topic);
        assert_int_equal(options.net.port, rows[i].port);
        if (rows[i].user)
            assert_string_equal(options.session.user_name, rows[i].user);
        else
            assert_null(options.session.user_name);
        if (rows[i].password)
            assert_string_equal(options.session.password, rows[i].password);
        else
            assert_null(options.session.password);
        gw_options_fini(&options);
    }
}

static void test_file(void **state)
{
    static const struct {
        const char *content, *words; /* words NULL: it is fine */
    } rows[] = {
        {"-t one\n# -t two\n\n-v\n-u name with blanks\r\n-q 1", NULL},
        {"-t one\n-D connect user-property k some value\n", NULL},
        {"-t one\n-zz\n", ":2: unknown option \"-zz\""},
        {"-v yes\n", ":1: -v takes no value"},
        {"-q\n", ":1: -q takes a value"},
    };
    char path[] = "/tmp/godwit-options-XXXXXX";
    (void)state;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_options options;
        char line[128];
        assert_int_equal(ftruncate(fd, 0), 0);
        size_t size = strlen(rows[i].content);
        assert_int_equal(pwrite(fd, rows[i].content, size, 0), (ssize_t)size);
        snprintf(line, sizeof line, "-q 2 -o %s -t three", path);
        enum gw_status status = read_line(&options, GW_TOOL_SUB, line);
        assert_int_equal(status, rows[i].words ? GW_INVALID : GW_OK);
        if (rows[i].words)
            assert_non_null(strstr(options.problem, rows[i].words));
        else
            assert_int_equal(options.select.topics.count, 2);
        if (i == 0) {
            assert_string_equal(options.session.user_name, "name with blanks");
            assert_int_equal(options.message.qos, 2); /* the command line is stronger */
            assert_true(options.output.verbose);
        }
        gw_options_fini(&options);
    }
    close(fd);
    unlink(path);
}

static void test_file_that_is_not_there(void **state)
{
    struct gw_options options;
    char line[] = "-t a -o /nonexistent/file";
    (void)state;
    assert_int_equal(read_line(&options, GW_TOOL_SUB, line), GW_INVALID);
    assert_non_null(strstr(options.problem, "cannot read /nonexistent/file"));
    gw_options_fini(&options);
}

static void test_urls_of_websockets(void **state)
{
    static const struct {
        const char *line, *path, *topic;
        uint16_t port;
        bool ws;
    } rows[] = {
        {"-t t", "/mqtt", "t", 0, false},
        {"-t t --ws", "/mqtt", "t", 0, true},
        {"-t t --ws-path /a/b", "/a/b", "t", 0, true},
        {"-L ws://h -t t", "/mqtt", "t", 0, true},
        {"-L WS://me:pw@h:99/ -t t", "/mqtt", "t", 99, true},
        {"-L ws://[::1]:99/live -t t", "/live", "t", 99, true},
        {"-L ws://h/live/t/u", "/live", "t/u", 0, true},
        {"-L ws://h/live/t --ws-path /a/b", "/a/b", "t", 0, true},
    };
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_options options;
        char line[128];
        snprintf(line, sizeof line, "-n %s", rows[i].line);
        assert_int_equal(read_line(&options, GW_TOOL_PUB, line), GW_OK);
        assert_int_equal(options.net.ws, rows[i].ws);
        assert_string_equal(options.net.ws_path, rows[i].path);
        assert_string_equal(options.select.topics.items[0], rows[i].topic);
        assert_int_equal(options.net.port, rows[i].port);
        gw_options_fini(&options);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_properties),
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_urls_of_websockets),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_file_that_is_not_there),
    };
    setenv("XDG_CONFIG_HOME", "/nonexistent", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
