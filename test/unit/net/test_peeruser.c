#include "net/peeruser.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/net/owner.h"

/* A connection of a peer with this address, over the layer. */
static struct owner *meet(struct world *world, const struct gw_address *peer)
{
    struct owner *owner = &world->owners[0];
    struct gw_transport_layer layer = gw_peeruser_layer();
    owner->world = world;
    owner->socket = fake_open(world->fake);
    owner->conn = gw_conn_new(&world->fake->service, owner->socket, peer);
    assert_non_null(owner->conn);
    gw_conn_set_events(owner->conn, &events, owner);
    gw_conn_push(owner->conn, layer.make(layer.ctx));
    assert_int_equal(gw_conn_attach(owner->conn, world->loop), GW_OK);
    assert_null(gw_conn_peer_name(owner->conn));
    turn(world);
    return owner;
}

static void a_user_is_known_by_name(void **state)
{
    (void)state;
    struct world *world = world_new(0);
    struct gw_address root;
    gw_address_set_local(&root, GW_SPAN_LIT("/run/x"), 0);
    struct owner *owner = meet(world, &root);
    give(owner, "hi");
    turn(world);
    assert_got(owner, "hi");
    assert_string_equal(gw_conn_peer_name(owner->conn), "root");
    put(owner, "there");
    turn(world);
    assert_sent(owner, "there");
    close_conn(owner, true, GW_NS_PER_S);
    turn(world);
    assert_true(socket_of(owner)->out.shut);
    world_free(world);
}

/* What the socket does not take waits until it does. */
static void waits_for_a_full_socket(void **state)
{
    (void)state;
    struct world *world = world_new(0);
    struct gw_address root;
    gw_address_set_local(&root, GW_SPAN_LIT("/run/x"), 0);
    struct owner *owner = meet(world, &root);
    socket_of(owner)->out.window = 3;
    put(owner, "there");
    turn(world);
    assert_sent(owner, "the");
    turn(world);
    assert_sent(owner, "the");
    socket_of(owner)->out.window = SIZE_MAX;
    turn(world);
    turn(world);
    assert_sent(owner, "there");
    world_free(world);
}

static void others_are_refused(void **state)
{
    (void)state;
    struct gw_address peers[3];
    gw_address_set_local(&peers[0], GW_SPAN_LIT("/run/x"), UINT32_MAX - 1); /* nobody's number */
    gw_address_set_local(&peers[1], GW_SPAN_LIT("/run/x"), 65534);
    assert_int_equal(gw_address_parse(GW_SPAN_LIT("127.0.0.1"), 7, &peers[2]), GW_OK);
    static const char *const words[] = {
        "the system has no name for the peer's user",
        "the system has no name for the peer's user",
        "the system does not say who the peer is",
    };
    for (size_t i = 0; i < GW_COUNT_OF(peers); i++) {
        struct world *world = world_new(0);
        struct owner *owner = meet(world, &peers[i]);
        give(owner, "hi");
        turn(world);
        assert_int_equal(owner->bytes_in, 0);
        assert_string_equal(gw_conn_trouble(owner->conn), words[i]);
        assert_null(gw_conn_peer_name(owner->conn));
        world_free(world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_user_is_known_by_name),
        cmocka_unit_test(waits_for_a_full_socket),
        cmocka_unit_test(others_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
