/* session/image: the state that logs describe. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "logtext.h"
#include "statetext.h"

static struct gw_image *image_of(const char *log)
{
    struct gw_image *image = gw_image_new(5);
    assert_non_null(image);
    log_apply(image, log);
    assert_int_equal(gw_image_finish(image), GW_OK);
    return image;
}

static void expect(const char *log, const char *state)
{
    struct gw_image *image = image_of(log);
    char *text = state_text(image);
    if (strcmp(text, state) != 0)
        fail_msg("%s\n   gives %s\n     not %s", log, text, state);
    free(text);
    gw_image_free(image);
}

struct row {
    const char *log;
    const char *state;
};

static void expect_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        expect(rows[i].log, rows[i].state);
}

static void sessions(void **unused)
{
    (void)unused;
    static const struct row rows[] = {
        {"", ""},
        {"S1:a", "S1:a"},
        {"S1:a! S1:a", "S1:a"},
        {"S1:a S1:a!", "S1:a!"},
        {"S1:a=u", "S1:a=u"},
        {"S1:a S1:a=u", "S1:a=u"},
        {"S1:a=u S1:a=v S1:a", "S1:a"},
        {"S1:a S2:b", "S1:a S2:b"},
        {"S1:a E1", ""},
        {"S1:a E2", "S1:a"},
        {"S1:a +1:f/1 O1.0@100 E1 S2:a", "S2:a"}, /* clean start */
        {"S1:a E1 S1:a", ""},                     /* serials are never used again */
        {"E1 S1:a", ""},
        {"S1:a +1:f/1 S2:a", "S2:a"},               /* E1 was lost */
        {"S2:a +2:f/1 S1:a +1:g/1", "+2:f/1 S2:a"}, /* told late */
        {"S1:a S1:b", "S1:a"},                      /* makes no sense */
        {"S1:a W1:w", "S1:a W1:w"},
        {"S1:a W1:w W1:x", "S1:a W1:x"},
        {"S1:a W1:w W1:", "S1:a"},
        {"W1:w +1:f/1 O1.0@100 I1=1 S1:a", "S1:a"}, /* before its slice */
    };
    expect_rows(rows, GW_COUNT_OF(rows));
}

/* What was published before a session was made is not for it, if the log says when that was: a
 * slice does not. */
static void knows_when_sessions_were_made(void **unused)
{
    (void)unused;
    static const struct {
        const char *log;
        bool known;
    } rows[] = {
        {"S1:a+", true},       {"S1:a", false},           {"S1:a+ S1:a!", true},
        {"S1:a S1:a+", false}, {"S2:a E2 S1:a+", true},   {"S2:a+ E2 S1:a", false},
        {"S1:a!+", true},      {"S2:b M100 S1:a+", true},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_image *image = image_of(rows[i].log);
        assert_int_equal(gw_image_find(image, 1)->made_at != 0, rows[i].known);
        gw_image_free(image);
    }
}

/* An OWE in the chunk of its message was written by the loop that wrote the message. */
static void knows_whose_loop_a_session_was_on(void **unused)
{
    (void)unused;
    static const struct {
        uint32_t back;
        gw_position home_at;
    } rows[] = {{0, 0}, {50, 150}};
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_image *image = image_of("S1:a M100r3");
        uint8_t body[GW_RECORD_HEAD_MAX];
        struct gw_writer w = gw_writer_of(body, sizeof(body));
        struct gw_record_owe owe = {.serial = 1, .order = 1, .size = 50, .qos = 1};
        owe.message = (struct gw_record_ref){rows[i].back ? 0 : 100, rows[i].back};
        gw_record_write_owe(&w, &owe);
        gw_image_apply(image, GW_RECORD_OWE, 150, gw_span_of(body, gw_writer_size(&w)));
        const struct gw_image_session *session = gw_image_find(image, 1);
        assert_int_equal(session->home_at, rows[i].home_at);
        assert_int_equal(session->home, rows[i].back ? 3 : 0);
        gw_image_free(image);
    }
}

