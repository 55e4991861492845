"""What holds of every service that is asked who may connect; each test file takes these for its own.

A file has a fixture `service` (of services.py) with nobody in it.
"""

import pytest
from rig import WAIT, fresh
from services import file_user

import mqtt as m
from peer import Peer

WRONG = {4: 5, 5: 0x86}
TROUBLE = {4: 3, 5: 0x88}
VERSIONS = (4, 5)

RULES = """access:
  - {allow: pubsub, group: sensors, topic: "sensors/#"}
  - {allow: pubsub, user: local, topic: "#"}
  - {allow: sub, user: alice, topic: "hers/#"}
"""


@pytest.fixture
def guarded(service, serve, tmp_path):  # the broker ends before the service
    """Starts a broker that asks a user file (local, secret), then the service."""
    def start(entry, trouble=False):
        file = file_user(tmp_path / "users", "local", "secret")
        broker = serve(f"auth:\n  - file: '{file}'\n  - {entry}\n{RULES}"
                       "limits: {login: {delay: 0s, failures: 0}}\nlog: {repeats: 0}\n")
        broker.errors_expected = trouble
        return broker
    assert service
    return start


def login(broker, v, user, password, code):
    peer = Peer(broker.address, v, WAIT)
    peer.hello(fresh("peer"), user=user, password=password)
    peer.want(m.CONNACK, code=code)
    return peer


@pytest.mark.parametrize("v", VERSIONS)
def test_right_wrong_and_unknown(guarded, service, v):
    service.add("alice", "secret")
    broker = guarded(service.auth())
    for _ in range(3):
        login(broker, v, "alice", "secret", 0).bye()
        login(broker, v, "alice", "Secret", WRONG[v]).closed()
        login(broker, v, "alice", "", WRONG[v]).closed()
        login(broker, v, "nobody", "secret", WRONG[v]).closed()
        login(broker, v, "local", "secret", 0).bye()
        login(broker, v, "local", "wrong", WRONG[v]).closed()
    assert not broker.events("auth.trouble")


def test_groups_are_used_in_rules(guarded, service):
    service.add("alice", "secret", "sensors")
    service.add("bob", "secret", "others")
    broker = guarded(service.auth())
    for user, granted in (("alice", 1), ("bob", 0x87)):
        peer = login(broker, 5, user, "secret", 0)
        peer.send(m.subscribe(5, 1, [("sensors/a", 1)]))
        assert list(peer.want(m.SUBACK).codes) == [granted]
        peer.bye()


INJECTIONS = [
    "*", "a*", "alic?", "[a]lice", "alice)(uid=*", "*)(uid=*))(|(uid=*", "alice,ou=people", "alice+cn=x",
    "alice\\", "alice\\2a", "' or '1'='1", "alice'--", "alice'; drop table people; --", "$1", "%u", "%s",
    "alice:x", "alice hash", "alice\r\nGET x", "{alice}", "x" * 3000, "\u00e4\u20ac",
]


def test_a_name_is_never_more_than_a_name(guarded, service):
    service.add("alice", "secret")
    broker = guarded(service.auth())
    for name in INJECTIONS:
        peer = Peer(broker.address, 5, WAIT)
        peer.hello(fresh("peer"), user=name, password="secret")
        answer = peer.want(m.CONNACK).code
        assert answer == 0x86, (name, answer)
    login(broker, 5, "alice", "secret", 0).bye()
    assert not broker.events("auth.trouble")


def test_an_odd_name_can_be_a_users(guarded, service):
    name = "o'neil (b)"
    if service.__class__.__name__ == "Redis":
        service.add("o%27neil%20%28b%29", "secret")
    else:
        service.add(name, "secret")
    broker = guarded(service.auth())
    login(broker, 5, name, "secret", 0).bye()


def test_who_is_removed_is_not_let_in_any_more(guarded, service):
    service.add("alice", "secret")
    broker = guarded(service.auth())
    login(broker, 5, "alice", "secret", 0).bye()
    service.drop("alice")
    login(broker, 5, "alice", "secret", 0x86).closed()
    service.add("alice", "other")
    login(broker, 5, "alice", "secret", 0x86).closed()
    login(broker, 5, "alice", "other", 0).bye()


@pytest.mark.parametrize("v", VERSIONS)
def test_while_it_is_down_nobody_is_let_in_by_it(guarded, service, v):
    service.add("alice", "secret")
    broker = guarded(service.auth(), trouble=True)
    login(broker, v, "alice", "secret", 0).bye()
    service.stop()
    for user, password in (("alice", "secret"), ("alice", "wrong"), ("nobody", "secret")):
        login(broker, v, user, password, TROUBLE[v]).closed()
    assert broker.wait_for("auth.trouble", 3)["reason"]
    login(broker, v, "local", "secret", 0).bye()
    service.start()
    login(broker, v, "alice", "secret", 0).bye()


def test_a_restart_is_not_noticed(guarded, service):
    service.add("alice", "secret")
    broker = guarded(service.auth())
    for _ in range(6):  # each worker has a connection of its own
        login(broker, 5, "alice", "secret", 0).bye()
    service.restart()
    for _ in range(6):
        login(broker, 5, "alice", "secret", 0).bye()
    assert not broker.events("auth.trouble")


def test_while_it_hangs_others_come_in(guarded, service):
    service.add("alice", "secret")
    broker = guarded(service.auth(timeout="3s"), trouble=True)
    login(broker, 5, "alice", "secret", 0).bye()
    service.freeze()
    try:
        waiting = [Peer(broker.address, 5, WAIT) for _ in range(3)]
        for peer in waiting:
            peer.hello(fresh("peer"), user="alice", password="secret")
        for _ in range(5):
            login(broker, 5, "local", "secret", 0).bye()
        for peer in waiting:
            peer.want(m.CONNACK, code=0x88)
        login(broker, 5, "local", "secret", 0).bye()
    finally:
        service.thaw()
    login(broker, 5, "alice", "secret", 0).bye()
