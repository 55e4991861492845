"""`godwit init`, `godwit serve`: two commands to a broker that is safe and that the tools find by themselves."""

import os
import random
import re
import shutil
import signal
import socket
import stat
import subprocess

import pytest

import rig
from home import Home


def free_ports(count):
    """Ports below those that the system gives out by itself, so that nobody gets them meanwhile."""
    found = []
    while len(found) < count:
        port = random.randrange(10000, 32000)
        with socket.socket(socket.AF_INET6) as both:  # for IPv4 as well
            try:
                both.bind(("::", port))
            except OSError:
                continue
        if port not in found:
            found.append(port)
    return found


class Founder(Home):
    """A user in an empty home, and the broker that he makes."""

    def __init__(self, path):
        super().__init__(path)
        self.process = None

    def init(self, *words):
        self.tls, self.plain = free_ports(2)
        text = self.run("init", *words, "--port", self.tls, "--plain-port", self.plain)
        self.password = re.search(r"^User \S+, password  (\S+)   \(", text, re.M).group(1)
        return text

    def serve(self, *words):
        self.process = rig.Program(["env", f"HOME={self.path}", "sh", "-c",
                                    f'cd "{self.path}" && exec "{os.path.abspath(rig.binary())}" serve "$@"', "sh",
                                    *words])
        self.process.next_line(lambda line: b'"broker.ready"' in line)

    def stop(self):
        if self.process is None:
            return
        self.process.process.send_signal(signal.SIGTERM)
        code, lines = self.process.wait()
        assert code == 0, lines
        assert not [line for line in lines if b'"level":"error"' in line], lines

    def mosquitto(self, tool, *words):
        return ["mosquitto_" + tool, "-h", "localhost", "-p", str(self.tls), "--cafile",
                str(self.path / "godwit" / "tls" / "ca.pem"), *words]


@pytest.fixture
def home(tmp_path):
    made = Founder(tmp_path)
    yield made
    made.stop()


def listing(path):
    return sorted(str(each.relative_to(path)) for each in path.rglob("*"))


ALL = ["data", "godwit.yaml", "tls", "tls/ca.key", "tls/ca.pem", "tls/server.key", "tls/server.pem", "users"]


def test_two_commands_and_the_tools_find_it(home):
    text = home.init()
    assert text.splitlines()[0].startswith("Created ./godwit (config, CA, server certificate for ")
    assert 'saved in context "local"' in text and text.endswith("Next:  godwit serve\n")
    assert re.fullmatch(r"[a-z]{3,6}-[a-z]{3,6}-[1-9][0-9]-[a-z]{3,6}-[a-z]{3,6}", home.password)
    assert listing(home.path / "godwit") == ALL
    home.serve()
    assert f"Using context local (mqtts://localhost:{home.tls})" in home.run("pub", "-d", "-q", "1", "-r", "-t", "test/hello", "-m", "hi")
    assert home.run("sub", "-v", "-t", "test/#", "-C", "1") == "test/hello hi\n"
    home.run("cert", "ca", "--dir", "other")  # the context's CA is the only one that is believed
    home.run("pub", "--cafile", "other/ca.pem", "-t", "test/hello", "-m", "hi", code=8)


def test_nobody_else_may_read_the_secrets(home):
    mask = os.umask(0)
    try:
        home.init()
    finally:
        os.umask(mask)
    modes = {name: stat.S_IMODE((home.path / "godwit" / name).stat().st_mode) for name in ALL}
    assert {name: mode for name, mode in modes.items() if not mode & 0o077} == {
        "data": 0o700, "tls/ca.key": 0o600, "tls/server.key": 0o600, "users": 0o600}
    assert not [name for name, mode in modes.items() if mode & 0o022]
    context = home.path / ".config" / "godwit" / "contexts" / "local.yaml"
    assert stat.S_IMODE(context.stat().st_mode) == 0o600
    for path in (home.path / "godwit").rglob("*"):  # the password stands nowhere but in the context
        assert path.is_dir() or home.password.encode() not in path.read_bytes()
    assert home.password in context.read_text()


