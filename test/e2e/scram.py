"""SCRAM (RFC 5802, RFC 7677) as a client does it, with Python's own hashes; no line of the broker's.

The client of an exchange, which can also be told to lie at each place.
"""

import base64
import hashlib
import hmac
import os

HASHES = {"SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512"}


def b64(data):
    return base64.b64encode(data).decode()


def fields(text):
    return dict(part.split("=", 1) for part in text.split(","))


def escaped(name):
    return name.replace("=", "=3D").replace(",", "=2C")


class Client:
    def __init__(self, method, user, password, header="n,,"):
        self.hash, self.user, self.password = HASHES[method], user, password
        self.header, self.nonce = header, b64(os.urandom(18))

    def first(self):
        self.bare = f"n={escaped(self.user)},r={self.nonce}"
        return (self.header + self.bare).encode()

    def last(self, answer):
        """The proof for what the server said to the first message."""
        self.said = answer.decode()
        got = fields(self.said)
        assert got["r"].startswith(self.nonce) and len(got["r"]) >= len(self.nonce) + 18
        self.rounds, self.salt = int(got["i"]), got["s"]
        assert self.rounds >= 4096
        salted = hashlib.pbkdf2_hmac(self.hash, self.password.encode(), base64.b64decode(self.salt), self.rounds)
        key = self.mac(salted, b"Client Key")
        unproved = f"c={b64(self.header.encode())},r={got['r']}"
        self.signed = f"{self.bare},{self.said},{unproved}".encode()
        mask = self.mac(hashlib.new(self.hash, key).digest(), self.signed)
        self.verifier = self.mac(self.mac(salted, b"Server Key"), self.signed)
        return f"{unproved},p={b64(bytes(a ^ b for a, b in zip(key, mask)))}".encode()

    def trusts(self, answer):
        """Whether the server knows the password too."""
        return answer == b"v=" + b64(self.verifier).encode()

    def mac(self, key, text):
        return hmac.new(key, text, self.hash).digest()
