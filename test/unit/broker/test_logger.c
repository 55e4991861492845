#include "broker/logger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/thread.h"

struct stage {
    struct gw_clock clock;
    gw_mono_ns now;
    struct gw_buf text;
    size_t lines;
    bool slow; /* the reader takes nothing */
    struct gw_logger *logger;
    const struct gw_log *log;
};

static gw_mono_ns mono(void *user)
{
    return ((struct stage *)user)->now;
}

static gw_wall_ns wall(void *user)
{
    (void)user;
    return 0;
}

static enum gw_status take(void *user, struct gw_span line)
{
    struct stage *stage = user;

    if (stage->slow)
        return GW_AGAIN;
    stage->lines++;
    assert_int_equal(gw_buf_append(&stage->text, line), GW_OK);
    return GW_OK;
}

static void set_up(struct stage *stage, uint32_t repeats)
{
    struct gw_logger_options options = {.config = {GW_LOG_INFO, GW_CONFIG_FORMAT_JOURNAL, repeats},
                                        .clock = &stage->clock,
                                        .write = take,
                                        .user = stage};

    *stage = (struct stage){.clock = {mono, wall, stage}, .now = GW_NS_PER_S};
    gw_buf_init(&stage->text, 1 << 20);
    stage->logger = gw_logger_new(&options);
    assert_non_null(stage->logger);
    stage->log = gw_logger_log(stage->logger);
}

static void tear_down(struct stage *stage)
{
    gw_logger_free(stage->logger);
    gw_buf_fini(&stage->text);
}

static void assert_lines(struct stage *stage, const char *text)
{
    assert_int_equal(gw_buf_append(&stage->text, gw_span_of("", 1)), GW_OK);
    assert_string_equal((char *)stage->text.data, text);
    gw_buf_clear(&stage->text);
    stage->lines = 0;
}

static void say(struct stage *stage, enum gw_log_level level, const char *event)
{
    gw_log_event(stage->log, level, event, "m", NULL, 0);
}

static void test_levels(void **state)
{
    struct gw_config_log quiet = {GW_LOG_ERROR, GW_CONFIG_FORMAT_JSON, 0};
    struct stage stage;

    (void)state;
    set_up(&stage, 0);
    say(&stage, GW_LOG_DEBUG, "a");
    say(&stage, GW_LOG_INFO, "b");
    assert_lines(&stage, "<6>m event=b\n");
    gw_logger_reload(stage.logger, &quiet);
    say(&stage, GW_LOG_WARN, "a");
    say(&stage, GW_LOG_ERROR, "b");
    assert_lines(&stage, "{\"ts\":\"1970-01-01T00:00:00.000Z\",\"level\":\"error\","
                         "\"event\":\"b\",\"message\":\"m\"}\n");
    tear_down(&stage);
    gw_logger_free(NULL);
}

static void test_repeats_are_folded(void **state)
{
    struct stage stage;

    (void)state;
    set_up(&stage, 2);
    for (int i = 0; i < 5; i++)
        say(&stage, GW_LOG_WARN, "a");
    say(&stage, GW_LOG_INFO, "b");
    assert_lines(&stage, "<4>m event=a\n<4>m event=a\n<6>m event=b\n");

    stage.now += 9 * GW_NS_PER_S;
    gw_logger_tick(stage.logger);
    assert_lines(&stage, "");
    stage.now += GW_NS_PER_S;
    gw_logger_tick(stage.logger);
    gw_logger_tick(stage.logger);
    assert_lines(&stage, "<4>3 more in 10 s event=log.repeated repeated=a count=3\n");

    for (int i = 0; i < 3; i++)
        say(&stage, GW_LOG_WARN, "a");
    stage.now += 25 * GW_NS_PER_S;
    say(&stage, GW_LOG_WARN, "a");
    assert_lines(&stage, "<4>m event=a\n<4>m event=a\n"
                         "<4>1 more in 25 s event=log.repeated repeated=a count=1\n<4>m event=a\n");
    tear_down(&stage);
}

static void test_end_tells_the_rest(void **state)
{
    struct stage stage;

    (void)state;
    set_up(&stage, 1);
    say(&stage, GW_LOG_INFO, "a");
    say(&stage, GW_LOG_INFO, "a");
    gw_logger_free(stage.logger);
    stage.logger = NULL;
    assert_lines(&stage, "<6>m event=a\n<6>1 more in 0 s event=log.repeated repeated=a count=1\n");
    tear_down(&stage);
}

/* More names than there is room for: the later ones are written as they come. */
static void test_many_names(void **state)
{
    char names[GW_LOGGER_EVENTS_MAX + 4][8];
    struct stage stage;

    (void)state;
    set_up(&stage, 1);
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < GW_COUNT_OF(names); i++) {
            snprintf(names[i], sizeof names[i], "e%zu", i);
            say(&stage, GW_LOG_INFO, names[i]);
        }
    }
    assert_int_equal(stage.lines, GW_LOGGER_EVENTS_MAX + 8);
    tear_down(&stage);
}

static void test_slow_reader(void **state)
{
    struct stage stage;

    (void)state;
    set_up(&stage, 0);
    stage.slow = true;
    say(&stage, GW_LOG_INFO, "a");
    say(&stage, GW_LOG_INFO, "b");
    stage.slow = false;
    say(&stage, GW_LOG_INFO, "c");
    say(&stage, GW_LOG_INFO, "d");
    assert_lines(&stage, "<4>log lines lost, their reader was too slow event=log.lost lines=2\n"
                         "<6>m event=c\n<6>m event=d\n");
    tear_down(&stage);
}

struct writer {
    const struct gw_log *log;
    int number;
};

static void *write_many(void *user)
{
    struct writer *writer = user;
    struct gw_log_field field = gw_log_number("n", writer->number);

    for (int i = 0; i < 500; i++)
        gw_log_event(writer->log, GW_LOG_INFO, "e", "a line of some length", &field, 1);
    return NULL;
}

/* Lines of several threads do not mix. */
static void test_threads(void **state)
{
    struct gw_logger_options options = {.config = {GW_LOG_INFO, GW_CONFIG_FORMAT_JOURNAL, 0},
                                        .clock = gw_clock_system(),
                                        .fd = memfd_create("log", 0)};
    struct gw_logger *logger = gw_logger_new(&options);
    struct writer writers[3];
    struct gw_thread threads[3];
    static const char line[] = "<6>a line of some length event=e n=0\n";
    char read_back[sizeof line];
    size_t lines = 0;

    (void)state;
    assert_non_null(logger);
    for (int i = 0; i < 3; i++) {
        writers[i] = (struct writer){gw_logger_log(logger), i};
        assert_int_equal(gw_thread_start(&threads[i], "log", write_many, &writers[i]), GW_OK);
    }
    for (int i = 0; i < 3; i++)
        gw_thread_join(&threads[i]);
    assert_int_equal(lseek(options.fd, 0, SEEK_SET), 0);
    while (read(options.fd, read_back, sizeof line - 1) == (ssize_t)sizeof line - 1) {
        assert_memory_equal(read_back, line, sizeof line - 3);
        assert_int_equal(read_back[sizeof line - 2], '\n');
        lines++;
    }
    assert_int_equal(lines, 1500);
    gw_logger_free(logger);
    close(options.fd);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_repeats_are_folded),
        cmocka_unit_test(test_end_tells_the_rest),
        cmocka_unit_test(test_many_names),
        cmocka_unit_test(test_slow_reader),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
