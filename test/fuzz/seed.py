#!/usr/bin/env python3
"""Writes the hand-made seeds of the corpora: test/fuzz/seed.py [target ...].

Run once a target, when it is new; the files are committed. What fuzzing finds is added beside them
under other names and never touched from here.
"""
import base64
import pathlib
import random
import struct
import sys

CORPUS = pathlib.Path(__file__).parent / "corpus"


def programs(name, count, size):
    """Random operations: the models of these targets give every byte a meaning."""
    rng = random.Random(name)
    for i in range(count):
        yield f"seed-{i:02}", rng.randbytes(rng.randint(4, size))


def utf8():
    points = [0x01, 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFD, 0xFFFF, 0x10000, 0x10FFFF]
    for p in points:
        yield f"valid-{p:06x}", b"abcdefg" + chr(p).encode() + b"hijklmnop"
    bad = [b"\0", b"\x80", b"\xc0\x80", b"\xc1\xbf", b"\xc2", b"\xe0\x9f\xbf", b"\xe0\xa0",
           b"\xed\xa0\x80", b"\xf0\x8f\xbf\xbf", b"\xf0\x90\x80", b"\xf4\x90\x80\x80",
           b"\xf5\x80\x80\x80", b"\xff"]
    for b in bad:
        yield f"bad-{b.hex()}", b"long enough for words " + b + b" and more"


def filter_():
    pairs = ["a/b a/b", "a/+ a/b", "a/# a", "+/+ /a", "# $SYS/x", "$SYS/# $SYS/x", "+/b/# a/b/c/d",
             "a//b a//b", "/ /", "a/#/b a", "a+ a", "$share/g/a/# a/b", "$share//a a",
             "$share/g $share/g", "$share/+/a a", "$share/g/ x", "/# /a/b", "+/# a", "$share x"]
    for i, pair in enumerate(pairs):
        yield f"text-{i:02}", b"\1" + pair.replace(" ", "\n").encode()
    for name, data in programs("filter", 8, 80):
        yield name, b"\0" + data


def varint(n):
    out = b""
    while True:
        n, low = n >> 7, n & 127
        out += bytes([low | (128 if n else 0)])
        if not n:
            return out


def text(s):
    s = s if isinstance(s, bytes) else s.encode()
    return struct.pack(">H", len(s)) + s


def props(*items):
    block = b"".join(items)
    return varint(len(block)) + block


USER = b"\x26" + text("key") + text("value")
MESSAGE = [b"\x01\x01", b"\x02" + struct.pack(">I", 60), b"\x03" + text("text/plain"),
           b"\x08" + text("reply/to"), b"\x09" + text(b"\0\1\2"), USER, USER]
CONNECT = [b"\x11" + struct.pack(">I", 3600), b"\x15" + text("SCRAM"), b"\x16" + text(b"\1\2"),
           b"\x17\x00", b"\x19\x01", b"\x21\x00\x10", b"\x22\x00\x0a", USER,
           b"\x27" + struct.pack(">I", 1000)]
CONNACK = [b"\x11" + struct.pack(">I", 3600), b"\x12" + text("auto-1"), b"\x13\x00\x3c",
           b"\x15" + text("SCRAM"), b"\x16" + text(b"\1\2"), b"\x1a" + text("info"),
           b"\x1c" + text("other:1883"), b"\x1f" + text("why"), b"\x21\x00\x10", b"\x22\x00\x0a",
           b"\x24\x01", b"\x25\x00", USER, b"\x27" + struct.pack(">I", 1000), b"\x28\x00",
           b"\x29\x01", b"\x2a\x00"]
REASON = [b"\x1f" + text("because"), USER]


