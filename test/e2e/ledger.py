"""What was promised by acknowledgements, what was found, and the judgement over both.

Everything that a client sends or receives gets the next tick of one clock, so "before" is exact:
the whole load is one thread. A message is named by its publisher and a number that its payload
carries. The rules (clauses of MQTT 5.0, where there is one):

lost        acknowledged, and a subscription acknowledged before it was sent, never given back,
            did not get it
doubled     QoS 2 delivered twice to a receiver that keeps its packet identifiers (4.3.3)
disordered  first arrivals of one publisher, topic and QoS are not in the order sent (4.6), of those
            that are owed: sent after the subscription was acknowledged
invented    never published, changed on the way, or with a QoS that nobody asked for
risen       came though an acknowledged UNSUBSCRIBE, session end or will withdrawal forbids it
retained    the retained message of a topic is older than the acknowledged one
session     Session Present is not what it must be (3.2.2.1.1)
identifier  a packet identifier of an unfinished QoS 2 flow was used for something else
will        a will that was due did not come
refused     an acknowledgement said no
"""

import functools
import itertools

KINDS = ("lost", "doubled", "disordered", "invented", "risen", "retained", "session", "identifier",
         "will", "refused")


@functools.lru_cache(maxsize=200000)
def matches(pattern, topic):
    """Whether a filter (a share's prefix is looked through) matches a topic name."""
    if pattern.startswith("$share/"):
        pattern = pattern.split("/", 2)[2]
    levels, names = pattern.split("/"), topic.split("/")
    for index, level in enumerate(levels):
        if level == "#":
            return True
        if index >= len(names) or level not in ("+", names[index]):
            return False
    return len(levels) == len(names)


class Message:
    """One publication; acked is the tick of its PUBACK or PUBREC."""

    __slots__ = ("publisher", "seq", "topic", "qos", "retain", "empty", "size", "sent", "acked",
                 "refused", "withdrawn")

    def __init__(self, publisher, seq, topic, qos, retain=False, empty=False, size=0):
        self.publisher, self.seq, self.topic, self.qos = publisher, seq, topic, qos
        self.retain, self.empty, self.size = retain, empty, size
        self.sent = self.acked = self.refused = self.withdrawn = None

    @property
    def name(self):
        return self.publisher, self.seq

    def payload(self):
        if self.empty:
            return b""
        head = f"{self.publisher} {self.seq} ".encode()
        return head + b"%" * max(self.size - len(head), 0)

    def __repr__(self):
        return (f"{self.publisher}#{self.seq} {self.topic} qos{self.qos}{' retain' * self.retain}"
                f"{' empty' * self.empty} sent@{self.sent} acked@{self.acked}")


class Op:
    """A SUBSCRIBE (qos is a number) or UNSUBSCRIBE (None) for one filter."""

    __slots__ = ("qos", "sent", "acked")

    def __init__(self, qos, sent, acked=None):
        self.qos, self.sent, self.acked = qos, sent, acked

    def __repr__(self):
        return f"{'unsub' if self.qos is None else f'sub{self.qos}'} {self.sent}..{self.acked}"


