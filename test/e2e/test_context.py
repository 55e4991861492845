"""Contexts: which broker the tools talk to when none is named; and which file `serve` takes when none is."""

import json
import os
import re
import signal
import stat
import subprocess

import pytest

import rig
from home import Home


class Caller(Home):
    """A user who keeps contexts."""

    def add(self, name, port, *words):
        self.run("context", "add", name, "--url", f"mqtt://127.0.0.1:{port}", *words)

    def file(self, name):
        return self.path / ".config" / "godwit" / "contexts" / f"{name}.yaml"


@pytest.fixture
def home(tmp_path):
    return Caller(tmp_path)


def reached(text):
    """The context that a tool with -d says it uses, and the broker that let it in."""
    found = re.search(r"^Using context (\S+)", text, re.M)
    return found and found.group(1)


def test_contexts_are_listed_chosen_and_removed(home):
    assert "there is none" in home.run("context", "ls")
    home.add("lab", 2001, "-u", "bob", "-P", "secret")
    home.add("home", 2002)
    assert "is there already" in home.run("context", "add", "lab", "--url", "mqtt://x", code=73)
    assert stat.S_IMODE(home.file("lab").stat().st_mode) == 0o600
    home.run("context", "use", "lab")
    assert [line.split()[:2] for line in home.run("context", "ls").splitlines()] == [
        ["home", "mqtt://127.0.0.1:2002"], ["*", "lab"]]
    assert "secret" not in home.run("context", "ls")
    home.run("context", "rm", "lab")
    assert "*" not in home.run("context", "ls")
    assert 'no context "lab"' in home.run("context", "use", "lab", code=78)
    assert 'no context "lab"' in home.run("context", "rm", "lab", code=78)


def test_the_context_in_use_is_taken_when_no_broker_is_named(home, serve):
    here, other = serve("log: {level: debug}\n"), serve()
    home.add("here", here.port, "-u", "bob", "-P", "secret")
    home.add("other", other.port)
    send = ["pub", "-d", "-i", "x", "-t", "t", "-m", "m"]
    home.run("context", "use", "here")
    assert reached(home.run(*send)) == "here"
    assert here.wait_for("client.connected", id="x")["user"] == "bob"
    assert reached(home.run(*send, "--context", "other")) == "other"
    assert reached(home.run(*send, GODWIT_CONTEXT="other")) == "other"
    assert reached(home.run(*send, "--context", "here", GODWIT_CONTEXT="other")) == "here"
    assert reached(home.run(*send, "-p", other.port)) is None
    assert reached(home.run(*send, "-p", other.port, GODWIT_CONTEXT="here")) is None
    assert reached(home.run(*send, "-L", f"mqtt://127.0.0.1:{other.port}/t")) is None
    other.wait_for("client.connected", count=5)
    home.run(*send, "-u", "eve", "-i", "y")  # another's name does not go with this password
    assert here.wait_for("client.connected", id="y")["user"] == "eve"
    home.run(*send, "--context", "here", "-p", other.port, "-i", "z")  # options win
    assert other.wait_for("client.connected", id="z")["user"] == "bob"


def test_without_a_context_nothing_changes(home, serve):
    broker = serve()
    home.add("here", broker.port)  # not in use
    for words, env in ((["pub", "-t", "t", "-m", "m"], {}), (["pub", "-t", "t", "-m", "m"], {"HOME": ""})):
        done = subprocess.run([os.path.abspath(rig.binary()), *words, "-d"], env={**home.env, **env}, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=rig.WAIT, check=False)
        assert reached(done.stdout) is None
        assert done.returncode == 0 or "localhost port 1883" in done.stderr, done
    home.run("context", "use", "here")
    (home.path / "mosquitto_pub").symlink_to(os.path.abspath(rig.binary()))
    for env in ({}, {"GODWIT_CONTEXT": "here"}):  # by mosquitto's name it is mosquitto's tool
        done = subprocess.run([home.path / "mosquitto_pub", "-d", "-t", "t", "-m", "m"], env={**home.env, **env},
                              text=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=rig.WAIT, check=False)
        assert reached(done.stdout) is None
    assert reached(home.run("pub", "-d", "-p", broker.port, "-t", "t", "-m", "m", GODWIT_CONTEXT="")) is None


