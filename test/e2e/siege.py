"""What every attack is measured by: innocents go on, memory is bounded, and afterwards all is at rest."""

import os
import threading
import time
from contextlib import contextmanager

from gates import SCHEMES
from innocent import Innocents
from rig import Peak, sanitized, until

MIB = 1024 * 1024
PEAK = 64 * MIB     # memory above rest during an attack at the default limits
KEPT = 48 * MIB     # memory above rest that may be left: what the allocator keeps for the next time
WINDOW = 0.5        # seconds over which the processor is watched
IDLE = 2            # of its ticks (10 ms) in a window
HERTZ = os.sysconf("SC_CLK_TCK")


class Rest:
    """What a broker holds while nothing happens, and the way back to that."""

    def __init__(self, broker):
        self.broker = broker
        self.descriptors, self.rss = broker.descriptors(), broker.rss()

    def _idle(self):
        before = self.broker.cpu_ticks()
        time.sleep(WINDOW)
        return self.broker.cpu_ticks() - before <= IDLE * HERTZ // 100

    def again(self):
        """Waits until descriptors, memory and processor are back where they were."""
        broker = self.broker
        until(lambda: broker.descriptors() <= self.descriptors,
              lambda: f"{broker.descriptors()} descriptors, {self.descriptors} before")
        until(self._idle, "the processor is not at rest")
        if not sanitized():
            until(lambda: broker.rss() <= self.rss + KEPT,
                  lambda: f"{broker.rss()} bytes of memory, {self.rss} before")


@contextmanager
def siege(broker, pairs=(("mqtt", 5),), record=None, peak=PEAK, **login):
    """An attack is the block; `pairs` are (scheme, version) of the innocents."""
    rest = Rest(broker)
    gates = [{**broker.gates[scheme], "v": v, **login} for scheme, v in pairs]
    with Innocents(gates, record), Peak(broker) as watched:
        yield rest
    print(f"memory: {rest.rss // MIB} MiB at rest, {(watched.most - rest.rss) / MIB:.1f} MiB above at most, "
          f"{(broker.rss() - rest.rss) / MIB:.1f} MiB above afterwards")
    if not sanitized():
        assert watched.most - rest.rss <= peak, (watched.most, rest.rss)
    rest.again()


EVERYWHERE = tuple((scheme, v) for scheme, v in zip(SCHEMES, (4, 5, 5, 4)))


def in_threads(*jobs):
    """Runs them all to their ends; what one of them complains about is the test's."""
    faults = []

    def guarded(job):
        try:
            job()
        except Exception as fault:  # noqa: BLE001 - a thread's fault must reach the test
            faults.append(repr(fault))

    threads = [threading.Thread(target=guarded, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults, "\n".join(faults)


def share(items, count):
    """The items in `count` heaps of about the same size."""
    items = list(items)
    return [items[at::count] for at in range(count)]
