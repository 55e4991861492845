/* session/image against a naive model: random histories of sessions, deliveries, groups, retained
 * and relayed messages. What the image makes of the log is what the model says; also if a part of
 * the log is met twice, and if the log begins at a checkpoint behind which everything that lives
 * was written anew, a piece at a time while history went on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "logtext.h"
#include "statetext.h"

#define HISTORIES  100
#define STEPS      400
#define CLIENTS    4
#define GROUPS     2
#define TOPICS     3
#define IDS        24
#define OWED_MAX   40
#define RELAYS_MAX 40
#define HAD_MAX    12
#define STEP_BYTES 16

struct owed {
    unsigned order, position, id, group, group_order, id_count;
    bool qos2, releasing;
};

struct client {
    unsigned serial; /* 0: no session */
    unsigned next_order, owed_count;
    struct owed owed[OWED_MAX];
    bool online, written; /* written: since the checkpoint */
    char user, will;      /* 0: none */
    unsigned filters[3];  /* QoS + 1 */
    bool received[IDS];
};

struct group {
    unsigned serial;
    unsigned next_order, owed_count;
    struct owed owed[OWED_MAX];
    bool written;
};

struct relayed {
    unsigned position, origin, record; /* record: its place in the log */
    unsigned had[HAD_MAX], had_count;
    bool retained;
};

struct world {
    struct gw_random random;
    struct log_record *log;
    size_t count, capacity;
    struct client clients[CLIENTS];
    struct group groups[GROUPS];
    unsigned retained[TOPICS];
    bool retained_written[TOPICS];
    struct relayed relayed[RELAYS_MAX];
    unsigned relayed_count;
    unsigned position, serials;
};

static unsigned below(struct world *world, unsigned bound)
{
    return (unsigned)gw_random_below(&world->random, bound);
}

GW_PRINTF(2, 3) static void say(struct world *world, const char *format, ...)
{
    char text[200];
    const char *at = text;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (world->count == world->capacity) {
        world->capacity = world->capacity ? world->capacity * 2 : 256;
        world->log = realloc(world->log, world->capacity * sizeof(*world->log));
        assert_non_null(world->log);
    }
    assert_true(log_next(&at, world->position, &world->log[world->count++]));
    world->position += STEP_BYTES;
}

/* A reference to a message as the next record would say it. */
static const char *ref(struct world *world, unsigned position, char memory[16])
{
    if (position > 0 && below(world, 2) > 0)
        snprintf(memory, 16, "<%u", world->position - position);
    else
        snprintf(memory, 16, "@%u", position);
    return memory;
}

static void forget(struct owed *owed, unsigned *count, unsigned at)
{
    memmove(&owed[at], &owed[at + 1], (*count - at - 1) * sizeof(*owed));
    (*count)--;
}

/* -- what is owed -- */

static void say_owed(struct world *world, const struct client *client, const struct owed *owed)
{
    char place[16];
    char group[40] = "";
    char ids[16] = "";
    if (owed->group)
        snprintf(group, sizeof(group), "g%u.%u", owed->group, owed->group_order);
    if (owed->id_count)
        snprintf(ids, sizeof(ids), "i%u", owed->id_count);
    say(world, "O%u.%u%s%s%s%s", client->serial, owed->order, ref(world, owed->position, place),
        owed->qos2 ? "" : "q1", group, ids);
}

static struct owed *owe(struct world *world, struct client *client, unsigned position)
{
    if (client->serial == 0 || client->owed_count == OWED_MAX)
        return NULL;
    struct owed *owed = &client->owed[client->owed_count++];
    *owed = (struct owed){.order = client->next_order++,
                          .position = position,
                          .qos2 = below(world, 2) > 0,
                          .id_count = below(world, 4) > 2 ? below(world, 4) + 1 : 0};
    return owed;
}