def test_passwords_are_not_taken_from_files_that_others_read(home):
    home.add("lab", 1, "-u", "bob", "-P", "secret")
    home.file("lab").chmod(0o644)
    text = home.run("pub", "--context", "lab", "-t", "t", "-m", "m", code=1)
    assert "others may read" in text and f"chmod 600 {home.file('lab')}" in text
    home.add("open", 1)
    home.file("open").chmod(0o644)
    assert "cannot connect to 127.0.0.1 port 1" in home.run("pub", "--context", "open", "-t", "t", "-m", "m", code=1)
    home.file("open").chmod(0o666)
    assert "others may write" in home.run("pub", "--context", "open", "-t", "t", "-m", "m", code=1)


def test_a_password_may_stand_in_a_file_of_its_own(home, serve):
    broker = serve("log: {level: debug}\n")
    (home.path / "pw").write_text("secret\nsecond line\n")
    home.add("lab", broker.port, "-u", "bob", "--password-file", "pw")
    home.run("pub", "--context", "lab", "-t", "t", "-m", "m", "-i", "x")
    broker.wait_for("client.connected", id="x")
    (home.path / "pw").unlink()
    assert "cannot read the password in" in home.run("pub", "--context", "lab", "-t", "t", "-m", "m", code=1)


@pytest.mark.parametrize("words, code, says", [
    (["context", "add"], 64, "add wants a name"),
    (["context", "add", "x"], 64, "add wants --url"),
    (["context", "add", "x", "--url", "broker"], 64, "the URL must begin with"),
    (["context", "add", "x", "--url", "mqtt://"], 64, "names no host"),
    (["context", "add", "x", "--url", "mqtt://h:99999"], 64, "port"),
    (["context", "add", "../x", "--url", "mqtt://h"], 78, "cannot be the name of a context"),
    (["context", "add", "x", "--url", "mqtt://h", "-P", "y"], 64, "wants a user name"),
    (["context", "add", "x", "--ulr", "mqtt://h"], 64, 'did you mean "--url"?'),
    (["context", "use"], 64, "use wants a name"),
    (["context", "lst"], 64, 'did you mean "ls"?'),
    (["pub", "--context", "none", "-t", "t", "-m", "m"], 1, 'there is no context "none"'),
    (["pub", "--context", "../x", "-t", "t", "-m", "m"], 1, "cannot be the name of a context"),
])
def test_errors_say_what_to_do(home, words, code, says):
    assert says in home.run(*words, code=code)


def test_a_file_that_cannot_be_read_says_where(home):
    home.add("lab", 1)
    home.file("lab").write_text("url: mqtt://127.0.0.1\nusr: bob\n")
    text = home.run("pub", "--context", "lab", "-t", "t", "-m", "m", code=1)
    assert f'{home.file("lab")}:2: unknown key "usr": did you mean "user"?' in text


# ---- the configuration of ./godwit ---------------------------------------------------------------

def put_config(home, text="listeners: [mqtt://127.0.0.1:0]\n"):
    (home.path / "godwit").mkdir()
    (home.path / "godwit").chmod(0o755)
    (home.path / "godwit" / "godwit.yaml").write_text(text)
    (home.path / "godwit" / "godwit.yaml").chmod(0o644)


def test_serve_takes_the_file_in_godwit_and_says_so(home, program):
    put_config(home)
    started = program("sh", "-c", f'cd "{home.path}" && exec "{os.path.abspath(rig.binary())}" serve')
    line = json.loads(started.next_line(lambda line: b'"broker.ready"' in line))
    assert line["config"] == "godwit/godwit.yaml"
    (home.path / "godwit" / "godwit.yaml").unlink()  # a reload does not fall back to letting everybody in
    started.process.send_signal(signal.SIGHUP)
    started.next_line(lambda line: b'"config.reload_refused"' in line or b'"config.error"' in line)
    started.process.send_signal(signal.SIGTERM)
    assert started.wait()[0] == 0


def test_what_others_may_have_put_there_is_not_taken(home):
    put_config(home)
    (home.path / "godwit" / "godwit.yaml").chmod(0o666)
    assert "may be written by everybody" in home.run("serve", code=78)
    (home.path / "godwit" / "godwit.yaml").chmod(0o644)
    (home.path / "godwit").chmod(0o777)
    assert "may be written by everybody" in home.run("serve", code=78)
    (home.path / "godwit").chmod(0o755)
    home.path.chmod(0o777)
    assert "everybody may put things" in home.run("config", "show", code=78)
    home.path.chmod(0o755)
    assert "godwit/godwit.yaml:1" in home.run("config", "show")
    if os.geteuid() == 0:
        os.chown(home.path / "godwit" / "godwit.yaml", 65534, 65534)
        assert "belongs to another user" in home.run("serve", code=78)
        assert "godwit/godwit.yaml:1" in home.run("config", "show", "-c", "godwit/godwit.yaml")
