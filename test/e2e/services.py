"""Directories and data bases that know users: slapd, PostgreSQL, Redis, started for a test alone.

Each has its files in a directory of its own, is reached by a Unix socket there (by TCP where TLS is
tried), can be stopped, frozen and started again, and is gone with `close`.
"""

import atexit
import functools
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile

from authority import Authority
from rig import WAIT, binary, until

PG_BIN = pathlib.Path("/usr/lib/postgresql")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run(*words, text="", timeout=WAIT, **more):
    done = subprocess.run([str(word) for word in words], input=text, text=True, timeout=timeout,
                          capture_output=True, check=False, **more)
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout


def hash_of(password):
    """What `godwit passwd` stores of a password, of the kind that costs next to nothing."""
    with tempfile.TemporaryDirectory() as room:
        file = pathlib.Path(room) / "users"
        file.touch()
        run("mosquitto_passwd", "-H", "sha512", "-b", file, "x", password)
        return file.read_text().strip().split(":", 1)[1]


def family(pid):
    """A process and all that descend from it."""
    children = {}
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found = [pid]
    for each in found:
        found += children.get(each, [])
    return found


class Service:
    """What the three have in common."""

    user = None  # runs as that user if the test runs as root

    def __init__(self):
        self.room = pathlib.Path(tempfile.mkdtemp(prefix="godwit-svc-"))
        self.process = None
        self.room.chmod(0o755)
        self.prefix = []
        if self.user and os.geteuid() == 0:
            entry = pwd.getpwnam(self.user)
            os.chown(self.room, entry.pw_uid, entry.pw_gid)
            self.prefix = ["setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}",
                           "--clear-groups"]
        self.prepare()
        self.start()

    def start(self):
        with (self.room / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(word) for word in [*self.prefix, *self.command()]], cwd=self.room,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)

        def ask():
            assert self.process.poll() is None, (self.room / "log").read_text()
            return self.answers()
        until(ask, lambda: (self.room / "log").read_text())

    def signal_all(self, number):
        for pid in family(self.process.pid):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def freeze(self):
        self.signal_all(signal.SIGSTOP)

    def thaw(self):
        self.signal_all(signal.SIGCONT)

    def stop(self, number=signal.SIGTERM):
        self.thaw()
        self.process.send_signal(number)
        try:
            self.process.wait(WAIT)
        except subprocess.TimeoutExpired:
            self.signal_all(signal.SIGKILL)
            self.process.wait()

    def restart(self):
        self.stop()
        self.start()

    def close(self):
        if self.process and self.process.poll() is None:
            self.stop(self.ends_by)
        shutil.rmtree(self.room, ignore_errors=True)

    ends_by = signal.SIGTERM


class Slapd(Service):
    """A directory with ou=people and ou=groups below dc=example,dc=org."""

    SUFFIX = "dc=example,dc=org"
    PEOPLE = f"ou=people,{SUFFIX}"
    GROUPS = f"ou=groups,{SUFFIX}"

    def prepare(self):
        self.authority = Authority()
        cert, key = self.authority.issue("service", san=("IP:127.0.0.1",))
        self.port, self.tls_port = free_port(), free_port()
        self.socket = self.room / "ldapi"
        (self.room / "db").mkdir()
        (self.room / "slapd.conf").write_text(f"""
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCACertificateFile {self.authority.cert}
TLSCertificateFile {cert}
TLSCertificateKeyFile {key}
allow bind_anon_cred
database mdb
maxsize 16777216
suffix "{self.SUFFIX}"
rootdn "cn=admin,{self.SUFFIX}"
rootpw admin
directory {self.room}/db
access to attrs=userPassword by anonymous auth by * none
access to * by dn="cn=finder,{self.SUFFIX}" read by users read by * none
""")
        (self.room / "first.ldif").write_text(f"""dn: {self.SUFFIX}
objectClass: dcObject
objectClass: organization
o: example
dc: example

dn: {self.PEOPLE}
objectClass: organizationalUnit
ou: people

dn: {self.GROUPS}
objectClass: organizationalUnit
ou: groups

dn: cn=finder,{self.SUFFIX}
objectClass: applicationProcess
objectClass: simpleSecurityObject
cn: finder
userPassword: look
""")
        run("slapadd", "-f", self.room / "slapd.conf", "-l", self.room / "first.ldif")
        (self.room / "look").write_text("look\n")

    def url(self, scheme="ldapi"):
        if scheme == "ldapi":
            return "ldapi://" + str(self.socket).replace("/", "%2F")
        return f"{scheme}://127.0.0.1:{self.port if scheme == 'ldap' else self.tls_port}"

    def command(self):
        return ["/usr/sbin/slapd", "-f", self.room / "slapd.conf", "-d", "0",
                "-h", " ".join(self.url(scheme) for scheme in ("ldapi", "ldap", "ldaps"))]

    def change(self, program, ldif, *words):
        run(program, "-H", self.url(), "-x", "-D", f"cn=admin,{self.SUFFIX}", "-w", "admin", *words,
            text=ldif)

    def answers(self):
        return subprocess.run(["ldapwhoami", "-H", self.url(), "-x"], capture_output=True,
                              timeout=WAIT, check=False).returncode == 0

    def dn(self, name):
        return "uid=" + "".join(c if c.isalnum() else "".join(f"\\{b:02X}" for b in c.encode())
                                for c in name) + f",{self.PEOPLE}"

    def add(self, name, password, group=None):
        self.change("ldapadd", f"dn: {self.dn(name)}\nobjectClass: inetOrgPerson\nuid: {name}\n"
                    f"cn: {name}\nsn: {name}\nuserPassword: {password}\n"
                    f"businessCategory: {group or 'none'}\n")
        if group:
            self.change("ldapadd", f"dn: cn={group},{self.GROUPS}\nobjectClass: groupOfNames\n"
                        f"cn: {group}\nmember: {self.dn(name)}\n")

    def drop(self, name):
        self.change("ldapdelete", "", self.dn(name))

    def close(self):
        super().close()
        self.authority.remove()

    def direct(self, **more):
        return self.entry(user_dn=f"uid=%u,{self.PEOPLE}", group_base=self.GROUPS, **more)

    def auth(self, **more):
        return self.entry(base=self.PEOPLE, bind_dn=f"cn=finder,{self.SUFFIX}",
                          bind_password_file=self.room / "look", group_base=self.GROUPS, **more)

    def entry(self, url=None, **more):
        return entry("ldap", {"url": url or self.url(), **more})