static void group_owe(struct world *world, struct group *group, unsigned position)
{
    char place[16];
    if (group->serial == 0 || group->owed_count == OWED_MAX)
        return;
    struct owed *owed = &group->owed[group->owed_count++];
    *owed = (struct owed){.order = group->next_order++, .position = position};
    say(world, "Q%u.%u%s", group->serial, owed->order, ref(world, position, place));
}

static void group_settle(struct world *world, unsigned serial, unsigned order)
{
    for (unsigned i = 0; i < GROUPS; i++) {
        struct group *group = &world->groups[i];
        for (unsigned n = 0; group->serial == serial && n < group->owed_count; n++) {
            if (group->owed[n].order != order)
                continue;
            say(world, "Y%u.%u", serial, order);
            forget(group->owed, &group->owed_count, n);
            return;
        }
    }
}

/* True if a session has it under way. */
static bool is_held(const struct world *world, unsigned serial, unsigned order)
{
    for (unsigned i = 0; i < CLIENTS; i++) {
        const struct client *client = &world->clients[i];
        for (unsigned n = 0; n < client->owed_count; n++) {
            if (client->owed[n].group == serial && client->owed[n].group_order == order)
                return true;
        }
    }
    return false;
}

static unsigned free_id(struct world *world, const struct client *client)
{
    unsigned id = below(world, 60000) + 1;
    for (unsigned n = 0; n < client->owed_count; n++) {
        if (client->owed[n].id == id)
            return 0;
    }
    return id;
}

static void send_one(struct world *world, struct client *client)
{
    if (client->owed_count == 0)
        return;
    struct owed *owed = &client->owed[below(world, client->owed_count)];
    unsigned id = free_id(world, client);
    if (owed->id || id == 0)
        return;
    owed->id = id;
    say(world, "P%u.%u=%u", client->serial, owed->order, owed->id);
}

static void release_one(struct world *world, struct client *client)
{
    if (client->owed_count == 0)
        return;
    struct owed *owed = &client->owed[below(world, client->owed_count)];
    if (!owed->qos2 || owed->id == 0 || owed->releasing)
        return;
    owed->releasing = true;
    owed->position = 0;
    say(world, "R%u.%u", client->serial, owed->order);
}

static void settle_one(struct world *world, struct client *client)
{
    if (client->owed_count == 0)
        return;
    unsigned at = below(world, 3) > 0 ? 0 : below(world, client->owed_count);
    struct owed owed = client->owed[at];
    say(world, "X%u.%u", client->serial, owed.order);
    forget(client->owed, &client->owed_count, at);
    if (owed.group)
        group_settle(world, owed.group, owed.group_order);
}

/* A member gets a group's message under QoS 2. */
static void share_one(struct world *world, struct client *client)
{
    struct group *group = &world->groups[below(world, GROUPS)];
    unsigned id = free_id(world, client);
    if (group->serial == 0 || group->owed_count == 0 || id == 0)
        return;
    const struct owed *shared = &group->owed[below(world, group->owed_count)];
    if (is_held(world, group->serial, shared->order))
        return;
    struct owed *owed = owe(world, client, shared->position);
    if (!owed)
        return;
    owed->qos2 = true;
    owed->group = group->serial;
    owed->group_order = shared->order;
    owed->id = id;
    say_owed(world, client, owed);
    say(world, "P%u.%u=%u", client->serial, owed->order, id);
}

/* Its message was written again elsewhere. */
static void move_one(struct world *world, struct client *client)
{
    if (client->owed_count == 0)
        return;
    struct owed *owed = &client->owed[below(world, client->owed_count)];
    if (owed->releasing || owed->group)
        return;
    owed->position = world->position;
    say(world, "M%u", world->position);
    say_owed(world, client, owed);
}

/* -- messages -- */

static struct relayed *relayed_at(struct world *world, unsigned position)
{
    for (unsigned i = 0; i < world->relayed_count; i++) {
        if (world->relayed[i].position == position)
            return &world->relayed[i];
    }
    return NULL;
}