def bodies(version):
    """(type and flags, body) of every packet in several forms."""
    five = version == 5

    def p(*items):
        return props(*items) if five else b""

    name, level = ("MQIsdp", 3) if version == 3 else ("MQTT", version)
    start = text(name) + bytes([level])
    yield 0x10, start + b"\x02\x00\x3c" + p() + text("c")
    yield 0x10, start + b"\xf6\x00\x00" + p(*CONNECT) + text("client") + \
        p(b"\x18\0\0\0\5", *MESSAGE) + text("will/topic") + text("gone") + text("u") + text("p")
    yield 0x10, start + b"\x0c\xff\xff" + p(CONNECT[0]) + text("") + p() + text("w") + text("")
    if not five:
        yield 0x10, text(name) + bytes([level | 0x80]) + b"\x02\x00\x3c" + text("bridge")
    yield 0x20, b"\x00\x00" + p()
    yield 0x20, b"\x01\x00" + p(*CONNACK)
    yield 0x20, b"\x00" + (b"\x87" if five else b"\x05") + p(REASON[0])
    yield 0x30, text("a/b") + p() + b"payload"
    yield 0x3b, text("a") + b"\0\1" + p(*MESSAGE) + b"payload"
    yield 0x34, text("t" if version < 5 else "") + b"\0\1" + p(b"\x23\0\1")
    yield 0x32, text("t") + b"\0\2" + p(b"\x0b\x01", b"\x0b\x80\x01", b"\x0b\xff\xff\xff\x7f") + b"x"
    for kind in (0x40, 0x50, 0x62, 0x70):
        yield kind, b"\0\7"
        if five:
            yield kind, b"\0\7\x92" if kind in (0x62, 0x70) else b"\0\7\x10"
            yield kind, b"\0\7\x00" + p(*REASON)
    yield 0x82, b"\0\1" + p() + text("a/+") + b"\1"
    yield 0x82, b"\0\2" + p(b"\x0b\x05", USER) + text("#") + b"\0" + text("$share/g/a") + \
        (b"\x2a" if five else b"\2")
    if five:
        yield 0x82, b"\0\3" + p() + text("a/b") + b"\x16" + text("c") + b"\x0d"
    yield 0x90, b"\0\1" + p() + (b"\1" if version == 3 else b"\1\x80")
    yield 0x90, b"\0\1" + p(*REASON) + b"\0\1\2"
    yield 0xa2, b"\0\1" + p() + text("a") + text("b/#")
    yield 0xb0, b"\0\1" + (p(REASON[0]) + b"\0\x11" if five else b"")
    yield 0xc0, b""
    yield 0xd0, b""
    yield 0xe0, b""
    if five:
        yield 0xe0, b"\x04"
        yield 0xe0, b"\x00" + p(b"\x11\0\0\0\0", *REASON)
        yield 0xe0, b"\x9d" + p(b"\x1c" + text("there"))
        yield 0xf0, b"\x18" + p(b"\x15" + text("SCRAM"), b"\x16" + text(b"\1"), *REASON)
        yield 0xf0, b""


def packet():
    for version in (3, 4, 5):
        for i, (first, body) in enumerate(bodies(version)):
            side = first >> 4 in (2, 9, 11, 13)  # only servers send these
            config = (version - 3) | (4 if side else 0)
            yield f"v{version}-{first:02x}-{i:02}", bytes([config, first]) + body
            if version == 5 and len(body) > 2:
                yield f"v5-{first:02x}-{i:02}-cut", bytes([config, first]) + body[:-1]
            if version == 5 and first in (0x32, 0x40, 0x50, 0xe0, 0xf0):
                yield f"v5-{first:02x}-{i:02}-server", bytes([config | 4, first]) + body


def header():
    for data in (b"\x10\x00", b"\x30\x7f", b"\x30\x80\x01", b"\x30\xff\xff\xff\x7f", b"\xc0\x80\x00",
                 b"\x30\x80\x80\x80\x80\x01", b"\x82\x05", b"\x80\x05", b"\x36\x05", b"\x38\x02",
                 b"\x00\x00", b"\xf0\x00", b"\x62\xff", b"\x30\xff\xff\x7f", b"\xe0"):
        yield f"bytes-{data.hex()}", data