static void subscriptions(void **unused)
{
    (void)unused;
    static const struct row rows[] = {
        {"S1:a +1:f/1", "+1:f/1 S1:a"},
        {"S1:a +1:f/1 +1:f/2", "+1:f/2 S1:a"},
        {"S1:a +1:f/1 +1:g/0", "+1:f/1 +1:g/0 S1:a"},
        {"S1:a S2:b +1:f/1 +2:f/2 -1:f", "+2:f/2 S1:a S2:b"},
        {"S1:a +1:f/1 -1:f", "S1:a"},
        {"S1:a +1:f/1 -1:f +1:f/0", "+1:f/0 S1:a"},
        {"S1:a -1:f", "S1:a"},
        {"S1:a -2:f", "S1:a"},
    };
    expect_rows(rows, GW_COUNT_OF(rows));
    struct gw_image *image = image_of("S1:a +1:c/0 +1:a/0 +1:b/0 +1:c/1");
    struct gw_image_session *session = gw_image_find(image, 1);
    char order[4] = "";
    size_t at = 0;
    GW_LIST_FOREACH (link, &session->subscriptions)
        order[at++] = (char)GW_CONTAINER(link, struct gw_image_subscription, link)->filter[0];
    assert_string_equal(order, "cab");
    gw_image_free(image);
}

static void deliveries(void **unused)
{
    (void)unused;
    static const struct row rows[] = {
        {"S1:a O1.0@100", "O1.0@100 S1:a"},
        {"S1:a O1.0@100q1 O1.1@100", "O1.0@100q1 O1.1@100 S1:a"},
        {"S1:a O1.0<30", "O1.0@70 S1:a"},
        {"S1:a O1.0@100i4", "O1.0@100i4 S1:a"},
        {"S1:a O1.0@100i4 O1.0@100i1", "O1.0@100i1 S1:a"},
        {"S1:a O1.0@100i3 X1.0", "S1:a"},
        {"S1:a O1.0@100i3 E1", ""},
        {"S1:a O1.0@100 P1.0=7", "O1.0@100 P1.0=7 S1:a"},
        {"S1:a O1.0@100 P1.0=7 R1.0", "O1.0@0 P1.0=7 R1.0 S1:a"},
        {"S1:a O1.0@100 P1.0=7 R1.0 X1.0", "S1:a"},
        {"S1:a O1.0@100 O1.1@200 X1.0", "O1.1@200 S1:a"},
        {"S1:a O1.0@100 O1.1@200 X1.1", "O1.0@100 S1:a"},
        {"S1:a O1.0@100 O1.0@200", "O1.0@200 S1:a"}, /* the message was moved */
        /* a slice in between */
        {"S1:a O1.0@100 P1.0=7 O1.0@100", "O1.0@100 P1.0=7 S1:a"},
        {"S1:a O1.0@100 P1.0=7 R1.0 O1.0@0 P1.0=7 R1.0", "O1.0@0 P1.0=7 R1.0 S1:a"},
        {"S1:a O1.0@100 P1.0=7 R1.0 O1.0@100 P1.0=7", "O1.0@0 P1.0=7 R1.0 S1:a"},
        {"P1.0=7 S1:a O1.0@0 P1.0=7 R1.0", "O1.0@0 P1.0=7 R1.0 S1:a"},
        /* settled is settled */
        {"S1:a O1.0@100 X1.0 O1.0@100", "S1:a"},
        {"S1:a X1.0 O1.0@100", "S1:a"},
        {"S1:a O1.0@100 X1.0 X1.0 O1.1@200", "O1.1@200 S1:a"},
        /* what makes no sense alone */
        {"S1:a P1.0=7", "S1:a"},
        {"S1:a O1.0@100 R1.0", "O1.0@100 S1:a"},
        {"S1:a O1.0@100q1 P1.0=7 R1.0", "O1.0@100q1 P1.0=7 S1:a"},
        {"S1:a O1.0@0 P1.0=7", "O1.0@0 P1.0=7 R1.0 S1:a"}, /* R1.0 was lost */
        {"S1:a O1.0@0", "S1:a"},
        {"S1:a O1.0@100 P1.0=7 O1.1@200 P1.1=7", "O1.1@200 P1.1=7 S1:a"}, /* X1.0 was lost */
        {"S1:a O1.1@200 P1.1=7 O1.0@100 P1.0=7 O1.2@200", "O1.1@200 O1.2@200 P1.1=7 S1:a"},
    };
    expect_rows(rows, GW_COUNT_OF(rows));
}

