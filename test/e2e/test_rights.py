"""Rules by what a client has proved beside its name, and by where it came in."""

import subprocess

import mqtt as m
import pytest
from authority import Authority
from peer import Peer
from rig import WAIT, binary, fresh
from scenes import EXPIRY
from tlsrig import SERVER_NAMES, Secure, TlsPeer, context_of, secure  # noqa: F401 (fixture)

NO = 0x87


@pytest.fixture(scope="module")
def ca():
    one = Authority("rights CA")
    yield one
    one.remove()


@pytest.fixture(scope="module")
def pair(ca):
    return ca.issue("localhost", san=SERVER_NAMES)


RULES = """
access:
  - {allow: pub, topic: "plant/#", certificate: "o=Plant"}
  - {allow: pub, topic: "name/#", certificate: "san_dns=d7.example"}
  - {allow: pub, topic: "uri/#", certificate: "san_uri=urn:dev:7"}
  - {allow: pub, topic: "mail/#", certificate: "san_email=d7@example.org"}
  - {allow: pub, topic: "issuer/#", certificate: "issuer_cn=rights CA"}
  - {allow: pub, topic: "unit/#", certificate: "ou=second"}
  - {allow: pub, topic: "claim/#", claim: "o=Plant"}
  - {allow: pub, topic: "both/#", certificate: "cn=device-7", user: somebody}
log: {repeats: 0}
"""


@pytest.mark.parametrize("version", (4, 5))
def test_rules_by_certificate(secure, pair, ca, version):  # noqa: F811
    """The name may come from elsewhere, or from nowhere: what the certificate says is proved all the same."""
    client = ca.issue("device-7", "O=Plant", "OU=first", "OU=second",
                      san=["DNS:other.example", "DNS:d7.example", "email:d7@example.org", "URI:urn:dev:7"])
    fingerprint = subprocess.run(["openssl", "x509", "-in", str(client[0]), "-noout", "-fingerprint", "-sha256"],
                                 capture_output=True, text=True, check=True).stdout
    fingerprint = fingerprint.split("=")[1].strip().replace(":", "").lower()
    own = f'  - {{allow: pub, topic: "print/#", certificate: "fingerprint={fingerprint}"}}\n'
    broker = secure({"cert": str(pair[0]), "key": str(pair[1]), "client_ca": str(ca.cert), "client_cert": "optional",
                     "identity": "off"}, "threads: 2\n" + RULES.replace("access:\n", "access:\n" + own))
    said = {topic: topic in ("plant", "name", "uri", "mail", "issuer", "unit", "print")
            for topic in ("plant", "name", "uri", "mail", "issuer", "unit", "print", "claim", "both")}
    reader = TlsPeer(broker, version, context_of(ca, client)).join()
    for topic, yes in said.items():
        if version == 5:
            reader.publish(topic, b"x", qos=1, code=(0, 0x10) if yes else NO)
        else:
            reader.publish(topic, b"x", qos=1)
    nobody = TlsPeer(broker, version, context_of(ca)).join()
    for topic in said:
        nobody.publish(topic, b"x", qos=1, **({"code": NO} if version == 5 else {}))
    denied = {event["topic"] for event in broker.events("acl.denied") if event["id"] == reader.cid}
    assert denied == {topic for topic, yes in said.items() if not yes}
    reader.bye()
    nobody.bye()