def assembler():
    small = b"".join(bytes([t]) + varint(n) + bytes(n) for t, n in
                     ((0x10, 12), (0x30, 5), (0xC0, 0), (0x32, 127), (0x82, 128), (0xE0, 0)))
    large = b"\x30" + varint(5) + b"hello" + b"\x30" + varint(4000) + bytes(4000) + b"\xc0\x00"
    ends = {"whole": b"", "cut-1": b"\x30", "cut-2": b"\x30\x80", "cut-body": b"\x30\x09abc",
            "five": b"\x30\xff\xff\xff\xff\x01", "huge": b"\x30\xff\xff\xff\x7f",
            "long": b"\x30\x81\x00z\xc0\x80\x00"}
    for name, end in ends.items():
        for version in (0, 2, 3):
            yield f"small-{name}-{version}", bytes([version | 2 << 2, len(end)]) + small + end
        yield f"large-{name}", bytes([3 | 4 << 2, 7]) + large + end
    for limit in range(6):
        yield f"limit-{limit}", bytes([3 | limit << 2, 9]) + small


def property_():
    sets = [(1, CONNECT), (2, CONNACK), (3, MESSAGE), (16, MESSAGE + [b"\x18\0\0\0\1"]), (4, REASON),
            (8, [b"\x0b\x7f"]), (3, [b"\x0b\x01", b"\x0b\x02", b"\x23\0\1"]), (15, CONNECT[1:3])]
    for i, (where, items) in enumerate(sets):
        yield f"all-{i:02}", bytes([where, 2]) + props(*items)
        yield f"all-{i:02}-server", bytes([where, 3]) + props(*items)
        for j, item in enumerate(items):
            yield f"one-{i:02}-{j:02}", bytes([where, 0]) + props(item)


def record(kind, *fields):
    """One record of session/record.h: numbers are varints, bytes are as they are."""
    body = b"".join(f if isinstance(f, bytes) else varint(f) for f in fields)
    return bytes([kind, len(body)]) + body


def sized(s):
    return varint(len(s)) + s


def image():
    session = record(2, 1, b"\1", 9, 60, sized(b"a"), sized(b"u"))
    other = record(2, 2, b"\0", 9, 60, sized(b"b"), sized(b""))
    again = record(2, 3, b"\0", 9, 60, sized(b"a"), sized(b""))
    will = record(3, 1, b"\x19", 30, 7, 1, 0, 2, b"wxy")
    message = record(1, b"\x72\1", 1000, bytes(8), 1, 7, 1, 0, 2, b"tpp")
    relayed = record(1, b"\x11\1", 1000, 1, 11, 0, b"t", b"\x03\0\1t\x26\0\1a\0\1b")
    subscribe = record(5, 1, sized(b"a/#"), b"\2", 5)
    group = record(14, 9, sized(b"$share/g/a"))
    owe = [record(7, 1, b"\2", n, 33, 50) for n in range(20)]
    ids = record(7, 1, b"\x1e", 30, 2 * 777, 50, 9, 3, 3, 1, 2, 200)
    moved = record(7, 1, b"\2", 2, 2 * 4000, 50)
    nowhere = record(7, 1, b"\2", 2, 0, 50)
    shared = record(16, 9, 3, 17, 50)
    retained = [record(13, sized(b"t"), 17), record(13, sized(b"t"), 0, 33)]

    def step(kind, *numbers):
        return record(kind, *numbers)

    yield "session", session + will + subscribe + other + record(3, 1, b"\0") + record(6, 1, sized(b"a/#"))
    yield "clean-start", session + subscribe + owe[0] + step(4, 1) + again + session
    yield "end-lost", session + owe[0] + again + session + owe[1]
    yield "flow", session + message + owe[2] + step(8, 1, 2, 9) + step(9, 1, 2) + nowhere + step(10, 1, 2)
    yield "slice", owe[2] + session + moved + step(8, 1, 2, 9) + step(9, 1, 2) + moved + step(8, 1, 2, 9)
    yield "many", session + b"".join(owe) + b"".join(step(10, 1, n) for n in range(19)) + b"".join(owe)
    yield "backwards", session + b"".join(reversed(owe)) + step(10, 1, 5)
    yield "same-id", session + owe[0] + owe[1] + step(8, 1, 0, 9) + step(8, 1, 1, 9)
    yield "received", session + message + step(11, 1, 8) + step(12, 1, 7)
    yield "retained", b"".join(retained) + retained[0]
    yield "group", group + shared + session + ids + step(8, 1, 30, 4) + step(17, 9, 2) + step(15, 9) + group
    yield "relayed", relayed + session + owe[0] + group + shared + retained[0] + record(18, b"\1", 3 << 32)
    yield "round", session + b"".join(
        record(7, 1, b"\1", (n * 0x1FFFFFFF) & 0xFFFFFFFF, 2, 50) for n in range(20))