static void received(void **unused)
{
    (void)unused;
    static const struct row rows[] = {
        {"S1:a I1=7", "I1=7 S1:a"},
        {"S1:a I1=7 I1=7 I1=8", "I1=7 I1=8 S1:a"},
        {"S1:a I1=7 J1=7", "S1:a"},
        {"S1:a J1=7", "S1:a"},
        {"S1:a M100s1=7", "I1=7 S1:a"},
        {"S1:a M100s1=7 J1=7", "S1:a"},
        {"S1:a M100s1=7 M200s1=7 I1=7", "I1=7 S1:a"},
        {"M100s1=7 S1:a", "S1:a"},
        {"S1:a M100s1=7 E1 S2:a", "S2:a"},
    };
    expect_rows(rows, GW_COUNT_OF(rows));
}

static void retained(void **unused)
{
    (void)unused;
    static const struct row rows[] = {
        {"Tt@100", "Tt@100"},
        {"Tt@100 Tt@200", "Tt@200"},
        {"Tt@100 Tt@0", ""},
        {"Tt@0", ""},
        {"Tt@100 Tu@200", "Tt@100 Tu@200"},
        {"Tt@100 Tu@0", "Tt@100"},
        {"Tt@100 Tt@0 Tt@300", "Tt@300"},
    };
    expect_rows(rows, GW_COUNT_OF(rows));
}

static void groups(void **unused)
{
    (void)unused;
    static const struct row rows[] = {
        {"G9:$share/g/f", "G9:$share/g/f"},
        {"G9:$share/g/f F9", ""},
        {"G9:$share/g/f F9 G9:$share/g/f", ""},
        {"G9:$share/g/f Q9.0@100 G10:$share/g/f", "G10:$share/g/f"},
        {"G9:$share/g/f G9:$share/g/h", "G9:$share/g/f"},
        {"G9:$share/g/f Q9.0@100", "G9:$share/g/f Q9.0@100"},
        {"G9:$share/g/f Q9.0@100 Q9.1@200 Y9.0", "G9:$share/g/f Q9.1@200"},
        {"G9:$share/g/f Q9.0@100 Y9.0 Q9.0@100", "G9:$share/g/f"},
        {"Q9.0@100 G9:$share/g/f", "G9:$share/g/f"},
        /* sent with QoS 2: the session's; else the group's if it has it */
        {"G9:$share/g/f Q9.3@100 S1:a O1.0@100g9.3 P1.0=7",
         "G9:$share/g/f O1.0@100g9.3 P1.0=7 S1:a"},
        {"G9:$share/g/f Q9.3@100 S1:a O1.0@100g9.3", "G9:$share/g/f O1.0@100g9.3 S1:a"},
        {"G9:$share/g/f Q9.3@100 S1:a O1.0@100g9.3 P1.0=7 X1.0", "G9:$share/g/f S1:a"},
        {"G9:$share/g/f Q9.3@100 S1:a O1.0@100g9.3 P1.0=7 R1.0",
         "G9:$share/g/f O1.0@0g9.3 P1.0=7 R1.0 S1:a"},
        {"G9:$share/g/f Q9.4@100 S1:a O1.0@100g9.3", "G9:$share/g/f O1.0@100g9.3 Q9.4@100 S1:a"},
        {"S1:a O1.0@100g9.3", "O1.0@100g9.3 S1:a"},
        {"G9:$share/g/f Q9.3@100 S1:a O1.0@100g9.3 P1.0=7 X1.0 Y9.3", "G9:$share/g/f S1:a"},
    };
    expect_rows(rows, GW_COUNT_OF(rows));
}

