"""Users in a directory, against a real slapd."""

import socket

import pytest
from services import Slapd
from vouching import *  # noqa: F401,F403 - the tests that every service has to pass
from vouching import login


@pytest.fixture
def service():
    slapd = Slapd()
    yield slapd
    slapd.close()


def granted(peer, topic):
    peer.send(m.subscribe(5, 1, [(topic, 0)]))  # noqa: F405
    return list(peer.want(m.SUBACK).codes)[0] == 0  # noqa: F405


def test_a_dn_may_follow_from_a_name(guarded, service):
    service.add("alice", "secret", "sensors")
    service.add("a,b+c", "secret")
    broker = guarded(service.direct())
    peer = login(broker, 5, "alice", "secret", 0)
    assert granted(peer, "sensors/a")
    peer.bye()
    login(broker, 5, "a,b+c", "secret", 0).bye()
    for name in ("alice,ou=people", "alice+cn=alice", "*", "nobody"):
        login(broker, 5, name, "secret", 0x86).closed()


@pytest.mark.parametrize("way", ["auth", "direct"])
def test_a_bind_as_nobody_lets_nobody_in(guarded, service, way):
    """This slapd says yes to a name without a password (allow bind_anon_cred)."""
    service.add("alice", "secret")
    broker = guarded(getattr(service, way)())
    for password in ("", "\0", "\0secret"):
        login(broker, 5, "alice", password, 0x86).closed()
    login(broker, 5, "alice", "secret", 0).bye()


@pytest.mark.parametrize("way", ["auth", "direct"])
def test_he_is_called_what_the_directory_calls_him(guarded, service, way):
    service.add("alice", "secret", "sensors")
    broker = guarded(getattr(service, way)())
    for name in ("ALICE", "Alice", " alice "):
        peer = login(broker, 5, name, "secret", 0)
        assert granted(peer, "hers/a") and granted(peer, "sensors/a")
        peer.bye()


def test_groups_may_stand_in_his_entry(guarded, service):
    service.add("alice", "secret", "sensors")
    entry = service.entry(user_dn=f"uid=%u,{service.PEOPLE}", group_attribute="businessCategory")
    peer = login(guarded(entry), 5, "alice", "secret", 0)
    assert granted(peer, "sensors/a")
    peer.bye()


@pytest.mark.parametrize("scheme, start_tls", [("ldaps", None), ("ldap", "true")])
def test_over_tls_its_certificate_counts(guarded, service, scheme, start_tls):
    service.add("alice", "secret")
    more = {"url": service.url(scheme), **({"start_tls": start_tls} if start_tls else {})}
    good = guarded(service.auth(ca_file=service.authority.cert, **more))
    login(good, 5, "alice", "secret", 0).bye()
    login(good, 5, "alice", "wrong", 0x86).closed()
    stranger = guarded(service.auth(**more), trouble=True)
    login(stranger, 5, "alice", "secret", 0x88).closed()
    assert "certificate" in stranger.wait_for("auth.trouble")["reason"]
    more["url"] = more["url"].replace("127.0.0.1", "localhost")
    other = guarded(service.auth(ca_file=service.authority.cert, **more), trouble=True)
    login(other, 5, "alice", "secret", 0x88).closed()
    assert "mismatch" in other.wait_for("auth.trouble")["reason"]


@pytest.mark.parametrize("scheme, start_tls", [("ldaps", None), ("ldap", "true"), ("ldap", "false")])
def test_what_listens_there_may_never_answer(guarded, service, scheme, start_tls):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        more = {"start_tls": start_tls} if start_tls else {}
        url = f"{scheme}://127.0.0.1:{mute.getsockname()[1]}"
        broker = guarded(service.auth(url=url, timeout="1s", **more), trouble=True)
        login(broker, 5, "alice", "secret", 0x88).closed()
        assert "timeout" in broker.wait_for("auth.trouble")["reason"]


def test_who_searches_has_to_prove_himself(guarded, service):
    service.add("alice", "secret")
    (service.room / "look").write_text("wrong\n")
    broker = guarded(service.auth(), trouble=True)
    login(broker, 5, "alice", "secret", 0x88).closed()
    assert "bind_dn" in broker.wait_for("auth.trouble")["reason"]


def test_two_who_match_are_nobody(guarded, service):
    service.add("alice", "secret")
    service.add("bob", "secret")
    broker = guarded(service.auth(filter="(|(uid=%u)(uid=bob))"), trouble=True)
    login(broker, 5, "alice", "secret", 0x88).closed()
    assert "match" in broker.wait_for("auth.trouble")["reason"]