def wsframe():
    def frame(first, payload, mask=b"\x37\xfa\x21\x3d"):
        size = len(payload)
        head = bytes([first, 128 | size]) if size < 126 else bytes([first, 254]) + struct.pack(">H", size)
        return head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload))

    connect = b"\x10\x0c\0\4MQTT\4\2\0\x3c\0\0"
    parts = [frame(2, connect[:5]), frame(0x89, b"ping"), frame(0, b""), frame(0x80, connect[5:])]
    yield "whole", b"\0" + frame(0x82, connect)
    yield "parts", b"\0" + b"".join(parts)
    yield "long", b"\0" + frame(0x82, bytes(300)) + frame(0x82, b"x" * 126)
    yield "largest", b"\0\x82\xff\x7f" + b"\xff" * 7 + b"\0\0\0\0only this"
    yield "close", b"\0" + frame(0x88, b"\x03\xe8bye") + frame(0x88, b"") + frame(0x88, b"\x03")
    yield "controls", b"\0" + frame(0x89, b"p" * 125) + frame(0x8A, b"") + frame(0x82, b"")
    yield "server", b"\1\x82\x03abc\x89\0\x02\x01x\x80\x7e\0\x7e" + bytes(126)
    for i, bad in enumerate([b"\xc2", b"\x83", b"\x81", b"\x80", b"\x09", b"\x89\xfe", b"\x82\x01",
                             b"\x82\xfe\0\x7d\1\2\3\4", b"\x82\xff" + bytes(12), frame(2, b"") + b"\x82",
                             b"\x82\xff\x80" + bytes(11)]):
        yield f"bad-{i:02}", b"\0" + frame(0x82, b"before") + bad


def wshead():
    get = "GET /mqtt HTTP/1.1\r\nHost: localhost:8083\r\n"
    rest = ("Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")
    protocol = "Sec-WebSocket-Protocol: mqtt, mqttv3.1\r\n"
    whole = get + rest + protocol + "\r\n"
    texts = [whole, whole.replace("mqtt, ", ""), whole.replace("/mqtt", "http://a/mqtt?x"),
             whole.replace("1.1", "1.0"), whole.replace("GET", "POST"), get + "\r\n",
             get + rest + "\r\n", whole.replace("13", "8"), whole.replace("\r\n", "\n"),
             get + "Origin: http://localhost:8083\r\n" + rest + protocol + "\r\n",
             get + "Origin: https://a.example\r\n" + rest + protocol + "\r\n",
             get + "Host: x\r\n\r\n", get + "A : b\r\n\r\n", get + " fold\r\n\r\n",
             get + "Transfer-Encoding: chunked\r\n\r\n", "\x16\x03\x01", "\x10\x0c", whole[:-1]]
    for i, one in enumerate(texts):
        yield f"text-{i:02}", bytes([i % 8]) + one.encode()
    yield "fields", b"\0" + (get + "A: b\r\n" * 70 + "\r\n").encode()
    yield "large", b"\0" + (get + "A: " + "b" * 9000 + "\r\n").encode()


