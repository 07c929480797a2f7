"""Fan-out: one chunk for each distinct set of topics, and the index that finds whom an event concerns."""

import logging
from collections.abc import Iterable

from tidewire.group import Group, Key, Member
from tidewire.sockets import file_limit
from tidewire.window import Message, Painter, worth_telling
from tidewire.wire import chunked_request

log = logging.getLogger("tidewire")


class Fanout:
    """The groups, and the index that finds those an event concerns, however many there are."""

    def __init__(self, painter: Painter) -> None:
        self._painter = painter
        self._groups: dict[Key, Group] = {}
        self._by_topic: dict[str, set[Group]] = {}
        self._members = 0
        self._limit = 0.0
        self._wiring = True

    def join(self, member: Member, topics: frozenset[str], form: str) -> Group:
        """Put an up-to-date member into its group."""
        key = (topics, form)
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = Group(key)
            self._limit = file_limit()
            for name in topics:
                self._by_topic.setdefault(name, set()).add(group)
        group.members[member] = chunked_request(member.send)
        self._members += 1
        # A new tab needs a descriptor more than an old one needs a second.
        if self._wiring and self._members * 3 > self._limit:
            self._wiring = False
            for one in self._groups.values():
                for wired in tuple(one.wires):
                    one.unwire(wired)
        return group

    def leave(self, member: Member, group: Group) -> None:
        """Take a member out, and forget a group that is empty."""
        group.leave(member)
        self._members -= 1
        if not self._wiring and self._members * 4 < self._limit:
            self._wiring = True
        if not group and self._groups.get(group.key) is group:
            del self._groups[group.key]
            for name in group.key[0]:
                groups = self._by_topic[name]
                groups.discard(group)
                if not groups:
                    del self._by_topic[name]

    def send(self, messages: Iterable[Message], after: int, upto: int) -> None:
        """Draw the messages that somebody listens to, and hand each group its chunk.

        after: what everybody in a group has been sent already; upto: what they have been sent afterwards.
        """
        concerned: dict[Group, list[Message]] = {}
        for message in messages:
            for group in self._by_topic.get(message.entry.topic, ()):
                concerned.setdefault(group, []).append(message)
        for group, mine in concerned.items():
            told = worth_telling(mine) if len(mine) > 1 else mine
            drawn = [self._painter.draw(message, group.key[1]) for message in told]
            chunk = b"".join(filter(None, drawn))
            if None in drawn:
                # Each comes upon it again when it catches up, and is reset then and there, whoever else is slow,
                # parked or joining: a reset of everybody at once would miss these.
                for member in group:
                    member.fall_behind(after)
            elif chunk:
                try:
                    group.send(chunk, len(told), upto, self._wiring)
                except Exception:  # whatever it is, it costs nobody an event, and no other group anything
                    log.exception("a flush to %d subscribers failed: they catch up", len(group))
                    for member in group:
                        member.fall_behind(after)
