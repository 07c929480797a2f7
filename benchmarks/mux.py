"""Measure what events cost the server by mux and by plain connections: python benchmarks/mux.py [--tabs 30].

Every tab listens to one topic, by a subscription each on one link, or by a connection each. The server publishes; its
own CPU time is what counts, publishing included. The clients are a process of their own.
"""

import argparse
import asyncio
import resource
import socket
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tabs", type=int, default=30, help="how many listen (%(default)s)")
    parser.add_argument("--events", type=int, default=500, help="how many are published (%(default)s)")
    given = parser.parse_args()
    figures = {}
    for way in ("plain", "mux", "plain", "mux"):
        cost = asyncio.run(measure(way, given.tabs, given.events))
        figures[way] = min(cost, figures.get(way, cost))
    for way, cost in figures.items():
        print(
            f"{way:6} {cost * 1e6:7.1f} us of CPU an event, {given.tabs} tabs ({cost / given.tabs * 1e6:5.2f} us each)"
        )
    print(f"mux / plain {figures['mux'] / figures['plain']:.2f}")


async def measure(way: str, tabs: int, events: int) -> float:
    """Tell how many seconds of CPU an event costs the server; its clients run in a process of their own."""
    from collections.abc import AsyncIterator

    import uvicorn
    from pydantic import BaseModel
    from starlette.applications import Starlette

    from tidewire import Hub, Tidewire, sse_message, stream_routes, topic
    from tidewire.journal.memory import MemoryJournal

    class Post(BaseModel):
        text: str

    @topic("feed", Post, snapshot=lambda _: "", keep="all")
    async def feed(posts: AsyncIterator[Any]) -> AsyncIterator[str]:
        async for post in posts:
            yield sse_message(post.data.text, event="feed", id=post.id)

    app = Starlette(routes=stream_routes([feed]))
    app.state.hub = hub = Hub(MemoryJournal(), [feed], gather=0)
    await hub.open()
    layer = Tidewire(app)
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(layer, log_level="error", lifespan="off", access_log=False)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve([listener]))
    port = listener.getsockname()[1]
    client = await asyncio.create_subprocess_exec(sys.executable, "-c", CLIENT, str(port), way, str(tabs), str(events))
    while sum(1 for one in layer.registry if one.stream == "/sse/feed") < tabs:
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.5)
    before = cpu()
    for number in range(events):
        await hub.publish("feed", Post(text=f"{number} " + "x" * 200))
        await asyncio.sleep(0.002)
    spent = cpu() - before
    idle = cpu()
    for _ in range(events):  # what publishing and the loop cost without anybody there is no price of the way
        await asyncio.sleep(0.002)
    idle = cpu() - idle
    await client.wait()
    server.should_exit = True
    await serving
    await hub.close()
    return (spent - idle) / events


def cpu() -> float:
    """Read the CPU seconds of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


CLIENT = """
import json, selectors, socket, sys
port, way, tabs, events = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
head = "Host: x\\r\\nAccept: text/event-stream\\r\\n"
body = json.dumps({"add": [[n, "/sse/feed", ""] for n in range(1, tabs + 1)]})
asked = [f"GET /sse/feed HTTP/1.1\\r\\n{head}\\r\\n"] * tabs
if way == "mux":
    asked = [f"POST /sse/mux HTTP/1.1\\r\\n{head}Content-Length: {len(body)}\\r\\n\\r\\n{body}"]
ready = selectors.DefaultSelector()
for one in asked:
    sock = socket.create_connection(("127.0.0.1", port))
    sock.sendall(one.encode())
    ready.register(sock, selectors.EVENT_READ)
last, left = f"data: {events - 1} ".encode(), len(asked)
while left:
    for key, _ in ready.select():
        if last in key.fileobj.recv(1 << 20):
            left -= 1
            ready.unregister(key.fileobj)
"""

if __name__ == "__main__":
    main()