def proxyhead():
    lines = ["TCP4 10.1.2.3 10.0.0.1 12345 1883", "TCP6 2001:db8::1 ::ffff:1.2.3.4 5 6", "UNKNOWN",
             "UNKNOWN ffff::1 x 1 2", "TCP4 10.1.2.3 10.0.0.1 012 1", "TCP4 * ::1 1 1", "TCP4", "",
             "TCP6 fe80::1%lo ::1 1 1", "UNKNOWN " + "x" * 100]
    for i, one in enumerate(lines):
        yield f"line-{i:02}", f"PROXY {one}\r\nMQTT".encode()
    v4, v6 = bytes(range(12)), bytes(range(36))
    ssl = b"\x20\0\x22\x07\0\0\0\0\x21\0\x07TLSv1.3\x22\0\5alice\x23\0\x08AES256-S"
    for i, (head, body) in enumerate([
            (b"\x21\x11", v4), (b"\x21\x21", v6), (b"\x21\x31", b"/run/x".ljust(108, b"\0") * 2),
            (b"\x21\x31", b"x" * 216), (b"\x20\0", b""), (b"\x20\x11", v4), (b"\x21\0", b"\4\0\1x"),
            (b"\x21\x11", v4 + ssl), (b"\x21\x11", v4 + b"\2\0\4home" + ssl),
            (b"\x21\x11", v4 + b"\3\0\4abcd"), (b"\x21\x11", v4 + ssl[:-1]), (b"\x21\x11", v4[:-1]),
            (b"\x21\x12", v4), (b"\x11\x11", v4), (b"\x21\x41", v4), (b"\x21\x11", v4 + bytes(900))]):
        yield f"binary-{i:02}", b"\r\n\r\n\0\r\nQUIT\n" + head + len(body).to_bytes(2, "big") + body
    yield "other", b"\x10\x0c\0\4MQTT\4\2"


def aclfile():
    """Two names (a byte for the length, letters of an alphabet by number), then the file."""
    names = [b"\0\0", b"\1\0\1\x09", b"\2\0\4\1\3", b"\1\2\1\2", b"\1\3\1\4", b"\2\5\7\1\5",
             b"\1\x0a\1\x0b"]
    files = ["user a\ntopic read a/#\ntopic deny a/b\npattern write own/%c/#\n", "topic #\n",
             "pattern readwrite %u/#\npattern deny %c/+/b\n", "topic a b c\n", "topic deny #\r\n",
             "user a\ntopic write $SYS/#\ntopic +/b\nuser b\ntopic\ta/+\n", "usr x\n", "topic a/#/b",
             "pattern x%c%u/%%/%z\n", "# only words\n\n", "topic read", "\ufefftopic a\n", "user  \n"]
    for i, text_ in enumerate(files):
        for j in (i % len(names), (i * 3 + 1) % len(names)):
            yield f"file-{i:02}-{j}", names[j] + text_.encode()
    yield "bytes", b"\0\0topic a\0b\n\xff"


def base64url(text):
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=")


def jwt():
    """Signatures do not count here: what is read before and after them does."""
    heads = ['{"alg":"HS256","typ":"JWT"}', '{"alg":"RS256","kid":"k-1"}', '{"alg":"none"}',
             '{"alg":"ES256","crit":["b64"],"b64":false}', '{"alg":"EdDSA","alg":"HS256"}', '[]']
    claims = ['{"sub":"a","exp":1300819380,"groups":["x","y"],"role":"op","n":[1,2.5,true,null]}',
              '{"iss":"joe","aud":["a","c"],"a":{"b":"u"},"scope":"r w","exp":1300819380.5}',
              '{"iss":"joe","aud":"b","a.b":"u","scope":["r,w"],"exp":1300819380,"nbf":0,"iat":1}',
              '{"sub":"a\\u0000","exp":1e9}', '{"sub":"\\ud83d\\ude00","exp":99999999999999999999}',
              '{"sub":"a","exp":1300819380,"d":{"e":{"f":{"g":[{"h":1}]}}}}', '{"sub":', '7']
    for i, head in enumerate(heads):
        for j, claim in enumerate(claims):
            if i < 2 or j == i:
                yield f"token-{i}-{j}", base64url(head) + b"." + base64url(claim) + b".AAAA"
    for i, odd in enumerate([b"..", b"a.b.c", b"e30.e30.A", b"e30=.e30.", b"e30.e30", b".e30.AA"]):
        yield f"odd-{i}", odd


