"""`godwit cert`: what it makes is what OpenSSL and compilers take, and nothing is lost by it."""

import os
import ssl
import stat
import subprocess
import tarfile

import pytest

import rig


class Place:
    """A directory, and godwit in it."""

    def __init__(self, path):
        self.path = path

    def run(self, *words, code=0):
        done = subprocess.run([os.path.abspath(rig.binary()), *words], cwd=self.path, text=True, timeout=rig.WAIT,
                              stdin=subprocess.DEVNULL, capture_output=True, check=False)
        assert done.returncode == code, (words, done)
        return done.stdout if code == 0 else done.stderr or done.stdout

    def cert(self, *words, code=0):
        return self.run("cert", *words, code=code)

    def openssl(self, *words):
        return subprocess.run(["openssl", *words], cwd=self.path, text=True, timeout=rig.WAIT, capture_output=True,
                              stdin=subprocess.DEVNULL, check=False)

    def read(self, name):
        return (self.path / name).read_bytes()

    def mode(self, name):
        return stat.S_IMODE((self.path / name).stat().st_mode)


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


@pytest.fixture
def family(place):
    """A place with a CA and a server certificate."""
    place.cert("ca", "--name", "Test CA")
    place.cert("server", "--name", "broker.lan", "--name", "10.0.0.9", "--name", "fd00::9")
    return place


def verify(place, name, *words):
    return place.openssl("verify", "-x509_strict", "-CAfile", "ca.pem", *words, name)


def test_what_is_made_verifies_for_its_purpose_and_names(family):
    family.cert("client", "sensor-7")
    client = "sensor-7/sensor-7.pem"
    for name, words, good in (
            ("server.pem", ["-purpose", "sslserver", "-verify_hostname", "broker.lan"], True),
            ("server.pem", ["-purpose", "sslserver", "-verify_ip", "10.0.0.9"], True),
            ("server.pem", ["-purpose", "sslserver", "-verify_ip", "fd00::9"], True),
            ("server.pem", ["-purpose", "sslserver", "-verify_hostname", "other.lan"], False),
            ("server.pem", ["-purpose", "sslclient"], False),
            (client, ["-purpose", "sslclient"], True),
            (client, ["-purpose", "sslserver"], False)):
        done = verify(family, name, *words)
        assert (done.returncode == 0) == good, (name, words, done)


def test_a_ca_below_the_ca_is_not_taken(family):
    """Whoever got hold of a server key must not be able to make certificates of his own."""
    family.openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "x.key",
                   "-subj", "/CN=x", "-out", "x.csr")
    family.openssl("x509", "-req", "-in", "x.csr", "-CA", "server.pem", "-CAkey", "server.key", "-CAcreateserial",
                   "-out", "x.pem")
    assert family.read("x.pem")
    done = family.openssl("verify", "-CAfile", "ca.pem", "-untrusted", "server.pem", "x.pem")
    assert done.returncode != 0, done


def test_keys_are_for_their_owner_alone(place):
    mask = os.umask(0)
    try:
        place.cert("ca")
        place.cert("server")
        place.cert("client", "a")
        place.cert("client", "b", "--out", "b.tar")
    finally:
        os.umask(mask)
    for name, mode in (("ca.key", 0o600), ("server.key", 0o600), ("a", 0o700), ("a/a.key", 0o600), ("a/a.h", 0o600),
                       ("b.tar", 0o600), ("ca.pem", 0o644), ("server.pem", 0o644)):
        assert place.mode(name) == mode, name


def test_nothing_is_replaced_unasked(family):
    before = {name: family.read(name) for name in ("ca.pem", "ca.key", "server.pem", "server.key")}
    assert "never replaced" in family.cert("ca", code=73)
    assert "--force" in family.cert("server", code=73)
    family.cert("client", "a")
    key = family.read("a/a.key")
    assert "a is there already" in family.cert("client", "a", code=73)
    family.cert("client", "a", "--out", "a.tar")
    assert "a.tar is there already" in family.cert("client", "a", "--out", "a.tar", code=73)
    assert key == family.read("a/a.key")
    assert before == {name: family.read(name) for name in before}


def test_a_new_server_certificate_keeps_the_key(family):
    key, old = family.read("server.key"), family.read("server.pem")
    assert "for broker.lan, 10.0.0.9, fd00::9, more.lan (" in family.cert("server", "--add", "more.lan")
    assert family.read("server.key") == key and family.read("server.pem") != old
    assert "for only.lan (" in family.cert("server", "--name", "only.lan", "--force")
    assert family.read("server.key") == key
    assert "server.key belongs to it" in family.cert("show", "server.pem")
    (family.path / "server.key").unlink()
    family.cert("server", "--name", "only.lan", "--force")
    assert family.read("server.key") != key
    assert sorted(os.listdir(family.path)) == ["ca.key", "ca.pem", "server.key", "server.pem"]


def test_own_names_are_found(place):
    place.cert("ca")
    assert "localhost, 127.0.0.1, ::1" in place.cert("server")
    assert verify(place, "server.pem", "-verify_hostname", "localhost").returncode == 0


