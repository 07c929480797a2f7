"""Groups: everybody who is up to date with the same topics, and how a chunk gets to all of them in one go."""

import time
import types
from collections.abc import Callable, Coroutine, Generator, Iterator
from functools import partial
from typing import Any, Protocol

from starlette.types import Message as Asgi
from starlette.types import Send

from tidewire.wire import Wire, wire_to, write

Key = tuple[frozenset[str], str]


class Member(Protocol):
    """A subscriber as a group sees it."""

    send: Send

    def fall_behind(self, cursor: int) -> None:
        """Leave the group, and catch up from `cursor`."""

    def park(self, sending: Coroutine[Any, Any, None], waits_for: Any, cursor: int) -> None:
        """Take over a `send` that waits for a slow client, and catch up from `cursor` when it is done."""

    def fail(self) -> None:
        """Learn that its `send` raised: nobody is there."""


class Group:
    """Everybody who is up to date with the same topics in the same form. They own nothing: no queue, no task."""

    __slots__ = ("bytes", "events", "key", "last", "members", "wires")

    def __init__(self, key: Key) -> None:
        self.key = key
        self.members: dict[Member, Any] = {}  # by the server: with its request of each, where it is known
        self.wires: dict[Member, Wire] = {}  # past it: those who have taken the last event at once
        # Counted here for all of them: a subscriber remembers only where it came in.
        self.events = self.bytes = 0
        self.last = 0.0

    def __len__(self) -> int:
        return len(self.members) + len(self.wires)

    def __iter__(self) -> Iterator[Member]:
        return iter((*self.members, *self.wires))

    def unwire(self, member: Member) -> None:
        """Have the next chunk of a member go by the server: something else does, or will."""
        if (wire := self.wires.pop(member, None)) is not None:
            wire.close()
            self.members[member] = wire.request

    def send(self, chunk: bytes, events: int, cursor: int, wiring: bool = True) -> None:
        """Write to every member's socket, or step its `send` by hand; park those that suspend.

        Where `send` is known to do no more than frame the chunk and write it, both is done here, the framing once for
        all; and once a client has taken a chunk at once, the next goes to its socket directly, if there may be wires.
        """
        framed = b"%x\r\n%b\r\n" % (len(chunk), chunk)
        self.events += events
        self.bytes += len(chunk)
        self.last = time.monotonic()
        full = self._by_wire(framed)
        try:
            if self.members:
                self._by_server(framed, chunk, cursor, wiring)
        finally:  # what has begun has to be whole
            for wire, taken in full:
                self.unwire(wire.member)
                write(wire.request, framed[taken:])

    def _by_wire(self, framed: bytes) -> list[tuple[Wire, int]]:
        """Write to the sockets; return those that did not take all of it, and how many bytes they took."""
        full = []
        size = len(framed)
        wires = iter(self.wires.values())
        while True:
            try:
                for wire in wires:
                    if (taken := wire.send(framed)) != size:
                        full.append((wire, taken))
                return full
            except OSError:  # its buffer is full, or the client has gone: both are the server's affair
                full.append((wire, 0))

    def _by_server(self, framed: bytes, chunk: bytes, cursor: int, wiring: bool) -> None:
        """Have the server write, and take for a wire who is done with it; park those that must wait.

        A coroutine that finishes in its first step has put the chunk into the socket or its buffer: no task, no
        future, no await was needed. One that suspends is a slow client, and must delay nobody.
        """
        message: Asgi = {"type": "http.response.body", "body": chunk, "more_body": True}
        after: list[Callable[[], None]] = []
        for member, request in self.members.items():
            if request is not None and not request.flow.write_paused:
                if write(request, framed) and wiring:
                    after.append(partial(self._wire, member, request))
                continue
            sending: Any = member.send(message)
            try:
                waits_for = sending.send(None)
            except StopIteration:
                continue
            except Exception:
                after.append(member.fail)
            else:
                after.append(partial(member.park, sending, waits_for, cursor))
        for move in after:  # after the loop: it changes the members
            move()

    def _wire(self, member: Member, request: Any) -> None:
        if (wire := wire_to(member, request)) is not None:
            del self.members[member]
            self.wires[member] = wire

    def leave(self, member: Member) -> None:
        """Take a member out."""
        self.unwire(member)
        self.members.pop(member, None)


@types.coroutine
def resume(sending: Coroutine[Any, Any, None], waits_for: Any) -> Generator[Any, Any, None]:
    """Await a coroutine whose first step has been taken by hand already, and which waits for a future."""
    while True:
        try:
            yield waits_for
        except GeneratorExit:
            sending.close()
            raise
        except BaseException as fault:
            try:
                waits_for = sending.throw(fault)
            except StopIteration:
                return
        else:
            break
    yield from sending.__await__()
