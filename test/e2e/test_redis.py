"""Users in Redis, against a real one."""

import socket

import pytest
from services import Redis, hash_of
from vouching import *  # noqa: F401,F403 - the tests that every service has to pass
from vouching import login


@pytest.fixture
def service():
    redis = Redis()
    yield redis
    redis.close()


def test_over_tls_its_certificate_counts(guarded, service):
    service.add("alice", "secret")
    good = guarded(service.auth(f"rediss://127.0.0.1:{service.port}", ca_file=service.authority.cert))
    login(good, 5, "alice", "secret", 0).bye()
    stranger = guarded(service.auth(f"rediss://127.0.0.1:{service.port}"), trouble=True)
    login(stranger, 5, "alice", "secret", 0x88).closed()
    assert "certificate" in stranger.wait_for("auth.trouble")["reason"]
    other = guarded(service.auth(f"rediss://localhost:{service.port}", ca_file=service.authority.cert),
                    trouble=True)
    login(other, 5, "alice", "secret", 0x88).closed()
    assert "mismatch" in other.wait_for("auth.trouble")["reason"]


def test_what_listens_there_may_never_answer(guarded, service):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"rediss://127.0.0.1:{mute.getsockname()[1]}"
        broker = guarded(service.auth(url, timeout="1s"), trouble=True)
        login(broker, 5, "alice", "secret", 0x88).closed()
        assert "timeout" in broker.wait_for("auth.trouble")["reason"]


def test_a_wrong_proof_is_told(guarded, service):
    (service.room / "proof").write_text("wrong\n")
    broker = guarded(service.auth(), trouble=True)
    login(broker, 5, "alice", "secret", 0x88).closed()
    assert "WRONGPASS" in broker.wait_for("auth.trouble")["reason"]


def test_key_and_fields_can_be_named(guarded, service):
    service.ask("hset", "p/alice/m", "h", hash_of("secret"), "g", "sensors")
    service.ask("set", "p/bob/m", "no hash")
    broker = guarded(service.auth(key="p/%u/m", field_hash="h", field_groups="g"), trouble=True)
    login(broker, 5, "alice", "secret", 0).bye()
    login(broker, 5, "bob", "secret", 0x88).closed()
    assert "WRONGTYPE" in broker.wait_for("auth.trouble")["reason"]
