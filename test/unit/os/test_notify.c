#include "os/notify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

/* A manager that listens at `name` ('@' for the abstract name space). */
static int listen_at(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
    int manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

    assert_true(manager >= 0);
    memcpy(address.sun_path, name, strlen(name));
    if (name[0] == '@')
        address.sun_path[0] = '\0';
    assert_int_equal(bind(manager, (struct sockaddr *)&address, size), 0);
    assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
    return manager;
}

static void hear(int manager, char *text, size_t size)
{
    ssize_t got = recv(manager, text, size - 1, 0);

    assert_true(got > 0);
    text[got] = '\0';
}

static void test_a_message_arrives_whole(void **state)
{
    char folder[] = "/tmp/godwit-notify-XXXXXX";
    char path[64], abstract[64], text[GW_NOTIFY_TEXT_MAX + 2];
    const char *names[] = {path, abstract};

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/notify", folder);
    snprintf(abstract, sizeof abstract, "@godwit-notify-%d", (int)getpid());
    for (size_t i = 0; i < 2; i++) {
        int manager = listen_at(names[i]);

        assert_int_equal(gw_notify_send("READY=1\nSTATUS=3 sessions"), GW_OK);
        hear(manager, text, sizeof text);
        assert_string_equal(text, "READY=1\nSTATUS=3 sessions");
        assert_int_equal(gw_notify_send_reloading(), GW_OK);
        hear(manager, text, sizeof text);
        assert_memory_equal(text, "RELOADING=1\nMONOTONIC_USEC=", 27);
        assert_true(strtoull(text + 27, NULL, 10) > 0);
        close(manager);
        assert_int_equal(gw_notify_send("READY=1"), GW_OS_ERROR); /* nobody listens any more */
    }
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void test_nobody_asked(void **state)
{
    (void)state;
    assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
    assert_int_equal(gw_notify_send("READY=1"), GW_NOT_FOUND);
    assert_int_equal(setenv("NOTIFY_SOCKET", "", 1), 0);
    assert_int_equal(gw_notify_send("READY=1"), GW_NOT_FOUND);
}

static void test_names_and_texts_that_cannot_be(void **state)
{
    char longest[200], text[GW_NOTIFY_TEXT_MAX + 2];
    const char *names[] = {"relative", "/", "@", "vsock:2:1234", longest};

    (void)state;
    memset(longest, 'x', sizeof longest);
    longest[0] = '/';
    longest[sizeof longest - 1] = '\0';
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(setenv("NOTIFY_SOCKET", names[i], 1), 0);
        assert_int_equal(gw_notify_send("READY=1"), GW_INVALID);
    }
    char name[64];
    snprintf(name, sizeof name, "@godwit-limit-%d", (int)getpid());
    int manager = listen_at(name);
    memset(text, 'x', sizeof text);
    text[GW_NOTIFY_TEXT_MAX + 1] = '\0';
    assert_int_equal(gw_notify_send(text), GW_INVALID);
    text[GW_NOTIFY_TEXT_MAX] = '\0';
    assert_int_equal(gw_notify_send(text), GW_OK);
    close(manager);
    assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_message_arrives_whole),
        cmocka_unit_test(test_nobody_asked),
        cmocka_unit_test(test_names_and_texts_that_cannot_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