/* Notes who got it; false if he has it. */
static bool note(struct world *world, unsigned position, unsigned serial)
{
    struct relayed *relayed = relayed_at(world, position);
    if (!relayed)
        return true;
    for (unsigned n = 0; n < relayed->had_count; n++) {
        if (relayed->had[n] == serial)
            return false;
    }
    if (relayed->had_count == HAD_MAX)
        return false;
    relayed->had[relayed->had_count++] = serial;
    return true;
}

/* Gives a message to somebody. */
static void give(struct world *world, unsigned position)
{
    char place[16];
    unsigned who = below(world, CLIENTS + GROUPS + 1);
    if (who < CLIENTS) {
        struct client *client = &world->clients[who];
        if (client->serial == 0 || client->owed_count == OWED_MAX)
            return;
        if (note(world, position, client->serial))
            say_owed(world, client, owe(world, client, position));
    } else if (who < CLIENTS + GROUPS) {
        struct group *group = &world->groups[who - CLIENTS];
        if (group->serial == 0 || group->owed_count == OWED_MAX)
            return;
        if (note(world, position, group->serial))
            group_owe(world, group, position);
    } else {
        unsigned topic = below(world, TOPICS);
        struct relayed *relayed = relayed_at(world, position);
        bool clears = below(world, 3) == 0;
        if (relayed)
            relayed->retained = true;
        world->retained[topic] = clears ? 0 : position;
        if (clears)
            say(world, "T%c@0c%u", 't' + (int)topic, relayed ? position : 0);
        else
            say(world, "T%c%s", 't' + (int)topic, ref(world, position, place));
    }
}

static void publish(struct world *world)
{
    unsigned position = world->position;
    struct client *client = &world->clients[below(world, CLIENTS)];
    unsigned id = below(world, IDS - 1) + 1;
    unsigned origin = below(world, 2) + 1;
    char relay[16] = "";
    char from[32] = "";
    if (below(world, 3) > 0 && world->relayed_count < RELAYS_MAX) {
        snprintf(relay, sizeof(relay), "r%u", origin);
        world->relayed[world->relayed_count++] = (struct relayed){
            .position = position, .origin = origin, .record = (unsigned)world->count};
    }
    if (client->serial && !client->received[id]) {
        snprintf(from, sizeof(from), "s%u=%u", client->serial, id);
        client->received[id] = true;
    }
    say(world, "M%u%s%s", position, relay, from);
    for (unsigned n = below(world, 4); n > 0; n--)
        give(world, position);
}

static void relay_one(struct world *world)
{
    if (world->relayed_count > 0)
        give(world, world->relayed[below(world, world->relayed_count)].position);
}

static void complete_some(struct world *world)
{
    if (world->relayed_count == 0)
        return;
    struct relayed upto = world->relayed[below(world, world->relayed_count)];
    unsigned kept = 0;
    say(world, "C%u@%u", upto.origin, upto.position);
    for (unsigned i = 0; i < world->relayed_count; i++) {
        if (world->relayed[i].origin != upto.origin || world->relayed[i].position > upto.position)
            world->relayed[kept++] = world->relayed[i];
    }
    world->relayed_count = kept;
}

/* -- sessions and groups -- */

static void say_session(struct world *world, const struct client *client)
{
    char user[4] = {'=', client->user, 0};
    say(world, "S%u:%c%s%s", client->serial, 'a' + (int)(client - world->clients),
        client->online ? "!" : "", client->user ? user : "");
}

static void end_client(struct world *world, struct client *client)
{
    struct client old = *client;
    *client = (struct client){0};
    say(world, "E%u", old.serial);
    for (unsigned n = 0; n < old.owed_count; n++) {
        if (old.owed[n].group)
            group_settle(world, old.owed[n].group, old.owed[n].group_order);
    }
}