@functools.lru_cache
def pg_template(program, prefix, user):
    """A data directory as initdb makes it, which takes long on a busy machine: made once, copied."""
    room = pathlib.Path(tempfile.mkdtemp(prefix="godwit-svc-"))
    atexit.register(shutil.rmtree, room, ignore_errors=True)
    room.chmod(0o755)
    if prefix:
        entry = pwd.getpwnam(user)
        os.chown(room, entry.pw_uid, entry.pw_gid)
    run(*prefix, program, "-D", room / "data", "-A", "trust", "-U", "postgres", "--no-sync",
        "-E", "UTF8", "--locale=C", cwd=room, timeout=10 * WAIT)
    return room / "data"


class Postgres(Service):
    """A server whose data base has a table `people`."""

    user = "postgres"
    ends_by = signal.SIGQUIT  # at once

    def prepare(self):
        self.bin = sorted(PG_BIN.glob("*/bin"))[-1]
        self.data = self.room / "data"
        run("cp", "-a", pg_template(self.bin / "initdb", tuple(self.prefix), self.user), self.data,
            timeout=10 * WAIT)
        self.first = True

    def command(self):
        return [self.bin / "postgres", "-D", self.data, "-k", self.room, "-c", "listen_addresses=",
                "-c", "fsync=off"]

    def stop(self, number=signal.SIGINT):
        super().stop(number)

    def sql(self, *texts):
        words = [word for text in texts for word in ("-c", text)]
        return run(self.bin / "psql", "-h", self.room, "-U", "postgres", "-qAt", *words)

    def answers(self):
        ready = subprocess.run([self.bin / "pg_isready", "-h", self.room], capture_output=True,
                               timeout=WAIT, check=False).returncode == 0
        if ready and self.first:
            self.sql("create table people (name text primary key, hash text, groups text, list text[])")
            self.first = False
        return ready

    @staticmethod
    def quote(text):
        return "'" + text.replace("'", "''") + "'"

    def add(self, name, password, group=None):
        values = ", ".join(map(self.quote, (name, hash_of(password), group or "")))
        self.sql(f"insert into people values ({values}, '{{}}')")

    def drop(self, name):
        self.sql(f"delete from people where name = {self.quote(name)}")

    def auth(self, query="select hash, groups from people where name = $1", **more):
        return entry("postgres", {"url": f"postgresql:///postgres?host={self.room}&user=postgres",
                                  "query": query, **more})


class Redis(Service):
    """A server that wants a password, with a hash for each user."""

    def prepare(self):
        self.authority = Authority()
        self.cert, self.key = self.authority.issue("service", san=("IP:127.0.0.1",))
        self.socket, self.port = self.room / "socket", free_port()
        (self.room / "proof").write_text("open sesame\n")

    def command(self):
        return ["redis-server", "--port", 0, "--unixsocket", self.socket, "--dir", self.room,
                "--save", "60 1", "--requirepass", "open sesame", "--tls-port", self.port,
                "--bind", "127.0.0.1", "--tls-cert-file", self.cert, "--tls-key-file", self.key,
                "--tls-ca-cert-file", self.authority.cert, "--tls-auth-clients", "no"]

    def ask(self, *words):
        return subprocess.run(["redis-cli", "-s", self.socket, *words], capture_output=True,
                              text=True, timeout=WAIT, check=False,
                              env={**os.environ, "REDISCLI_AUTH": "open sesame"}).stdout.strip()

    def answers(self):
        return self.ask("ping") == "PONG"

    def add(self, name, password, group=None):
        self.ask("hset", f"mqtt:user:{name}", "hash", hash_of(password), "groups", group or "")

    def drop(self, name):
        self.ask("del", f"mqtt:user:{name}")

    def close(self):
        super().close()
        self.authority.remove()

    def auth(self, url=None, **more):
        return entry("redis", {"url": url or f"unix:{self.socket}",
                               "password_file": self.room / "proof", **more})


def entry(kind, settings):
    """An entry of `auth`."""
    words = ", ".join("%s: '%s'" % (name, str(value).replace("'", "''"))
                      for name, value in settings.items())
    return f"{kind}: {{{words}}}"


def file_user(path, name, password):
    """A user file beside the service."""
    done = subprocess.run([binary(), "passwd", "-c", "-H", "sha512", "-b", str(path), name, password],
                          capture_output=True, text=True, timeout=WAIT, check=False)
    if done.returncode != 0:
        path.touch()
        run("mosquitto_passwd", "-H", "sha512", "-b", path, name, password)
    return path
