"""The strict reader itself: what no server may send has to be noticed, else no case could fail."""

import pytest

import mqtt as m

BAD = {
    "connack flags": (5, b"\x20\x03\x02\x00\x00"),
    "connack reason": (5, b"\x20\x03\x00\x8e\x00"),
    "connack present in a refusal": (5, b"\x20\x03\x01\x87\x00"),
    "connack without properties": (5, b"\x20\x02\x00\x00"),
    "connack of v5 in v4": (4, b"\x20\x03\x00\x00\x00"),
    "connack code 6": (4, b"\x20\x02\x00\x06"),
    "property of a client": (5, b"\x20\x05\x00\x00\x02\x17\x01"),
    "property twice": (5, b"\x20\x07\x00\x00\x04\x24\x01\x24\x01"),
    "boolean property 2": (5, b"\x20\x05\x00\x00\x02\x25\x02"),
    "receive maximum 0": (5, b"\x20\x06\x00\x00\x03\x21\x00\x00"),
    "cut property": (5, b"\x20\x05\x00\x00\x02\x21\x00"),
    "padded property length": (5, b"\x20\x04\x00\x00\x80\x00"),
    "session expiry in disconnect": (5, b"\xe0\x07\x00\x05\x11\x00\x00\x00\x01"),
    "disconnect before v5": (4, b"\xe0\x00"),
    "auth before v5": (4, b"\xf0\x00"),
    "auth reason": (5, b"\xf0\x02\x19\x00"),
    "qos 3": (4, b"\x36\x05\x00\x01a\x00\x01"),
    "dup with qos 0": (4, b"\x38\x03\x00\x01a"),
    "publish id 0": (4, b"\x32\x05\x00\x01a\x00\x00"),
    "publish with a wildcard": (4, b"\x30\x03\x00\x01#"),
    "publish without topic": (4, b"\x30\x02\x00\x00"),
    "bad utf-8": (4, b"\x30\x03\x00\x01\xff"),
    "null character": (4, b"\x30\x03\x00\x01\x00"),
    "alias 0": (5, b"\x30\x07\x00\x01a\x03\x23\x00\x00"),
    "puback flags": (4, b"\x42\x02\x00\x01"),
    "pubrel flags": (4, b"\x60\x02\x00\x01"),
    "puback id 0": (4, b"\x40\x02\x00\x00"),
    "puback too long": (4, b"\x40\x03\x00\x01\x00"),
    "puback reason": (5, b"\x40\x03\x00\x01\x92"),
    "pubcomp reason": (5, b"\x70\x03\x00\x01\x10"),
    "suback without codes": (5, b"\x90\x03\x00\x01\x00"),
    "suback code": (4, b"\x90\x03\x00\x01\x87"),
    "suback failure in 3.1": (3, b"\x90\x03\x00\x01\x80"),
    "unsuback code": (5, b"\xb0\x04\x00\x01\x00\x01"),
    "unsuback codes before v5": (4, b"\xb0\x03\x00\x01\x00"),
    "pingresp with a body": (5, b"\xd0\x01\x00"),
    "packet of a client": (5, b"\xc0\x00"),
    "reserved type": (5, b"\x00\x00"),
}


@pytest.mark.parametrize("name", BAD)
def test_reader_refuses(name):
    version, data = BAD[name]
    with pytest.raises(m.Malformed):
        m.Packet(version, data[0], data[2:], len(data))


@pytest.mark.parametrize("value,size", ((0, 1), (127, 1), (128, 2), (16383, 2), (16384, 3),
                                        (2097151, 3), (2097152, 4), (268435455, 4)))
def test_variable_byte_integer(value, size):
    assert len(m.var(value)) == size
    assert m.Reader(m.var(value)).var() == value
    if size < 4:
        with pytest.raises(m.Malformed):
            m.Reader(m.var(value, pad=1)).var()


def test_encoders():
    """Bytes written by hand from the layouts of the standards."""
    assert m.connect(4, "ab", keepalive=10) == b"\x10\x0e\x00\x04MQTT\x04\x02\x00\x0a\x00\x02ab"
    assert m.publish(5, "a", b"x", 1, pid=7, retain=True) == b"\x33\x07\x00\x01a\x00\x07\x00x"
    assert m.subscribe(4, 1, [("a", 2)]) == b"\x82\x06\x00\x01\x00\x01a\x02"
    assert m.unsubscribe(5, 1, ["a"]) == b"\xa2\x06\x00\x01\x00\x00\x01a"
    assert m.ack(m.PUBREL, 1) == b"\x62\x02\x00\x01"
    assert m.disconnect(4, [(m.SESSION_EXPIRY, 1)]) == b"\xe0\x07\x04\x05\x11\x00\x00\x00\x01"
    assert m.props([(m.USER_PROPERTY, ("a", "b"))]) == b"\x07\x26\x00\x01a\x00\x01b"