class Book:
    """One subscriber's side: what it asked for and what it got."""

    def __init__(self, ledger, name, shared=False):
        self.ledger, self.name, self.shared = ledger, name, shared
        self.ops, self.got, self.lanes = {}, {}, {}
        self.ends = []  # ticks (sent, acked) of acknowledged ends of the session

    def op(self, pattern, qos):
        op = Op(qos, self.ledger.tick())
        self.ops.setdefault(pattern, []).append(op)
        return op

    def end(self, sent):
        """The session ended, acknowledged now: its subscriptions went with it."""
        acked = self.ledger.tick()
        self.ends.append((sent, acked))
        for ops in self.ops.values():
            ops.append(Op(None, sent, acked))
        self.lanes.clear()

    def surely(self, message):
        """The highest QoS among subscriptions that certainly cover the message; None: none."""
        found = None
        for pattern, ops in self.ops.items():
            if not matches(pattern, message.topic):
                continue
            last = ops[-1]
            if last.qos is not None and last.acked and last.acked < message.sent:
                found = max(found or 0, last.qos)
        return found

    def possible(self, message):
        """Whether any subscription may have covered it; a filter counts from SUBSCRIBE sent to
        UNSUBACK. One made later may see it too: it can still be on its way inside the broker."""
        for pattern, ops in self.ops.items():
            if not matches(pattern, message.topic):
                continue
            for index, op in enumerate(ops):
                if op.qos is None:
                    continue
                after = ops[index + 1:]
                ended = any(e.qos is None and e.acked and e.acked < message.sent for e in after)
                if not ended:
                    return True
        return False

    def arrived(self, message, qos, retain):
        """A PUBLISH that is new to a receiver that keeps its packet identifiers."""
        ledger = self.ledger
        ledger.arrivals += 1
        if retain:
            ledger.replayed(self, message)
            return
        if not self.possible(message):
            ledger.find("risen", f"{self.name} got {message}, ops {self.ops}")
        for sent, acked in () if self.shared else self.ends:
            if message.sent < sent and message.acked and message.acked < sent:
                ledger.find("risen", f"{self.name} got {message} of a session ended at {acked}")
        if message.withdrawn:
            ledger.find("risen", f"{self.name} got the will {message}, withdrawn")
        entry = self.got.setdefault(message.name, [0, 0])
        entry[0], entry[1] = entry[0] + 1, max(entry[1], qos)
        if qos > message.qos:
            ledger.find("invented", f"{self.name} got {message} with QoS {qos}")
        sure = self.surely(message)
        if sure is not None and qos < min(sure, message.qos):
            ledger.find("invented", f"{self.name} got {message} with QoS {qos}, wants {sure}")
        if entry[0] > 1:
            if entry[1] == 2:
                ledger.find("doubled", f"{self.name} got {message} {entry[0]} times")
        elif not self.shared and sure is not None:
            self._in_order(message)

    def _in_order(self, message):
        lane = (message.publisher, message.topic, message.qos)
        if message.seq < self.lanes.get(lane, -1):
            self.ledger.find("disordered",
                             f"{self.name} got {message} behind #{self.lanes[lane]}")
        else:
            self.lanes[lane] = message.seq

    def missing(self, messages):
        """Those acknowledged messages that had to come and did not (yet)."""
        return [each for each in messages
                if each.acked and each.name not in self.got and self.surely(each) is not None]


class Group:
    """A shared subscription: what its members have together."""

    def __init__(self, ledger, name, books, strict):
        self.ledger, self.name, self.books, self.strict = ledger, name, books, strict

    def missing(self, messages):
        return [each for each in messages
                if each.acked and not any(each.name in book.got for book in self.books)
                and any(book.surely(each) is not None for book in self.books)]

    def judge(self):
        """Exactly once over all members, if all of them keep their sessions."""
        seen = {}
        for book in self.books if self.strict else ():
            for name, (count, qos) in book.got.items():
                before = seen.setdefault(name, [0, 0])
                before[0], before[1] = before[0] + count, max(before[1], qos)
        for name, (count, qos) in seen.items():
            if count > 1 and qos == 2:
                self.ledger.find("doubled", f"group {self.name} got {name} {count} times")