def test_an_absent_client_keeps_what_its_certificate_said(secure, pair, ca):  # noqa: F811
    client = ca.issue("device-8", "O=Plant")
    rules = ('access: [{allow: sub, certificate: "o=Plant", topic: "plant/#"}, {deny: sub, certificate: "o=Plant",'
             ' topic: "shut/#"}, {allow: pubsub, topic: "shut/#"}, {allow: pub, topic: "#"}]\n')
    broker = secure({"cert": str(pair[0]), "key": str(pair[1]), "client_ca": str(ca.cert), "client_cert": "optional"},
                    "threads: 2\n" + rules)
    cid = fresh("absent")

    def come(certificate):
        peer = TlsPeer(broker, 5, context_of(ca, client if certificate else None))
        peer.hello(cid, clean=False, props=EXPIRY)
        peer.want(m.CONNACK, code=0)
        return peer

    absent = come(True)
    absent.subscribe("+/a", qos=1)
    absent.bye()
    writer = TlsPeer(broker, 5, context_of(ca)).join()
    for topic in ("shut/a", "plant/a", "end/a"):
        writer.publish(topic, topic.encode(), qos=1)
    back = come(True)
    assert back.message().topic == "plant/a"
    back.ping()
    assert not back.inbox
    back.bye()
    for topic in ("shut/a", "plant/a"):
        writer.publish(topic, topic.encode(), qos=1)
    back = come(False)  # the same name, without a certificate: other rights
    assert not [got for got in back.inbox if got.topic == "plant/a"]
    writer.publish("shut/a", b"now", qos=1)
    assert back.message().payload == b"now"
    back.bye()
    writer.bye()


LISTENERS = ("mqtt://127.0.0.1:0", "mqtt://127.0.0.2:0")


def test_rules_by_listener():
    broker = Secure([{"url": url, "anonymous": True} for url in LISTENERS],
                    'access: [{deny: pub, topic: "a/shut", listener: "mqtt://127.0.0.2:0"},'
                    ' {allow: pubsub, topic: "a/#"}, {allow: pubsub, topic: "b/#", listener: "mqtt://127.0.0.2:0"}]\n'
                    "log: {repeats: 0}\n")
    try:
        codes = {}
        for at, host in enumerate(("127.0.0.1", "127.0.0.2")):
            peer = Peer((host, broker.ports[at]), 5, WAIT)
            peer.hello(fresh("peer"))
            peer.want(m.CONNACK, code=0)
            for topic in ("a/shut", "a/open", "b/x"):
                peer.publish(topic, b"x", qos=1, code=(0, 0x10, NO))
            denied = {event["topic"] for event in broker.events("acl.denied") if event["id"] == peer.cid}
            codes[host] = denied
            peer.bye()
        assert codes == {"127.0.0.1": {"b/x"}, "127.0.0.2": {"a/shut"}}
    finally:
        broker.stop()


ASKED = """
listeners: [mqtt://127.0.0.1:1, mqtt://127.0.0.1:2]
access:
  - {deny: pub, topic: "a", listener: "mqtt://127.0.0.1:1"}
  - {allow: pub, topic: "a", certificate: "o=Plant"}
  - {allow: pub, topic: "b", claim: "role=operator"}
  - {allow: pub, topic: "b", claim: "role=reader", listener: "mqtt://127.0.0.1:2"}
"""


@pytest.mark.parametrize("words, code, said", [
    (["a"], 1, "no access rule"),
    (["a", "--certificate", "o=Plant"], 0, "access rule 2 lets"),
    (["a", "--certificate", "ou=x", "--certificate=o=Plant", "--claim", "x=y"], 0, "access rule 2 lets"),
    (["a", "--certificate", "o=Plant", "--listener", "mqtt://127.0.0.1:1"], 1, "access rule 1 does not"),
    (["a", "--claim", "o=Plant"], 1, "no access rule"),
    (["b", "--claim", "role=operator"], 0, "access rule 3 lets"),
    (["b", "--claim", "role=reader"], 0, "access rule 4 lets"),
    (["b", "--claim", "role=reader", "--listener", "mqtt://127.0.0.1:1"], 1, "no access rule"),
    (["b", "--claim", "reader"], 64, "as \"role=operator\""),
    (["b", "--certificate", "sandns=x"], 64, "did you mean \"san_dns\"?"),
    (["b", "--certificate"], 64, "no name and value"),
])
def test_acl_test_asks_for_them(tmp_path, words, code, said):
    path = tmp_path / "godwit.yaml"
    path.write_text(ASKED)
    done = subprocess.run([binary(), "acl", "test", "bob", "pub", *words, "-c", str(path)], capture_output=True,
                          text=True, timeout=60)
    assert (done.returncode, said in done.stdout + done.stderr) == (code, True), done