def test_strangers_and_wrong_passwords_are_refused_with_words(home):
    home.init()
    home.serve()
    hello = ["pub", "-t", "t", "-m", "m"]
    assert home.run(*hello, "-u", "admin", "-P", home.password, "-p", home.plain, "-h", "127.0.0.1") == ""
    text = home.run(*hello, "-P", "wrong", "-V", "5", code=134)
    assert "refused: Bad User Name or Password (134)" in text, text
    assert 'is the password of user "admin" right?' in text, text
    text = home.run(*hello, "-P", "wrong", code=5)  # 3.1.1 has no words for it; here are some
    assert 'is the password of user "admin" right?' in text, text
    text = home.run(*hello, "-h", "127.0.0.1", "-p", home.plain, code=5)
    assert "it wants to know who you are: -u NAME -P PASSWORD" in text, text
    context = home.path / ".config" / "godwit" / "contexts" / "local.yaml"
    context.write_text(context.read_text().replace(home.password, "old"))
    text = home.run(*hello, "-V", "5", code=134)  # nobody typed that one: where does it come from?
    assert 'those of the context "local"; -u and -P take others' in text, text
    for port in (home.plain, home.tls):  # without a name, on loopback too
        words = ["-p", str(port), "-h", "127.0.0.1", "-t", "t", "-m", "m", "-V", "5"]
        if port == home.tls:
            words += ["--cafile", str(home.path / "godwit" / "tls" / "ca.pem")]
        done = subprocess.run(["mosquitto_pub", *words], capture_output=True, text=True, timeout=rig.WAIT, check=False)
        assert done.returncode != 0 and "ot authori" in done.stderr, (words, done)


def test_other_makers_clients_come_by_tls_with_password_or_certificate(home):
    home.init()
    home.serve()
    home.run("cert", "client", "sensor-7")
    kit = home.path / "sensor-7"
    device = ["--cert", str(kit / "sensor-7.pem"), "--key", str(kit / "sensor-7.key"), "-i", "sensor-7", "-q", "1"]
    # What is not its own branch is not its to write.
    for topic, good in (("devices/sensor-8/x", False), ("test/x", False), ("devices/sensor-7/x", True)):
        done = subprocess.run(home.mosquitto("pub", *device, "-V", "5", "-r", "-t", topic, "-m", "x"),
                              timeout=rig.WAIT, text=True, capture_output=True, check=False)
        assert ("ot authori" in done.stderr) != good, done
    admin = ["-u", "admin", "-P", home.password]
    done = subprocess.run(home.mosquitto("sub", *admin, "-t", "#", "-v", "-C", "1"),
                          timeout=rig.WAIT, text=True, capture_output=True, check=False)
    assert done.stdout == "devices/sensor-7/x x\n", done


def test_a_certificate_of_another_ca_lets_nobody_in(home):
    home.init()
    home.serve()
    home.run("cert", "ca", "--dir", "other")
    home.run("cert", "client", "admin", "--dir", "other")
    kit = home.path / "admin"
    done = subprocess.run(home.mosquitto("pub", "--cert", str(kit / "admin.pem"), "--key", str(kit / "admin.key"),
                                         "-t", "t", "-m", "m", "-V", "5"),
                          timeout=rig.WAIT, capture_output=True, check=False)
    assert done.returncode != 0


def test_what_was_kept_is_there_after_a_restart(home):
    home.init()
    home.serve()
    home.run("pub", "-q", "1", "-r", "-t", "kept", "-m", "still here")
    home.stop()
    home.serve()
    assert home.run("sub", "-t", "kept", "-C", "1") == "still here\n"


def test_nothing_is_replaced(home):
    home.init()
    before = {name: (home.path / "godwit" / name).read_bytes() for name in ALL if "." in name or name == "users"}
    for place in ((), ("godwit",), (str(home.path / "godwit"),)):
        text = home.run("init", *place, code=73)
        assert "is there already and not empty; nothing is replaced" in text and "hint: godwit serve" in text
    assert before == {name: (home.path / "godwit" / name).read_bytes() for name in before}
    assert listing(home.path / "godwit") == ALL
    (home.path / "file").write_text("x")
    assert "no directory" in home.run("init", "file", code=73)


def test_a_second_broker_gets_a_context_of_its_own(home):
    home.init()
    text = home.init("second")
    assert 'saved in context "local-2"' in text and "godwit context use local-2" in text
    assert "Next:  godwit serve -c second/godwit.yaml" in text
    home.serve("-c", "second/godwit.yaml")
    home.run("pub", "--context", "local-2", "-t", "t", "-m", "m")