static void unfinished(void **unused)
{
    (void)unused;
    static const struct row rows[] = {
        {"M100", ""},
        {"M100r3", "U100()"},
        {"M100r3 M100r3", "U100()"},
        {"M100r3 M200r3 M300r4 C3@100", "U200() U300()"},
        {"M100r3 M200r3 M300r4 C3@300", "U300()"},
        {"C3@100 M100r3", ""},
        {"C3@300 C3@100 M200r3", ""},
        {"M200r3 M100r4", "U100() U200()"},
        {"M100r3 S1:a O1.0@100", "O1.0@100 S1:a U100(1)"},
        {"M100r3 S1:a O1.0@100 X1.0", "S1:a U100(1)"},
        {"M100r3 S1:a O1.0@100 O1.0@100 O1.1@200", "O1.0@100 O1.1@200 S1:a U100(1)"},
        {"M100r3 O1.0@100 X1.0 S1:a", "S1:a U100(1)"}, /* settled before its slice */
        {"M100r3 O5.0@100 O1.0@100 O3.0@100 O5.1@100 O2.0@100 O4.0@100", "U100(1,2,3,4,5)"},
        {"M100r3 G9:$share/g/f Q9.0@100 Y9.0", "G9:$share/g/f U100(9)"},
        {"M100r3 S1:a O1.0@100g9.3", "O1.0@100g9.3 S1:a U100()"}, /* its own one may follow */
        {"M100r3 Tt@100", "Tt@100 U100()*"},
        {"M100r3 Tt@100 Tt@200", "Tt@200 U100()*"},
        {"M100r3 Tt@0c100", "U100()*"},
        {"M100r3 Tt@0", "U100()"},
    };
    expect_rows(rows, GW_COUNT_OF(rows));
}

/* Orders go round after 2^32. */
static void orders_compare_as_serial_numbers(void **unused)
{
    (void)unused;
    struct gw_image *image =
        image_of("S1:a O1.4294967295@100 O1.1@300 O1.0@200 O1.4294967294@100 O1.2@400 X1.2 X1.0");
    struct gw_image_session *session = gw_image_find(image, 1);
    assert_int_equal(session->delivery_count, 3);
    assert_int_equal(session->deliveries[0].order, UINT32_MAX - 1);
    assert_int_equal(session->deliveries[1].order, UINT32_MAX);
    assert_int_equal(session->deliveries[2].order, 1);
    assert_int_equal(session->next_order, 3);
    gw_image_free(image);
    image = image_of("S1:a S2:b X2.7 P2.9=1 G9:$share/g/f Q9.5@1 Y9.5");
    assert_int_equal(gw_image_find(image, 1)->next_order, 0);
    assert_int_equal(gw_image_find(image, 2)->next_order, 10);
    assert_int_equal(gw_image_find_group(image, 9)->next_order, 6);
    assert_int_equal(image->serial_max, 9);
    gw_image_free(image);
    /* A session that a group chose knows orders and groups that the log tells of no more. */
    image = image_of("S1:a O1.0@100g9.7 P1.0=1 O1.1@100g12.7 P1.1=2 G9:$share/g/f Q9.2@100");
    assert_int_equal(gw_image_find_group(image, 9)->next_order, 8);
    assert_int_equal(image->serial_max, 12);
    gw_image_free(image);
}