static void change_client(struct world *world, struct client *client)
{
    if (client->serial && below(world, 6) == 0)
        end_client(world, client);
    if (!client->serial) {
        client->serial = ++world->serials;
        client->written = true;
    }
    client->online = below(world, 2) > 0;
    client->user = below(world, 3) > 0 ? 0 : (char)('u' + (int)below(world, 3));
    say_session(world, client);
}

static void change_will(struct world *world, struct client *client)
{
    client->will = below(world, 2) > 0 ? 0 : (char)('v' + (int)below(world, 3));
    if (client->will)
        say(world, "W%u:%c", client->serial, client->will);
    else
        say(world, "W%u:", client->serial);
}

static void change_subscription(struct world *world, struct client *client)
{
    unsigned n = below(world, GW_COUNT_OF(client->filters));
    client->filters[n] = below(world, 4);
    if (client->filters[n])
        say(world, "+%u:%c/%u", client->serial, 'f' + (int)n, client->filters[n] - 1);
    else
        say(world, "-%u:%c", client->serial, 'f' + (int)n);
}

static void change_received(struct world *world, struct client *client)
{
    unsigned id = below(world, IDS - 1) + 1;
    client->received[id] = !client->received[id];
    say(world, "%c%u=%u", client->received[id] ? 'I' : 'J', client->serial, id);
}

static void say_group(struct world *world, const struct group *group)
{
    say(world, "G%u:$share/%c/f", group->serial, 'g' + (int)(group - world->groups));
}

static void change_group(struct world *world, struct group *group)
{
    if (group->serial && below(world, 4) == 0) {
        say(world, "F%u", group->serial);
        *group = (struct group){0};
    } else if (!group->serial) {
        group->serial = ++world->serials;
        group->written = true;
        say_group(world, group);
    }
}

static void step(struct world *world)
{
    struct client *client = &world->clients[below(world, CLIENTS)];
    unsigned what = below(world, 32);
    if (!client->serial && what < 24)
        what = 24;
    switch (what) {
    case 0: change_will(world, client); break;
    case 1:
    case 2: change_subscription(world, client); break;
    case 3: change_received(world, client); break;
    case 4: move_one(world, client); break;
    case 5:
    case 6: share_one(world, client); break;
    case 7:
    case 8:
    case 9:
    case 10: send_one(world, client); break;
    case 11:
    case 12:
    case 13: release_one(world, client); break;
    case 14:
    case 15:
    case 16:
    case 17:
    case 18: settle_one(world, client); break;
    case 24: change_client(world, client); break;
    case 25: change_group(world, &world->groups[below(world, GROUPS)]); break;
    case 26: complete_some(world); break;
    case 27:
    case 28: relay_one(world); break;
    default: publish(world);
    }
}

/* -- slices: what lives is written anew -- */

static void write_client(struct world *world, struct client *client)
{
    client->written = true;
    say_session(world, client);
    if (client->will)
        say(world, "W%u:%c", client->serial, client->will);
    for (unsigned n = 0; n < GW_COUNT_OF(client->filters); n++) {
        if (client->filters[n])
            say(world, "+%u:%c/%u", client->serial, 'f' + (int)n, client->filters[n] - 1);
    }
    for (unsigned n = 0; n < client->owed_count; n++) {
        const struct owed *owed = &client->owed[n];
        say_owed(world, client, owed);
        if (owed->id)
            say(world, "P%u.%u=%u", client->serial, owed->order, owed->id);
        if (owed->releasing)
            say(world, "R%u.%u", client->serial, owed->order);
    }
    for (unsigned id = 1; id < IDS; id++) {
        if (client->received[id])
            say(world, "I%u=%u", client->serial, id);
    }
}

static void write_group(struct world *world, struct group *group)
{
    group->written = true;
    say_group(world, group);
    for (unsigned n = 0; n < group->owed_count; n++)
        say(world, "Q%u.%u@%u", group->serial, group->owed[n].order, group->owed[n].position);
}

