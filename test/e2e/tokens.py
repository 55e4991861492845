"""Keys and JSON Web Tokens for tests, made by PyJWT and cryptography, not by the broker's own code."""

import base64
import hashlib
import hmac
import json
import time

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value, size=None):
    return b64(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


def raw(key):
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def pem(key):
    """The public half of a key as PEM."""
    return key.public_key().public_bytes(serialization.Encoding.PEM,
                                         serialization.PublicFormat.SubjectPublicKeyInfo).decode()


CURVES = {"ES256": ("P-256", ec.SECP256R1, 32), "ES384": ("P-384", ec.SECP384R1, 48),
          "ES512": ("P-521", ec.SECP521R1, 66)}
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", *CURVES, "EdDSA", "Ed448")


def make(algorithm):
    if algorithm in CURVES:
        return ec.generate_private_key(CURVES[algorithm][1]())
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    if algorithm == "Ed448":
        return ed448.Ed448PrivateKey.generate()
    return rsa.generate_private_key(65537, 2048)


def jwk(kid, algorithm, key):
    """The public half of a key as a JWK."""
    public = key.public_key()
    if algorithm in CURVES:
        name, _, size = CURVES[algorithm]
        at = public.public_numbers()
        what = {"kty": "EC", "crv": name, "x": number(at.x, size), "y": number(at.y, size)}
    elif algorithm in ("EdDSA", "Ed448"):
        what = {"kty": "OKP", "crv": "Ed25519" if algorithm == "EdDSA" else "Ed448", "x": b64(raw(public))}
    else:
        at = public.public_numbers()
        what = {"kty": "RSA", "n": number(at.n), "e": number(at.e)}
    return {"kid": kid, "use": "sig", **what}


def claims(**more):
    """A minute from now on, for ann, unless told otherwise; None leaves a claim out."""
    all_of_them = {"sub": "ann", "exp": int(time.time()) + 60, **more}
    return {name: value for name, value in all_of_them.items() if value is not None}


def unsafe(header, payload, sign):
    """A token with whatever header; `sign` makes the signature of bytes."""
    text = b64(json.dumps(header).encode()) + "." + b64(json.dumps(payload).encode())
    return text + "." + b64(sign(text.encode()))


def hs256(secret):
    return lambda text: hmac.new(secret, text, hashlib.sha256).digest()


class Issuer:
    """Signs tokens with keys that it names; `jwks` is what it tells the world."""

    def __init__(self, *algorithms):
        self.keys = {}
        for algorithm in algorithms or ("ES256",):
            self.add(algorithm)

    def add(self, algorithm, kid=None):
        kid = kid or f"{algorithm}-{len(self.keys)}"
        self.keys[kid] = (algorithm, make(algorithm))
        return kid

    def jwks(self):
        return json.dumps({"keys": [jwk(kid, *pair) for kid, pair in self.keys.items()]})

    def token(self, kid=None, headers=None, algorithm=None, **more):
        kid = kid or next(iter(self.keys))
        made_for, key = self.keys[kid]
        algorithm = algorithm or ("EdDSA" if made_for == "Ed448" else made_for)
        return jwt.encode(claims(**more), key, algorithm, {"kid": kid, **(headers or {})})