class Ledger:
    """All books. `strict`: an acknowledgement that refuses is a finding as well."""

    def __init__(self, strict=True):
        self.strict = strict
        self.clock = itertools.count(1)
        self.messages, self.names = {}, itertools.count(1)
        self.books, self.groups, self.faults = {}, [], {kind: [] for kind in KINDS}
        self.written = {}  # topic -> its retained writes, in the order sent
        self.arrivals = 0

    def tick(self):
        return next(self.clock)

    def find(self, kind, text):
        if kind != "refused" or self.strict:
            self.faults[kind].append(text)

    def book(self, name, shared=False):
        return self.books.setdefault(name, Book(self, name, shared))

    def group(self, name, books, strict):
        self.groups.append(Group(self, name, books, strict))

    # ---- publishing ----------------------------------------------------------------------------

    def message(self, *fields, **more):
        message = Message(fields[0], next(self.names), *fields[1:], **more)
        self.messages[message.name] = message
        return message

    def sent(self, message):
        if message.sent is None:
            message.sent = self.tick()
            if message.retain:
                self.written.setdefault(message.topic, []).append(message)

    def acked(self, message, code=0):
        if code >= 0x80:
            message.refused = code
            self.find("refused", f"{message}: 0x{code:02X}")
        elif not message.acked:
            message.acked = self.tick()

    def named(self, who, topic, payload, tag=None):
        """The message that a PUBLISH holds; None (and a finding) if nobody published it so."""
        words = (tag or payload).split(b" ", 2)
        try:
            message = self.messages[words[0].decode(), int(words[1])]
        except (KeyError, ValueError, IndexError, UnicodeDecodeError):
            self.find("invented", f"{who} got {payload[:60]!r} on {topic}")
            return None
        if message.sent is None or message.topic != topic or message.payload() != payload:
            self.find("invented", f"{who} got {payload[:60]!r} on {topic}, {message} was sent")
            return None
        return message

    # ---- retained ------------------------------------------------------------------------------

    def newest(self, topic, before=None):
        """(index of the last acknowledged write of a topic or -1, all its writes)."""
        writes = self.written.get(topic, [])
        known = [index for index, each in enumerate(writes)
                 if each.acked and (before is None or each.acked < before)]
        return (known[-1] if known else -1), writes

    def retained(self, topic, message, before=None):
        """Judges what a look at a topic's retained message showed; None: there was none."""
        index, writes = self.newest(topic, before)
        allowed = writes[max(index, 0):]
        if message is None:
            good = index < 0 or any(each.empty for each in allowed)
        else:
            good = message in allowed
        if not good:
            found = message or "nothing"
            self.find("retained", f"{topic} holds {found}, wanted one of {allowed[:5]}")
        return good

    def must_show(self, topic):
        """Whether a look at the topic has to find something."""
        index, writes = self.newest(topic)
        return index >= 0 and not any(each.empty for each in writes[index:])

    def replayed(self, book, message):
        """A retained message that came because of a subscription."""
        asked = [op.sent for pattern, ops in book.ops.items() if matches(pattern, message.topic)
                 for op in ops if op.qos is not None]
        if not message.retain or not asked:
            self.find("invented", f"{book.name} got {message} as retained")
            return
        self.retained(message.topic, message, min(asked))

    # ---- the judgement -------------------------------------------------------------------------

    def owed(self):
        """(who, message) of all that has to come and did not yet."""
        everything = list(self.messages.values())
        return [(each.name, message) for each in [*self.plain(), *self.groups]
                for message in each.missing(everything)]

    def plain(self):
        return [book for book in self.books.values() if not book.shared]

    def close(self):
        """The judgement at the end, everything having had time to arrive."""
        for who, message in self.owed():
            kind = "will" if message.topic.startswith("will/") else "lost"
            self.find(kind, f"{who} did not get {message}")
        for group in self.groups:
            group.judge()
        return self

    def clean(self):
        return not any(self.faults.values())

    def figures(self):
        acked = sum(1 for each in self.messages.values() if each.acked)
        got = sum(entry[0] for book in self.books.values() for entry in book.got.values())
        return {"published": len(self.messages), "acknowledged": acked, "deliveries": got,
                **{kind: len(found) for kind, found in self.faults.items()}}

    def report(self):
        lines = [str(self.figures())]
        for kind, found in self.faults.items():
            lines += [f"{kind}: {text}" for text in found[:6]]
        return "\n".join(lines)