/* Writes one thing that was not written since the checkpoint; false if there is none. */
static bool write_slice(struct world *world)
{
    unsigned from = below(world, CLIENTS);
    for (unsigned i = 0; i < CLIENTS; i++) {
        struct client *client = &world->clients[(from + i) % CLIENTS];
        if (client->serial && !client->written)
            return write_client(world, client), true;
    }
    for (unsigned i = 0; i < GROUPS; i++) {
        struct group *group = &world->groups[i];
        if (group->serial && !group->written)
            return write_group(world, group), true;
    }
    for (unsigned i = 0; i < TOPICS; i++) {
        if (world->retained_written[i])
            continue;
        world->retained_written[i] = true;
        if (world->retained[i])
            say(world, "T%c@%u", 't' + (int)i, world->retained[i]);
    }
    return false;
}

static void begin_slices(struct world *world)
{
    for (unsigned i = 0; i < CLIENTS; i++)
        world->clients[i].written = false;
    for (unsigned i = 0; i < GROUPS; i++)
        world->groups[i].written = false;
    for (unsigned i = 0; i < TOPICS; i++)
        world->retained_written[i] = false;
}

/* -- what the model says -- */

static void tell_client(struct words *words, const struct client *client, char name)
{
    char user[4] = {'=', client->user, 0};
    unsigned serial = client->serial;
    words_add(words, "S%u:%c%s%s", serial, name, client->online ? "!" : "",
              client->user ? user : "");
    if (client->will)
        words_add(words, "W%u:%c", serial, client->will);
    for (unsigned n = 0; n < GW_COUNT_OF(client->filters); n++) {
        if (client->filters[n])
            words_add(words, "+%u:%c/%u", serial, 'f' + (int)n, client->filters[n] - 1);
    }
    for (unsigned n = 0; n < client->owed_count; n++) {
        const struct owed *owed = &client->owed[n];
        char group[40] = "";
        char ids[16] = "";
        if (owed->group)
            snprintf(group, sizeof(group), "g%u.%u", owed->group, owed->group_order);
        if (owed->id_count)
            snprintf(ids, sizeof(ids), "i%u", owed->id_count);
        words_add(words, "O%u.%u@%u%s%s%s", serial, owed->order, owed->position,
                  owed->qos2 ? "" : "q1", group, ids);
        if (owed->id)
            words_add(words, "P%u.%u=%u", serial, owed->order, owed->id);
        if (owed->releasing)
            words_add(words, "R%u.%u", serial, owed->order);
    }
    for (unsigned id = 1; id < IDS; id++) {
        if (client->received[id])
            words_add(words, "I%u=%u", serial, id);
    }
}

static void tell_relayed(struct words *words, const struct relayed *relayed)
{
    char had[200] = "";
    size_t size = 0;
    for (unsigned serial = 1; serial < 1000; serial++) {
        for (unsigned n = 0; n < relayed->had_count; n++) {
            if (relayed->had[n] == serial)
                size +=
                    (size_t)snprintf(had + size, sizeof(had) - size, size ? ",%u" : "%u", serial);
        }
    }
    words_add(words, "U%u(%s)%s", relayed->position, had, relayed->retained ? "*" : "");
}

static char *truth(const struct world *world)
{
    struct words words = {0};
    for (unsigned i = 0; i < CLIENTS; i++) {
        if (world->clients[i].serial)
            tell_client(&words, &world->clients[i], (char)('a' + (int)i));
    }
    for (unsigned i = 0; i < GROUPS; i++) {
        const struct group *group = &world->groups[i];
        if (!group->serial)
            continue;
        words_add(&words, "G%u:$share/%c/f", group->serial, 'g' + (int)i);
        for (unsigned n = 0; n < group->owed_count; n++) {
            if (!is_held(world, group->serial, group->owed[n].order))
                words_add(&words, "Q%u.%u@%u", group->serial, group->owed[n].order,
                          group->owed[n].position);
        }
    }
    for (unsigned i = 0; i < TOPICS; i++) {
        if (world->retained[i])
            words_add(&words, "T%c@%u", 't' + (int)i, world->retained[i]);
    }
    for (unsigned i = 0; i < world->relayed_count; i++)
        tell_relayed(&words, &world->relayed[i]);
    return words_text(&words);
}