def test_without_a_home_it_works_all_the_same(home):
    home.env["HOME"] = ""
    text = home.init()
    assert "HOME is not set, so no context is saved" in text and "saved in context" not in text
    shutil.rmtree(home.path / "godwit")
    home.env["HOME"] = "/proc/self"
    assert "no context is saved: cannot make the directory" in home.init()
    shutil.rmtree(home.path / "godwit")
    home.env["HOME"] = str(home.path)
    home.init("--no-context")
    assert not (home.path / ".config").exists()


def test_a_place_that_cannot_be_written_is_left_as_it_was(home):
    text = home.run("init", "/proc/self/godwit", code=71)
    assert "cannot make /proc/self/godwit" in text
    assert "cannot make none/x: No such file or directory" in home.run("init", "none/x", code=71)
    if os.geteuid() != 0:
        (home.path / "closed").mkdir(0o500)
        assert "Permission denied" in home.run("init", "closed", code=77)
        assert listing(home.path / "closed") == []
    assert not (home.path / ".config").exists()


@pytest.mark.parametrize("place", ["a b", 'quo"te', "back\\slash", "hash # x: y", "büro", "x/"])
def test_odd_places_work(home, place):
    text = home.init(place)
    assert f'Next:  godwit serve -c {place}/godwit.yaml' in text
    assert "no errors" in home.run("check", "config", f"{place}/godwit.yaml")
    home.serve("-c", f"{place}/godwit.yaml")
    home.run("pub", "-t", "t", "-m", "m")


@pytest.mark.parametrize("words, code, says", [
    (["--name", "a b"], 64, '"a b" cannot stand in a certificate'),
    (["--name"], 64, "cannot stand in a certificate"),
    (["--user", "a:b"], 64, "--user wants a name"),
    (["--user", "+"], 64, "--user wants a name"),
    (["--port", "0"], 64, "a port is 1 to 65535"),
    (["--port", "65536"], 64, "a port is 1 to 65535"),
    (["--port", "1883"], 64, "are the same"),
    (["--context", "../x"], 64, "--context wants a name"),
    (["--prot", "1"], 64, 'did you mean "--port"?'),
    (["a", "b"], 64, 'unknown word "b"'),
    (["${HOME}"], 64, "stands for a variable"),
    (["line\nbreak"], 64, "control character"),
])
def test_errors_say_what_to_do_and_leave_nothing(home, words, code, says):
    assert says in home.run("init", *words, code=code)
    assert listing(home.path) == []


def test_more_names_and_another_user(home):
    text = home.init("--name", "broker.lan", "--name", "10.1.2.3", "--user", "root@lan")
    assert "broker.lan, 10.1.2.3)" in text
    home.serve()
    home.run("pub", "-t", "t", "-m", "m")
    assert "user root@lan" in home.run("context", "ls")


def test_odd_host_names_are_left_out(home):
    """In a namespace of its own, where that is allowed."""
    own = ["unshare", "--map-root-user", "--uts"] if os.geteuid() != 0 else ["unshare", "--uts"]
    for name, said in (("bad name", True), ("UPPER", False), ("1234", True), ("a" * 64, True), ("x.example.org", False)):
        done = subprocess.run([*own, "sh", "-c",
                               'printf %s "$1" > /proc/sys/kernel/hostname && exec "$2" init "$3"', "sh", name,
                               os.path.abspath(rig.binary()), f"at-{len(name)}-{name[0]}"], cwd=home.path, env=home.env,
                              text=True, capture_output=True, timeout=rig.WAIT, check=False)
        if "unshare" in done.stderr or "cannot create" in done.stderr:
            pytest.skip(done.stderr)
        assert done.returncode == 0, done
        assert ("host name cannot stand" in done.stderr) == said, done
        assert "localhost" in done.stdout and (said or name.lower() in done.stdout)


def test_the_configuration_is_what_godwit_itself_recommends(home):
    home.init()
    shown = home.run("config", "show", "--diff")
    assert "anonymous: true" not in shown and "insecure" not in shown
    assert "client_cert: optional" in shown