def jwks():
    rsa = '"n":"' + "v" * 342 + '","e":"AQAB"'
    point = '"x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"'
    keys = ['{"kty":"RSA",' + rsa + '}', '{"kty":"RSA","use":"enc",' + rsa + '}',
            '{"kty":"EC","crv":"P-256",' + point +
            ',"y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}',
            '{"kty":"OKP","crv":"Ed25519","kid":"e",' + point + '}', '{"kty":"OKP","crv":"Ed448"}',
            '{"kty":"oct","alg":"HS256","k":"' + "A" * 43 + '"}', '{"kty":"oct","k":"AA"}', '7']
    for i, key in enumerate(keys):
        yield f"key-{i}", ('{"keys":[' + key + "]}").encode()
    yield "all", ('{"keys":[' + ",".join(keys) + "]}").encode()
    yield "pem", (b"-----BEGIN PUBLIC KEY-----\n"
                  b"MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
                  b"-----END PUBLIC KEY-----\n") * 2
    yield "private", b"-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----\n"


def scram():
    nonce = "abcNonce"
    firsts = [f"n,,n=ada,r={nonce}", f"y,,n=ada,r={nonce}", f"n,a=ada,n=ada,r={nonce},x=y", f"n,,n=bea,r={nonce}",
              f"n,,n=a=2Cb=3D,r={nonce}", f"p=tls-exporter,,n=ada,r={nonce}", "n,a=b,n=ada,r=x", "n,,m=x,n=ada,r=x",
              "n,,n=e\u0301,r=x", "n,,n=ada", ""]
    lasts = [f"c=biws,r={nonce}ourNonceOurNonceOurNonce,p=" + "A" * 43 + "=", f"c=biws,r={nonce},p=AAAA",
             f"c=biws,r={nonce}ourNonceOurNonceOurNonce,x=y,p=" + "A" * 86 + "==", ""]
    for i, first in enumerate(firsts):
        for kind in range(4):
            yield f"text-{i:02}-{kind}", bytes([kind]) + f"{first}\n{lasts[(i + kind) % 4]}".encode()


def oauthbearer():
    for i, header in enumerate(["n,,", "y,,", "n,a=ada,", "n,a=a=2Cb=3D,", "p=x,,", "n,a=,", "x,,", "n,"]):
        yield f"header-{i}", f"{header}\1auth=Bearer abc.def.g\1\1".encode()
    for i, rest in enumerate(["\1", "\1\1", "\1host=h\1port=1\1auth=bearer a\1\1", "\1auth=Bearer a\1auth=Bearer b\1\1",
                              "\1auth=Basic a\1\1", "\1auth=Bearer \1\1", "\1auth=Bearer a b\1\1", "\1auth=Bearer a\1",
                              "\1auth=Bearer a\1\1x", "\1auth=B\1\1", "\1auth=Bearer a\1x=y\1\1"]):
        yield f"rest-{i:02}", f"n,,{rest}".encode()


TARGETS = {
    "oauthbearer": oauthbearer,
    "scram": scram,
    "aclfile": aclfile,
    "jwt": jwt,
    "jwks": jwks,
    "utf8": utf8,
    "map": lambda: programs("map", 24, 400),
    "wheel": lambda: programs("wheel", 24, 600),
    "filter": filter_,
    "image": image,
    "packet": packet,
    "header": header,
    "wsframe": wsframe,
    "wshead": wshead,
    "proxyhead": proxyhead,
    "property": property_,
    "assembler": assembler,
    "session": lambda: programs("session", 24, 600),
    "subindex": lambda: programs("subindex", 24, 600),
    "store": lambda: programs("store", 24, 60),
    "retained": lambda: programs("retained", 24, 600),
}

for target in sys.argv[1:] or TARGETS:
    directory = CORPUS / target
    directory.mkdir(parents=True, exist_ok=True)
    for name, data in TARGETS[target]():
        (directory / name).write_bytes(data)