/* -- what the image makes of it -- */

static void apply_range(struct gw_image *image, const struct world *world, size_t from, size_t end)
{
    for (size_t i = from; i < end; i++) {
        const struct log_record *record = &world->log[i];
        gw_image_apply(image, record->kind, record->position,
                       gw_span_of(record->body, record->size));
    }
}

/* The log from `from` on, of which what is before `twice` comes twice. */
static void check(const struct world *world, size_t from, size_t twice, unsigned seed)
{
    struct gw_image *image = gw_image_new(seed);
    assert_non_null(image);
    apply_range(image, world, from, twice);
    apply_range(image, world, from, world->count);
    assert_int_equal(gw_image_finish(image), GW_OK);
    assert_int_equal(image->malformed, 0);
    for (unsigned i = 0; from == 0 && i < CLIENTS; i++) {
        const struct client *client = &world->clients[i];
        if (client->serial)
            assert_int_equal(gw_image_find(image, client->serial)->next_order, client->next_order);
    }
    char *is = state_text(image);
    char *expected = truth(world);
    size_t same = 0;
    while (is[same] != 0 && is[same] == expected[same])
        same++;
    if (is[same] != expected[same])
        fail_msg("seed %u from %zu twice %zu of %zu: .. %.80s\nis not .. %.80s", seed, from, twice,
                 world->count, is + (same > 20 ? same - 20 : 0),
                 expected + (same > 20 ? same - 20 : 0));
    free(is);
    free(expected);
    gw_image_free(image);
}

static void world_begin(struct world *world, unsigned seed)
{
    *world = (struct world){.position = STEP_BYTES};
    gw_random_init(&world->random, seed);
}

static void the_image_is_what_the_model_says(void **unused)
{
    (void)unused;
    static struct world world;
    for (unsigned seed = 1; seed <= HISTORIES; seed++) {
        world_begin(&world, seed);
        for (unsigned n = 0; n < STEPS; n++) {
            step(&world);
            if (n % 64 == 0)
                check(&world, 0, 0, seed);
        }
        check(&world, 0, 0, seed);
        check(&world, 0, below(&world, (unsigned)world.count), seed);
        check(&world, 0, world.count, seed);
        free(world.log);
    }
}

/* The oldest record that recovery needs: the checkpoint's, or that of a relayed message that has
 * not reached all yet. */
static size_t checkpoint(const struct world *world, size_t begun)
{
    for (unsigned i = 0; i < world->relayed_count; i++) {
        if (world->relayed[i].record < begun)
            begun = world->relayed[i].record;
    }
    return begun;
}

static void it_may_begin_at_any_checkpoint(void **unused)
{
    (void)unused;
    static struct world world;
    for (unsigned seed = 1; seed <= HISTORIES; seed++) {
        world_begin(&world, seed);
        for (unsigned n = below(&world, STEPS); n > 0; n--)
            step(&world);
        size_t begun = world.count;
        begin_slices(&world);
        do {
            for (unsigned n = below(&world, 12); n > 0; n--)
                step(&world);
        } while (write_slice(&world));
        size_t from = checkpoint(&world, begun);
        for (unsigned n = below(&world, STEPS / 2); n > 0; n--)
            step(&world);
        check(&world, 0, 0, seed);
        check(&world, from, from, seed);
        check(&world, from, from + below(&world, (unsigned)(world.count - from + 1)), seed);
        free(world.log);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_image_is_what_the_model_says),
        cmocka_unit_test(it_may_begin_at_any_checkpoint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
