"""Measure what an event costs the server for each subscriber it is delivered to: python benchmarks/fanout.py

Beside each other, in one run: Tidewire in the board's own stack, sse-starlette with a queue for each subscriber, and
FastHTML's EventStream with the component drawn for each subscriber; and bare writes, the limit in Python, which tell
how dear a system call is on this machine today. The figures are CPU seconds of the server's
process (user and system), which is alone on one core; this client is on another. Bars are those of issue 3.
"""

import argparse
import asyncio
import contextlib
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

from fanout_crowd import Crowd, Server

sys.path.insert(0, str(Path(__file__).parents[1]))


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subscribers", type=int, default=1000, help="of the hot loop (%(default)s)")
    parser.add_argument("--events", type=int, default=200, help="of the hot loop (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="of which the best counts (%(default)s)")
    parser.add_argument("--idle", type=int, default=5000, help="idle connections (%(default)s)")
    parser.add_argument("--only", choices=["hot", "gather", "idle", "sets"], help="one part of it")
    given = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[-1]})
    parts = {"hot": hot, "gather": gather, "idle": idle, "sets": sets}
    for name, part in parts.items():
        if given.only in (None, name):
            part(given, cores[0])


def hot(given: argparse.Namespace, core: int) -> None:
    """Closed loop, window off: the next event when all have the last."""
    print(f"closed loop, {given.subscribers} subscribers, window off: CPU for each delivered event")
    costs: dict[str, float] = {}
    for _ in range(given.rounds):  # in turn, so that noise strikes all of them
        for name in ("bare", "tidewire:0", "sse-starlette", "seed"):
            with Server(name, core) as server, Crowd(server, given.subscribers) as crowd:
                crowd.publish(range(20))
                before = server.cpu
                crowd.publish(range(20, 20 + given.events))
                cost = (server.cpu - before) / given.events / given.subscribers
            costs[name] = min(cost, costs.get(name, cost))
    own = costs["tidewire:0"]
    bars = {"bare": "what one write costs here: no bar", "sse-starlette": "bar 5.5x", "seed": "bar 11x"}
    for name, cost in costs.items():
        bar = f"   ({bars[name]})" if name in bars else ""
        print(f"  {name.partition(':')[0]:14} {cost * 1e6:7.2f} us   {cost / own:5.2f}x{bar}")


def gather(given: argparse.Namespace, core: int) -> None:
    """100 events a second, with and without the window that gathers them."""
    costs = {}
    for name in ("tidewire:0", "tidewire:0.02"):
        for _ in range(given.rounds):
            with Server(name, core) as server, Crowd(server, given.subscribers) as crowd:
                crowd.publish(range(20))
                before = server.cpu
                crowd.publish(range(20, 320), rate=100)
                cost = (server.cpu - before) / 300 / given.subscribers
            costs[name] = min(cost, costs.get(name, cost))
    share = costs["tidewire:0.02"] / costs["tidewire:0"]
    print(f"100 events/s: {costs['tidewire:0'] * 1e6:.2f} us without a window, {costs['tidewire:0.02'] * 1e6:.2f} us")
    print(f"  with one of 20 ms: {share:.2f}   (bar 0.6)")


def idle(given: argparse.Namespace, core: int) -> None:
    """Print what an idle stream costs: memory, and CPU to set it up."""
    print(f"idle, {given.idle} streams: memory of one, and CPU to set it up")
    setups: dict[str, float] = {}
    sizes: dict[str, float] = {}
    for _ in range(given.rounds):
        for name in ("tidewire:0.02", "sse-starlette", "seed"):
            with Server(name, core) as server, Crowd(server, 500), contextlib.ExitStack() as held:
                rss, cpu = server.rss, server.cpu
                for _ in range(given.idle // 500):
                    held.enter_context(Crowd(server, 500))
                setup, size = (server.cpu - cpu) / given.idle, (server.rss - rss) / given.idle
            setups[name] = min(setup, setups.get(name, setup))
            sizes[name] = min(size, sizes.get(name, size))
    for name, setup in setups.items():
        bar = "   (bars 12 KiB, 1/3 of the seed's)" if name.startswith("tidewire") else ""
        print(f"  {name.partition(':')[0]:14} {sizes[name] / 1024:5.1f} KiB   {setup * 1e6:6.0f} us{bar}")
    print(f"  tidewire's set-up is {setups['tidewire:0.02'] / setups['seed']:.2f} of the seed's")


def sets(given: argparse.Namespace, core: int) -> None:
    """Print what an event costs that concerns one of many distinct sets of topics."""
    few, many = (min(asyncio.run(concerning_one(count)) for _ in range(given.rounds)) for count in (100, 10_000))
    print(f"an event that concerns one of 100 sets of topics: {few * 1e6:.1f} us, of 10,000: {many * 1e6:.1f} us")
    print(f"  {many / few:.2f}x   (bar: no dearer)")


async def concerning_one(count: int, events: int = 2000) -> float:
    """Measure the CPU seconds of one event, from publishing to the only subscriber that it concerns."""
    from fanout_apps import Card, Post

    from tidewire import Hub, sse_message, topic
    from tidewire.journal.memory import MemoryJournal
    from tidewire.subscriber import Subscriber

    @topic("rooms/{room}", Post, snapshot=lambda context, room: Card(0))
    async def rooms(posts: Any) -> Any:
        async for post in posts:
            yield sse_message(Card(post.data.n), id=post.id)

    class Socket:
        transport = asyncio.Transport()  # so that it is taken for the server's own

        async def send(self, message: Any) -> None:
            pass

    hub = Hub(MemoryJournal(), [rooms], gather=0)
    await hub.open()
    for number in range(count):
        topics = frozenset({f"rooms/{number}", f"rooms/{number}-more"})
        Subscriber({"path": "/sse/live"}, Socket().send, hub, topics, "html", 0).join()
    draft = hub.draft("rooms/7", Post(n=1), None)
    before = time.process_time()
    for _ in range(events):
        await hub.journal.append([draft])
        await asyncio.sleep(0)
    cost = (time.process_time() - before) / events
    await hub.close()
    return cost


if __name__ == "__main__":
    main()
