"""A certificate authority for tests: keys and certificates made with the openssl command."""

import os
import pathlib
import subprocess
import tempfile


def openssl(*words, cwd=None, stdin=b""):
    done = subprocess.run(["openssl", *map(str, words)], cwd=cwd, input=stdin,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 0, (words, done.stderr.decode())
    return done.stdout


class Authority:
    """Signs what it is asked to; all files lie in its directory, `ca.pem` is its own certificate."""

    def __init__(self, name="test CA"):
        self.room = tempfile.TemporaryDirectory(prefix="godwit-ca-")
        self.directory = pathlib.Path(self.room.name)
        self.cert, self.key = self.directory / "ca.pem", self.directory / "ca.key"
        self._key(self.key)
        openssl("req", "-x509", "-new", "-key", self.key, "-out", self.cert, "-days", 30,
                "-subj", f"/CN={name}", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
        (self.directory / "index.txt").touch()
        (self.directory / "crl.conf").write_text(
            "[ca]\ndefault_ca = own\n[own]\ndatabase = index.txt\ndefault_md = sha256\n"
            "default_crl_days = 30\n")

    @staticmethod
    def _key(path):
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path)

    def issue(self, name, *more, san=(), days=30, usage="serverAuth,clientAuth", start=None):
        """(certificate, key) of a new name; `more` are further parts of its subject."""
        stem = self.directory / f"{name.replace('*', 'any').replace('/', '_')}-{os.urandom(4).hex()}"
        cert, key, asked, ext = (stem.with_suffix(s) for s in (".pem", ".key", ".csr", ".ext"))
        self._key(key)
        subject = "".join(f"/{part}" for part in (f"CN={name}", *more))
        openssl("req", "-new", "-key", key, "-out", asked, "-subj", subject)
        lines = [f"extendedKeyUsage={usage}"]
        if san:
            lines.append("subjectAltName=" + ",".join(san))
        ext.write_text("\n".join(lines) + "\n")
        openssl("x509", "-req", "-in", asked, "-CA", self.cert, "-CAkey", self.key, "-set_serial",
                "0x" + os.urandom(8).hex(), "-days", days, "-extfile", ext, "-out", cert)
        return cert, key

    def revoke(self, *certs):
        """A list of revoked certificates."""
        for cert in certs:
            openssl("ca", "-config", "crl.conf", "-cert", self.cert, "-keyfile", self.key,
                    "-revoke", cert, cwd=self.directory)
        out = self.directory / f"crl-{os.urandom(4).hex()}.pem"
        openssl("ca", "-config", "crl.conf", "-cert", self.cert, "-keyfile", self.key, "-gencrl",
                "-out", out, cwd=self.directory)
        return out

    def adopt(self, other, name="test CA between"):
        """A certificate for another authority's key, which makes its own signatures lead to us."""
        asked, ext, out = (other.directory / f"adopted.{s}" for s in ("csr", "ext", "pem"))
        openssl("req", "-new", "-key", other.key, "-out", asked, "-subj", f"/CN={name}")
        ext.write_text("basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n")
        openssl("x509", "-req", "-in", asked, "-CA", self.cert, "-CAkey", self.key, "-set_serial",
                "0x" + os.urandom(8).hex(), "-days", 30, "-extfile", ext, "-out", out)
        return out

    def respond(self, cert, status="V", *words):
        """An OCSP response on a certificate: V good, R revoked, None: it is not
        known; `words` say how long it holds."""
        stem = self.directory / f"ocsp-{os.urandom(4).hex()}"
        index, asked, out = (stem.with_suffix(s) for s in (".txt", ".req", ".der"))
        serial = openssl("x509", "-in", cert, "-noout", "-serial").decode().strip().split("=")[1]
        revoked = "250101000000Z" if status == "R" else ""
        index.write_text("" if status is None else f"{status}\t491231235959Z\t{revoked}\t{serial}\tunknown\t/CN=any\n")
        openssl("ocsp", "-issuer", self.cert, "-cert", cert, "-reqout", asked, "-no_nonce")
        openssl("ocsp", "-index", index, "-CA", self.cert, "-rsigner", self.cert, "-rkey", self.key,
                "-reqin", asked, "-respout", out, *(words or ("-ndays", 1)))
        return out

    def remove(self):
        self.room.cleanup()
