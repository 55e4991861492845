"""What one address, one user and one client may take: connections, how fast they come, and how large a will and a topic are."""

import signal
import socket

import mqtt as m
import pytest
from peer import Peer
from rig import WAIT, fresh, until
from test_access import people


def join(broker, cid=None, v=5, **more):
    peer = Peer(broker.address, v, WAIT)
    peer.hello(cid or fresh("quota"), **more)
    peer.want(m.CONNACK, code=0)
    return peer


def refused(broker, code, v=5, cid=None, **more):
    peer = Peer(broker.address, v, WAIT)
    peer.hello(cid or fresh("quota"), **more)
    got = peer.want(m.CONNACK)
    assert got.code == code, got
    peer.shut()


def dropped(broker):
    """A connection that is closed at once."""
    with socket.create_connection(broker.address, WAIT) as sock:
        try:
            return sock.recv(1) == b""
        except ConnectionResetError:
            return True


def figure(broker, name):
    reader = join(broker)
    reader.subscribe("$SYS/broker/" + name)
    value = int(reader.message().payload)
    reader.bye()
    return value


def test_connections_of_one_address(serve):
    broker = serve("threads: 2\nlimits: {address: {connections: 5}}\nlog: {repeats: 0}\n")
    inside = [join(broker) for _ in range(4)]
    waiting = socket.create_connection(broker.address, WAIT)
    assert dropped(broker)
    assert broker.wait_for("connection.refused")["reason"] == "limits.address.connections is reached"
    for peer in inside:
        peer.ping()
    inside.pop().bye()
    waiting.close()
    broker.write("threads: 2\nlimits: {address: {connections: 0}}\nlog: {repeats: 0}\n")
    broker.signal(signal.SIGHUP)
    broker.wait_for("config.reloaded")
    inside += [join(broker) for _ in range(10)]
    for peer in inside:
        peer.bye()


def test_places_of_an_address_come_back(serve):
    broker = serve("threads: 2\nlimits: {address: {connections: 2}}\nlog: {repeats: 0}\n")
    for _ in range(20):
        pair = [until(lambda: enter(broker), "a place") for _ in range(2)]
        assert dropped(broker)
        for peer in pair:
            peer.shut()


def enter(broker):
    try:
        return join(broker)
    except (AssertionError, ConnectionError, OSError, EOFError):
        return None
    except Exception as error:  # noqa: BLE001 (the peer's own word for a connection that is closed)
        assert type(error).__name__ == "Closed", error
        return None


def test_how_fast_connections_of_an_address_come(serve):
    """The burst passes; the rate is so slow that nothing of it can pass while the test runs."""
    broker = serve("threads: 2\nlimits: {address: {connect_rate: 1, connect_burst: 20}}\nlog: {repeats: 0}\n")
    taken = [socket.create_connection(broker.address, WAIT) for _ in range(60)]
    told = broker.wait_for("connection.refused")
    assert told["reason"] == "limits.address.connect_rate is reached"
    for sock in taken:
        sock.close()
    until(lambda: enter(broker), "its time comes")


@pytest.mark.parametrize("v, code", ((5, 0x97), (4, 3)))
def test_connections_of_one_user(serve, tmp_path, v, code):
    path = tmp_path / "users"
    path.touch()
    people(path, ("bob", ""), ("eve", ""))
    broker = serve(f"threads: 2\nauth: [{{file: '{path}'}}]\nlimits: {{login: {{connections: 2}}}}\n")

    def come(name, cid=None):
        return join(broker, cid, v, user=name, password="secret")

    first, second = come("bob", "one"), come("bob", "two")
    refused(broker, code, v, user="bob", password="secret")
    other = come("eve")
    again = come("bob", "two")  # one's own place
    second.closed(0x8E)
    first.ping()
    again.ping()
    first.bye()
    third = until(lambda: enter_as(broker, v), "a place that came back")
    for peer in (again, other, third):
        peer.bye()
    strangers = [join(broker, v=v) for _ in range(5)]
    for peer in strangers:
        peer.bye()


def enter_as(broker, v):
    peer = Peer(broker.address, v, WAIT)
    peer.hello(fresh("bob"), user="bob", password="secret")
    if peer.want(m.CONNACK).code == 0:
        return peer
    peer.shut()
    return None


@pytest.mark.parametrize("v, code", ((5, 0x9F), (4, 3)))
def test_who_comes_and_goes_is_held_off(serve, v, code):
    broker = serve("threads: 2\nlimits: {flapping: {connects: 10, hold: 1h}}\nlog: {repeats: 0}\n"
                   "sys: {interval: 100ms}\n")
    for n in range(10):
        peer = join(broker, "duel", v)
        if n < 9:
            peer.shut() if n % 2 else peer.bye()
    told = broker.wait_for("client.held")
    assert (told["id"], told["connects"], told["hold_s"]) == ("duel", 10, 3600)
    refused(broker, code, v, cid="duel")
    refused(broker, code, v, cid="duel")
    peer.ping()  # the connection that stands stays
    join(broker, "other", v).bye()
    until(lambda: figure(broker, "clients/held") == 2, "clients/held")
    broker.write("limits: {flapping: {connects: 0}}\n")
    broker.signal(signal.SIGHUP)
    broker.wait_for("config.reloaded")
    for _ in range(20):
        again = join(broker, "duel", v)
    again.bye()


def test_nobody_holds_off_the_client_of_another_user(serve, tmp_path):
    path = tmp_path / "users"
    path.touch()
    people(path, ("bob", ""), ("eve", ""))
    broker = serve(f"auth: [{{file: '{path}'}}]\nlimits: {{flapping: {{connects: 5, hold: 1h}}}}\n")
    for _ in range(5):
        join(broker, "pump", user="eve", password="secret").bye()
    refused(broker, 0x9F, cid="pump", user="eve", password="secret")
    join(broker, "pump", user="bob", password="secret").bye()


@pytest.mark.parametrize("v", (4, 5))
def test_size_of_a_will(serve, v):
    broker = serve("limits: {size: {will: 100}}\n")
    join(broker, v=v, will=m.Will("will", b"x" * 96, 1)).bye()
    refused(broker, 0x97 if v == 5 else 3, v, will=m.Will("will", b"x" * 97, 1))


def test_size_of_a_topic(serve):
    broker = serve("limits: {size: {topic: 10}}\n")
    peer = join(broker)
    peer.subscribe([("t" * 10, 0), ("t" * 11, 0), ("$share/group/" + "t" * 10, 0)], granted=[0, 0x8F, 0])
    peer.publish("t" * 10, qos=1)
    peer.publish("t" * 11, qos=1, code=0x90)
    peer.bye()
    refused(broker, 0x90, will=m.Will("t" * 11, b"", 0))
