#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/compiler.h"
#include "net/mailbox.h"

#define SENDERS 3
#define MAILS   5000

struct note {
    struct gw_mail mail; /* first */
    int sender;
    int number;
};

struct sender {
    struct gw_thread thread;
    struct gw_mailbox *box;
    struct note *notes;
    int index;
    int wakes;
};

static void *send_all(void *user)
{
    struct sender *sender = user;
    for (int i = 0; i < MAILS; i++) {
        sender->notes[i] = (struct note){{NULL, NULL, 3}, sender->index, i};
        sender->wakes += gw_mailbox_post(sender->box, &sender->notes[i].mail);
    }
    return NULL;
}

static void wakes_when_it_fills(void **state)
{
    (void)state;
    struct gw_mailbox box;
    struct gw_mail a = {NULL, NULL, 10};
    struct gw_mail b = {NULL, NULL, 5};
    gw_mailbox_init(&box);
    assert_false(gw_mailbox_filled(&box));
    assert_null(gw_mailbox_take(&box));
    assert_true(gw_mailbox_post(&box, &a));
    assert_false(gw_mailbox_post(&box, &b));
    assert_true(gw_mailbox_filled(&box));
    assert_int_equal(gw_mailbox_weight(&box), 15);
    struct gw_mail *chain = gw_mailbox_take(&box);
    assert_ptr_equal(chain, &a);
    assert_ptr_equal(chain->next, &b);
    assert_null(chain->next->next);
    assert_int_equal(gw_mailbox_weight(&box), 0);
    assert_true(gw_mailbox_post(&box, &a));
    assert_ptr_equal(gw_mailbox_take(&box), &a);
    gw_mailbox_fini(&box);
}

/* Several threads send; each one's mail comes in its order and none is lost. */
static void keeps_each_senders_order(void **state)
{
    (void)state;
    struct gw_mailbox box;
    struct sender senders[SENDERS];
    int next[SENDERS] = {0};
    gw_mailbox_init(&box);
    for (int i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){.box = &box, .index = i};
        senders[i].notes = calloc(MAILS, sizeof(struct note));
        assert_int_equal(gw_thread_start(&senders[i].thread, "sender", send_all, &senders[i]),
                         GW_OK);
    }
    int chains = 0;
    for (int taken = 0; taken < SENDERS * MAILS;) {
        struct gw_mail *mail = gw_mailbox_take(&box);
        chains += mail != NULL;
        for (; mail != NULL; mail = mail->next, taken++) {
            const struct note *note = GW_CONTAINER(mail, struct note, mail);
            assert_int_equal(note->number, next[note->sender]++);
        }
    }
    int wakes = 0;
    for (int i = 0; i < SENDERS; i++) {
        gw_thread_join(&senders[i].thread);
        wakes += senders[i].wakes;
        free(senders[i].notes);
    }
    assert_int_equal(wakes, chains); /* one wake for each time it was found filled */
    gw_mailbox_fini(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wakes_when_it_fills),
        cmocka_unit_test(keeps_each_senders_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
