"""The load that a broker is killed under: who publishes, who subscribes, what changes meanwhile.

    persistent publishers (5.0, 3.1.1) with QoS 1 and 2, several in flight; two that abandon what was
    not acknowledged; two that set, replace and delete retained messages; persistent subscribers:
    everything, wildcards, two overlapping filters, one absent most of the time, one whose
    subscriptions come and go, one whose session ends again and again; two shared groups; a client
    with a will. A life of the broker is one `cycle`; its end is SIGKILL.
"""

import random
import time

import mqtt as m
from fleet import Actor, Fleet
from ledger import Ledger
from peer import Peer, Silence
from rig import WAIT

WINDOW = 12
TOPICS = 4
CHURN = ("t/pub-a/2", "t/pub-b/1", "t/+/3")
PER_CYCLE = 120  # messages of one publisher


class Crowd:
    def __init__(self, broker, seed, strict=True):
        self.broker, self.seed = broker, seed
        self.random = random.Random(seed)
        self.ledger = Ledger(strict)
        self.fleet = Fleet(self.ledger, seed)
        self.fleet.address = broker.address
        self.cycles = 0
        self._cast()

    def _cast(self):
        fleet, ledger = self.fleet, self.ledger

        def actor(name, v, **more):
            return Actor(fleet, name, v, **more)

        self.publishers = [actor("pub-a", 5), actor("pub-b", 4), actor("pub-c", 5, keep=False),
                           actor("pub-d", 4, keep=False)]
        self.keepers = [actor("ret-a", 5), actor("ret-b", 4)]
        self.steady = {
            actor("all", 5): [("t/#", 2)],
            actor("some", 4): [("t/+/0", 1), ("t/+/1", 1)],
            actor("both", 5): [("t/#", 1), ("t/pub-a/+", 2), ("r/#", 2)],
            actor("wills", 5): [("will/#", 2)],
        }
        self.absent = actor("absent", 4)
        self.churner = actor("churner", 5)
        self.ender = actor("ender", 5)
        pure = [actor("pure-a", 5, shared=True), actor("pure-b", 4, shared=True)]
        mixed = [actor("mixed-a", 5, shared=True), actor("mixed-b", 5, keep=False, shared=True)]
        self.members = {**{each: ("$share/pure/t/#", 2) for each in pure},
                        **{each: ("$share/mixed/t/+/2", 1) for each in mixed}}
        self.passing = mixed[1]
        ledger.group("pure", [each.book for each in pure], strict=True)
        ledger.group("mixed", [each.book for each in mixed], strict=False)
        self.mourned = actor("mourned", 5, will=self._will)
        self.will, self.will_delay, self.spare_will = None, 1, None

    # ---- the client with a will ----------------------------------------------------------------

    def _will(self):
        """A will for the next connection; the one before it, if it has an hour, is withdrawn."""
        self.old_will = self.will if self.will_delay == 3600 else None
        self.will_delay = self.random.choice((0, 1, 3600))
        self.will = self.ledger.message("mourned", "will/mourned", 2)
        self.ledger.sent(self.will)
        return m.Will(self.will.topic, self.will.payload(), 2, False,
                      [(m.WILL_DELAY, self.will_delay)])

    def _mourned_is_up(self):
        self.will_stands = True
        if self.old_will is not None:
            self.old_will.withdrawn = True

    def _join_mourned(self):
        """Joins again only when its will came, or when it has an hour to prevent it."""
        self.will_stands = False
        self.mourned.ready = self._mourned_is_up
        self.mourned.open()

    def _mourned_died(self):
        """The broker's end is the end of a connection: its will is due, after its delay."""
        if not self.mourned.up or not self.will_stands:
            return
        if self.will_delay < 3600:
            self.ledger.acked(self.will)

    def _mourned_may_return(self):
        will = self.will
        if will is None or not will.acked:
            return True
        return all(will.name in book.got for book in self.ledger.plain() if book.name == "wills")

    # ---- a life --------------------------------------------------------------------------------

    def everybody(self):
        return [*self.publishers, *self.keepers, *self.steady, *self.members, self.churner]

    def assemble(self):
        """The first life: all are there and subscribed before anything is published."""
        for each, filters in self.steady.items():
            each.open()
            for pattern, qos in filters:
                each.subscribe(pattern, qos)
        for each in (*self.publishers, *self.keepers, self.churner):
            each.open()
        for each, (pattern, qos) in self.members.items():
            each.open()
            each.subscribe(pattern, qos)
        self.absent.open()
        self.absent.subscribe("t/pub-b/#", 2)
        everybody = [*self.everybody(), self.absent]
        self._settle(lambda: all(e.up and not e.asks for e in everybody), "the first life")

    def _settle(self, done, what, seconds=WAIT):
        if not self.fleet.run(done, seconds):
            waiting = [(e.name, e.up, len(e.flows), len(e.asks), len(e.taken))
                       for e in self.fleet.actors if e.sock is not None and not e.idle()]
            raise AssertionError(f"{what}: not within {seconds} s, seed {self.seed}, cycle "
                                 f"{self.cycles}\n{waiting}\n{self.ledger.report()}")

    def cycle(self, stumbles=True):
        """Load, SIGKILL at a random moment, a look at what is retained, all come back."""
        self.begin()
        self.load(self.random.uniform(0.03, 0.5))
        self.finish_life()
        if stumbles and self.random.random() < 0.2:
            self.broker.stumble(self.random.uniform(0, 0.05))
        self.broker.start()
        self.look()

    def finish_life(self):
        """SIGKILL; what it had said before counts."""
        for each in self.fleet.actors:
            each.flush()
        self.broker.kill()
        self.fleet.read_to_the_end()
        self._mourned_died()

    def calm_cycle(self):
        """A cycle in which only the clients' connections die: the load and its judge by itself."""
        self.begin()
        self.load(self.random.uniform(0.03, 0.5))
        self._mourned_died()
        for each in self.fleet.actors:
            each.close()
        self.fleet.late = []
        self.look()

    def load(self, seconds):
        end = time.monotonic() + seconds
        self.fleet.run(lambda: time.monotonic() > end, seconds + 5, self._work)

    def begin(self):
        """All come back (but who stays away this time) and have something to do."""
        self.cycles += 1
        self.left = {each: PER_CYCLE for each in (*self.publishers, *self.keepers)}
        coming = [each for each in self.everybody()
                  if each.sock is None and each is not self.passing]
        if self.cycles % 7 == 0:
            coming.append(self.absent)
        self.random.shuffle(coming)
        away = [each for each in coming if self.random.random() < 0.1]
        for each in coming:
            if each not in away:
                each.open()
        if self.mourned.sock is None and self._mourned_may_return():
            self._join_mourned()
        if self.passing.sock is None:
            self.passing.wanted = {}
            self.passing.open()
            self.passing.subscribe(*self.members[self.passing])
        self._end_a_session()

    def _end_a_session(self):
        """A session that is there, ends by a clean start, is not there, begins."""
        if self.ender.sock is not None:
            return
        if self.ender.known:
            self.ender.open(clean=True, expiry=0)
        else:
            self.ender.open(clean=False)
            self.ender.ready = lambda: self.ender.subscribe("t/pub-a/#", 2)

    def _work(self):
        """One step of load."""
        draw = self.random.random
        for each in (*self.publishers, *self.keepers):
            while each.up and self.left[each] and len(each.flows) < WINDOW and draw() < 0.8:
                self.left[each] -= 1
                self._publish(each)
        if self.churner.up and not self.churner.asks and draw() < 0.05:
            self._churn()
        if draw() < 0.01:
            self._drop_one()

    def _publish(self, who):
        draw = self.random
        if who in self.keepers:
            # One QoS a topic: between the two there is no order when both are repeated (4.6).
            number = draw.randrange(6)
            topic = f"{'r' if who.v == 5 else 'q'}/{who.name}/{number}"
            who.publish(topic, 1 + number % 2, retain=True, empty=draw.random() < 0.2,
                        size=draw.randrange(300))
            return
        size = draw.randrange(200) if draw.random() < 0.97 else draw.randrange(20000)
        who.publish(f"t/{who.name}/{draw.randrange(TOPICS)}", draw.choice((1, 2)), size=size)

    def _churn(self):
        pattern = self.random.choice(CHURN)
        ops = self.churner.book.ops.get(pattern)
        if ops and ops[-1].qos is not None:
            self.churner.unsubscribe(pattern)
        else:
            self.churner.subscribe(pattern, self.random.choice((1, 2)))

    def _drop_one(self):
        """A connection ends for a reason of its own and is taken up again."""
        each = self.random.choice(self.everybody())
        if each.sock is not None and each is not self.passing:
            each.close()
            each.open()

    # ---- looking and judging -------------------------------------------------------------------

    def look(self):
        """What is retained, asked before any publisher is back; and that nothing of it is old."""
        topics = list(self.ledger.written)
        shown = self._retained()
        for topic in topics:
            self.ledger.retained(topic, shown.get(topic))
        for topic, message in shown.items():
            if topic not in topics:
                self.ledger.find("invented", f"retained on {topic}: {message}")

    def _retained(self):
        probe = Peer(self.broker.address, 5, WAIT)
        probe.hello("probe")
        probe.want(m.CONNACK, code=0)
        probe.subscribe([("r/#", 1), ("q/#", 1)])
        shown = {}
        wanted = {topic for topic in self.ledger.written if self.ledger.must_show(topic)}
        while True:
            try:
                got = probe.message(wait=2 if wanted - set(shown) else 0.05)
            except Silence:
                break
            message = self.ledger.named("probe", got.topic, got.payload)
            if message is not None:
                shown[got.topic] = message
        probe.bye()
        return shown

    def finish(self, seconds=60, patient=True):
        """All come back, nothing new is begun, everything owed has time to arrive; the judgement.
        A broker that is known to be guilty need not come to rest."""
        for each in [*self.everybody(), self.absent]:
            if each.sock is None:
                each.open()
        if self.ender.sock is None:  # a session that was not ended for certain gets what it is owed
            self.ender.ready = None
            self.ender.open(clean=False)
        present = [e for e in self.fleet.actors if e.sock is not None and e is not self.mourned]
        if patient:
            self._settle(lambda: all(e.idle() for e in present), "the last life", seconds)
        else:
            self.fleet.run(lambda: all(e.idle() for e in present), seconds)
        self._arrive(seconds)
        self.look()
        return self.ledger.close()

    def _arrive(self, seconds):
        """Waits for what is owed as long as anything comes."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.ledger.owed():
            before, quiet = self.ledger.arrivals, time.monotonic() + 3
            self.fleet.run(lambda: time.monotonic() > quiet or
                           self.ledger.arrivals > before + 500, 4)
            if self.ledger.arrivals == before:
                break
        rest = time.monotonic() + 0.3  # what should not come has a chance to
        self.fleet.run(lambda: time.monotonic() > rest, 1)
