"""A Kerberos realm of its own: a real KDC on a loopback port, with its files in a directory of the test."""

import os
import shutil
import socket
import subprocess
import threading

from rig import WAIT, until

REALM = "GODWIT.TEST"
TOOLS = ("krb5kdc", "kdb5_util", "kadmin.local", "kinit", "gsasl")


def program(name):
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def missing():
    return [name for name in TOOLS if not program(name)]


class Realm:
    def __init__(self, directory):
        self.directory = directory
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.port = server.getsockname()[1]
        self.keytab = directory / "keytab"
        (directory / "krb5.conf").write_text(
            f"[libdefaults]\n default_realm = {REALM}\n dns_lookup_kdc = false\n dns_lookup_realm = false\n"
            " dns_canonicalize_hostname = false\n rdns = false\n udp_preference_limit = 1\n"
            f"[realms]\n {REALM} = {{\n  kdc = 127.0.0.1:{self.port}\n }}\n")
        (directory / "kdc.conf").write_text(
            f"[kdcdefaults]\n kdc_listen = 127.0.0.1:{self.port}\n kdc_tcp_listen = 127.0.0.1:{self.port}\n"
            f"[realms]\n {REALM} = {{\n  database_name = {directory}/principal\n  key_stash_file = {directory}/stash\n"
            f"  acl_file = {directory}/acl\n }}\n[logging]\n kdc = FILE:{directory}/kdc.log\n")
        self.environment = {**os.environ, "KRB5_CONFIG": f"{directory}/krb5.conf",
                            "KRB5_KDC_PROFILE": f"{directory}/kdc.conf", "KRB5RCACHEDIR": str(directory)}
        self.run("kdb5_util", "create", "-s", "-P", "master")
        self.process = subprocess.Popen([program("krb5kdc"), "-n"], env=self.environment,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(self.answers, "the KDC listens")

    def answers(self):
        assert self.process.poll() is None, "the KDC ended"
        try:
            socket.create_connection(("127.0.0.1", self.port), WAIT).close()
        except ConnectionRefusedError:
            return False
        return True

    def run(self, name, *words, text="", **more):
        done = subprocess.run([program(name), *words], env={**self.environment, **more}, input=text, text=True,
                              capture_output=True, timeout=WAIT)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def add(self, name, password):
        self.run("kadmin.local", "-q", f"addprinc -pw {password} {name}")

    def add_service(self, name, keytab=None):
        self.run("kadmin.local", "-q", f"addprinc -randkey {name}")
        self.run("kadmin.local", "-q", f"ktadd -k {keytab or self.keytab} {name}")

    def ticket(self, name, password):
        """The cache of somebody who has logged in to the realm."""
        cache = f"FILE:{self.directory}/cache-{name.replace('/', '-')}"
        self.run("kinit", name, text=password + "\n", KRB5CCNAME=cache)
        return cache

    def stop(self):
        self.process.terminate()
        self.process.wait(WAIT)


class Sasl:
    """The client of GNU SASL on the command line: lines of base64 out and in."""

    def __init__(self, method, *words, **environment):
        # It writes to a terminal or a pipe as it comes only if told so.
        self.process = subprocess.Popen(
            ["stdbuf", "-oL", program("gsasl"), "--client", f"--mechanism={method}", "--quiet", *words],
            env={**os.environ, **environment}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)
        self.timer = threading.Timer(WAIT, self.process.kill)
        self.timer.start()
        assert self.process.stdout.readline().strip() == method, self.process.stderr.read()

    def says(self):
        return self.process.stdout.readline().strip()

    def hears(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def close(self):
        self.timer.cancel()
        self.process.kill()
        self.process.communicate()