@pytest.mark.parametrize("name, stem", [("sensor-7", "sensor-7"), ("büro 2", "b__ro_2"), ('a"b\\c?', "a_b_c_"),
                                        ("..x", "_.x"), ("x" * 64, "x" * 64)])
def test_a_client_gets_all_it_needs(family, name, stem):
    family.cert("client", name, "--out", "kit.tar", "--host", "broker.lan")
    with tarfile.open(family.path / "kit.tar") as tar:
        files = tar.getnames()
        tar.extractall(family.path)
    folder = os.path.dirname(files[0])
    assert sorted(os.path.basename(file) for file in files) == sorted(
        [f"{stem}.key", f"{stem}.pem", f"{stem}.h", "ca.pem", "README.txt"])
    assert verify(family, f"{folder}/{stem}.pem", "-purpose", "sslclient").returncode == 0
    der = ssl.PEM_cert_to_DER_cert(family.read(f"{folder}/{stem}.pem").decode())
    assert b"\x0c" + bytes([len(name.encode())]) + name.encode() in der  # a UTF8String
    (family.path / "x.c").write_text(f'#include "{folder}/{stem}.h"\n#include <stdio.h>\n#include <string.h>\n'
                                     'int main(int c, char **v) { (void)c; fputs(v[1][0] == \'i\' ? GODWIT_CLIENT_ID :'
                                     ' v[1][0] == \'h\' ? GODWIT_BROKER_HOST : v[1][0] == \'c\' ? godwit_ca_pem :'
                                     ' v[1][0] == \'k\' ? godwit_client_key_pem : godwit_client_certificate_pem,'
                                     ' stdout); }\n')
    subprocess.run(["gcc", "-Wall", "-Wextra", "-std=c99", "-o", "x", "x.c"], cwd=family.path, check=True)
    say = lambda what: subprocess.run(["./x", what], cwd=family.path, capture_output=True, check=True).stdout
    assert say("i").decode() == name and say("h") == b"broker.lan"
    assert say("c") == family.read("ca.pem")
    assert say("k") == family.read(f"{folder}/{stem}.key")
    assert say("p") == family.read(f"{folder}/{stem}.pem")


@pytest.mark.parametrize("words, code, says", [
    (["server", "--dir", "none"], 74, "there is no CA in none"),
    (["server", "--name", "a b"], 64, '"a b" cannot stand in a certificate'),
    (["server", "--name", "mqtts://broker"], 64, "cannot stand in a certificate"),
    (["server", "--days", "0"], 64, "--days is 1 to 36500"),
    (["server", "--days", "x"], 64, "--days is 1 to 36500"),
    (["server", "--name"], 64, "--name wants a value"),
    (["server", "--nam", "x"], 64, 'did you mean "--name"?'),
    (["client"], 64, "which client?"),
    (["client", ""], 64, "it is empty"),
    (["client", "a/b"], 64, "cannot be the name of a client"),
    (["client", "a+b"], 64, "cannot be the name of a client"),
    (["client", "x" * 65], 64, "64 bytes"),
    (["client", "a", "--out", "a.zip"], 64, ".tar or a directory"),
    (["client", "a", "--out", "none/a"], 74, "No such file or directory"),
    (["client", "a", "--host", "a b"], 64, '"a b" is no host'),
    (["ca", "--dir", "ca.pem"], 74, "cannot make the directory ca.pem"),
    (["ca", "--name", "x" * 65], 64, "64 bytes"),
    (["show"], 64, "which file?"),
    (["show", "none"], 74, "cannot read none: No such file or directory"),
    (["show", "ca.key"], 74, "holds no certificate"),
    (["shew"], 64, 'did you mean "show"?'),
])
def test_errors_say_what_to_do(family, words, code, says):
    text = family.cert(*words, code=code)
    assert says in text and text.startswith("godwit cert"), text


def test_without_a_ca_it_says_where_it_looked(place):
    assert "no ca.pem with its ca.key in ., tls or godwit/tls" in place.cert("server", code=74)
    (place.path / "godwit").mkdir()
    place.cert("ca", "--dir", "godwit/tls")
    assert place.cert("server").startswith("Created godwit/tls/server.pem")


def test_a_key_of_another_and_one_with_a_pass_phrase_are_told(family):
    family.cert("client", "a")
    (family.path / "server.key").write_bytes(family.read("a/a.key"))
    assert "server.key is NOT its key" in family.cert("show", "server.pem", code=1)
    family.openssl("pkey", "-in", "ca.key", "-aes256", "-passout", "pass:secret", "-out", "closed.key")
    (family.path / "ca.key").write_bytes(family.read("closed.key"))
    assert "ca.key wants a pass phrase" in family.cert("show", "ca.pem")
    assert "wants a pass phrase" in family.cert("client", "b", code=74)


def test_a_directory_that_cannot_be_written(place):
    if os.geteuid() == 0:  # root may write everywhere but here
        assert "cannot write /proc/self/ca.key" in place.cert("ca", "--dir", "/proc/self", code=74)
        return
    place.path.chmod(0o500)
    assert "Permission denied (running as user" in place.cert("ca", code=77)
