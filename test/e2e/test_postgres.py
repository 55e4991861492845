"""Users in PostgreSQL, against a real one."""

import pytest
from services import Postgres
from vouching import *  # noqa: F401,F403 - the tests that every service has to pass
from vouching import login


@pytest.fixture
def service():
    postgres = Postgres()
    yield postgres
    postgres.close()


def test_the_query_may_say_what_he_is_called(guarded, service):
    service.add("alice", "secret")
    broker = guarded(service.auth("select hash, groups, name from people where name = lower($1)"))
    peer = login(broker, 5, "ALICE", "secret", 0)
    peer.send(m.subscribe(5, 1, [("hers/a", 0)]))  # noqa: F405
    assert list(peer.want(m.SUBACK).codes) == [0]  # noqa: F405
    peer.bye()


@pytest.mark.parametrize("query, word", [
    ("selekt hash from people where name = $1", "syntax"),
    ("select hash from nothing where name = $1", "nothing"),
    ("select hash, list from people where name = $1", "array_to_string"),
    ("select hash from people where name >= $1", "several"),
    ("select 'plain'::text from people where name = $1", "hash"),
])
def test_a_bad_query_lets_nobody_in(guarded, service, query, word):
    service.add("alice", "secret")
    service.add("bob", "secret")
    broker = guarded(service.auth(query), trouble=True)
    login(broker, 5, "alice", "secret", 0x88).closed()
    assert word in broker.wait_for("auth.trouble")["reason"]


def test_conninfo_may_stand_in_a_file(guarded, service):
    service.add("alice", "secret")
    file = service.room / "conninfo"
    file.write_text(f"host={service.room} user=postgres dbname=postgres\n")
    entry = ("postgres: {conninfo_file: '%s', query: 'select hash from people where name = $1'}" % file)
    login(guarded(entry), 5, "alice", "secret", 0).bye()


def test_who_has_no_hash_has_no_password(guarded, service):
    service.sql("insert into people values ('empty', '', '', '{}'), ('none', null, '', '{}')")
    broker = guarded(service.auth())
    for name in ("empty", "none"):
        for password in ("", "x"):
            login(broker, 5, name, password, 0x86).closed()