static void what_makes_no_sense_is_counted(void **unused)
{
    (void)unused;
    static const struct {
        uint8_t kind;
        const char *body;
        size_t size;
        uint64_t ignored, malformed, unknown;
    } rows[] = {
        {0, "", 0, 0, 0, 1},
        {GW_RECORD_KIND_COUNT, "\x01", 1, 0, 0, 1},
        {127, "\x01", 1, 0, 0, 1},
        {128, "\x01", 1, 0, 0, 1}, /* 0 that can be read alone */
        {GW_RECORD_END, "\x01", 1, 1, 0, 0},
        {GW_RECORD_END | 0x80, "\x01", 1, 1, 0, 0},
        {GW_RECORD_END, "", 0, 0, 1, 0},
        {GW_RECORD_SETTLED, "\x01\x01", 2, 1, 0, 0},
        {GW_RECORD_SETTLED, "\x01", 1, 0, 1, 0},
        /* further back than where its segment begins */
        {GW_RECORD_OWE, "\x01\x01\x00\xC9\x01\x00", 6, 1, 0, 0},
        {GW_RECORD_OWE, "\x01\x01\x00\xCB\x01\x00", 6, 0, 1, 0},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_image *image = gw_image_new(5);
        assert_non_null(image);
        gw_image_apply(image, rows[i].kind, gw_position_of(1, 100),
                       gw_span_of(rows[i].body, rows[i].size));
        assert_int_equal(image->ignored, rows[i].ignored);
        assert_int_equal(image->malformed, rows[i].malformed);
        assert_int_equal(image->unknown, rows[i].unknown);
        gw_image_free(image); /* without finish */
    }
    gw_image_free(NULL);
}

static void add_position(void *user, gw_position position)
{
    words_add(user, "%u", (unsigned)position);
}

static void every_position_that_is_needed_is_told(void **unused)
{
    (void)unused;
    struct words words = {0};
    struct gw_image *image =
        image_of("S1:a O1.0@100 O1.1@200 P1.1=1 R1.1 O1.2@300 X1.2 O1.3@100 G9:$share/g/f Q9.0@400 "
                 "Q9.1@500 Y9.1 Tt@600 Tu@700 Tu@0 M800r1 M900r2 C2@900");
    gw_image_holds(image, add_position, &words);
    char *text = words_text(&words);
    assert_string_equal(text, "100 100 400 600 800");
    free(text);
    gw_image_free(image);
}

static void it_can_be_taken_apart(void **unused)
{
    (void)unused;
    struct gw_image *image = image_of("S1:a S2:b +1:f/1 +2:f/1 O1.0@100i3 I1=3 W1:w S3:c=u "
                                      "G9:$share/g/f Q9.0@100 G10:$share/h/f Tt@100 Tu@100 M100r1");
    struct gw_map_cursor cursor;
    struct gw_image_session *session;
    struct gw_image_group *group;
    struct gw_image_retained *retained;
    size_t count = 0;
    gw_map_first(&image->sessions, &cursor);
    for (; (session = gw_image_next_session(image, &cursor)) != NULL; count++)
        gw_image_drop_session(image, session);
    gw_map_first(&image->groups, &cursor);
    for (; (group = gw_image_next_group(image, &cursor)) != NULL; count++)
        gw_image_drop_group(image, group);
    gw_map_first(&image->retained, &cursor);
    for (; (retained = gw_image_next_retained(image, &cursor)) != NULL; count++)
        gw_image_drop_retained(image, retained);
    assert_int_equal(count, 7);
    char *text = state_text(image);
    assert_string_equal(text, "U100()");
    free(text);
    gw_image_free(image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sessions),
        cmocka_unit_test(knows_when_sessions_were_made),
        cmocka_unit_test(knows_whose_loop_a_session_was_on),
        cmocka_unit_test(subscriptions),
        cmocka_unit_test(deliveries),
        cmocka_unit_test(received),
        cmocka_unit_test(retained),
        cmocka_unit_test(groups),
        cmocka_unit_test(unfinished),
        cmocka_unit_test(orders_compare_as_serial_numbers),
        cmocka_unit_test(what_makes_no_sense_is_counted),
        cmocka_unit_test(every_position_that_is_needed_is_told),
        cmocka_unit_test(it_can_be_taken_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
